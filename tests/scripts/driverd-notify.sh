#!/bin/bash
# SPDX-License-Identifier: MIT
# A service manager hears when the daemon is ready and when it ends; backends do not see its socket.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
requires command -v python3
start_store
make_backend
add_leaf vbd 2 1
listen () { # FILE ADDRESS
	: >"$1"
	python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[2].replace("@", "\0"))
while True:
	with open(sys.argv[1], "a") as f: f.write(s.recv(100).decode() + "\n")' "$@" &
	cleanup_fn end_process "$!"
}
for address in "$tmp/notify" "@$tmp/abstract"; do
	listen "$tmp/log/notify" "$address"
	listening () { grep -qF -e "$address" /proc/net/unix; }
	wait_for 10 listening
	NOTIFY_SOCKET=$address start_driverd
	wait_for 10 grep -qx READY=1 "$tmp/log/notify"
	wait_for 10 state_is vbd/2/1 2
	tr '\0' '\n' <"/proc/$(backend_pid vbd/2/1)/environ" | grep -q ^NOTIFY_SOCKET && fail "the backend has the socket"
	grep -q STOPPING "$tmp/log/notify" && fail "it stops too early"
	kill -TERM "$driverd_pid"; wait "$driverd_pid"
	wait_for 10 grep -qx STOPPING=1 "$tmp/log/notify"
done
# A socket that nobody has is no reason to end.
NOTIFY_SOCKET=$tmp/nobody start_driverd
