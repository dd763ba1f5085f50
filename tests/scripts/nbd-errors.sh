#!/bin/bash
# SPDX-License-Identifier: MIT
# NBD servers that are not there, say no, or are not what they were: the reason reaches the user.
source "$(dirname "$0")/functions.sh"
source "$srcdir/tests/scripts/format-functions.sh"
for program in nbdkit python3; do
	command -v $program >/dev/null || skip "$program is not installed"
done
refused 'nbd+unix:///e' 'socket is missing'
refused 'nbd://user:secret@h/e' 'password'
! grep -q secret "$tmp/out" || fail "the password is shown"
# Of all drivers, and before it stands in the store.
for name in 'iscsi://user%secret@h/iqn.x:y/1' 'iscsi://h/iqn.x:y/1?target_password=secret' 'gluster://user:secret@h/v/a'; do
	refused "$name" 'there is a password in its name; it would stand in the store'
	! grep -q secret "$tmp/out" || fail "the password is shown: $(cat "$tmp/out")"
done
refused 'nbds://h/e' 'TLS is not served'
refused "nbd+unix:///?socket=$tmp/s&timeout=0" 'timeout=0'
refused "nbd+unix:///?socket=$tmp/s&export=x" 'parameter "export"'
# Nobody is there, within the time that the disk says; and somebody who says nothing.
refused "nbd+unix:///?socket=$tmp/none.sock&timeout=1" "NBD server $tmp/none.sock: No such file"
python3 -c 'import socket, sys, time
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(8); time.sleep(300)' "$tmp/mute.sock" &
mute=$!
cleanup_fn eval "kill $mute 2>/dev/null; wait $mute 2>/dev/null || :"
wait_for 20 test -S "$tmp/mute.sock"
refused "nbd+unix:///?socket=$tmp/mute.sock&timeout=1" 'is connected to, and does not speak'
# server NAME ARGUMENT..: an nbdkit on $tmp/NAME.sock
server () {
	local name=$1; shift
	nbdkit --foreground --exit-with-parent --unix="$tmp/$name.sock" "$@" 2>>"$tmp/nbdkit.err" &
	cleanup_fn eval "kill $! 2>/dev/null; wait $! 2>/dev/null || :"
	wait_for 20 test -S "$tmp/$name.sock"
}
server readonly --readonly memory 1M
refused "nbd+unix:///?socket=$tmp/readonly.sock" 'attach the disk with mode r'
serve "nbd+unix:///?socket=$tmp/readonly.sock,ro" types
wait "$guest" || :
grep -q 'offered' "$tmp/out" || { cat "$tmp/out" "$tmp/log"; fail "a read-only export is not served"; }
server odd memory 1000
refused "nbd+unix:///?socket=$tmp/odd.sock" 'the export has 1000 bytes'
server empty memory 0
refused "nbd+unix:///?socket=$tmp/empty.sock" 'the export has 0 bytes'
