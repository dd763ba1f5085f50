# SPDX-License-Identifier: MIT
# For tests of iSCSI disks, after functions.sh: a private tgtd (storage-iscsi.sh), and backends that
# are started by hand (disk-functions.sh).
source "$srcdir/tests/scripts/storage-functions.sh"
use_storage iscsi
storage_requires
# shellcheck source=tests/scripts/disk-functions.sh
source "$srcdir/tests/scripts/disk-functions.sh"
refused_how=-E
mkdir -p "$SLUICE_LOCK_DIR"
