# SPDX-License-Identifier: MIT
# A driver domain that has a guest's consoles: sluice-driverd starts a backend for each. Both are killed in between.
state_is () { [ "$(xenstore-read "backend/console/2/$1/state")" = "$2" ]; }
# tty_is_new NUMBER OLD: sets tty
tty_is_new () { tty=$(xenstore-read "backend/console/2/$1/tty") && [ -n "$tty" ] && [ "$tty" != "$2" ]; }
heard () { grep -q "$1" /run/primary; }
# listen TTY: what the primary console says goes to /run/primary
listen () { cat "$1" >/run/primary & }
# must SECONDS WHAT COMMAND..: that comes to pass
must () {
	_seconds=$1 _what=$2; shift 2
	wait_for "$_seconds" "$@" || { cat /run/primary; xenstore-ls -fp backend; fail "$_what"; }
}

daemon_start
say "storage is ready"
must 90 "nobody serves the primary console" tty_is_new 0 ""
hvc0=$tty
say "xl looks at $(xenstore-read /local/domain/2/console/tty)"
listen "$hvc0"
must 60 "the guest is not heard" heard 'LAB guest .* up'
say "primary: $(grep -m 1 'LAB guest .* up' /run/primary)"
must 60 "the further console is not connected" state_is 1 4
tty_is_new 1 ""
hvc1=$tty
exec 5<>"$hvc1"
read -r -t 60 line <&5 || fail "nothing comes from the further console"
say "further: $line"
echo "from the driver domain" >&5
must 60 "the guest did not hear the further console" heard 'hvc1 said from the driver domain'

# While the old terminals are open, new ones have other names.
exec 6<"$hvc0"
# shellcheck disable=SC2046
kill -9 $(pidof sluice-console)
say "killed"
must 60 "the primary console's backend did not come back" tty_is_new 0 "$hvc0"
listen "$tty"
echo "typed on hvc0" >"$tty"
must 60 "the guest did not hear its primary console" heard 'hvc0 said typed on hvc0'
heard 'LAB guest .* up' && say "the scrollback outlived it"
must 60 "the further console's backend did not come back" tty_is_new 1 "$hvc1"
state_is 1 4 || fail "the frontend saw state $(xenstore-read backend/console/2/1/state)"
exec 5<>"$tty" 6<&-
echo "after the kill" >&5
must 60 "the guest did not hear the new backend" heard 'hvc1 said after the kill'
say "both backends were killed and followed"
echo "COUNT $(grep -c 'tick' /run/primary) ticks, $(grep -o 'tick [0-9]*' /run/primary | sort | uniq -d | wc -l) twice"
echo "stop" >&5
wait_for 240 xenstore-exists data/stop || fail "nobody says stop"
exec 5<&-
daemon_end
