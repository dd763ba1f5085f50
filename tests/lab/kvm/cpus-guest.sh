# SPDX-License-Identifier: MIT
# 8 CPUs: all work, each can be taken offline and online again, by hand and through the store.
online () { [ "$(cat /sys/devices/system/cpu/online)" = "$1" ]; }
online 0-7 || fail "CPUs online: $(cat /sys/devices/system/cpu/online)"
# work: one busy process for each CPU, and interrupts between them
work () {
	for _c in $(seq 0 7); do
		[ "$(cat /sys/devices/system/cpu/cpu$_c/online 2>/dev/null || echo 1)" = 0 ] && continue
		taskset "$(printf %x $((1 << _c)))" md5sum /bin/busybox >/tmp/sum-$_c &
	done
	wait
	[ "$(cut -d ' ' -f 1 /tmp/sum-* | sort -u | wc -l)" = 1 ] || fail "CPUs disagree"
}
work
say "8 CPUs are right"
for c in $(seq 1 7); do echo 0 >/sys/devices/system/cpu/cpu$c/online || fail "CPU $c stays"; done
online 0 || fail "CPUs online: $(cat /sys/devices/system/cpu/online)"
work
for c in $(seq 1 7); do echo 1 >/sys/devices/system/cpu/cpu$c/online || fail "CPU $c does not come back"; done
online 0-7 || fail "CPUs online: $(cat /sys/devices/system/cpu/online)"
work
say "all CPUs went and came back"
grep -E 'xen|callfunc|resched|HYP|CAL|RES' /proc/interrupts
say "waiting for the toolstack"
wait_for 60 online 0-4 || fail "CPUs online: $(cat /sys/devices/system/cpu/online)"
say "the toolstack's CPUs are offline"
# The kernel only lets them appear; whoever watches for that, udev elsewhere, brings them up.
plugged () {
	for _c in 5 6 7; do
		[ "$(cat /sys/devices/system/cpu/cpu$_c/online)" = 1 ] || echo 1 >/sys/devices/system/cpu/cpu$_c/online
	done
	online 0-7
}
wait_for 60 plugged || fail "CPUs online: $(cat /sys/devices/system/cpu/online)"
work
say "the toolstack's CPUs are online"
dmesg | grep -E 'BUG:|WARNING: CPU|soft lockup|rcu.*stall' && fail "the kernel complains"
say "the guest is content"
