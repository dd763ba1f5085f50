#!/bin/bash
# SPDX-License-Identifier: MIT
# sluice-bench compare on a storage of tests/scripts/storage-DRIVER.sh, which it starts, fills and
# ends: bench-storage.sh DRIVER [OPTION..], from a build directory; docs/benchmarks.md has results.
# SLUICE_BENCH_MIB: how large. Under chrt(1) the servers have that priority, too.
source "$(dirname "$0")/functions.sh"
source "$srcdir/tests/scripts/storage-functions.sh"
[ $# -gt 0 ] || fail "which driver? bench-storage.sh DRIVER [OPTION of sluice-bench compare..]"
bench=$builddir/tools/sluice-bench
mib=${SLUICE_BENCH_MIB:-256} driver=$1
shift
use_storage "$driver"
storage_requires
storage_start "$mib"
# QEMU names itself to targets only if it is told how.
case $storage_uri in
iscsi://*\?*) storage_uri="$storage_uri&initiator=iqn.2026-01.net.example:bench" ;;
iscsi://*) storage_uri="$storage_uri?initiator=iqn.2026-01.net.example:bench" ;;
esac
"$bench" blk --filename="$storage_uri" --rw=write --bs=1m --iodepth=4 --size="${mib}m" >"$tmp/filled" 2>&1 ||
	fail "it cannot be filled: $(cat "$tmp/filled")"
"$bench" compare --filename="$storage_uri" --size="${mib}m" "$@"
