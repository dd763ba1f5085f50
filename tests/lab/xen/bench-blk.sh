#!/bin/bash
# SPDX-License-Identifier: MIT
# On real Xen, side by side in one run: the kernel's xen-blkback, QEMU's qdisk and sluice-blk serve the same file from
# the same driver domain to the same guest. What the figures mean is in docs/benchmarks.md.
#   BENCH_ROUNDS=3             rounds; each begins with another backend
#   BENCH_LOADS='NAME:read|write:random|seq:BLOCK:DEPTH:COUNT ..'
#   BENCH_BLK='--poll-us=0 ..' more options for sluice-blk
. "$(dirname "$0")/functions.sh"
. "$lab/bench.sh"
loads='
	randread-4k-1:read:random:4096:1:5000
	randread-4k-32:read:random:4096:32:10000
	read-128k:read:seq:131072:8:512
	read-1m:read:seq:1048576:4:64
	write-128k:write:seq:131072:8:512
	write-1m:write:seq:1048576:4:64'
bench_needs
lab_roles bench-blk-dom0.sh bench-blk-driver.sh bench-blk-guest.sh
cp -a "$cache/bench/qemu/." "$in/driver"
lab_program driver "$builddir/backends/blk/sluice-blk" /sluice/backends/blk/sluice-blk
lab_program guest "$builddir/tests/lab/xen/bench-load" /bench-load
bench_set rounds "${BENCH_ROUNDS:-3}"
bench_set loads "$(echo ${BENCH_LOADS:-$loads})"
bench_set blk "${BENCH_BLK:-}"
bench_set span $((64 * 1048576))
mkdir "$tmp/store"
truncate -s 64M "$tmp/store/disk.img"
lab_disk 1 96M "$tmp/store"
lab_boot 3600
must_say guest 'blkfront: xvda: .*indirect descriptors: enabled' 'blkfront: xvdc: .*indirect descriptors: enabled'
must_say storage 'sluice-blk ended'
bench_table '' "$out/bench"
