# SPDX-License-Identifier: MIT
# Process domains of an ordinary user are confined like root's. Where the kernel allows less,
# the storage domain says so in a line and serves, and a named one is refused with the reason.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
. "$(dirname "$0")/boot-functions.sh"
. "$(dirname "$0")/create-functions.sh"
[ "$(id -u)" = 0 ] || skip "it takes root to become others"
as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
"${as[@]}" test -x "$sluice" 2>/dev/null || skip "the build tree is not for others to read"
requires "${as[@]}" unshare -Ur true
mkdir "$tmp/a"
image "$tmp/a/one.img" 1
image "$tmp/two.img" 1
process_config "$tmp/store.cfg" "directories=[ '$tmp/a' ]" 'devices=[ "/dev/full" ]'
chmod 755 "$tmp"
chown -R 65534:65534 "$tmp" "$XDG_RUNTIME_DIR"
mine () { "${as[@]}" "$sluice" "$@"; }
daemon () { pgrep -o -u 65534 -f "^[^ ]*/sluice-driverd --run-dir=$XDG_RUNTIME_DIR/[^ ]*/dom/$1/" | head -n 1; }

mine create -q "$tmp/store.cfg"
cleanup_fn eval 'mine destroy --force store >/dev/null 2>&1'
root=/proc/$(daemon 2)/root
[ -r "$root$tmp/a/one.img" ] && [ -c "$root/dev/full" ] || fail "what it was given is not there"
for path in "$tmp/two.img" /root /home /etc/shadow "$XDG_RUNTIME_DIR"/sluice-*/run.*/dom/1; do
	[ ! -e "$root$path" ] || fail "$path is there"
done
[ "$(awk '/^Cap(Eff|Prm|Amb)/ { printf "%s ", $2 }' "/proc/$(daemon 2)/status")" = "0000000000000000 0000000000000000 0000000000000000 " ] ||
	fail "$(cat "/proc/$(daemon 2)/status")"
mine destroy store
assert_tidy 20

# A disk comes to the storage domain, and nothing else.
mine exec --disk="$tmp/two.img" -- sh -c ": >'$tmp/a/up'; while [ ! -e '$tmp/a/end' ]; do sleep 0.05; done" &
pid=$!
cleanup_fn touch "$tmp/a/end"
wait_for 30 test -e "$tmp/a/up"
root=/proc/$(daemon 1)/root
[ -r "$root$tmp/two.img" ] && [ ! -e "$root$tmp/a" ] || fail "the storage domain has $(ls "$root$tmp")"
touch "$tmp/a/end"
wait $pid

# No namespaces at all.
bare () {
	"${as[@]}" unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_user_namespaces
		exec setpriv --bounding-set=-all --inh-caps=-all --no-new-privs "$@"' - "$@"
}
bare true 2>/dev/null || skip "user namespaces cannot be switched off here"
bare "$sluice" exec --disk="$tmp/two.img" -- true 2>"$tmp/err" || fail "it does not run: $(cat "$tmp/err")"
[ "$(grep -c 'sluice-domain-init: warning: not isolated' "$tmp/err")" = 2 ] || fail "not said once for each domain: $(cat "$tmp/err")"
! bare "$sluice" create -q "$tmp/store.cfg" 2>"$tmp/err" || fail "a named one runs unconfined"
says "$tmp/err" 'the driver domain did not start: the domain cannot be confined: no namespaces' || fail "$(cat "$tmp/err")"
assert_tidy 20

# In a chroot that is no mount, there is no root directory to change.
in_chroot () {
	unshare -m sh -c 'mkdir "$1"; mount -t tmpfs none "$1" && mkdir "$1/in" || exit 9
		for d in usr proc dev tmp etc; do mkdir "$1/in/$d" && mount --rbind "/$d" "$1/in/$d" || exit 9; done
		for l in bin lib lib64 sbin; do ln -s "usr/$l" "$1/in/$l"; done
		case $2 in /usr/* | /tmp/*) ;; *) mkdir -p "$1/in$2" && mount --rbind "$2" "$1/in$2" ;; esac
		root=$1/in; shift 2; exec chroot "$root" "$@"' - "$tmp/chroot" "$builddir" "$@"
}
in_chroot true 2>/dev/null || skip "no chroot can be made here"
chown -R 0:0 "$XDG_RUNTIME_DIR"
in_chroot "$sluice" exec --disk="$tmp/two.img" -- true 2>"$tmp/err" || fail "it does not run in a chroot: $(cat "$tmp/err")"
[ "$(grep -c 'not confined: the domain sees' "$tmp/err")" = 1 ] || fail "$(cat "$tmp/err")"
! in_chroot "$sluice" create -q "$tmp/store.cfg" 2>"$tmp/err" || fail "a named one runs unconfined in a chroot"
says "$tmp/err" 'the domain cannot be confined to what it is allowed' || fail "$(cat "$tmp/err")"
assert_tidy 20
