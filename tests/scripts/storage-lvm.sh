# SPDX-License-Identifier: MIT
# Storage of lvm:VG/LV: a logical volume of a volume group of the test's own, on a loop device; a
# thin one where its pool is to become full. See storage-functions.sh. It needs device mapper:
# tests/lab/kvm/test-lvm-conform.sh has it where this machine's kernel does not.
storage_options='' storage_image=$tmp/pv.img storage_loop='' storage_vg=sluice-test-$$ storage_table='' lvm_name=''
PATH=$PATH:/usr/sbin:/sbin

storage_requires () {
	local program
	for program in lvm dmsetup losetup; do requires command -v $program; done
	[ "$(id -u)" = 0 ] || skip "LVM wants to be root"
	requires test -x "$builddir/backends/blk/sluice-lvm"
	dmsetup version >"$tmp/lvm.log" 2>&1 || skip "this kernel has no device mapper; tests/lab/kvm/test-lvm-conform.sh runs on one that has"
	[ -w /dev/loop-control ] || skip "loop devices cannot be set up here"
}
storage_has () {
	case $1 in
	discard | zeroes | flush | 4096 | grow | peek | replay | eio | enospc) return 0 ;;
	secure-discard) storage_lacks "a loop device erases nothing" ;;
	etimedout) storage_lacks "the kernel's local devices have no time limit" ;;
	server | stop) storage_lacks "local devices have no server" ;;
	*) fail "what is the property $1?" ;;
	esac
}
lvm_ () { lvm "$@" >>"$tmp/lvm.log" 2>&1 || fail "lvm $1: $(tail -n 2 "$tmp/lvm.log")"; }
storage_start () {
	local size=$1 sector=512
	[ "${2-}" != 4096 ] || sector=4096
	cleanup_fn storage_stop
	truncate -s "$((size + 48))M" "$storage_image"
	storage_loop=$(losetup --find --show --sector-size $sector "$storage_image")
	lvm_ pvcreate "$storage_loop"
	lvm_ vgcreate -s 1M "$storage_vg" "$storage_loop"
	if [ "${2-}" = enospc ]; then
		# It has room for the first half, and says at once when it has none.
		lvm_ lvcreate -y -L "${size}M" -T "$storage_vg/pool" --errorwhenfull y
		lvm_ lvcreate -an -V "${size}M" -T "$storage_vg/pool" -n disk
	else
		lvm_ lvcreate -an -Wn -Zn -L "${size}M" -n disk "$storage_vg"
	fi
	storage_uri=lvm:$storage_vg/disk
}
storage_stop () {
	[ -n "$storage_loop" ] || return 0
	storage_mend
	lvm vgremove -f "$storage_vg" >>"$tmp/lvm.log" 2>&1 || :
	lvm pvremove "$storage_loop" >>"$tmp/lvm.log" 2>&1 || :
	losetup --detach "$storage_loop" || :
	storage_loop=''
	rm -f "$storage_image"
}
lvm_is_active () { [ -e "/dev/$storage_vg/disk" ]; }
# It is active while somebody has it. Not from the device's cache, which the backend's writes pass by.
storage_peek () {
	local was=active
	lvm_is_active || { was=''; lvm_ lvchange -ay "$storage_vg/disk"; }
	dd if="/dev/$storage_vg/disk" bs=64k iflag=direct,skip_bytes,count_bytes skip="$1" count="$2" status=none
	[ -n "$was" ] || lvm_ lvchange -an "$storage_vg/disk"
}
# lvm_table TABLE: what is behind the volume from now on.
lvm_table () {
	dmsetup suspend --noflush --nolockfs "$lvm_name"
	dmsetup load "$lvm_name" --table "$1"
	dmsetup resume "$lvm_name"
}
storage_break () {
	local half
	case $1 in
	eio)
		# Device mapper's names: one dash in ours is two there.
		lvm_name=${storage_vg//-/--}-disk
		storage_table=$(dmsetup table "$lvm_name")
		read -r _ half _ <<<"$storage_table"
		half=$((half / 2))
		lvm_table "0 $half ${storage_table#* * }"$'\n'"$half $half error" ;;
	enospc)
		lvm_ lvcreate -y -V 1G -T "$storage_vg/pool" -n filler
		dd if=/dev/zero of="/dev/$storage_vg/filler" bs=64k oflag=direct status=none 2>/dev/null || : ;;
	esac
}
storage_mend () {
	[ -z "$storage_table" ] || lvm_table "$storage_table"
	storage_table='' lvm_name=''
	[ ! -e "/dev/$storage_vg/filler" ] || lvm_ lvremove -y "$storage_vg/filler"
}
storage_grow () { lvm_ lvextend -L "${1}M" "$storage_vg/disk"; }
