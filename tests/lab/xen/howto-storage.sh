# SPDX-License-Identifier: MIT
# In the driver domain of test-howto.sh, whose init is systemd: types what docs/xen.md has for it, when dom0 says so.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C
ROLE=storage
. /lab/inside.sh
backends () { pidof sluice-blk sluice-net | tr ' ' '\n' | sort; }
ended () { xenstore-exists data/section-stop; }
systemctl is-system-running --wait || systemctl --failed --no-pager
systemctl is-active sluice-driverd || { systemctl status --no-pager sluice-driverd; journalctl -b --no-pager | tail -n 60; fail "sluice-driverd does not run"; }
say "storage is ready"
for n in 2 3 4 5 6; do
	wait_for 1800 xenstore-exists "data/section-$n" || fail "nobody said $n"
	before=$(backends)
	bash "/lab/$n.sh" || fail "section $n: status $?"
	[ "$before" = "$(backends)" ] || fail "section $n changed the backends: $before"
	# For the guest's test, not the reader's.
	[ $n != 3 ] || ip addr add 192.0.2.1/24 dev xenbr0
	say "section $n was typed"
done
wait_for 1800 ended || fail "nobody said stop"
[ -z "$(backends)" ] || fail "a backend is left"
journalctl -b --no-pager -u sluice-driverd
say "sections 2 to 6 were typed"
systemctl poweroff
