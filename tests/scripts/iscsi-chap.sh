#!/bin/bash
# SPDX-License-Identifier: MIT
# CHAP, in both directions, from a file: the right one is let in, a wrong or a missing one is refused,
# and so is a target that does not prove who it is; others may not read the file; and the
# passwords are in no log, no store and no process' arguments or environment, and in the backend's
# memory once, for the next login.
source "$(dirname "$0")/functions.sh"
source "$srcdir/tests/scripts/iscsi-functions.sh"
begin_store
ours=hunter2hunter2 theirs=swordfish7swordfish
storage_start 16
tgtadm_ --op new --mode account --user we --password "$ours"
tgtadm_ --op bind --mode account --tid 1 --user we
tgtadm_ --op new --mode account --user they --password "$theirs"
tgtadm_ --op bind --mode account --tid 1 --user they --outgoing
# credentials FILE LINE..
credentials () { local file=$tmp/$1; shift; printf '%s\n' "$@" >"$file"; chmod 600 "$file"; }
credentials one user=we "password=$ours"
credentials both user=we "password=$ours" target-user=they "target-password=$theirs"
credentials wrong user=we password=not-the-right-one
credentials impostor user=we "password=$ours" target-user=they target-password=another-one-here
credentials open user=we "password=$ours"
chmod 640 "$tmp/open"
credentials odd user=we "$ours"
uri="$storage_uri&credentials=$tmp"

# in_memory TEXT: how often the backend has it.
in_memory () {
	local n
	n=$(python3 - "$served" "$1" <<'END'
import sys
n = 0
with open('/proc/%s/maps' % sys.argv[1]) as maps, open('/proc/%s/mem' % sys.argv[1], 'rb', 0) as mem:
    for line in maps:
        where, rights = line.split()[:2]
        if not rights.startswith('rw') or '[v' in line:
            continue
        start, end = (int(x, 16) for x in where.split('-'))
        if end - start > 1 << 28: # a sanitizer's
            continue
        try:
            mem.seek(start)
            n += mem.read(end - start).count(sys.argv[2].encode())
        except OSError:
            pass
print(n)
END
	)
	[ "$n" = 1 ] || fail "the backend has a password $n times in its memory"
}

refused 'no login: .*credentials=FILE' "$storage_uri"
refused 'no login' "$uri/wrong"
refused 'no login' "$uri/impostor"
refused 'chmod 600' "$uri/open"
refused 'line 2 is no KEY=VALUE' "$uri/odd"
refused 'missing: No such file' "$uri/missing"
: >"$tmp/seen"
for file in one both; do
	log_level=debug serve 51712 "$uri/$file"
	for what in cmdline environ; do tr '\0' '\n' <"/proc/$served/$what" >>"$tmp/seen"; done
	xenstore-ls -f / >>"$tmp/seen"
	in_memory "$ours"
	[ $file = one ] || in_memory "$theirs"
	unserve "$served"
	cat "$tmp/err.51712" >>"$tmp/seen"
done
grep -q credentials= "$tmp/seen" || fail "nothing was looked at"
! grep -E "$ours|$theirs" "$tmp/seen" "$tmp/store.log" "$tmp/err" || fail "a password is where many can read it"
