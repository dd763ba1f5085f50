# SPDX-License-Identifier: MIT
# A network driver domain: sluice-driverd in place of xl devd, a bridge, and behind it the outside.
world_start
script_vif
head -c 8388608 /dev/urandom >/srv/file
# busybox's nc ends when the other side has nothing more to say: it keeps silent, but is there.
mkfifo /run/silence
exec 9<>/run/silence
world nc -l -p 5001 <&9 >/srv/got &
for port in 5002 5003; do world nc -l -p $port <&9 >/dev/null & done
world iperf3 -s >/run/iperf3 2>&1 &
daemon_start
echo "SUM file $(md5sum </srv/file | cut -d ' ' -f 1)"
say "network is ready"
while ! xenstore-exists data/stop; do
	if ordered kill; then
		old=$(pidof sluice-net) || fail "no sluice-net runs"
		kill -9 $old
		say "killed $old"
	fi
	sleep 1
done
[ ! -e /srv/got ] || echo "SUM got $(md5sum </srv/got | cut -d ' ' -f 1)"
cat /var/log/xen/xen-hotplug.log
daemon_end
