#!/bin/bash
# SPDX-License-Identifier: MIT
# Gather what the lab boots, from Debian's own packages: Xen 4.17, its tools, the stock kernel.
# Usage: build.sh DIR   fills DIR with xen, vmlinuz, {base,tools,dom0}.cpio, busybox and versions.
# Exit status 77: something is missing here, and the last line says what.
# Needs no root and leaves the host's packages alone: apt solves against an empty system.
set -euo pipefail
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)
dir=${1:?usage: build.sh DIR}
xen=4.17
packages="xen-hypervisor-$xen-amd64 xen-utils-$xen xenstore-utils linux-image-amd64 busybox-static"
# With what these need themselves. xen-blkback is dom0's alone: the driver domain must not load it.
modules="virtio_pci virtio_blk xen-blkfront xen-blkback loop ext4 crc32c_generic
	xen-evtchn xen-gntdev xen-gntalloc xen-privcmd xenfs"

# stop WHY: this machine lacks something; any other failure is ours
stop () { echo "build.sh: $*" >&2; exit 77; }

fetch () {
	mkdir -p archives/partial
	: >status
	apt-get -o Dir::State::status="$PWD/status" -o Dir::Cache::archives="$PWD/archives" \
		-o Debug::NoLocking=1 -o APT::Sandbox::User="$(id -un)" -o APT::Install-Recommends=0 \
		--download-only -qq -y install $packages >apt.log 2>&1 </dev/null && return
	tail -n 5 apt.log >&2
	stop "apt-get cannot download $packages; the lab needs Debian 12's package lists (apt-get update) and a network"
}

# unpack DEB..: into root, whose /usr is merged as on an installed system
unpack () {
	local d deb
	for d in bin sbin lib lib64; do mkdir -p "root/usr/$d"; ln -s "usr/$d" "root/$d"; done
	for deb in "$@"; do dpkg-deb --fsys-tarfile "$deb" | tar -x --keep-directory-symlink -C root; done
}

# copy_programs TO PATH..: with their libraries from root
copy_programs () {
	local to=$1 p lib libs=$PWD/root/usr/lib/x86_64-linux-gnu; shift
	mkdir -p "$to/lib/x86_64-linux-gnu" "$to/lib64"
	cp -L root/lib64/ld-linux-x86-64.so.2 "$to/lib64/"
	for p in "$@"; do
		mkdir -p "$to$(dirname "$p")"
		cp "root$p" "$to$p"
		"$libs/ld-linux-x86-64.so.2" --library-path "$libs" --list "root$p" |
			awk '$3 ~ /^\// { print $3 }' | while read -r lib; do cp -uL "$lib" "$to/lib/x86_64-linux-gnu/"; done
	done
}

# copy_modules: those named in $modules and all that they depend on
copy_modules () {
	local m
	./busybox depmod -b "$PWD/root" "$version"
	mkdir -p "base/lib/modules/$version"
	awk -v want="$modules" '
		{ sub(":", "", $1); name = $1; sub(".*/", "", name); sub(/\.ko$/, "", name); gsub("-", "_", name)
		  path[name] = $1; deps[$1] = ""; for (i = 2; i <= NF; i++) deps[$1] = deps[$1] " " $i }
		function take(p, list, n, i) {
			if (p in taken) return
			taken[p] = 1; print p; n = split(deps[p], list, " ")
			for (i = 1; i <= n; i++) take(list[i])
		}
		END { n = split(want, w, " "); for (i = 1; i <= n; i++) { gsub("-", "_", w[i]); if (w[i] in path) take(path[w[i]]) } }
	' "root/lib/modules/$version/modules.dep" | while read -r m; do
		mkdir -p "base/lib/modules/$version/$(dirname "$m")"
		cp "root/lib/modules/$version/$m" "base/lib/modules/$version/$m"
	done
	./busybox depmod -b "$PWD/base" "$version"
}

pack () { (cd "$1" && find . | ../busybox cpio -o -H newc 2>/dev/null) >"$1.cpio.tmp" && mv "$1.cpio.tmp" "$1.cpio"; }

for tool in apt-get dpkg-deb tar gunzip awk; do
	command -v $tool >/dev/null || stop "there is no $tool here; the lab is made of Debian packages and needs it"
done
mkdir -p "$dir"
cd "$dir"
exec 9>lock; flock 9
stamp=$(sha256sum <"$here/build.sh")
[ "$(cat stamp 2>/dev/null)" != "$stamp" ] || exit 0
rm -rf stamp root base tools dom0
fetch
unpack archives/*.deb
cp root/bin/busybox busybox
version=$(cd root/lib/modules && echo *)
case $version in *' '*) stop "more than one kernel in $dir/archives; remove $dir and try again" ;; esac
gunzip -c root/boot/xen-$xen-amd64.gz >xen
cp "root/boot/vmlinuz-$version" vmlinuz
mkdir -p base/bin
cp busybox base/bin/
copy_modules
pack base
copy_programs tools /usr/bin/xenstore
for p in ls list read write exists chmod rm watch; do ln -s xenstore tools/usr/bin/xenstore-$p; done
pack tools
copy_programs dom0 /usr/lib/xen-$xen/bin/{xl,oxenstored,xen-init-dom0,xenconsoled}
cp root/lib/x86_64-linux-gnu/libgcc_s.so.1 dom0/lib/x86_64-linux-gnu/	# xl's threads load it at their end
mkdir -p dom0/etc/xen
cp root/etc/xen/oxenstored.conf dom0/etc/xen/
pack dom0
(cd archives && for p in $packages; do echo "$p"_*.deb; done) >versions
echo "kernel $version" >>versions
rm -rf root base tools dom0 archives status apt.log
echo "$stamp" >stamp
