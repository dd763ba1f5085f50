#!/bin/bash
# SPDX-License-Identifier: MIT
# sluice create of a stock guest; block-attach, use, block-detach, shutdown.
. "$(dirname "$0")/functions.sh"
. "$lab/boot.sh"
lab_needs
lab_scripts plug-host.sh plug-guest.sh
lab_sluice
mkdir -p "$tmp/store" "$tmp/more"
echo "it was here before" >"$tmp/more/old"
lab_root "$tmp/store/root.img" 48M
truncate -s 8M "$tmp/store/more.img"
mke2fs -q -F -t ext4 -d "$tmp/more" "$tmp/store/more.img"
lab_disk 1 90M "$tmp/store"
rm -rf "$tmp/store"
lab_boot 400 6.1 1 guest=6.1
grep '^LAB' "$out/console.log" | tr -d '\r'
# The second disk was let go of in good order.
sound "the host's file system" "$in/disk-1.raw"
file_sum "$in/disk-1.raw" /more.img >/dev/null
mv "$tmp/dumped" "$tmp/more.img"
sound "the disk that came and went" "$tmp/more.img"
