# SPDX-License-Identifier: MIT
# What sluice-store says of its options, and what it does with what is in the way.
source "$(dirname "$0")/functions.sh"
source "$srcdir/tests/scripts/store-functions.sh"

refuses 'one of --socket' 
refuses 'one of --socket' --socket="$tmp/a" --socket-fd=0
refuses 'not an open descriptor' --socket-fd=999
refuses 'not an open descriptor' --socket-fd=x
refuses 'not a listening socket' --socket-fd=0
refuses 'cannot be listened on: No such file' --socket="$tmp/none/socket"
refuses 'too long' --socket="$tmp/$(printf 'x%.0s' {1..200})"
refuses 'is not an option' --socket="$tmp/a" extra
refuses 'try --help' --nonsense
refuses 'not a number' --socket="$tmp/a" --quota-nodes=0
refuses 'not a number' --socket="$tmp/a" --quota-memory=lots
refuses 'none of' --socket="$tmp/a" --log-level=loud

# A file that is no socket is left alone.
echo precious >"$tmp/file"
refuses 'File exists' --socket="$tmp/file"
grep -q precious "$tmp/file" || fail "it overwrote a file"

# A living store's socket is not taken from it; a dead one's is replaced.
start_store
refuses 'in use' --socket="$XENSTORED_PATH"
xenstore-exists /tool || fail "the first store does not answer any more"
[ "$(stat -c %a "$XENSTORED_PATH")" = 600 ] || fail "others may connect to the socket"
kill -9 "$store"
wait "$store" || true
[ -S "$XENSTORED_PATH" ] || fail "there is no stale socket to test with"
start_store
wait_for 5 xenstore-exists /tool

# It ends with the descriptor that it was told to follow, and takes its socket along.
mkfifo "$tmp/life"
"$program" --socket="$tmp/second" --exit-with-fd=9 9<"$tmp/life" &
second=$!
exec 8>"$tmp/life"
wait_for 5 test -S "$tmp/second"
exec 8>&-
wait "$second" || fail "it did not end well"
[ ! -e "$tmp/second" ] || fail "its socket is still there"

# The manual has every option that --help has, and no other.
"$program" --help | grep -o -- '--[a-z-]*' | grep -v quota | sort -u >"$tmp/help"
"$program" --help | sed -n 's/^ \{20,\}\([a-z-]*\) .*/--quota-\1/p' | sort >>"$tmp/help"
sed -n 's/^\.It Fl -\([a-z-]*\).*/--\1/p' "$srcdir/docs/man/sluice-store.8" | sort -u |
	sort >"$tmp/manual"
diff <(sort "$tmp/help") "$tmp/manual" || fail "--help and sluice-store.8 differ"
[ "$("$program" --version)" = "sluice-store $(sed -n 's/^#define PACKAGE_VERSION "\(.*\)"/\1/p' "$builddir/config.h")" ] ||
	fail "--version is wrong"
