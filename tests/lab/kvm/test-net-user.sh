#!/bin/bash
# SPDX-License-Identifier: MIT
# A stock guest on the network that needs no privilege, made by sluice create: DHCP, out, in by a forwarded port;
# its backend is killed; the interface is taken away and comes again.
. "$(dirname "$0")/functions.sh"
. "$lab/boot.sh"
lab_needs
! grep -q '"HAVE_SLIRP_TRUE"]="#"' "$builddir/config.status" || skip "this build has no libslirp: apt-get install libslirp-dev, and configure again"
lab_scripts net-user-host.sh net-user-guest.sh
lab_sluice
lab_boot 500 6.1 1 guest=6.1
grep '^LAB' "$out/console.log" | tr -d '\r'
