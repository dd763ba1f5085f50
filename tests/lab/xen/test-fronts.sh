#!/bin/bash
# SPDX-License-Identifier: MIT
# On real Xen, our own frontends in the user space of a stock guest, over /dev/xen/gntalloc, evtchn and xenbus: disks of
# sluice-blk and of the kernel's xen-blkback, interfaces of sluice-net and of the kernel's xen-netback, and a console.
. "$(dirname "$0")/functions.sh"
. "$lab/blk.sh"
lab_needs
lab_roles fronts-dom0.sh fronts-driver.sh fronts-guest.sh
blk_programs
cp -a "$cache/net/." "$in/driver"
lab_program driver "$builddir/backends/net/sluice-net" /sluice/backends/net/sluice-net
lab_program driver "$builddir/backends/console/sluice-console" /sluice/backends/console/sluice-console
lab_program guest "$builddir/tests/peers/console-guest" /sluice/console-guest
lab_program guest "$builddir/tests/peers/blk-conform" /sluice/blk-conform
lab_program guest "$builddir/tools/sluice-bench" /sluice/sluice-bench
lab_program guest "$builddir/frontends/sluice-netfront-tap" /sluice/sluice-netfront-tap
mkdir "$tmp/store"
truncate -s 4M "$tmp/store/scratch.img"
lab_disk 1 32M "$tmp/store"
lab_disk 2 4M
lab_boot 2400
grep '^LAB' "$out/console.log" | tr -d '\r'
grep -ah '^passed\|^offered\|^LINES' "$out/guest-guest.log" "$out/guest-storage.log" | tr -d '\r'
# libxl's complaint of the channel with the number 0; nothing else.
grep -v 'libxl__device_console_add: Domain 2:Primary console has invalid configuration' "$out/console.log" >"$tmp/console.log"
mv "$tmp/console.log" "$out/console.log"
xl_is_content
dom0_sum () { tr -d '\r' <"$out/console.log" | awk -v what="$1" '$1 == "SUM" && $2 == what { print $3 }'; }
for i in 0:storage 1:dom0; do
	case $i in
	*storage) served=$(lab_sum storage file) got=$(lab_sum storage got) ;;
	*) served=$(dom0_sum file) got=$(dom0_sum got) ;;
	esac
	same "the file fetched over vif ${i%:*}" "$(lab_sum guest "fetched${i%:*}")" "$served"
	same "the file sent over vif ${i%:*}" "$(lab_sum guest "sent${i%:*}")" "$got"
done
read -r _ lines end < <(tr -d '\r' <"$out/guest-storage.log" | grep '^LINES')
[ "$lines" -gt 10 ] && [ "$lines" -le "$end" ] || { lab_show; fail "of the $end lines on the console $lines came"; }
must_say storage 'sluice-driverd ended with status 0'
