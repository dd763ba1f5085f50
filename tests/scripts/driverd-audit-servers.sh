#!/bin/bash
# SPDX-License-Identifier: MIT
# --audit names the servers that a backend said, when it was confined, that it reaches; of one
# that reaches none it says nothing, and what lies behind the list is not taken for servers.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
make_backend
start_store
# says KIND TEXT: a backend of that kind, which says TEXT of its confinement.
says () {
	printf 'READY=1\nCONFINED=%s\nRESUMED=0\n' "$2" >"$tmp/$1.says"
	# cat makes it one write, as a backend does; a shell's printf makes several.
	sed "s|.. echo READY=1 >&|\|\| cat '$tmp/$1.says' >\&|" "$tmp/backend" >"$tmp/$1"
	grep -q "$1.says" "$tmp/$1" || fail "the stand-in says nothing"
	chmod +x "$tmp/$1"
}
says vbd 'namespaces, seccomp (9 rules), servers: 192.0.2.1:3260 [2001:db8::7]:24007-24010; no landlock (x), servers: 9'
says qdisk 'namespaces, seccomp (9 rules)'
start_driverd --backend-program=vbd="$tmp/vbd" --backend-program=qdisk="$tmp/qdisk"
add_leaf vbd 2 51712
add_leaf qdisk 2 51728
for dev in vbd-2-51712 qdisk-2-51728; do
	wait_for 20 grep -q CONFINED= "$tmp/run/$dev.lock"
done
"$driverd" --audit --run-dir="$tmp/run" >"$tmp/audit" 2>&1 || true
sed -n '/^vbd-2/,/=>/p' "$tmp/audit" >"$tmp/vbd.audit"
sed -n '/^qdisk-2/,/=>/p' "$tmp/audit" >"$tmp/qdisk.audit"
grep -qE '^  servers +192\.0\.2\.1:3260 \[2001:db8::7\]:24007-24010$' "$tmp/vbd.audit" || fail "$(cat "$tmp/vbd.audit")"
[ -s "$tmp/qdisk.audit" ] || fail "no audit of the other: $(cat "$tmp/audit")"
! grep -q servers "$tmp/qdisk.audit" || fail "$(cat "$tmp/qdisk.audit")"
