# SPDX-License-Identifier: MIT
# What cannot be served is said in one line that names it, at once, and nothing stays.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
requires_stack
image "$tmp/good.img" 1
mkdir "$tmp/dir"
truncate -s 1000 "$tmp/odd.img"
mkfifo "$tmp/fifo"
: >"$tmp/empty.img"

# one_line STATUS TEXT COMMAND..: it fails with STATUS and one line that has TEXT.
one_line () {
	local want=$1 text=$2 status=0; shift 2
	timeout 60 "$@" >"$tmp/out" 2>"$tmp/err" </dev/null || status=$?
	[ $status = "$want" ] || fail "status $status in place of $want from: $*: $(cat "$tmp/err")"
	[ "$(wc -l <"$tmp/err")" = 1 ] || fail "not one line from: $*: $(cat "$tmp/err")"
	grep -qF -- "$text" "$tmp/err" || fail "does not say \"$text\": $(cat "$tmp/err")"
	[ ! -s "$tmp/out" ] || fail "output from: $*: $(cat "$tmp/out")"
	assert_tidy 5
}
one_line 125 "$tmp/nosuch.img" "$sluice" exec --disk="$tmp/nosuch.img" true
one_line 125 "$tmp/dir" "$sluice" exec --disk="$tmp/dir" true
one_line 125 "multiple of 512" "$sluice" exec --disk="$tmp/odd.img" true
one_line 125 "$tmp/fifo" "$sluice" exec --disk="$tmp/fifo" true
one_line 125 "$tmp/empty.img" "$sluice" exec --disk="$tmp/empty.img" true
one_line 125 "$tmp/good.img" "$sluice" exec --disk="$tmp/good.img" --disk="$tmp/good.img" true
one_line 125 '"nosuch"' "$sluice" exec --disk="$tmp/good.img,driver=nosuch" true
one_line 125 'no option "r0"' "$sluice" exec --disk="$tmp/good.img,r0" true
one_line 125 "fd0 is no disk name" "$sluice" exec --disk="$tmp/good.img,dev=fd0" true
one_line 125 "--nosuch is no option" "$sluice" exec --nosuch true
one_line 125 "needs a value" "$sluice" exec --disk
one_line 125 "which command" "$sluice" exec --disk="$tmp/good.img"
one_line 127 "command not found" "$sluice" exec sluice-no-such-command
one_line 126 "denied" "$sluice" exec "$tmp/good.img"
one_line 1 "no verb nosuch" "$sluice" nosuch
one_line 1 "$tmp/nosuch.img" "$bench" blk --filename="$tmp/nosuch.img"
one_line 1 "$tmp/dir" "$bench" blk --filename="$tmp/dir"
one_line 1 "multiple of 512" "$bench" blk --filename="$tmp/odd.img"
one_line 1 "smaller --size" "$bench" blk --filename="$tmp/good.img" --size=2m
one_line 1 "--ioengine=libaio" "$bench" blk --filename="$tmp/good.img" --ioengine=libaio
one_line 1 "less than --bs" "$bench" blk --filename="$tmp/good.img" --bs=2m
one_line 1 "beyond the disk" "$bench" blk --filename="$tmp/good.img" --offset=1m
one_line 1 "no subcommand nosuch" "$bench" nosuch
cmp -s "$tmp/good.img" "$tmp/good.img" && [ "$(stat -c %s "$tmp/good.img")" = 1048576 ] ||
	fail "the image was changed"
