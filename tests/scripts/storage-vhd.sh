# SPDX-License-Identifier: MIT
# Storage that is a vhd image behind a format server. See storage-qcow2.sh.
# shellcheck source=tests/scripts/storage-qcow2.sh
source "$srcdir/tests/scripts/storage-qcow2.sh"
storage_format=vhd storage_qemu=(-f vpc -o force_size=on)
eval "$(declare -f storage_has | sed '1s/storage_has/storage_has_qcow2/')"
storage_has () {
	[ "$1" != enospc ] || { storage_lacks "a write that fails fails the whole disk: QEMU would mix up its blocks"; return; }
	storage_has_qcow2 "$1"
}
