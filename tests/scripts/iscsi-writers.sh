#!/bin/bash
# SPDX-License-Identifier: MIT
# Who writes one unit: of one machine's disks one at a time, unless they are shared; readers together; with
# reserve=yes no other machine's either, which may write again after a clean end, and whose own
# reservation does not keep a restarted backend out.
source "$(dirname "$0")/functions.sh"
source "$srcdir/tests/scripts/iscsi-functions.sh"

begin_store
storage_start 16

serve 51712 "$storage_uri"
first=$served
refused 'another disk of this machine has it locked' "$storage_uri"
refused 'another disk of this machine has it locked' "$storage_uri" r
unserve "$first"
serve 51712 "$storage_uri" r
first=$served
serve 51728 "$storage_uri" r
unserve "$served"
refused 'another disk of this machine has it locked' "$storage_uri"
unserve "$first"
# Both stay: neither ends the other's session.
serve 51712 "$storage_uri" w 1
first=$served
serve 51728 "$storage_uri" w 1
sleep 1
! grep -E 'lost|error' "$tmp/err.51712" || fail "one shared disk disturbs the other"
unserve "$served"
unserve "$first"

# Another machine: another name, other locks.
elsewhere () { (SLUICE_LOCK_DIR=$tmp/elsewhere; export SLUICE_LOCK_DIR; "$@"); }
theirs="$storage_uri&reserve=yes&initiator=iqn.2026-01.net.example:them"
ours="$storage_uri&reserve=yes&initiator=iqn.2026-01.net.example:we"
refused 'cannot want that' "$storage_uri&reserve=yes" w 1
serve 51712 "$ours"
first=$served
grep -q reserved "$tmp/err.51712" || fail "$(cat "$tmp/err.51712")"
elsewhere refused 'reserved by another initiator' "$theirs"
# Killed: it comes in again, and they still do not.
kill -9 "$first"
wait "$first" 2>/dev/null || :
elsewhere refused 'reserved by another initiator' "$theirs"
serve 51712 "$ours"
elsewhere refused 'reserved by another initiator' "$theirs"
unserve "$served"
elsewhere serve 51728 "$theirs"
