# SPDX-License-Identifier: MIT
# The command may mount FUSE in its domain, as root and as nobody; what is mounted is not
# seen outside. The storage domain may mount nothing.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
requires_stack
requires nbdfuse --version
requires nbdkit --version
[ -r /dev/fuse ] && [ -w /dev/fuse ] || [ "$(id -u)" = 0 ] || skip "/dev/fuse cannot be opened"
[ -c /dev/fuse ] || skip "there is no /dev/fuse"
! ldd "$builddir/frontends/nbdkit/.libs/nbdkit-sluice-plugin.so" | grep -q 'lib[a-z]*san\.' ||
	skip "nbdkit cannot load a plugin with a sanitizer in it"
PATH=$PATH:/usr/sbin:/sbin
requires mke2fs -V
truncate -s 16M "$tmp/a.img"
mke2fs -q -t ext4 -F "$tmp/a.img" >/dev/null
chmod 755 "$tmp"
fsck=$srcdir/scripts/fsck-through-nbd.sh

"$sluice" exec --disk="$tmp/a.img" -- "$fsck" >"$tmp/out" 2>&1 || fail "$(cat "$tmp/out")"
grep -q "/disk: 11/" "$tmp/out" || fail "e2fsck did not see the file system: $(cat "$tmp/out")"
! grep -q fuse.nbdfuse /proc/self/mounts || fail "what the domain mounted shows outside"
assert_tidy

# A storage domain has no such right, whoever runs it.
"$sluice" exec -- sh -c ": >'$tmp/up'; while [ ! -e '$tmp/end' ]; do sleep 0.05; done" &
cleanup_fn touch "$tmp/end"
wait_for 30 test -e "$tmp/up"
for pid in $(pgrep -f "sluice-driverd --run-dir=$XDG_RUNTIME_DIR"); do
	name=$(sed -n 's/^Name:\t//p' "/proc/$pid/status")
	[ "$name" = sluice-driverd ] || continue
	caps=$(sed -n 's/^CapEff:\t//p' "/proc/$pid/status")
	bound=$(sed -n 's/^CapBnd:\t//p' "/proc/$pid/status")
	daemon=1
	case $caps$bound in
	0000000000000002* | 0000000000000000*) ;;
	*) fail "sluice-driverd has the capabilities $caps" ;;
	esac
	[ $((0x$bound & (1 << 21))) = 0 ] || fail "sluice-driverd could get CAP_SYS_ADMIN"
done
[ "${daemon:-}" = 1 ] || fail "no sluice-driverd was found"
touch "$tmp/end"
wait
[ "$(id -u)" = 0 ] || exit 0

# Images of root and of others, when root runs the stack.
for owner in 0:0 65534:65534 1234:4321; do
	chown $owner "$tmp/a.img"
	chmod 600 "$tmp/a.img"
	"$sluice" exec --disk="$tmp/a.img" true 2>"$tmp/err" || fail "an image of $owner: $(cat "$tmp/err")"
done

requires setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$sluice" -a -x "$fsck"
requires setpriv --reuid=65534 --regid=65534 --clear-groups unshare -U true
chown 65534:65534 "$tmp/a.img" "$XDG_RUNTIME_DIR"
# As a desktop's udev sets it up, but for this test only.
unshare -m sh -c '
	mknod -m 666 "$1/fuse" c 10 229 && mount --bind "$1/fuse" /dev/fuse || exit 99
	exec setpriv --reuid=65534 --regid=65534 --clear-groups "$2" exec --disk="$1/a.img" -- "$3"
' - "$tmp" "$sluice" "$fsck" >"$tmp/out" 2>&1 || {
	[ $? != 99 ] || skip "no device can be made here"
	fail "nobody: $(cat "$tmp/out")"
}
grep -q "/disk: 11/" "$tmp/out" || fail "nobody: $(cat "$tmp/out")"
assert_tidy
