# SPDX-License-Identifier: MIT
# The tests of tests/vm, one after the other, on this host's KVM.
host_start
for t in smp memory hypercall pair grant grant-hostile life event; do
	CMOCKA_MESSAGE_OUTPUT=TAP "/tests/vm-$t" >"/out/vm-$t.log" 2>&1 || {
		grep -h '^not ok' -A 3 "/out/vm-$t.log"
		tail -n 5 "/out/vm-$t.log"
		fail "vm-$t failed"
	}
	grep -q '^ok' "/out/vm-$t.log" || fail "vm-$t ran no test: $(tail -n 1 "/out/vm-$t.log")"
	say "vm-$t: $(grep -c '^ok' "/out/vm-$t.log") tests passed"
	grep -h 'us per event' "/out/vm-$t.log" || :
done
