# SPDX-License-Identifier: MIT
# Two stacks of one user: neither's domains see the other's sockets. Their common parent
# directory is the user's alone, or is not used.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
requires_stack
out=$(SLUICE_LOG=info "$sluice" exec true 2>&1)
case $out in *isolat*) skip "${out##*$'\n'}" ;; esac
parent=$XDG_RUNTIME_DIR/sluice-$(id -u)
tool=$builddir/tests/peers/hv-tool

"$sluice" exec -- sh -c ": >'$tmp/up'; while [ ! -e '$tmp/end' ]; do sleep 0.05; done" &
one=$!
cleanup_fn touch "$tmp/end"
wait_for 30 test -e "$tmp/up"
[ "$(stat -c %a "$parent")" = 700 ] || fail "the parent's mode is $(stat -c %a "$parent")"
theirs=$(find "$parent" -name '*.sock' | sort)
[ "$(echo "$theirs" | wc -l)" -ge 6 ] || fail "too few sockets to test with: $theirs"
sock=$(echo "$theirs" | grep dom/2/hypervisor.sock)
[ "$("$tool" hello "$sock")" = 2 ] || fail "$sock does not answer from outside"

# From the other stack's guest: its own two sockets, in its own directory, and no others.
cat >"$tmp/look" <<-'END'
	cd /
	umount -n -l "$1" 2>/dev/null
	ls "$1" | wc -l
	find "$1" -name '*.sock' | sort
	for s in $2; do [ ! -e "$s" ] || echo "$s is there"; done
	"$3" hello "$4" 2>/dev/null && echo "$4 answers"
	"$3" hello "$SLUICE_HYPERVISOR"
END
seen=$("$sluice" exec -- sh "$tmp/look" "$parent" "$theirs" "$tool" "$sock" 2>"$tmp/err") || fail "$(cat "$tmp/err")"
case $seen in
1*dom/2/hypervisor.sock*dom/2/store.sock*2) ;;
*) fail "it sees: $seen" ;;
esac
[ "$(echo "$seen" | wc -l)" = 4 ] || fail "it sees too much: $seen"
# Nor by a working directory in there.
(cd "$(dirname "$sock")" && "$sluice" exec -- sh -c "ls -a . >'$tmp/ls'")
! grep -q sock "$tmp/ls" || fail "seen through the working directory: $(cat "$tmp/ls")"
touch "$tmp/end"
wait "$one" || fail "the first stack failed"
assert_tidy

# What somebody else may have put there is not used: a link, others' rights, a file.
elsewhere () {
	"$sluice" exec -- sh -c 'echo "$SLUICE_HYPERVISOR"' 2>"$tmp/err" >"$tmp/where" || fail "$1: $(cat "$tmp/err")"
	case $(cat "$tmp/where") in "$XDG_RUNTIME_DIR"/*) fail "$1 was taken" ;; esac
	[ -z "$(ls -A "$tmp/trap")" ] || fail "$1: it was used all the same"
}
mkdir -m 700 "$tmp/trap"
ln -s "$tmp/trap" "$parent"
elsewhere "a link"
rm "$parent"
touch "$parent"
elsewhere "a file"
rm "$parent"
mkdir "$parent"
chmod 770 "$parent"
elsewhere "a directory that a group may write to"
rmdir "$parent"
if [ "$(id -u)" = 0 ]; then
	mkdir -m 700 "$parent"
	chown 65534 "$parent"
	elsewhere "another user's directory"
	rmdir "$parent"
	chmod 777 "$XDG_RUNTIME_DIR"
	elsewhere "a directory in which all may rename"
	[ ! -e "$parent" ] || fail "it made a directory where all may rename"
	chmod 700 "$XDG_RUNTIME_DIR"
fi

# Stacks that come and go at once do not take the parent away from each other.
for _ in 1 2 3; do
	for n in 1 2 3; do "$sluice" exec true 2>"$tmp/err.$n" & pids[n]=$!; done
	for n in 1 2 3; do wait "${pids[n]}" || fail "$(cat "$tmp/err.$n")"; done
done
assert_tidy
