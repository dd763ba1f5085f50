#!/bin/bash
# SPDX-License-Identifier: MIT
# Values as long as the store takes them, and longer, in each node that the daemon reads.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
requires command -v python3
start_store
make_backend
make_script block-mine
start_driverd
add_leaf vbd 3 1
wait_for 10 state_is vbd/3/1 2
# A megabyte is no message of this protocol: the store drops who sends it, and nothing of it arrives.
python3 - "$tmp/store.sock" "$dd/backend/vbd/3/1/state" <<'EOT' || fail "the store took a megabyte"
import socket, struct, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
body = sys.argv[2].encode() + b"\0" + b"9" * (1 << 20)
try:
	s.sendall(struct.pack("<IIII", 11, 1, 0, len(body)) + body)
	kind = struct.unpack("<IIII", s.recv(16, socket.MSG_WAITALL).ljust(16, b"\0"))[0]
except OSError:
	kind = 16
sys.exit(kind == 11)
EOT
state_is vbd/3/1 2 || fail "its state is $(xs read "$dd/backend/vbd/3/1/state")"
long=$(head -c 3900 /dev/zero | tr '\0' "${fill:-7}")
i=10
for node in state online frontend-id frontend params mode script type driver hotplug-status hotplug-error physical-device; do
	for value in "$long" "/$long" "$(printf '\377\001\033[31m%%s%%n')"; do
		i=$((i + 1))
		add_leaf vbd 2 $i script "$tmp/scripts/block-mine"
		xs write "$dd/backend/vbd/2/$i/$node" "$value" || true
		i=$((i + 1))
		# .. and from the start.
		xs write "$dd/backend/vbd/2/$i/$node" "$value" || true
		add_leaf vbd 2 $i
		xs write "$dd/backend/vbd/2/$i/$node" "$value" || true
	done
done
add_leaf vbd 3 2
wait_for 20 state_is vbd/3/2 2
kill -HUP "$driverd_pid"
add_leaf vbd 3 3
wait_for 20 state_is vbd/3/3 2
kill -0 "$driverd_pid" || fail "the daemon has ended"
# Nothing that a terminal would obey, and no line without end.
! grep -q "$(printf '\033')" "$tmp/log/driverd" || fail "an escape sequence is in the log"
[ "$(wc -L <"$tmp/log/driverd")" -le 600 ] || fail "a line of $(wc -L <"$tmp/log/driverd") characters"
