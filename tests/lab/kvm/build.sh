#!/bin/bash
# SPDX-License-Identifier: MIT
# Gather what the lab boots, from Debian's own packages: stock kernels, for hosts and guests alike.
# Usage: build.sh DIR   fills DIR with VERSION/{vmlinuz,host.cpio,guest.cpio}, base.cpio, busybox, grub-pvh and versions.
# Exit status 77: something is missing here, and the last line says what.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../debian.sh"
packages="linux-image-cloud-amd64 linux-image-6.12-cloud-amd64 busybox-static grub-xen-host"
host_modules="kvm-amd virtio_pci virtio_blk brd tun bridge veth loop dm-mod dm-thin-pool dm-snapshot"
guest_modules="xen-blkfront xen-netfront virtio_mmio virtio_blk"
# What only driver domains load; xen-blkback only those without our backends.
driver_modules="xenfs xen-evtchn xen-gntdev xen-gntalloc xen-privcmd xen-blkback loop tun bridge"

begin "${1:?usage: build.sh DIR}" xz
rm -rf base [0-9]*
# shellcheck disable=SC2086
fetch $packages
unpack archives/linux-image-[0-9]*-cloud-*.deb archives/busybox-static_*.deb archives/grub-xen-host_*.deb
cp root/bin/busybox busybox
cp root/usr/lib/grub-xen/grub-i386-xen_pvh.bin grub-pvh
mkdir -p base/bin
cp busybox base/bin/
pack base
for version in $(ls root/lib/modules); do
	name=$(cut -d . -f 1,2 <<<"$version")
	mkdir "$name" || stop "more than one kernel $name in $PWD/archives; remove $PWD and try again"
	cp "root/boot/vmlinuz-$version" "$name/vmlinuz"
	# shellcheck disable=SC2086
	{
		modules "$version" "$name/host" $host_modules
		modules "$version" "$name/guest" $guest_modules
		modules "$version" "$name/driver" $guest_modules $driver_modules
	}
	for d in host guest driver; do pack "$name/$d"; rm -r "$name/$d"; done
done
rm -r base
# shellcheck disable=SC2086
finish $packages
