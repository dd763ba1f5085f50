#!/bin/bash
# SPDX-License-Identifier: MIT
# Domains side by side, each confined to what it is allowed: no other file, device or process
# is there for it, whoever asks.
source "$(dirname "${BASH_SOURCE[0]}")/functions.sh"
init=$builddir/hypervisor/process/sluice-domain-init
run=$tmp/run
mkdir -p "$run/dom/1" "$run/dom/2" "$tmp/a/sub" "$tmp/b" "$tmp/read"
chmod 755 "$tmp"
echo secret >"$tmp/a/secret-of-a"
echo secret >"$tmp/b/secret-of-b"
echo text >"$tmp/read/file"
echo image >"$tmp/image"
touch "$run/dom/2/secret-of-2"
cd /

in_domain () { "$init" --run-dir="$run" --domain-dir="$run/dom/1" "$@"; }
in_a () { in_domain --allow="$tmp/a" --allow-ro="$tmp/read" --allow="$tmp/image" "$@"; }
in_b () { "$init" --run-dir="$run" --domain-dir="$run/dom/2" --allow="$tmp/b" "$@"; }
in_domain --env=SLUICE_LOG=info -- true 2>"$tmp/err" || fail "it does not start: $(cat "$tmp/err")"
! grep -q "isolat" "$tmp/err" || skip "$(cat "$tmp/err")"

# Each has its own and nothing of the other, of the host's or of the toolstack's.
ls=$(in_a -- find "$tmp" -name 'secret*') || :
[ "$ls" = "$tmp/a/secret-of-a" ] || fail "domain 1 finds $ls"
ls=$(in_b -- find "$tmp" -name 'secret*' | sort) || :
[ "$ls" = "$tmp/b/secret-of-b"$'\n'"$run/dom/2/secret-of-2" ] || fail "domain 2 finds $ls"
for dir in /root /home /boot /sys/class /sys/devices /sys/kernel /sys/fs/bpf /var /run/lock /etc/shadow /etc/ssh /dev/kvm /dev/mem /dev/full /dev/pts; do
	! in_a -- test -e "$dir" || fail "$dir is there"
done
in_a -- sh -c 'for n in /dev/*; do echo $n; done' | sort >"$tmp/devices"
printf '/dev/%s\n' null random urandom zero >"$tmp/expected"
cmp "$tmp/expected" "$tmp/devices" || fail "devices: $(cat "$tmp/devices")"

# What is allowed can be used so, and what is not cannot be made.
in_a -- sh -c "echo new >$tmp/a/sub/file && echo more >>$tmp/image && cat $tmp/read/file" >"$tmp/out" ||
	fail "it cannot use what it is allowed"
[ "$(cat "$tmp/a/sub/file" "$tmp/image" "$tmp/out")" = $'new\nimage\nmore\ntext' ] || fail "it wrote elsewhere"
for file in "$tmp/read/file" "$tmp/read/new" /usr/new /etc/new /new /dev/new /etc/passwd; do
	if in_a -- sh -c "echo x >$file" 2>/dev/null; then fail "$file can be written"; fi
done
in_a -- sh -c "echo x >'$tmp/new' && cat '$tmp/new' && echo x >/tmp/sluice-x" >/dev/null || fail "it has no /tmp"
[ ! -e "$tmp/new" ] && [ ! -e /tmp/sluice-x ] || fail "its /tmp is the host's"
# A device, a part of what is allowed otherwise, a link.
in_domain --allow=/dev/full -- test -c /dev/full || fail "an allowed device is not there"
in_domain --allow-ro="$tmp/a/sub" --allow="$tmp/a" -- sh -c "echo x >$tmp/a/x" || fail "the outer is read-only"
if in_domain --allow-ro="$tmp/a/sub" --allow="$tmp/a" -- sh -c "echo x >$tmp/a/sub/x" 2>/dev/null; then
	fail "the inner can be written"
fi
ln -s "$tmp/b" "$tmp/a/link"
if in_a -- ls "$tmp/a/link/" 2>/dev/null; then fail "a link leads out"; fi
[ "$(in_domain --confined -- ls "$tmp")" = run ] || fail "it has more than nothing"
# Its own sockets' directory is there.
in_a -- test -d "$run/dom/1" || fail "its own directory is missing"

# Neither is another's process, nor a way back.
in_b -- sleep 60 &
other=$!
cleanup_fn kill "$other"
wait_for 10 pgrep -P "$other"
in_a -- sh -c 'cat /proc/[0-9]*/cmdline | tr "\0" " "' >"$tmp/out"
! grep -q 'sleep 60' "$tmp/out" || fail "it sees the process of another: $(cat "$tmp/out")"
for way in "cat /proc/1/root$tmp/b/secret-of-b" "cat /proc/1/cwd$tmp/b/secret-of-b" \
	"unshare -Urm sh -c 'umount -l $run/dom/1; umount -l $tmp/a; umount -l /proc; find / -name secret-of-b'" \
	"unshare -Urm sh -c 'umount -l /; find / -name secret-of-b'" \
	"nsenter -t 1 -m cat $tmp/b/secret-of-b" "nsenter -t 1 -U -m cat $tmp/b/secret-of-b" \
	"chroot /proc/1/root cat $tmp/b/secret-of-b" "mknod /tmp/d b 7 0 && echo secret"; do
	for may in "" --may-mount; do
		out=$(in_a $may -- sh -c "$way" 2>/dev/null || :)
		case $out in *secret*) fail "$may $way: $out" ;; esac
	done
done
[ "$(in_a -- awk '$5 == "/"' /proc/self/mountinfo | wc -l)" = 1 ] || fail "the host's root is still mounted"
[ "$(in_a -- cat "$tmp/a/secret-of-a")" = secret ] || fail "the test's own teeth"

# refuses TEXT OPTION..: it runs nothing, and says why.
refuses () {
	local text=$1; shift
	! in_domain "$@" -- touch "$tmp/a/ran" 2>"$tmp/err" || fail "it starts with $*"
	grep -q -- "$text" "$tmp/err" || fail "with $* it says: $(cat "$tmp/err")"
	[ ! -e "$tmp/a/ran" ] || fail "the command ran with $*"
}
refuses 'No such file' --allow="$tmp/none" --allow="$tmp/a"
refuses 'would allow everything' --allow=/
refuses 'at most 512 paths' $(for i in $(seq 513); do echo "--allow=$tmp/a"; done)
