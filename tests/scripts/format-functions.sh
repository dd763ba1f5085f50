# SPDX-License-Identifier: MIT
# For tests of images in formats, after functions.sh: a private stack whose guest is blk-conform.
source "$srcdir/tests/scripts/tools-functions.sh"
source "$srcdir/tests/scripts/blk-survive-functions.sh"
conform=$builddir/tests/peers/blk-conform
requires test -x "$conform"
[ -e "$builddir/backends/blk/.libs/blk-nbd.so" ] || skip "built without libnbd"
for program in qemu-img qemu-nbd; do
	command -v $program >/dev/null || skip "$program is not installed"
done
requires_stack
# serve DISK ARGUMENT..: blk-conform in the background, with what it and the stack say in files.
serve () {
	local disk=$1; shift
	SLUICE_LOG=info timeout -k 5 200 "$sluice" exec --disk="$disk" -- "$conform" "$@" >"$tmp/out" 2>"$tmp/log" &
	guest=$!
	cleanup_fn eval "kill $guest 2>/dev/null; wait $guest 2>/dev/null || :"
}
served () { # [STATUS]: how it ends
	local status=0
	wait "$guest" || status=$?
	[ $status = "${1:-0}" ] || { cat "$tmp/out" "$tmp/log"; fail "the guest ended with status $status"; }
	[ $status != 0 ] || ! grep 'may be lost' "$tmp/log" || fail "the format server flushed, and was not believed"
}
says () { wait_for 60 grep -qE -e "$1" "$tmp/out" "$tmp/log"; }
# refused DISK TEXT: the attach fails, and this is the reason.
refused () {
	local status=0
	timeout -k 5 60 "$sluice" exec --disk="$1" -- true >"$tmp/out" 2>&1 || status=$?
	[ $status = 125 ] || { cat "$tmp/out"; fail "$1: status $status, not 125"; }
	grep -qF -- "$2" "$tmp/out" || { cat "$tmp/out"; fail "$1: does not say \"$2\""; }
}
# format_server: its process id in this system.
format_server () {
	local p
	for p in $(pgrep -x qemu-nbd); do
		tr '\0' '\n' <"/proc/$p/cmdline" 2>/dev/null | grep -qF "$tmp/" && echo "$p" && return
	done
	return 1
}
