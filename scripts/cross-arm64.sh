#!/bin/bash
# SPDX-License-Identifier: MIT
# Build everything that arm64 can have, on another machine, with Debian's cross compiler and its arm64
# packages, which are unpacked and not installed. Needs no root.
# Usage: cross-arm64.sh DIR [check]
#   DIR    gets sysroot/ (Debian's libraries) and build/ (the build tree)
#   check  runs the unit tests, too, under QEMU's user emulation
# CROSS_CONFIGURE: more arguments for configure. Exit status 77: something is missing here, and the last line says what.
here=$(cd "$(dirname "$0")" && pwd)
source=$(dirname "$here")
# shellcheck disable=SC2086,SC2154
packages="libc6-dev libcmocka-dev $(. "$here/newcomer.sh"; printf '%s\n' $build_packages | grep -- '-dev$' | tr '\n' ' ')"
arch=arm64
. "$source/tests/lab/debian.sh"
dir=${1:?usage: cross-arm64.sh DIR [check]}
what=${2:-build}
host=$triplet

# sysroot: in the current directory. In a subshell: begin ends it when all is there already.
sysroot () (
	begin "$dir/sysroot" "$here/cross-arm64.sh" "$host-gcc" make pkg-config
	# shellcheck disable=SC2086
	fetch $packages
	unpack archives/*.deb
	# Links to where the packages would be installed.
	find root -type l -lname '/*' | while read -r link; do ln -sfnr "root$(readlink "$link")" "$link"; done
	mv root ../sysroot.root
	# shellcheck disable=SC2086
	finish $packages
	mv ../sysroot.root root
)
case $dir in /*) ;; *) dir=$PWD/$dir ;; esac
mkdir -p "$dir"
sysroot
root=$dir/sysroot/root
[ ! -e "$source/config.status" ] ||
	stop "the source tree is configured itself; make distclean there, and configure in another directory"
[ -x "$source/configure" ] || (cd "$source" && autoreconf -fi)
mkdir -p "$dir/build"
cd "$dir/build"
# What an arm64 program is run with; automake puts it before each test program.
emulator="$(command -v "$qemu_user") -L $root"
if [ ! -e config.status ] || [ "$source/configure" -nt config.status ]; then
	# shellcheck disable=SC2086
	env PKG_CONFIG_LIBDIR="$root/usr/lib/$host/pkgconfig:$root/usr/share/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$root" \
		PKG_CONFIG=pkg-config CC="$host-gcc --sysroot=$root" \
		"$source/configure" -q --host="$host" --with-sysroot="$root" ${CROSS_CONFIGURE:-}
fi
make -j"$(nproc)"
[ "$what" = check ] || exit 0
make -j"$(nproc)" check-units EMULATOR="$emulator"
