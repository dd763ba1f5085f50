#!/bin/bash
# SPDX-License-Identifier: MIT
# Names of iSCSI storage that cannot be served: the offending part is named, in one line and in the
# error nodes; a server that is not there, or does not answer, or answers too early, ends the attach in time; passwords
# in a name are refused and repeated nowhere. The target that is there is served.
source "$(dirname "$0")/functions.sh"
source "$srcdir/tests/scripts/iscsi-functions.sh"
requires command -v python3
begin_store

refused 'port "x": write a number' "iscsi://127.0.0.1:x/iqn.2026-01.net.example:test/1"
refused 'target "": is no iSCSI name' "iscsi://127.0.0.1"
refused 'unit "z": is no number' "iscsi://127.0.0.1/iqn.2026-01.net.example:test/z"
refused 'option "colour": is unknown' "iscsi://127.0.0.1/iqn.2026-01.net.example:test/1?colour=red"
refused 'the address of host no-such-host.invalid' "iscsi://no-such-host.invalid/iqn.2026-01.net.example:test/1"
for name in 'user%hunter2@127.0.0.1/iqn.x/1' 'user:hunter2@127.0.0.1/iqn.x/1' '127.0.0.1/iqn.x/1?password=hunter2'; do
	refused 'does not belong into the name' "iscsi://$name"
	! grep hunter2 "$tmp/err" || fail "it says the password"
done

# Nobody is there: at once.
port=$(storage_port)
refused "no connection.*(refused|unreachable)" "iscsi://127.0.0.1:$port/iqn.2026-01.net.example:test/1?connect-timeout=30"
storage_start 16
portal=127.0.0.1:$iscsi_port
refused 'no login: .*[Tt]arget not found' "iscsi://$portal/iqn.2026-01.net.example:other/1"
refused 'the target has no such unit|not supported' "iscsi://$portal/$iscsi_target/5?connect-timeout=2"
refused 'it is no disk but a device of type 12' "iscsi://$portal/$iscsi_target/0"
# Somebody is there and says nothing.
storage_hang
refused 'no login within 2 s' "iscsi://$portal/$iscsi_target/1?connect-timeout=2"
storage_resume
serve 51712 "$storage_uri"
grep -q '16777216 bytes in blocks of 512, cache, discard' "$tmp/err.51712" || fail "$(cat "$tmp/err.51712")"
unserve "$served"
# Read only, and not to be written.
iscsi_set readonly=1
refused 'write-protected; attach it to be read only' "$storage_uri"
serve 51712 "$storage_uri" r
unserve "$served"

# A target that asks for a command's data and answers it at once: when the data's turn comes they are not the command's
# any more. None is sent.
port=$(storage_port)
: >"$tmp/opcodes"
python3 - "$port" 2>"$tmp/hasty.err" >"$tmp/opcodes" <<'END' &
import socket, struct, sys
def header(opcode, flags, itt, statsn, cmdsn, more=b'', status=0, ttt=0xffffffff, data=b''):
    h = bytearray(48)
    h[0], h[1], h[3] = opcode, flags, status
    h[4:8] = struct.pack('>I', len(data))
    h[16:36] = struct.pack('>IIIII', itt, ttt, statsn, cmdsn + 1, cmdsn + 64)
    h[36:36 + len(more)] = more
    return h
def login(h, statsn, cmdsn, itt):
    keys = b'HeaderDigest=None\0InitialR2T=Yes\0ImmediateData=No\0' if h[1] & 0x0c else b'AuthMethod=None\0TargetPortalGroupTag=1\0'
    r = header(0x23, h[1] & 0x8f, itt, statsn, cmdsn - 1, data=keys)
    r[8:16] = h[8:14] + b'\0\1'
    r[36:38] = b'\0\0'
    return bytes(r) + keys + bytes(-len(keys) % 4)
def serve(c):
    statsn = 0
    while True:
        h = c.recv(48, socket.MSG_WAITALL)
        if len(h) < 48:
            return
        size = int.from_bytes(h[5:8], 'big')
        if size and len(c.recv(size + -size % 4, socket.MSG_WAITALL)) < size:
            return
        opcode, (itt,), (cmdsn,) = h[0] & 0x3f, struct.unpack('>I', h[16:20]), struct.unpack('>I', h[24:28])
        print('%02x' % opcode, '%02x' % h[32], flush=True)
        statsn += 1
        if opcode == 0x03:
            c.sendall(login(h, statsn, cmdsn, itt))
        elif opcode == 0x01:
            r2t = header(0x31, 0x80, itt, statsn, cmdsn, struct.pack('>III', 0, 0, 24), ttt=1) if h[1] & 0x20 else b''
            c.sendall(bytes(r2t) + bytes(header(0x21, 0x80, itt, statsn, cmdsn)))
s = socket.create_server(('127.0.0.1', int(sys.argv[1])))
print('ready', flush=True)
while True:
    serve(s.accept()[0])
END
hasty=$!
cleanup_fn eval "kill $hasty 2>/dev/null; wait $hasty 2>/dev/null || :"
wait_for 20 grep -q ready "$tmp/opcodes"
refused 'reserving unit 1: the session failed' "iscsi://127.0.0.1:$port/iqn.2026-01.net.example:hasty/1?reserve=yes&connect-timeout=5&initiator=iqn.2026-01.net.example:us"
grep -q '^01 5f' "$tmp/opcodes" || fail "no data were asked for: $(cat "$tmp/opcodes" "$tmp/hasty.err")"
! grep '^05' "$tmp/opcodes" || fail "it sent data of a command that had ended"
