# SPDX-License-Identifier: MIT
# One guest with two interfaces of one driver domain, one of the kernel's xen-netback and one of sluice-net. Round by
# round each gets the same loads; /out/bench has a line for each.
. /lab/bench-dom0.sh
address_of () { case $1 in netback) echo 192.0.2.1 ;; sluice) echo 198.51.100.1 ;; esac; }
# measure BACKEND: a load; the result is microseconds, bytes and how many
measure () {
	# shellcheck disable=SC2046,SC2086
	result_of $(address_of "$1") $options
	read -r us bytes count <<-END
		$result
	END
	echo "$round $name $1 $count $bytes $us $cpu" | tee -a /out/bench
}

dom0_start
domain storage driver 384 "" "driver_domain=1"
wait_said 120 storage 'network is ready'
domain guest guest 256 "" "vif=['mac=00:16:3e:00:00:11,backend=storage,bridge=none','mac=00:16:3e:00:00:12,backend=storage,bridge=none']"
wait_said 240 guest 'all interfaces work'
order check
wait_said 60 storage 'both are served'
dump connected
for round in $(seq 1 "$rounds"); do
	for load in $loads; do
		name=${load%%:*}
		options=$(echo "${load#*:}" | tr : ' ')
		in_turn "$round" measure netback sluice
	done
done
xenstore-write /local/domain/2/data/stop 1
wait_gone 120 guest
order stop
wait_gone 120 storage
