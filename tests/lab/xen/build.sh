#!/bin/bash
# SPDX-License-Identifier: MIT
# Gather what the lab boots, from Debian's own packages: Xen 4.17, its tools, the stock kernel.
# Usage: build.sh DIR   fills DIR with xen, vmlinuz, vmlinux, {base,tools,dom0}.cpio, net, busybox and versions; grub
# on amd64, lvm on arm64. SLUICE_LAB_ARCH: amd64, or arm64 on a machine that is no such machine.
# Exit status 77: something is missing here, and the last line says what.
here=$(cd "$(dirname "$0")" && pwd)
arch=${SLUICE_LAB_ARCH:-amd64}
. "$here/../debian.sh"
. "$here/programs.sh"
xen=4.17
packages="xen-hypervisor-$xen-$arch xen-utils-$xen xenstore-utils linux-image-$arch busybox-static bash iproute2 iperf3"
case $arch in
amd64) packages="$packages grub-xen-host" ;;
arm64) packages="$packages lvm2" ;;	# on amd64 it is this machine's
esac
# xen-blkback is dom0's alone, xen-netback the benchmarks': the driver domain must not load them otherwise.
modules="virtio_pci virtio_blk xen-blkfront xen-blkback xen-netfront xen-netback loop ext4 crc32c_generic dm-mod tun bridge veth
	xen-evtchn xen-gntdev xen-gntalloc xen-privcmd xenfs"

# unpacked VMLINUZ: the kernel in it; emulated machines unpack it for seconds, each time. On arm64 it is not packed.
unpacked () {
	local sectors offset length
	[ $arch = amd64 ] || { cat "$1"; return; }
	sectors=$(od -An -tu1 -j 497 -N 1 "$1")
	read -r offset length < <(od -An -tu4 -j 584 -N 8 "$1")
	dd if="$1" bs=64k iflag=skip_bytes,count_bytes skip=$(((sectors + 1) * 512 + offset)) count=$((length - 4)) 2>/dev/null | xz -dc
}

begin "${1:?usage: build.sh DIR}" gunzip xz
rm -rf base tools dom0 net grub lvm
# shellcheck disable=SC2086
fetch $packages
unpack archives/*.deb
busybox_here
echo $arch >arch
version=$(cd root/lib/modules && echo *)
case $version in *' '*) stop "more than one kernel in $PWD/archives; remove $PWD and try again" ;; esac
if [ $arch = amd64 ]; then gunzip -c root/boot/xen-$xen-amd64.gz; else cat root/boot/xen-$xen-$arch; fi >xen
cp "root/boot/vmlinuz-$version" vmlinuz
unpacked vmlinuz >vmlinux
mkdir -p base/bin
cp root/bin/busybox base/bin/
# shellcheck disable=SC2086
modules "$version" base $modules
pack base
copy_programs tools /usr/bin/xenstore
for p in ls list read write exists chmod rm watch; do ln -s xenstore tools/usr/bin/xenstore-$p; done
pack tools
copy_programs dom0 /usr/lib/xen-$xen/bin/{xl,oxenstored,xen-init-dom0,xenconsoled}
cp root/lib/$triplet/libgcc_s.so.1 dom0/lib/$triplet/	# xl's threads load it at their end
mkdir -p dom0/etc/xen
cp root/etc/xen/oxenstored.conf dom0/etc/xen/
pack dom0
# For network driver domains: xl's own hotplug scripts, and what they and their tests call.
copy_programs net /bin/bash /bin/ip /usr/bin/iperf3
mkdir -p net/etc/xen
cp -r root/etc/xen/scripts net/etc/xen/
if [ $arch = amd64 ]; then
	# GRUB as a guest's kernel.
	mkdir -p grub/boot
	cp root/usr/lib/grub-xen/grub-{i386-xen_pvh,x86_64-xen}.bin grub/boot/
else
	copy_programs lvm /usr/sbin/lvm
fi
rm -rf base tools dom0
# shellcheck disable=SC2086
finish $packages
