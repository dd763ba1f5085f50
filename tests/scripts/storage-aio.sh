# SPDX-License-Identifier: MIT
# Storage of the driver aio: that of uring, by another driver. See storage-functions.sh.
# shellcheck source=tests/scripts/storage-uring.sh
source "$srcdir/tests/scripts/storage-uring.sh"
storage_options=,driver=aio
