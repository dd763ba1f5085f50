#!/bin/bash
# SPDX-License-Identifier: MIT
# What was acknowledged is on the bricks, and not in the backend's memory: it is killed behind
# the answer and before any flush. Without write-behind; with it where strict-o-direct is set; and
# when somebody switches it on, without that, while the disk is in use.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/gluster-functions.sh"
. "$(dirname "$0")/blk-survive-functions.sh"
gluster_guest_requires
one_brick 16

backend_ended () { ! grep -qE '^State:[[:space:]]+[^ZX]' "/proc/$1/status"; }
# acknowledged_is_there COMMAND: which is run under load, before the brick is stopped, so that memory is all that could acknowledge.
acknowledged_is_there () {
	local backend
	rm -f "$tmp/expect"
	gluster_guest '' left depth=16 segments=2 seed=$RANDOM expect="$tmp/expect"
	wait_for 60 gluster_guest_says loaded
	"$@"
	kill -STOP "$(brick_pid 1)"
	sleep 1
	backend=$(backend_below "$guest")
	kill -KILL "$backend"
	wait_for 120 backend_ended "$backend"
	kill -CONT "$(brick_pid 1)"
	wait $guest || :
	[ -s "$tmp/expect" ] || fail "the guest tells nothing: $(tail -n 5 "$tmp/out" "$tmp/log")"
	"$conform" compare expect="$tmp/expect" actual="$gluster_dir/brick1/disk.img" || fail "a write that was acknowledged is lost"
}
acknowledged_is_there true
volume_set performance.write-behind on
volume_set performance.strict-o-direct on
acknowledged_is_there true
volume_set performance.strict-o-direct off
volume_set performance.write-behind off
switch_on () {
	volume_set performance.write-behind on
	sleep 2
}
acknowledged_is_there switch_on
echo "what was acknowledged was there"
