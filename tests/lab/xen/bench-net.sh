#!/bin/bash
# SPDX-License-Identifier: MIT
# On real Xen, side by side in one run: the kernel's xen-netback and sluice-net serve interfaces of one guest from the
# same driver domain. What the figures mean is in docs/benchmarks.md.
#   BENCH_ROUNDS=3             rounds; each begins with another backend
#   BENCH_LOADS='NAME:tcp:OPTION:.. NAME:udp:SIZE:SENT:ANSWERED:DEPTH:COUNT ..'  of iperf3 -c and of bench-echo
#   BENCH_NET='--poll-us=0 ..' more options for sluice-net
. "$(dirname "$0")/functions.sh"
. "$lab/bench.sh"
loads='
	tcp-from-guest:tcp:-n:64M
	tcp-to-guest:tcp:-n:64M:-R
	udp64-from-guest:udp:64:32:1:4:300
	udp64-to-guest:udp:64:1:32:4:300
	udp64-both-32:udp:64:1:1:32:10000
	udp64-both-1:udp:64:1:1:1:4000'
bench_needs
lab_roles bench-net-dom0.sh bench-net-driver.sh bench-net-guest.sh
cp -a "$cache/net/." "$in/driver"
cp -a "$cache/net/." "$in/guest"
lab_program driver "$builddir/backends/net/sluice-net" /sluice/backends/net/sluice-net
for role in driver guest; do lab_program $role "$builddir/tests/lab/xen/bench-echo" /bench-echo; done
bench_set rounds "${BENCH_ROUNDS:-3}"
bench_set loads "$(echo ${BENCH_LOADS:-$loads})"
bench_set net "${BENCH_NET:-}"
lab_boot 3600
must_say storage 'both are served' 'sluice-net ended'
bench_table '' "$out/bench"
