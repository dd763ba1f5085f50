# SPDX-License-Identifier: MIT
# Network interfaces of a vm: what is written for them, and how they come, stay over a reboot, and leave.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
. "$(dirname "$0")/boot-functions.sh"
. "$(dirname "$0")/create-functions.sh"
requires_vm
requires command -v xenstore-read
port=$((20000 + $$ % 20000))
listens () { grep -qi " 0100007F:$(printf %04X "$1") " /proc/net/tcp; }
refused () {
	local said=$1; shift
	! "$sluice" "$@" 2>"$tmp/err" || fail "done: $*"
	says "$tmp/err" "$said" || fail "$*: $(cat "$tmp/err")"
}
listed () { "$sluice" network-list vm | awk 'NR > 1 { print $1 }' | tr '\n' ' '; }
macs () { "$sluice" network-list vm | awk 'NR > 1 { print $3 }' | tr '\n' ' '; }
config "$tmp/vm.cfg" 'extra="obey"' "vif=[ '', 'forward=tcp:$port-22,rate=10Mb/s,rate_in=1MB/s@20ms,untrusted,mtu=1400' ]"
"$sluice" create -q "$tmp/vm.cfg" 2>"$tmp/err" || {
	! says "$tmp/err" 'built without libslirp' || skip "$(cat "$tmp/err")"
	fail "$(cat "$tmp/err")"
}
export XENSTORED_PATH
XENSTORED_PATH=$(ls -d "$XDG_RUNTIME_DIR"/sluice-*/run.*/store.sock)

# What libxl writes, and backends that wait.
front=/local/domain/2/device/vif/1 back=/local/domain/3/backend/vif/2/1
expect () { [ "$(xenstore-read "$1")" = "$2" ] || fail "$1 is not $2: $(xenstore-ls -f)"; }
expect $front/backend $back
expect $front/backend-id 3
expect $front/handle 1
expect $front/trusted 0
expect $front/mtu 1400
expect /local/domain/2/device/vif/0/trusted 1
expect $front/mac "$(xenstore-read $back/mac)"
expect $back/frontend $front
expect $back/online 1
expect $back/state 2
expect $back/rate 62500,50000
expect $back/rate-in 20000,20000
expect $back/attach user
expect $back/type vif
expect /libxl/2/device/vif/1/backend $back
listens "$port" || fail "nobody listens on $port"
[ "$(listed)" = "0 1 " ] || fail "$("$sluice" network-list vm)"
old=$(macs)
[ "$(grep -oE '00:16:3e(:[0-9a-f]{2}){3}' <<<"$old" | sort -u | wc -l)" = 2 ] || fail "addresses: $old"
"$sluice" network-list vm | grep -qE "^1 +3 +00:16:3e:[0-9a-f:]{8} +2 +2 +1 +user +$back\$" || fail "$("$sluice" network-list vm)"

# Whoever serves it has no privilege at all.
found=0
for pid in $(pgrep -f "^[^ ]*/sluice-net --backend=backend/vif/2/[01] "); do
	# Other stacks have guests of that number, too.
	tr '\0' ' ' <"/proc/$(ps -o ppid= "$pid" | tr -d ' ')/cmdline" | grep -qF -- "$XDG_RUNTIME_DIR" || continue
	found=$((found + 1))
	[ "$(readlink "/proc/$pid/ns/net")" = "$(readlink /proc/self/ns/net)" ] || continue
	[ "$(awk '/^Cap(Eff|Prm|Bnd)/ && $2 !~ /^0+[02]?$/ && $2 !~ /^0+$/' "/proc/$pid/status")" = "" ] ||
		fail "rights: $(grep ^Cap "/proc/$pid/status")"
done
[ $found = 2 ] || fail "$found backends found"

# Come and go.
"$sluice" network-attach vm
"$sluice" network-attach vm mac=00:16:3e:0a:0b:0c "forward=tcp:$((port + 1))-22"
listens $((port + 1)) || fail "nobody listens on $((port + 1))"
[ "$(listed)" = "0 1 2 3 " ] || fail "$("$sluice" network-list vm)"
refused 'interface 1 is there already' network-attach vm devid=1
refused "tcp port $port of 127.0.0.1 cannot be listened on" network-attach vm "forward=tcp:$port-23"
refused 'no driver domain nobody' network-attach vm backend=nobody
refused 'no key color' network-attach vm color=red
[ "$(listed)" = "0 1 2 3 " ] || fail "one that failed is left: $("$sluice" network-list vm)"
! xenstore-read /local/domain/2/device/vif/4/state 2>/dev/null || fail "its nodes are left"
"$sluice" network-detach vm 00:16:3E:0A:0B:0C
! listens $((port + 1)) || fail "its port is listened on"
! xenstore-read /local/domain/2/device/vif/3/state 2>/dev/null || fail "its nodes are left: $(xenstore-ls -f)"
refused 'vm has no interface 3' network-detach vm 3
refused 'vm has no interface 00:16:3e:0a:0b:0c' network-detach vm 00:16:3e:0a:0b:0c
"$sluice" network-detach vm 0
[ "$(listed)" = "1 2 " ] || fail "$("$sluice" network-list vm)"
# The lowest number that is free.
"$sluice" network-attach vm
[ "$(listed)" = "0 1 2 " ] || fail "$("$sluice" network-list vm)"

# What they agreed on, from the tables.
"$sluice" features vm >"$tmp/features"
says "$tmp/features" 'vm: interface 1' || fail "$(cat "$tmp/features")"
grep -qE '^  feature-rx-copy +backend +1$' "$tmp/features" || fail "$(cat "$tmp/features")"
! grep -qE 'ring-ref|^ *event-channel' "$tmp/features" || fail "$(cat "$tmp/features")"

# After a reboot it has the same, with the same addresses.
old=$(macs)
"$sluice" reboot vm
wait_for 60 eval '[ "$(domid vm)" = 4 ]'
wait_for 60 is_state vm running
[ "$(listed)" = "0 1 2 " ] || fail "after a reboot: $("$sluice" network-list vm)"
[ "$(macs)" = "$old" ] || fail "other addresses: $(macs), not $old"
wait_for 20 listens "$port"

# The domain that serves them is killed and comes back.
init () { pgrep -o -f "^sluice-domain-init .*--domain-dir=${XENSTORED_PATH%/*}/dom/3 " | head -n 1; }
was=$(init)
kill -KILL "$was"
back_again () { local now; now=$(init); [ -n "$now" ] && [ "$now" != "$was" ] && listens "$port"; }
wait_for 30 back_again
"$sluice" destroy vm
wait_for 20 eval '! listens "$port"'
assert_tidy 20

# The same name has the same address in another life, another name another.
config "$tmp/vm.cfg" 'extra="obey"' "vif=[ '' ]"
"$sluice" create -q "$tmp/vm.cfg"
[ "$(macs)" = "$(cut -d' ' -f1 <<<"$old") " ] || fail "$(macs) in place of the first of $old"
"$sluice" create -q "$tmp/vm.cfg" 'name="other"'
[ "$("$sluice" network-list other | awk 'NR > 1 { print $3 }')" != "$(macs | tr -d ' ')" ] || fail "two names with one address"
"$sluice" destroy vm
"$sluice" destroy other
assert_tidy 20
