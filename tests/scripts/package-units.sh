#!/bin/bash
# SPDX-License-Identifier: MIT
# systemd takes our units, and says nothing of them; the options in them are ones that programs know.
source "$(dirname "$0")/functions.sh"
requires command -v systemd-analyze
mkdir "$tmp/units"
for unit in sluice-driverd sluice-guest@ sluice-metrics; do
	[ -s "$builddir/units/$unit.service" ] || fail "$unit.service was not made"
	! grep -n '@[a-z]*dir@' "$builddir/units/$unit.service" || fail "$unit.service: a path is missing"
	# What is not installed here would be all that it complains of.
	sed -E "s|^ExecStart=[^ ]*/|ExecStart=$tmp/units/|" "$builddir/units/$unit.service" >"$tmp/units/$unit.service"
done
for program in sluice sluice-driverd; do printf '#!/bin/sh\n' >"$tmp/units/$program"; chmod +x "$tmp/units/$program"; done
verify () { systemd-analyze verify --man=no "$@" 2>&1 | grep -v 'xendriverdomain\|proc-xen' || true; }
echo 'NoSuchThing=1' | cat "$tmp/units/sluice-metrics.service" - >"$tmp/units/bad.service"
case $(verify "$tmp/units/bad.service") in
*NoSuchThing*) ;;
*) skip "systemd-analyze verify does not work here: $(verify "$tmp/units/bad.service" | head -n 1)" ;;
esac
said=$(verify "$tmp/units/sluice-driverd.service" "$tmp/units/sluice-metrics.service" "$tmp/units/sluice-guest@x.service" "$tmp/units/sluice-guest@.service")
[ -z "$said" ] || fail "systemd says: $said"
# words PROGRAM HELP UNIT: each long option in a unit's ExecStart is in the program's help.
words () {
	local option
	for option in $(grep -h '^ExecStart=\|^Environment=' "$builddir/units/$2" | grep -oE -- '--[a-z-]+'); do
		grep -q -e "$option\b" "$tmp/help" || fail "$2: $option is no option of $1"
	done
}
"$builddir/drivers-domain/sluice-driverd" --help >"$tmp/help"
words sluice-driverd sluice-driverd.service
"$builddir/tools/sluice" help create >"$tmp/help"
words "sluice create" sluice-guest@.service
"$builddir/tools/sluice" help metrics >"$tmp/help"
words "sluice metrics" sluice-metrics.service
