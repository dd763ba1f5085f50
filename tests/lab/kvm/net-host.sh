# SPDX-License-Identifier: MIT
# Two stock guests and the outside, on a process driver domain's bridge. more=yes: more of all, and iperf3.
host_start
. /lab/net.sh
more=$(arg more)
guest a 11
guest b 12
wait_said 120 a 'ready for orders'
wait_said 120 b 'ready for orders'

# --- what they agreed on
for g in a b; do
	sluice features $g >/out/features-$g
	for feature in feature-sg feature-gso-tcpv4 feature-gso-tcpv6 feature-ipv6-csum-offload; do
		agreed $g $feature backend 1
		agreed $g $feature frontend 1
	done
	agreed $g feature-rx-copy backend 1
	agreed $g request-rx-copy frontend 1
	agreed $g feature-rx-notify frontend 1
	agreed $g feature-no-csum-offload frontend '0.*'
	agreed $g feature-split-event-channels backend 1
done
for n in 3 4; do
	fe=/local/domain/$n/device/vif/0
	store ls $fe >"/out/frontend-$n"
	store read $fe/event-channel-tx >/dev/null && store read $fe/event-channel-rx >/dev/null ||
		fail "the guest took no split event channels"
done
say "scatter-gather, segmentation, checksums, split event channels"

# --- traffic
world iperf3 -s -D
order 30 b 'iperf3 -s -D'
# all MIB IPERF: IPERF is what iperf3 is told of the amount
all () {
	for to in 192.0.2.1 fd00::1 192.0.2.12 fd00::12; do order 30 a "ping -c 2 $to"; done
	# Packets of 9000 bytes, in one piece.
	order 30 a 'jumbo 192.0.2.1 && jumbo fd00::12'
	transfer "$1"
	[ -n "$2" ] || return 0
	for to in 192.0.2.1 fd00::1 192.0.2.12; do
		order 300 a "iperf3 $2 -c $to"
		order 300 a "iperf3 $2 -R -c $to"
	done
}
if [ "$more" = yes ]; then all 64 '-n 16M'; else all 4 ''; fi
say "all of it works"

# --- and again with other backends, and another domain
more_than () { [ "$(grep -c ' 0.00-1.0' /out/guest-a.log)" -gt "$1" ]; }
before=$(backends) seconds=$(grep -c ' 0.00-1.0' /out/guest-a.log || :)
begin a 'iperf3 -t 3 -i 1 -f k -c 192.0.2.1'
wait_for 60 more_than $seconds || fail "iperf3 does not begin"
kill -9 $before
say "killed $before"
finish 300 a
after=$(backends)
[ "$(echo "$after" | wc -w)" = 2 ] || fail "there are the backends $after"
for pid in $before; do [ ! -e "/proc/$pid" ] || fail "$pid was killed and runs"; done
# And the whole domain, with its bridge.
kill -9 "$(pidof sluice-driverd)"
other_backends () { [ "$(backends | wc -w)" = 2 ] && [ "$(backends)" != "$after" ]; }
wait_for 60 other_backends || fail "the network driver domain does not come back: $(sluice dmesg)"
say "killed the driver domain"
for n in 3 4; do
	[ "$(store read /local/domain/$n/device/vif/0/state)" = 4 ] || fail "guest $n noticed"
done
if [ "$more" = yes ]; then all 64 '-n 16M'; else all 4 ''; fi
for g in a b; do
	order 30 $g 'complaints'
	begin $g 'poweroff -f'
	wait_for 60 test -e /run/ended-$g || fail "$g does not end"
done
say "all of it works again"
sluice destroy net
all_ended
