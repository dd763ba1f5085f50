#!/bin/bash
# SPDX-License-Identifier: MIT
# The conformance run (docs/conformance.md) on logical volumes, on Debian's kernel, device mapper and LVM.
# Arguments: the cases; without any all of them.
. "$(dirname "$0")/functions.sh"
. "$lab/lvm.sh"
command -v dmsetup >/dev/null || skip "the LVM test needs dmsetup; as root: apt-get install dmsetup"
lab_needs
lab_scripts lvm-conform-host.sh
lab_sluice
lab_xenstore "$in/host"
ln -sf xenstore "$in/host/usr/bin/xenstore-rm"
lab_lvm "$in/host"
lab_copy "$in/host" "$(command -v dmsetup)" /usr/sbin/dmsetup
# busybox' own are other programs.
for program in bash awk basename cat chmod cmp cp cut date dd dirname find grep head id kill losetup ls md5sum mkdir mkfifo \
	mktemp mount mountpoint mv pgrep ps readlink rm rmdir sed seq sleep sort stat sync tail timeout touch tr truncate \
	umount wc; do
	lab_copy "$in/host" "$(type -P $program)" "/gnu/$program"
done
# The tree as the scripts know it: what is installed is where it is.
mkdir -p "$in/host/src/tests" "$in/host/build"/{tests/peers,tools,backends/blk}
cp -r "$srcdir/tests/scripts" "$in/host/src/tests/"
for program in blk-conform blk-direct blk-survivor; do
	lab_built "$builddir/tests/peers/$program"
	lab_copy "$in/host" "$built" "/build/tests/peers/$program"
done
installed () { (cd "$in/host" && find . -type f -name "$1" -path '*/usr/*' | head -n 1 | cut -c 2-); }
ln -s "$(installed sluice)" "$in/host/build/tools/sluice"
ln -s "$(installed sluice-lvm)" "$in/host/build/backends/blk/sluice-lvm"
cases=$*
lab_boot "${SLUICE_LAB_SECONDS:-3600}" 6.1 1 ${cases:+cases=${cases// /,}}
grep '^LAB' "$out/console.log" | tr -d '\r'
