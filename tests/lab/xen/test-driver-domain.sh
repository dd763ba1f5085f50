#!/bin/bash
# SPDX-License-Identifier: MIT
# What our backends rely on holds in a PV driver domain with Debian's kernel on Xen (probe.c).
. "$(dirname "$0")/functions.sh"
lab_needs
lab_roles probe-dom0.sh probe-driver.sh probe-guest.sh
lab_program driver "$builddir/tests/lab/xen/probe" /probe
lab_program guest "$builddir/tests/lab/xen/probe" /probe
mkdir "$tmp/empty"
lab_disk 1 16M "$tmp/empty"
lab_disk 2 16M
lab_boot 1200
grep -h '^probe:' "$out/guest-storage.log" | tr -d '\r'
must_say storage 'probe: done'
! said storage '^probe: .*: no,' || fail "$(grep -c '^probe: .*: no,' "$out/guest-storage.log") of the facts do not hold"
