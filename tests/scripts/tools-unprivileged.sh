# SPDX-License-Identifier: MIT
# No root is needed: the whole stack as nobody.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
[ "$(id -u)" = 0 ] || skip "runs as an ordinary user anyway"
requires setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$sluice"
image "$tmp/a.img" 4
chmod 755 "$tmp"
chown 65534:65534 "$tmp/a.img" "$XDG_RUNTIME_DIR"
as_nobody () { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
out=$(as_nobody "$sluice" exec --disk="$tmp/a.img" -- id -u 2>&1) || fail "$out"
[ "$out" = 65534 ] || fail "the command is user $out"
as_nobody "$bench" blk --filename="$tmp/a.img" --rw=randrw --verify=crc32c --iodepth=8 >"$tmp/out" 2>&1 ||
	fail "$(cat "$tmp/out")"
grep -q ", 0 wrong" "$tmp/out" || fail "$(cat "$tmp/out")"
# What nobody may not write is said.
chown 0:0 "$tmp/a.img"
chmod 644 "$tmp/a.img"
status=0
as_nobody "$sluice" exec --disk="$tmp/a.img" true 2>"$tmp/err" || status=$?
[ $status = 125 ] && grep -q "denied" "$tmp/err" || fail "status $status: $(cat "$tmp/err")"
assert_tidy
