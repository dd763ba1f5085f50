#!/bin/bash
# SPDX-License-Identifier: MIT
# A hotplug script puts the interfaces of two guests on a bridge, as xl's vif-bridge does; their backends
# connect when it has; it is run again for the interface of a backend that was killed; and it takes down.
if [ -z "${SLUICE_TEST_ETC-}" ]; then
	# /etc/xen/scripts of this test alone.
	unshare -m true 2>/dev/null || { echo "skipped: no mount namespace for a script in /etc/xen/scripts"; exit 77; }
	export SLUICE_TEST_ETC=1
	exec unshare -m "$0" "$@"
fi
source "$(dirname "$0")/functions.sh"
mkdir "$tmp/etc"
cleanup_fn umount -l "$tmp/etc"
requires mount -t tmpfs tmpfs "$tmp/etc"
mkdir "$tmp/etc/upper" "$tmp/etc/work"
cleanup_fn umount -l /etc
requires mount -t overlay -o "lowerdir=/etc,upperdir=$tmp/etc/upper,workdir=$tmp/etc/work" overlay /etc
requires command -v xenstore-write
source "$(dirname "$0")/netfront-functions.sh"
mkdir -p /etc/xen/scripts
cat >/etc/xen/scripts/vif-lab <<EOT
#!/bin/bash
echo "vif-lab \$1 \$2 \$vif"
[ "\$1" = online ] || exit 0
ip link set "\$vif" master "\$(xenstore-read "\$XENBUS_PATH/bridge")" up &&
	xenstore-write "\$XENBUS_PATH/hotplug-status" connected
EOT
chmod 755 /etc/xen/scripts/vif-lab
calls () { [ "$(grep -c "^vif-lab $1 type_if=vif vif[0-9]*\.0$" "$tmp/log")" = "$2" ]; }
kill_them () {
	wait_for 90 test -e "$tmp/first"
	calls online 2 || fail "before: $(cat "$tmp/log")"
	local them
	them=$(backends)
	[ "$(wc -w <<<"$them")" -ge 2 ] || fail "backends: $them"
	kill -9 $them
	wait_for 30 calls online 4
	calls offline 2 || fail "after the kill: $(cat "$tmp/log")"
	touch "$tmp/killed"
}
meanwhile=kill_them
two_guests ". $tmp/lib; pings 10.9.0.2; say first; until_file killed; pings 10.9.0.2; say done" \
	". $tmp/lib; until_file done" ,script=/etc/xen/scripts/vif-lab
