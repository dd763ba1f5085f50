# SPDX-License-Identifier: MIT
# A guest with 8 CPUs; its kernel and then the toolstack take some away and bring them back.
host_start
guest_start guest "$(arg guest)" "" --memory=256 --vcpus=8
wait_said 240 guest 'waiting for the toolstack'
# What xl vcpu-set does: the guest watches these nodes.
domid=$(store list /local/domain | sort -n | tail -n 1)
for state in offline online; do
	for c in 5 6 7; do store write "/local/domain/$domid/cpu/$c/availability" $state; done
	wait_said 60 guest "the toolstack's CPUs are $state"
done
wait_end 60 guest
[ "$status" = 0 ]
