# SPDX-License-Identifier: MIT
# Process driver domains: made from a file, several in one stack, seen by list, found by disks,
# ended when nobody needs them.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
. "$(dirname "$0")/boot-functions.sh"
. "$(dirname "$0")/create-functions.sh"
requires_vm
requires command -v xenstore-read
mkdir "$tmp/a" "$tmp/b" "$tmp/c"
for f in a/one a/two b/one c/one; do image "$tmp/$f.img" 1; done
process_config "$tmp/store.cfg" "directories=[ '$tmp/a', '$tmp/c,ro' ]" 'uuid="01234567-89ab-cdef-0123-456789abcdef"'
process_config "$tmp/other.cfg" "directories=[ '$tmp/b' ]"
"$sluice" create -q "$tmp/store.cfg" 2>"$tmp/err" || {
	! says "$tmp/err" 'cannot be confined' || skip "$(cat "$tmp/err")"
	fail "$(cat "$tmp/err")"
}
[ "$("$sluice" create "$tmp/other.cfg")" = "other is domain 3" ] || fail "$("$sluice" list)"
"$sluice" list -l store >"$tmp/json"
says "$tmp/json" '"domid": 2, "name": "store", "uuid": "01234567-89ab-cdef-0123-456789abcdef", "type": "process"' || fail "$(cat "$tmp/json")"
refused () {
	local said=$1; shift
	! "$sluice" "$@" 2>"$tmp/err" || fail "done: $*"
	says "$tmp/err" "$said" || fail "$*: $(cat "$tmp/err")"
}
refused 'there is a domain store already' create "$tmp/store.cfg"
export XENSTORED_PATH
XENSTORED_PATH=$(ls -d "$XDG_RUNTIME_DIR"/sluice-*/run.*/store.sock)
[ "$(xenstore-read /local/domain/2/name)" = store ] || fail "$(xenstore-ls -f)"

# A guest of both, by its configuration and while it runs.
config "$tmp/vm.cfg" 'extra="hotplug obey"' "disk=[ '$tmp/a/one.img,raw,xvda,rw,backend=store', '$tmp/b/one.img,raw,xvdb,rw,backend=other' ]"
"$sluice" create -c "$tmp/vm.cfg" </dev/null >"$tmp/console" &
client=$!
cleanup_fn eval "kill $client 2>/dev/null"
wait_for 60 says "$tmp/console" '2 disks now'
"$sluice" block-list vm | grep -qE '^51712 +xvda +2 +4 +2 ' || fail "$("$sluice" block-list vm)"
"$sluice" block-list vm | grep -qE '^51728 +xvdb +3 +4 +2 ' || fail "$("$sluice" block-list vm)"
! xenstore-read /local/domain/2/backend/vbd/4/51712/script 2>/dev/null || fail "a script for a process domain"
"$sluice" block-attach vm "$tmp/a/two.img,raw,xvdc,rw,backend=store"
wait_for 60 says "$tmp/console" '3 disks now'
"$sluice" block-attach vm "$tmp/c/one.img,raw,xvdd,r,backend=store"
wait_for 60 says "$tmp/console" '4 disks now'
# What is not its own is refused before anybody tries.
refused "disk xvde: other may not reach $tmp/a/two.img" block-attach vm "$tmp/a/two.img,raw,xvde,rw,backend=other"
refused "store may read $tmp/c/one.img and not write it" block-attach vm "$tmp/c/one.img,raw,xvde,rw,backend=store"
refused "other may not reach $tmp/bb" block-attach vm "$tmp/bb,raw,xvde,rw,backend=other"
# And by a way round the kernel does it.
refused 'disk xvde' block-attach vm "$tmp/b/../a/two.img,raw,xvde,rw,backend=other"
refused 'there is no driver domain nobody' block-attach vm "$tmp/a/two.img,raw,xvde,rw,backend=nobody"
"$sluice" top --batch --iterations=1 >"$tmp/top" 2>&1 || fail "$(cat "$tmp/top")"
[ "$(grep -c vm "$tmp/top")" -ge 4 ] || fail "top: $(cat "$tmp/top")"

refused 'store serves disk xvd' destroy store
refused 'of vm: detach that or end vm first; sluice destroy --force ends it' destroy store
refused 'other serves disk xvdb of vm: detach that or end vm first' shutdown other
refused 'store is a process domain and has no console' console store
refused 'store is a process domain and has no virtual CPUs to pause' pause store
refused 'store is a driver domain of type process' block-attach store "$tmp/a/two.img,raw,xvda,rw"
refused '--force is no option of sluice shutdown' shutdown --force other
is_state store running || fail "$("$sluice" list)"

# Free again, it goes; its domid does not come back.
"$sluice" block-detach vm xvdb
# Seen by the guest, so that it sees the next one come.
wait_for 60 eval '[ "$(grep -c "3 disks now" "$tmp/console")" = 2 ]'
"$sluice" shutdown --wait other
[ -z "$(state other)" ] || fail "$("$sluice" list)"
! xenstore-read /local/domain/3/name 2>/dev/null || fail "$(xenstore-ls -f)"
[ ! -e "${XENSTORED_PATH%/*}/dom/3" ] || fail "its directory is left"
[ "$("$sluice" create "$tmp/other.cfg")" = "other is domain 5" ] || fail "$("$sluice" list)"
# Those that were refused may have been seen coming and going, too.
before=$(grep -c "4 disks now" "$tmp/console")
"$sluice" block-attach vm "$tmp/b/one.img,raw,xvdb,rw,backend=other"
wait_for 60 eval '[ "$(grep -c "4 disks now" "$tmp/console")" -gt "$before" ]'
# By force, and the guest goes on without it.
"$sluice" destroy --force other
[ -z "$(state other)" ] || fail "$("$sluice" list)"
is_state vm running || fail "$("$sluice" list)"
# A reboot of the guest finds the one that is left.
"$sluice" block-detach --force vm xvdb
"$sluice" reboot vm
wait_for 60 eval '[ "$(domid vm)" = 6 ]'
wait_for 60 is_state vm running
"$sluice" destroy vm
# The last driver domain keeps the stack until it goes, too.
is_state store running || fail "$("$sluice" list)"
"$sluice" destroy store
assert_tidy 20

# In one command, in the foreground.
"$sluice" create -F "$tmp/store.cfg" "$tmp/vm.cfg" "disk=[ '$tmp/a/one.img,raw,xvda,rw,backend=store' ]" 'type="pvh"' 2>"$tmp/err" </dev/null &&
	fail "keys of a vm for a process domain"
boot_in_background "$tmp/log" 'disk poweroff' --disk="$tmp/a/one.img,backend=store" --driver-process=store --directory="$tmp/a"
ends_with 0 || fail "$(cat "$tmp/log")"
assert_tidy 20
