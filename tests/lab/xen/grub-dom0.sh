# SPDX-License-Identifier: MIT
# Stock xl: Debian's GRUB as a guest's kernel, once as a PVH and once as a PV domain. It finds its configuration,
# a kernel and an initial ram disk on a disk of the driver domain, and starts Linux, which has the same disk.
# grub TYPE FILE DOMID
grub () {
	say "GRUB as a $1 domain"
	boot="type='$1'
kernel='/boot/$2'" domain "$1" guest 256 "" "disk=['format=raw,vdev=xvda,access=rw,backend=storage,target=/data/$1.img']"
	wait_said 180 "$1" 'Reading (.*)/boot/grub/grub.cfg'
	dump "$1-grub"
	wait_said 300 "$1" 'LAB guest .* up'
	dump "$1-linux"
	wait_said 240 "$1" 'disk is read'
	wait_gone 180 "$1"
	removed "vbd/$3/51712"
}

dom0_start
storage_domain "" /dev/vdb
wait_said 120 storage 'storage is ready'
grub pvh grub-i386-xen_pvh.bin 2
grub pv grub-x86_64-xen.bin 3
order stop
wait_gone 120 storage
