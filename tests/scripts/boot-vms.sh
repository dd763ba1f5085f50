# SPDX-License-Identifier: MIT
# Several vms in a stack: a driver domain comes first and goes last; who ends is none of the others' business.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
. "$(dirname "$0")/boot-functions.sh"
requires_vm
requires command -v xenstore-write
k=(--kernel="$guest" --memory=32)
"$sluice" boot --vm=one "${k[@]}" --append=obey --vm=two "${k[@]}" --append=obey --console="$tmp/two.log" \
	--disk=/dev/xvda,backend=store,dev=xvdc --driver-vm=store "${k[@]}" --append=obey --console="$tmp/store.log" \
	--timeout=100 >"$tmp/log" 2>&1 </dev/null &
booted=$!
cleanup_fn eval "kill -KILL $booted 2>/dev/null"
wait_for 60 says "$tmp/log" obeying
wait_for 60 says "$tmp/store.log" obeying
[ "$(domid store)" = 2 ] || fail "the driver domain is not the first: $("$sluice" list)"

# The second guest waits for a backend in the driver domain, which here is this script.
export XENSTORED_PATH
XENSTORED_PATH=$(ls -d "$XDG_RUNTIME_DIR"/sluice-*/run.*/store.sock)
back=/local/domain/2/backend/vbd/4/51744
wait_for 60 xenstore-read $back/params
node () { [ "$(xenstore-read "$1")" = "$2" ] || fail "$1 is $(xenstore-read "$1")"; }
node $back/params /dev/xvda
node $back/frontend /local/domain/4/device/vbd/51744
node $back/frontend-id 4
node $back/script /etc/xen/scripts/block
node $back/online 1
node $back/mode w
node /local/domain/4/device/vbd/51744/backend $back
node /local/domain/4/device/vbd/51744/backend-id 2
# What xl writes and nothing of ours, which a kernel's backend does not know.
! xenstore-read $back/driver 2>/dev/null || fail "a node driver"
[ "$(xenstore-ls -fp /local/domain/2/backend | awk -v p="$back" '$1 == p { print $NF }')" = "(n2,r4)" ] ||
	fail "permissions: $(xenstore-ls -fp /local/domain/2/backend)"
[ ! -s "$tmp/two.log" ] || fail "it runs without its disk"
xenstore-write $back/state 2
wait_for 60 says "$tmp/two.log" obeying
[ "$("$sluice" list | wc -l)" = 4 ] || fail "$("$sluice" list)"

"$sluice" shutdown --wait one
is_state two running || fail "$("$sluice" list)"
is_state store running || fail "$("$sluice" list)"
# Its backend's answer to the end of the guest
"$sluice" shutdown two
wait_for 60 eval '[ "$(xenstore-read '$back'/online)" = 0 ]'
xenstore-write $back/state 6
status=0
wait "$booted" || status=$?
[ $status = 0 ] || fail "status $status: $(cat "$tmp/log")"
says "$tmp/store.log" "asked to poweroff" || fail "the driver domain was not asked to end"
assert_tidy 5
