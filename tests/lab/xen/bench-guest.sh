# SPDX-License-Identifier: MIT
# For the guest's scripts of the benchmarks: do_work does what dom0 orders, and says in numbers how it went.
serve_orders () {
	until xenstore-exists data/stop; do
		if work=$(xenstore-read data/work 2>/dev/null); then
			xenstore-rm data/work
			# dom0 has to be quiet by then.
			sleep 0.5
			# shellcheck disable=SC2086
			result=$(do_work $work 2>&1) || say "$result"
			xenstore-write data/result "$result"
		fi
		sleep 0.2
	done
}
