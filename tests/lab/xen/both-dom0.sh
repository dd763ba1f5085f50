# SPDX-License-Identifier: MIT
# Stock xl: a guest with disks of kinds vbd and qdisk and an interface, all of one driver domain. Under load the
# backends are killed, then the daemon, then the backends again; the guest reboots, and starts over with all of them.
# Of whoever sources it: driver_boot, the driver domain's kind; driver_disks, dom0's; target, of the guest's first disk; kills, what is killed.
# left WHEN: the paths of the store, but for the orders to the driver domain
left () { xenstore-ls -f | sed 's/ = .*//' | grep -v '^/local/domain/1/data/' >"/out/paths-$1"; }

dom0_start
# shellcheck disable=SC2086
boot=$driver_boot storage_domain "" ${driver_disks:-/dev/vdb}
wait_said 120 storage 'storage and network are ready'
left before
on_reboot=restart domain guest guest 192 "" "disk=['format=raw,vdev=xvda,access=rw,backend=storage,target=${target:-/data/disk.img}',
	'format=raw,vdev=xvdb,access=rw,backend=storage,backendtype=qdisk,target=/data/scratch.img']
vif=['mac=00:16:3e:00:00:11,backend=storage,bridge=xenbr0,script=vif-lab']"
wait_said 240 guest 'LAB guest .* verifying'
dump connected
killed () { grep -c 'LAB driver [0-9.]* killed ' "$(console_of storage)" || :; }
more_killed () { [ "$(killed)" -gt "$before" ]; }
for what in ${kills:-kill kill daemon kill}; do
	before=$(killed)
	# A guest that does not run has backends that are killed all the same.
	case $what in paused-*) step xl pause guest ;; esac
	order "${what#paused-}"
	wait_for 90 more_killed || fail "nothing was killed"
	sleep 3
	case $what in paused-*) step xl unpause guest ;; esac
done
say "xl list"
xl list
xl block-list guest | tee /out/block-list
xl network-list guest | tee /out/network-list
xenstore-write /local/domain/2/data/stop 1
wait_said 240 guest 'rounds were right'
# The guest reboots: xl makes a new domain of the same configuration.
wait_said 240 guest 'the second start is content'
dump second
xl list
wait_gone 120 guest
for leaf in vbd/2/51712 qdisk/2/51728 vif/2/0 vbd/3/51712 qdisk/3/51728 vif/3/0; do removed $leaf; done
sleep 2
left after
dump ended
cmp /out/paths-before /out/paths-after || { diff /out/paths-before /out/paths-after; fail "the store has not what it had"; }
order stop
wait_gone 120 storage
