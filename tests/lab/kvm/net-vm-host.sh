# SPDX-License-Identifier: MIT
# Guest -> sluice-net in a vm driver domain -> its own interface -> sluice-net in a process driver domain -> the outside.
host_start
. /lab/net.sh
role=driver guest netvm 20 net 'driver_domain = 1
		vcpus = 2'
wait_said 120 netvm 'network is ready'
guest a 11 netvm 'vcpus = 2'
guest b 12 netvm
wait_said 180 a 'ready for orders'
wait_said 180 b 'ready for orders'
sluice features a >/out/features-a
agreed a multi-queue-max-queues backend 2
agreed a multi-queue-num-queues frontend 2
agreed a feature-split-event-channels backend 1
fe=/local/domain/$(sluice list | awk '$1 == "a" { print $2 }')/device/vif/0
for node in queue-0/event-channel-tx queue-0/event-channel-rx queue-1/event-channel-tx queue-1/event-channel-rx; do
	store read $fe/$node >/dev/null || fail "no $node"
done
say "two queues with split event channels"
for to in 192.0.2.1 fd00::1 192.0.2.12; do order 60 a "ping -c 2 $to"; done
transfer 2
type netvm kill
wait_said 60 netvm 'killed [0-9]'
transfer 2
order 30 a complaints
[ "$(store read $fe/state)" = 4 ] || fail "the guest noticed"
for g in a b netvm; do sluice destroy $g; done
sluice destroy net
all_ended
