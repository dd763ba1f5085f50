# SPDX-License-Identifier: MIT
# Options are checked by name, and the manual page and --help name the same ones.
. "$(dirname "$0")/functions.sh"
blk=$builddir/backends/blk/sluice-blk
requires test -x "$blk"
export XENSTORED_PATH=$tmp/nothing

# bad TEXT ARG..: refused with status 1 and one line that says TEXT.
bad () {
	local text=$1 status=0; shift
	timeout 60 "$blk" "$@" >"$tmp/out" 2>"$tmp/err" || status=$?
	[ $status = 1 ] || fail "status $status from: $*"
	grep -qF -- "$text" "$tmp/err" || fail "does not say \"$text\": $(cat "$tmp/err")"
}
bad "--backend=PATH is missing"
bad "unexpected argument" --backend=backend/vbd/1/2 extra
bad "--poll-us=x" --backend=b --poll-us=x
bad "--poll-us=-1" --backend=b --poll-us=-1
bad "--poll-us=1001" --backend=b --poll-us=1001
bad "--max-queues=0" --backend=b --max-queues=0
bad "--max-queues=9" --backend=b --max-queues=9
bad "--ready-fd=" --backend=b --ready-fd=
bad "--confine=maybe" --backend=b --confine=maybe
bad "--log-level=loud" --backend=b --log-level=loud
bad "there is no such storage driver" --backend=b --driver=nonsense
bad "--unknown" --unknown
bad "the store cannot be reached" --backend=backend/vbd/1/2

"$blk" --version | grep -q '^sluice-blk [0-9]' || fail "--version"
"$blk" --help >"$tmp/help"
for driver in uring null; do
	grep -q "^  $driver " "$tmp/help" || fail "--help does not list driver $driver"
	grep -q "^\.B $driver" "$srcdir/docs/man/sluice-blk.8" || fail "the manual lacks driver $driver"
done
grep -oE -- '--[a-z][a-z-]+' "$tmp/help" | sort -u >"$tmp/offered"
sed 's/\\-/-/g' "$srcdir/docs/man/sluice-blk.8" | grep -oE -- '--[a-z][a-z-]+' | sort -u >"$tmp/documented"
diff "$tmp/offered" "$tmp/documented" || fail "sluice-blk(8) and --help differ"
