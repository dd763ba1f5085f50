# SPDX-License-Identifier: MIT
# For the labs' build.sh: take what is to be booted from Debian's own packages, without installing
# them and without root. Source it first; the current directory becomes the one that is filled.
# Exit status 77: something is missing here, and the last line says what.
set -euo pipefail
export LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin

# What is fetched is of this architecture. Another one than this machine's has its package lists fetched, too,
# and its programs run under QEMU's user emulation.
arch=${arch:-amd64}
case $arch in
amd64) triplet=x86_64-linux-gnu loader=lib64/ld-linux-x86-64.so.2 qemu_user=qemu-x86_64 ;;
arm64) triplet=aarch64-linux-gnu loader=lib/ld-linux-aarch64.so.1 qemu_user=qemu-aarch64 ;;
*) echo "$0: no lab is for $arch" >&2; exit 1 ;;
esac
foreign=
[ "$(dpkg --print-architecture 2>/dev/null || echo amd64)" = "$arch" ] || foreign=1
run_arch () { ${foreign:+$qemu_user} "$@"; }

# stop WHY: this machine lacks something; any other failure is ours
stop () { echo "build.sh: $*" >&2; exit 77; }

# Who decides what is made; what is sourced, too, adds itself.
scripts=("$0" "${BASH_SOURCE[0]}")

# begin DIR TOOL..: go there, alone; exits when it holds what the same scripts made last time
begin () {
	local dir=$1 tool; shift
	for tool in apt-get dpkg-deb tar awk ${foreign:+$qemu_user} "$@"; do
		command -v "$tool" >/dev/null || stop "there is no $tool here; the lab is made of Debian packages and needs it"
	done
	stamp=$(cat "${scripts[@]}" | sha256sum)
	mkdir -p "$dir"
	cd "$dir"
	exec 9>lock; flock 9
	[ "$(cat stamp 2>/dev/null)" != "$stamp" ] || exit 0
	rm -rf stamp root
}

# finish PACKAGE..: say what it is made of, and leave only what is to be booted
finish () {
	local p
	(cd archives && for p; do echo "$p"_*.deb; done) >versions
	rm -rf root archives status apt.log lists
	echo "$stamp" >stamp
}

# fetch PACKAGE..: with all that they depend on; apt solves against an empty system
fetch () {
	mkdir -p archives/partial
	: >status
	local options=(-o Dir::State::status="$PWD/status" -o Dir::Cache::archives="$PWD/archives"
		-o Debug::NoLocking=1 -o APT::Sandbox::User="$(id -un)" -o APT::Install-Recommends=0 -qq -y)
	if [ -n "$foreign" ]; then
		mkdir -p lists/partial
		options+=(-o APT::Architecture="$arch" -o APT::Architectures="$arch" -o Dir::State::lists="$PWD/lists"
			-o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o Acquire::Languages=none)
		apt-get "${options[@]}" update >apt.log 2>&1 </dev/null || true
	fi
	apt-get "${options[@]}" --download-only install "$@" >>apt.log 2>&1 </dev/null && return
	tail -n 5 apt.log >&2
	stop "apt-get cannot download $*; it needs Debian 12's package lists (apt-get update) and a network"
}

# unpack DEB..: into root, whose /usr is merged as on an installed system
unpack () {
	local d deb
	for d in bin sbin lib lib64; do mkdir -p "root/usr/$d"; ln -s "usr/$d" "root/$d"; done
	for deb in "$@"; do dpkg-deb --fsys-tarfile "$deb" | tar -x --keep-directory-symlink -C root; done
}

# busybox_here: root's busybox, as a program of this machine
busybox_here () {
	cp root/bin/busybox busybox
	[ -n "$foreign" ] || return 0
	mv busybox "busybox.$arch"
	printf '#!/bin/sh\nexec %s "$0.%s" "$@"\n' "$qemu_user" "$arch" >busybox
	chmod +x busybox
}

# modules VERSION TO NAME..: these of root's modules and all that they depend on, not compressed
modules () {
	local version=$1 to=$2 from=root/lib/modules/$1 m; shift 2
	find "$from" -name '*.ko.xz' -exec xz -d {} +
	[ -e "$from/modules.dep" ] || ./busybox depmod -b "$PWD/root" "$version"
	awk -v want="$*" '
		{ sub(":", "", $1); name = $1; sub(".*/", "", name); sub(/\.ko$/, "", name); gsub("-", "_", name)
		  path[name] = $1; deps[$1] = ""; for (i = 2; i <= NF; i++) deps[$1] = deps[$1] " " $i }
		function take(p, list, n, i) {
			if (p in taken) return
			taken[p] = 1; print p; n = split(deps[p], list, " ")
			for (i = 1; i <= n; i++) take(list[i])
		}
		END { n = split(want, w, " "); for (i = 1; i <= n; i++) { gsub("-", "_", w[i]); if (w[i] in path) take(path[w[i]]) } }
	' "$from/modules.dep" | while read -r m; do
		mkdir -p "$to/lib/modules/$version/$(dirname "$m")"
		cp "$from/$m" "$to/lib/modules/$version/$m"
	done
	./busybox depmod -b "$PWD/$to" "$version"
}

# pack DIR: as DIR.cpio
pack () { (cd "$1" && find . | "$OLDPWD/busybox" cpio -o -H newc 2>/dev/null) >"$1.cpio.tmp" && mv "$1.cpio.tmp" "$1.cpio"; }
