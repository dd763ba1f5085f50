# SPDX-License-Identifier: MIT
# Debian's own xenstore tools work on sluice-store, for the toolstack and for a domain.
source "$(dirname "$0")/functions.sh"
source "$srcdir/tests/scripts/store-functions.sh"
for tool in ls read write rm chmod list exists watch; do
	requires command -v "xenstore-$tool"
done
start_store

# same EXPECTED COMMAND ARG..: the command succeeds and prints just that.
same () {
	local expected=$1 got; shift
	got=$("$@") || fail "$* failed"
	[ "$got" = "$expected" ] || fail "$*: expected '$expected', got '$got'"
}

xenstore-write /vm/a/name one /vm/a/empty ''
same one xenstore-read /vm/a/name
same '' xenstore-read /vm/a/empty
same $'name\nempty' xenstore-list /vm/a
same '/vm/a/name = "one"' grep name <(xenstore-ls -f /vm)
xenstore-exists /vm/a/name || fail "xenstore-exists denies what is there"
! xenstore-exists /vm/b || fail "xenstore-exists finds what is not there"
! xenstore-read /vm/b 2>"$tmp/err" || fail "xenstore-read reads what is not there"
xenstore-chmod /vm/a/name n0 r3 b4
same '/vm/a/name = "one"   (n0,r3,b4)' grep name <(xenstore-ls -fp /vm)
xenstore-chmod -r /vm r0
same '/vm/a/name = "one"   (r0)' grep name <(xenstore-ls -fp /vm)

xenstore-watch -n 4 /vm/a >"$tmp/events" &
watcher=$!
end_with_test "$watcher"
has_lines () { [ "$(wc -l <"$tmp/events")" -ge "$1" ]; }
wait_for 5 has_lines 1
xenstore-write /vm/a/name two
wait_for 5 has_lines 2
xenstore-write /vm/other x
xenstore-rm /vm/a/name
wait_for 5 has_lines 3
xenstore-rm /vm
wait "$watcher" || fail "xenstore-watch failed"
same $'/vm/a\n/vm/a/name\n/vm/a/name\n/vm/a' cat "$tmp/events"

# A listing that no single reply can hold.
paths=$(seq -f '/big/a-child-with-a-long-name-%03g' 300)
xenstore-write $(for path in $paths; do echo "$path" x; done)
same 300 wc -l < <(xenstore-list /big)
same "$(sed 's|/big/||' <<<"$paths")" xenstore-list /big

kill "$store"
wait "$store" || fail "SIGTERM did not end the store well"
[ ! -e "$XENSTORED_PATH" ] || fail "its socket is still there"
