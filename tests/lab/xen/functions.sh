# SPDX-License-Identifier: MIT
# For the tests of this folder, on the host: source it first.
lab=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$lab/../common.sh"
cache=${SLUICE_LAB_CACHE:-$builddir/lab}/xen
[ $lab_arch = amd64 ] || cache=$cache-$lab_arch

# lab_needs: skip where the lab cannot run; gather its parts at the first run
lab_needs () {
	# It shows nothing more there, and takes longer.
	lab_built "$builddir/backends/blk/sluice-blk"
	! ldd "$built" 2>/dev/null | grep -q libasan || skip "the Xen lab runs the plain build, not one with sanitizers"
	lab_tools Xen
	lab_build Xen
	mkdir -p "$in/dom0" "$in/driver" "$in/guest"
	cp "$lab/block-lab" "$in/lab/"
}

# lab_roles DOM0 DRIVER GUEST: the scripts of this scenario
lab_roles () {
	cp "$lab/$1" "$in/lab/dom0.sh"
	cp "$lab/$2" "$in/lab/driver.sh"
	cp "$lab/$3" "$in/lab/guest.sh"
}

# lab_program ROLE FILE PATH: FILE of the build tree and its libraries into a domain, which
# has to be content with Debian's: none of ours may be among them
lab_program () {
	lab_built "$2"
	lab_copy "$in/$1" "$built" "$3"
}

# lab_ramdisk FILE: the guest's initial ram disk, for guests that bring their own kernel
lab_ramdisk () {
	mkdir -p "$tmp/ramdisk/lab"
	cp "$in"/lab/* "$tmp/ramdisk/lab/"
	mv "$tmp/ramdisk/lab/init" "$tmp/ramdisk/init"
	chmod +x "$tmp/ramdisk/init"
	{ cat "$cache/base.cpio"; (cd "$tmp/ramdisk" && find . | "$cache/busybox" cpio -o -H newc 2>/dev/null); } >"$1"
}
