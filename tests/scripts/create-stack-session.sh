# SPDX-License-Identifier: MIT
# The stack of a session is found without one, where there is no XDG_RUNTIME_DIR, and is joined.
if [ -z "${SLUICE_TEST_INSIDE-}" ]; then
	. "$(dirname "$0")/functions.sh"
	[ "$(id -u)" = 0 ] && how=-m || how=-rm
	requires unshare $how mount -t tmpfs tmpfs /run
	# Places of its own, that nobody else's stacks are in.
	SLUICE_TEST_INSIDE=1 unshare $how bash "$0"
	exit
fi
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /dev/shm
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
. "$(dirname "$0")/boot-functions.sh"
. "$(dirname "$0")/create-functions.sh"
XDG_RUNTIME_DIR=/run/user/$(id -u)
mkdir -p "$XDG_RUNTIME_DIR"
chmod 700 "$XDG_RUNTIME_DIR"
requires_stack
without () { env -u XDG_RUNTIME_DIR "$@"; }
process_config "$tmp/store.cfg"
"$sluice" create -q "$tmp/store.cfg" 2>"$tmp/err" || {
	! says "$tmp/err" 'cannot be confined' || skip "$(cat "$tmp/err")"
	fail "$(cat "$tmp/err")"
}
[ "$(ls -d "$XDG_RUNTIME_DIR"/sluice-*/run.* | wc -l)" = 1 ] || fail 'it is not where it belongs'
without "$sluice" list | grep -q '^store .* running ' || fail "not found: $(without "$sluice" list)"
without "$sluice" create -q "$tmp/store.cfg" 'name="other"'
is_state other running || fail "in another stack: $("$sluice" list)"
# Who names a place of his own means that.
mkdir "$tmp/own"
[ "$(XDG_RUNTIME_DIR=$tmp/own "$sluice" list | wc -l)" = 1 ] || fail 'found from elsewhere'
without "$sluice" destroy store
without "$sluice" destroy other
gone () { [ -z "$(ls -d /run/user/*/sluice-* /dev/shm/sluice-[0-9]* 2>/dev/null)" ]; }
wait_for 60 gone
# Without a session it is not made where it goes with one.
without "$sluice" create -q "$tmp/store.cfg"
[ -n "$(ls -d /dev/shm/sluice-*/run.*)" ] || fail "made in $(ls -d /run/user/*/sluice-*/run.*)"
is_state store running || fail 'it is not found from a session'
"$sluice" destroy store
wait_for 60 gone
