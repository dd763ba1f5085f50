#!/bin/bash
# SPDX-License-Identifier: MIT
# The guests of tests/vm on a KVM that runs them natively, and on one with CONFIG_KVM_XEN (6.12) and without (6.1).
. "$(dirname "$0")/functions.sh"
lab_needs
lab_scripts puppets-host.sh
lab_sluice
make -s -C "$builddir" tests/vm/vm-{smp,memory,hypercall,pair,grant,grant-hostile,life,event} >/dev/null || fail "tests/vm cannot be built"
for t in smp memory hypercall pair grant grant-hostile life event; do
	lab_copy "$in/host" "$builddir/tests/vm/vm-$t" "/tests/vm-$t"
done
for kernel in ${PUPPETS_HOSTS:-6.1 6.12}; do
	lab_boot 900 "$kernel" 2
	grep '^LAB' "$out/console.log" | tr -d '\r'
done
