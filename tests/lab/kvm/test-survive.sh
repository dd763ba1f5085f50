#!/bin/bash
# SPDX-License-Identifier: MIT
# The backends of a stock guest are killed and upgraded under its load; it sees no error.
. "$(dirname "$0")/functions.sh"
. "$lab/boot.sh"
lab_needs
lab_scripts survive-host.sh survive-guest.sh
lab_sluice
mkdir -p "$tmp/store" "$tmp/more"
lab_root "$tmp/store/root.img" 48M
truncate -s 16M "$tmp/store/more.img"
mke2fs -q -F -t ext4 -d "$tmp/more" "$tmp/store/more.img"
lab_disk 1 110M "$tmp/store"
rm -rf "$tmp/store"
# So slow that something is in flight at most moments.
export LAB_DISK=throttling.iops-total=25
lab_boot 900 6.1 1 guest=6.1
grep '^LAB' "$out/console.log" | tr -d '\r'
sound "the host's file system" "$in/disk-1.raw"
file_sum "$in/disk-1.raw" /more.img >/dev/null
mv "$tmp/dumped" "$tmp/more.img"
sound "the guest's file system" "$tmp/more.img"
