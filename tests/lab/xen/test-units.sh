#!/bin/bash
# SPDX-License-Identifier: MIT
# The unit tests that QEMU's user emulation cannot run, in dom0: for programs of another machine, as 'make
# check-xen-arm64' builds them.
. "$(dirname "$0")/functions.sh"
list=$builddir/units-not-emulated
[ -s "$list" ] || skip "no unit test is known to need a kernel; make units-not-emulated finds them"
lab_needs
lab_roles units-dom0.sh probe-driver.sh probe-guest.sh
while read -r unit; do lab_program dom0 "$builddir/$unit" "/build/$unit"; done <"$list"
lab_program dom0 "$builddir/hypervisor/store/sluice-store" /build/hypervisor/store/sluice-store
touch "$in/dom0/build/config.status"
cp "$list" "$in/dom0/build/list"
mkdir "$tmp/empty"
lab_disk 1 512M "$tmp/empty"
lab_boot 2400
tr -d '\r' <"$out/console.log" | grep '^LAB dom0 .* \(passed\|skipped\)'
[ "$(grep -c '^LAB dom0 .* passed [1-9]' "$out/console.log")" -gt 0 ] || fail "nothing was tested"
