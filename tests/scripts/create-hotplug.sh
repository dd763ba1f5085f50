# SPDX-License-Identifier: MIT
# Disks come to a vm that runs and leave it; what it has when it reboots it keeps.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
. "$(dirname "$0")/boot-functions.sh"
. "$(dirname "$0")/create-functions.sh"
requires_vm
requires command -v xenstore-read
image "$tmp/a.img" 1
image "$tmp/b.img" 2
image "$tmp/c.img" 2
config "$tmp/vm.cfg" 'extra="hotplug obey"' "disk=[ '$tmp/a.img,raw,xvda,rw' ]"
"$sluice" create -c "$tmp/vm.cfg" </dev/null >"$tmp/console" &
client=$!
cleanup_fn eval "kill $client 2>/dev/null"
wait_for 60 says "$tmp/console" '1 disks now'
export XENSTORED_PATH
XENSTORED_PATH=$(ls -d "$XDG_RUNTIME_DIR"/sluice-*/run.*/store.sock)
listed () { "$sluice" block-list vm | awk 'NR > 1 { print $2 }' | tr '\n' ' '; }
refused () {
	local said=$1; shift
	! "$sluice" "$@" 2>"$tmp/err" || fail "done: $*"
	says "$tmp/err" "$said" || fail "$*: $(cat "$tmp/err")"
}

# What libxl writes for a disk, when block-attach returns, and a backend that waits.
"$sluice" block-attach vm "$tmp/b.img,raw,xvdb,r"
front=/local/domain/2/device/vbd/51728 back=/local/domain/1/backend/vbd/2/51728
[ "$(xenstore-read $front/backend)" = $back ] || fail "$(xenstore-ls -f)"
[ "$(xenstore-read $back/mode)" = r ] || fail "$(xenstore-ls -f)"
[ "$(xenstore-read $back/state)" = 2 ] || fail "$(xenstore-ls -f)"
wait_for 60 says "$tmp/console" '2 disks now'
[ "$(listed)" = "xvda xvdb " ] || fail "$("$sluice" block-list vm)"
# In words of their own, as for xl.
"$sluice" block-attach vm format=raw vdev=xvdc "target=$tmp/c.img"
wait_for 60 says "$tmp/console" '3 disks now'

refused 'disk xvdb is there twice' block-attach vm "$tmp/c.img,raw,xvdb,rw"
refused '/nowhere: No such file' block-attach vm /nowhere,raw,xvdd,rw
refused 'no driver domain nobody' block-attach vm /nowhere,raw,xvdd,rw,backend=nobody
# A backend that cannot serve it: the guest is left without it.
refused 'xvdd' block-attach vm "/proc/self/status,raw,xvdd,rw"
! xenstore-read /local/domain/2/device/vbd/51760/state 2>/dev/null || fail "the nodes of a disk that failed are left"
[ "$(listed)" = "xvda xvdb xvdc " ] || fail "$("$sluice" block-list vm)"

# Detached: no node is left, and no backend.
"$sluice" block-detach vm xvdb
! xenstore-read $front/state 2>/dev/null || fail "$(xenstore-ls -f)"
! xenstore-read $back/state 2>/dev/null || fail "$(xenstore-ls -f)"
! xenstore-read /libxl/2/device/vbd/51728/dev 2>/dev/null || fail "$(xenstore-ls -f)"
wait_for 60 eval '[ "$(grep -c "2 disks now" "$tmp/console")" = 2 ]'
refused 'vm has no disk xvdb' block-detach vm xvdb
refused 'vm has no disk 99' block-detach vm 99
refused 'vm has no disk junk' block-detach vm junk
# The image is free again, and comes back under the same name.
"$sluice" block-attach vm "$tmp/b.img,raw,xvdb,rw"
"$sluice" block-detach vm 51744
[ "$(listed)" = "xvda xvdb " ] || fail "$("$sluice" block-list vm)"

"$sluice" reboot vm
wait_for 60 eval '[ "$(domid vm)" = 3 ]'
wait_for 60 is_state vm running
[ "$(listed)" = "xvda xvdb " ] || fail "after a reboot: $("$sluice" block-list vm)"

# With a backend in a driver domain, which here is this script: one that never closes.
config "$tmp/store.cfg" 'extra="obey"' 'driver_domain=1'
"$sluice" create -q "$tmp/store.cfg"
attach () {
	"$sluice" block-attach vm "/dev/xvda,raw,$1,rw,backend=store" 2>"$tmp/attach.err" &
	attach=$!
	wait_for 60 xenstore-read "$back/params"
}
back=/local/domain/4/backend/vbd/3/51760
attach xvdd
refused 'disk xvdd is just being attached' block-attach vm /dev/xvda,raw,xvdd,rw,backend=store
xenstore-write $back/state 2
wait $attach || fail "block-attach: $(cat "$tmp/attach.err")"
"$sluice" block-list vm | grep -qE '^51760 +xvdd +4 +3 +2 +w +/dev/xvda$' || fail "$("$sluice" block-list vm)"
refused 'vm did not let go of disk xvdd within 10 s' block-detach vm xvdd
[ "$(xenstore-read $back/online) $(xenstore-read $back/state)" = "0 5" ] || fail "$(xenstore-ls -f)"
[ "$(listed)" = "xvda xvdb xvdd " ] || fail "$("$sluice" block-list vm)"
# By force: the frontend is taken away, and the backend told so.
"$sluice" block-detach --force vm xvdd &
client=$!
wait_for 60 eval '! xenstore-read /local/domain/3/device/vbd/51760/state'
xenstore-write $back/state 6
wait $client || fail "--force"
[ "$(listed)" = "xvda xvdb " ] || fail "after --force: $("$sluice" block-list vm)"
# Whoever waits for a disk is told when the vm goes.
back=/local/domain/4/backend/vbd/3/51776
attach xvde
"$sluice" destroy vm
! wait $attach || fail "attached to nothing"
says "$tmp/attach.err" 'the vm has ended' || fail "$(cat "$tmp/attach.err")"
"$sluice" destroy store
assert_tidy 20
