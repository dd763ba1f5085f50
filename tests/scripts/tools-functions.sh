# SPDX-License-Identifier: MIT
# For tests of private stacks: source it after functions.sh.
sluice=$builddir/tools/sluice
bench=$builddir/tools/sluice-bench
# The stack's directories and nobody else's: what is left in it afterwards is ours.
# On a file system of its own, where it can be: what is mounted in a chroot stays hidden
# only on such a one.
XDG_RUNTIME_DIR=$tmp/run
if mountpoint -q /dev/shm && [ -w /dev/shm ]; then
	XDG_RUNTIME_DIR=$(mktemp -d /dev/shm/sluice-test-XXXXXX)
	cleanup_fn rm -rf "$XDG_RUNTIME_DIR"
else
	mkdir -m 700 "$XDG_RUNTIME_DIR"
fi
export XDG_RUNTIME_DIR

# requires_stack: skip where no private stack can run at all, with the reason.
requires_stack () {
	local out
	out=$("$sluice" exec true 2>&1) && return 0
	case $out in
	*[Pp]ermission*denied* | *not\ permitted*) skip "no private stack here: $out" ;;
	*) fail "no stack starts: $out" ;;
	esac
}
# image FILE MIB: a disk image with noise.
image () { dd if=/dev/urandom of="$1" bs=1M count="$2" status=none; }
# alive: processes of ours whose environment names this test's run directory.
alive () {
	local p
	for p in $(grep -lzxF "XDG_RUNTIME_DIR=$XDG_RUNTIME_DIR" /proc/[0-9]*/environ 2>/dev/null); do
		p=${p%/environ}
		# The environment of a dead process is empty: those are not among them.
		case $(tr '\0' ' ' 2>/dev/null <"$p/cmdline") in
		*sluice-* | *tools/sluice*) echo "${p#/proc/} $(tr '\0' ' ' 2>/dev/null <"$p/cmdline")" ;;
		esac
	done
}
# tidy: nothing of a stack is left, neither processes nor files.
tidy () { [ -z "$(alive)" ] && [ -z "$(ls -A "$XDG_RUNTIME_DIR")" ]; }
# assert_tidy: now, or with an argument within that many seconds.
assert_tidy () {
	local n=$((${1:-0} * 20))
	until tidy; do
		[ $((n--)) -gt 0 ] || fail "left behind: $(alive) $(ls -A "$XDG_RUNTIME_DIR")"
		sleep 0.05
	done
}
# started FILE: the run that writes its progress to FILE is measuring.
started () { grep -q '^\[run\]' "$1"; }
