# SPDX-License-Identifier: MIT
# A driver domain that is killed comes back as it was, and its guests only wait; not if that
# happens again and again, until it is asked for.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
. "$(dirname "$0")/boot-functions.sh"
. "$(dirname "$0")/create-functions.sh"
requires_vm
requires command -v xenstore-read
mkdir "$tmp/a" "$tmp/b"
for f in a/one a/two b/one; do image "$tmp/$f.img" 1; done
process_config "$tmp/store.cfg" "directories=[ '$tmp/a' ]"
process_config "$tmp/other.cfg" "directories=[ '$tmp/b' ]"
"$sluice" create -q "$tmp/store.cfg" 2>"$tmp/err" || {
	! says "$tmp/err" 'cannot be confined' || skip "$(cat "$tmp/err")"
	fail "$(cat "$tmp/err")"
}
"$sluice" create -q "$tmp/other.cfg"
config "$tmp/vm.cfg" 'extra="hotplug obey"' "disk=[ '$tmp/a/one.img,raw,xvda,rw,backend=store', '$tmp/b/one.img,raw,xvdb,rw,backend=other' ]"
"$sluice" create -q "$tmp/vm.cfg"
run=$(ls -d "$XDG_RUNTIME_DIR"/sluice-*/run.*)
export XENSTORED_PATH=$run/store.sock
# init DOMID: the process whose end is the domain's.
init () { pgrep -o -f "^sluice-domain-init .*--domain-dir=$run/dom/$1 " | head -n 1; }
daemon () { pgrep -o -f "^[^ ]*/sluice-driverd --run-dir=$run/dom/$1/" | head -n 1; }
# Below that daemon, for other stacks have guests of that number, too.
backend () { pgrep -o -P "$(daemon 2)" -f "^[^ ]*/sluice-blk --backend=backend/vbd/4/$1 "; }
# come_back WHAT ARGUMENT OLD: sets found
come_back () { found=$("$1" "$2"); [ -n "$found" ] && [ "$found" != "$3" ]; }
serves () { [ "$(xenstore-read "/local/domain/$1/backend/vbd/4/$2/state" 2>/dev/null)" = 2 ]; }
ls -i "$run/dom/2/hypervisor.sock" >"$tmp/sock"
others=$(init 3)
for what in init daemon; do
	old=$($what 2) served=$(backend 51712)
	kill -KILL "$old"
	wait_for 30 come_back $what 2 "$old"
	wait_for 30 come_back backend 51712 "$served"
	wait_for 30 serves 2 51712
	is_state store running || fail "after its $what: $("$sluice" list)"
done
"$sluice" dmesg >"$tmp/log"
says "$tmp/log" 'the driver domain store (sluice-driverd) was ended by signal 9 (Killed); it is started again' ||
	fail "$(cat "$tmp/log")"
old=$(backend 51712)
kill -KILL "$old"
wait_for 30 come_back backend 51712 "$old"
# What it is known by, and all that is not its own, is as it was.
[ "$(domid store)" = 2 ] || fail "$("$sluice" list)"
ls -i "$run/dom/2/hypervisor.sock" | cmp - "$tmp/sock" || fail "another socket"
[ "$(init 3)" = "$others" ] || fail "the other domain was started again, too"
is_state vm running || fail "$("$sluice" list)"
# It is asked to serve another disk, which it may reach as before.
"$sluice" block-attach vm "$tmp/a/two.img,raw,xvdc,rw,backend=store"
! "$sluice" block-attach vm "$tmp/b/one.img,raw,xvdd,rw,backend=store" 2>/dev/null || fail "it reaches more than before"

# A reboot is an end that was asked for.
old=$(init 2)
"$sluice" reboot store
[ "$(init 2)" != "$old" ] || fail "it was not started again"
wait_for 30 serves 2 51712

# Killed again and again it stays away; the others, the guest and the stack go on.
for i in 1 2 3 4 5 6; do
	wait_for 30 come_back init 2 "$old"
	old=$found
	# One that has just ended by itself counts as well.
	kill -KILL "$old" 2>/dev/null || :
	[ $i = 6 ] || wait_for 30 come_back init 2 "$old"
done
wait_for 30 is_state store crashed
"$sluice" dmesg >"$tmp/log"
says "$tmp/log" 'too often: it stays so; sluice reboot store starts it again' || fail "$(cat "$tmp/log")"
[ "$(grep -c 'too often' "$tmp/log")" = 1 ] || fail "said again and again: $(cat "$tmp/log")"
is_state vm running && is_state other running || fail "$("$sluice" list)"
! "$sluice" block-attach vm "$tmp/a/one.img,raw,xvde,rw,backend=store" 2>"$tmp/err" || fail "attached to a dead domain"
says "$tmp/err" 'the driver domain store has ended' || fail "$(cat "$tmp/err")"
"$sluice" reboot store
is_state store running || fail "$("$sluice" list)"
wait_for 30 serves 2 51712
"$sluice" destroy vm
"$sluice" destroy store
"$sluice" destroy other
assert_tidy 20
