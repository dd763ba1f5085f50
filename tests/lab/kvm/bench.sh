#!/bin/bash
# SPDX-License-Identifier: MIT
# Sluice beside QEMU's microvm on the same emulated host: time to the guest's init, and fio in the guest.
# Usage: bench.sh boot|fio [ROUNDS [HOST-KERNEL [GUEST-KERNEL [VMM,VMM]]]]
. "$(dirname "$0")/functions.sh"
what=${1:-boot} rounds=${2:-3} host=${3:-6.1} guest=${4:-6.1} vmms=${5:-microvm,sluice}
lab_needs
lab_scripts bench-host.sh
cp "$lab/bench-guest.sh" "$in/lab/bench.sh"
case $vmms in *sluice*) lab_sluice ;; esac
if [ "$what" = fio ]; then lab_copy "$tmp/more" "$(command -v fio)" /usr/bin/fio; fi
lab_root "$in/disk-1.raw" 112M "$tmp/more"
lab_vmm
export LAB_IDLE=skip
lab_boot 500 "$host" 1 "guest=$guest" "what=$what" "rounds=$rounds" "vmms=$vmms"
echo "host $host, guest $guest, $rounds rounds: median (min..max)"
awk '
	{ key = $3 " " $2 " " $5; n[key]++; v[key, n[key]] = $4 }
	END {
		for (key in n) {
			for (i = 2; i <= n[key]; i++)
				for (j = i; j > 1 && v[key, j - 1] + 0 > v[key, j] + 0; j--) { t = v[key, j]; v[key, j] = v[key, j - 1]; v[key, j - 1] = t }
			split(key, k, " ")
			printf "%-12s %-8s %10.0f %-6s (%.0f..%.0f)\n", k[1], k[2], v[key, int((n[key] + 1) / 2)], k[3], v[key, 1], v[key, n[key]]
		}
	}' "$out/bench" | sort
