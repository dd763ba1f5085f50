# SPDX-License-Identifier: MIT
# Backends that do not close cost a vm's end their time together, not one after the other: all
# are asked before any is given up, and those that answer are not waited for.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
. "$(dirname "$0")/boot-functions.sh"
. "$(dirname "$0")/create-functions.sh"
requires_vm
requires command -v xenstore-read
config "$tmp/store.cfg" 'extra="obey"' 'driver_domain=1'
"$sluice" create -q "$tmp/store.cfg"
config "$tmp/vm.cfg" 'extra="obey"' "vif=[ 'backend=store' ]" \
	"disk=[ '/dev/a,raw,xvda,rw,backend=store', '/dev/b,raw,xvdb,rw,backend=store', '/dev/c,raw,xvdc,rw,backend=store' ]"
"$sluice" create -q "$tmp/vm.cfg" &
create=$!
export XENSTORED_PATH
XENSTORED_PATH=$(ls -d "$XDG_RUNTIME_DIR"/sluice-*/run.*/store.sock)
# The backends in that domain are this script.
backends="vbd/3/51712 vbd/3/51728 vbd/3/51744 vif/3/0"
node () { xenstore-read "/local/domain/2/backend/$1/$2" 2>/dev/null; }
set_state () { xenstore-write "/local/domain/2/backend/$1/state" "$2"; }
for b in $backends; do
	wait_for 60 node "$b" state
	set_state "$b" 2
done
wait "$create" || fail "create"
"$sluice" destroy vm &
destroy=$!
all_asked () { local b; for b in $backends; do [ "$(node "$b" online) $(node "$b" state)" = "0 5" ] || return 1; done; }
wait_for 60 all_asked
for b in $backends; do set_state "$b" 6; done
wait "$destroy" || fail "destroy"
[ -z "$(xenstore-list /local/domain/2/backend/vbd 2>/dev/null)" ] || fail "nodes are left: $(xenstore-ls -f)"
"$sluice" destroy store
assert_tidy 20
