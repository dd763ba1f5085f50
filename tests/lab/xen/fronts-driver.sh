# SPDX-License-Identifier: MIT
# A driver domain of disks, interfaces and consoles: sluice-driverd in place of xl devd. It hears what a guest's program
# says on a console of its own and answers.
mount_data
world_start
script_vif
head -c 4194304 /dev/urandom >/srv/file
echo "SUM file $(md5sum </srv/file | cut -d ' ' -f 1)"
mkfifo /run/silence
exec 9<>/run/silence
world nc -l -p 5001 <&9 >/srv/got &
daemon_start
say "storage and network are ready"
# The guest's kernel has it first; the program may get another terminal.
while ! xenstore-exists data/stop; do
	tty=$(xenstore-read backend/console/2/1/tty 2>/dev/null) || tty=
	if [ -n "$tty" ] && [ "$tty" != "${listened:-}" ]; then
		listened=$tty
		cat "$tty" >>/run/console &
		(while ! grep -q 'THE END' /run/console; do echo "typed" >"$tty" || exit 0; sleep 1; done 2>/dev/null) &
	fi
	sleep 1
done
echo "SUM got $(md5sum </srv/got | cut -d ' ' -f 1)"
# The lines that the program numbered, and its own count of them.
awk '{ sub("\r", "") } /^[0-9]+$/ { if (!seen[$1]++) n++ } /THE END/ { end = $3 } END { print "LINES", n + 0, end + 0 }' /run/console
daemon_end
umount /data
