#!/bin/bash
# SPDX-License-Identifier: MIT
# Two stock guests and a test host on the bridge of an isolated network driver domain; its backends are killed under load.
. "$(dirname "$0")/functions.sh"
. "$lab/net.sh"
net_needs
net_scripts net-host.sh
lab_boot 900 6.1 1 guest=6.1
grep '^LAB' "$out/console.log" | tr -d '\r'
