#!/bin/bash
# SPDX-License-Identifier: MIT
# A process driver domain is killed under a stock guest, which only waits.
. "$(dirname "$0")/functions.sh"
. "$lab/boot.sh"
lab_needs
lab_scripts process-host.sh process-guest.sh
lab_sluice
mkdir -p "$tmp/store/images"
lab_root "$tmp/store/images/root.img" 48M
truncate -s 8M "$tmp/store/images/more.img"
lab_disk 1 90M "$tmp/store"
rm -rf "$tmp/store"
lab_boot 400 6.1 1 guest=6.1
grep '^LAB' "$out/console.log" | tr -d '\r'
sound "the host's file system" "$in/disk-1.raw"
