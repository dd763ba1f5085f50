# SPDX-License-Identifier: MIT
# Storage that is a vmdk image behind a format server. See storage-qcow2.sh.
# shellcheck source=tests/scripts/storage-qcow2.sh
source "$srcdir/tests/scripts/storage-qcow2.sh"
storage_format=vmdk storage_qemu=(-f vmdk)
# Its part of QEMU knows no other.
storage_error () { echo 'Input/output error|Invalid argument'; }
