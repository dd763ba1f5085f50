#!/bin/bash
# SPDX-License-Identifier: MIT
# Names of iSCSI storage that cannot be served: the offending part is named, in one line and in the
# error nodes; a server that is not there, or does not answer, ends the attach in time; passwords
# in a name are refused and repeated nowhere. The target that is there is served.
source "$(dirname "$0")/functions.sh"
source "$srcdir/tests/scripts/iscsi-functions.sh"
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
