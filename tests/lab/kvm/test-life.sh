#!/bin/bash
# SPDX-License-Identifier: MIT
# Pause, unpause, shutdown, reboot, crash and destruction of stock guests; nothing of them is left behind.
. "$(dirname "$0")/functions.sh"
. "$lab/boot.sh"
lab_needs
lab_scripts life-host.sh life-guest.sh
lab_sluice
root_disk
lab_boot 900 6.1 1 guest=6.1
grep '^LAB' "$out/console.log" | tr -d '\r'
