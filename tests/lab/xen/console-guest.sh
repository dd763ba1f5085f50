# SPDX-License-Identifier: MIT
# A stock guest: hvc0 and hvc1 are whose they may be. It tells on hvc0 what it hears on either.
wait_for 30 test -c /dev/hvc1 || { dmesg | tail -n 20; fail "there is no hvc1"; }
stty -F /dev/hvc1 raw -echo
stty -F /dev/hvc0 -echo
exec 5<>/dev/hvc1
echo "hello from hvc1" >&5
(while read -r line </dev/hvc0; do say "hvc0 said $line"; done) &
(i=0; while sleep 0.2; do i=$((i + 1)); echo "tick $i"; done) &
while read -r line <&5; do
	[ "$line" != stop ] || break
	say "hvc1 said $line"
done
say "the guest is content"
