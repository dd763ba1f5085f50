#!/bin/bash
# SPDX-License-Identifier: MIT
# A stock guest with 8 virtual CPUs: all work, go offline and come back, by its own will and the toolstack's.
. "$(dirname "$0")/functions.sh"
lab_needs
lab_scripts cpus-host.sh cpus-guest.sh
lab_sluice
lab_xenstore "$in/host"
lab_boot 900 6.1 1 guest=6.1
must_say guest '8 CPUs are right' 'all CPUs went and came back' 'CPUs are offline' 'CPUs are online' 'the guest is content'
