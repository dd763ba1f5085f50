# SPDX-License-Identifier: MIT
# The guest of process-host.sh: writes, flushes and reads again on a disk, and says how often all
# was right, until it is told to stop.
for n in 1 2 3 4; do head -c 262144 /dev/urandom >"/tmp/pattern-$n"; done
wait_for 30 test -b /dev/xvdb || fail "the second disk is missing"
(read -r _order </dev/hvc0; : >/tmp/stop) &
beat=0
while [ ! -e /tmp/stop ]; do
	pattern=/tmp/pattern-$((beat % 4 + 1)) at=$((beat * 5 % 30))
	dd if=$pattern of=/dev/xvdb bs=64k seek=$((at * 4)) oflag=direct conv=notrunc,fsync 2>/dev/null ||
		fail "beat $beat: not written"
	dd if=/dev/xvdb of=/tmp/read bs=64k skip=$((at * 4)) count=4 iflag=direct 2>/dev/null || fail "beat $beat: not read"
	cmp $pattern /tmp/read || fail "beat $beat: something else was read"
	beat=$((beat + 1))
	say "beat $beat"
done
dmesg | grep -E 'I/O error|xvdb: .*error' && fail "the kernel saw errors"
say "all of $beat were right"
