# SPDX-License-Identifier: MIT
# Storage that is a vhd image behind a format server. See storage-qcow2.sh.
# shellcheck source=tests/scripts/storage-qcow2.sh
source "$srcdir/tests/scripts/storage-qcow2.sh"
storage_format=vhd storage_qemu=(-f vpc -o force_size=on)
