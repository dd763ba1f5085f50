# SPDX-License-Identifier: MIT
# From inside a process domain, with all the rights that there are in it: the files, sockets,
# processes, memory and network of the others, of the storage domain, of the toolstack and of
# the host. Each attempt is made outside, too, where it works.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
. "$(dirname "$0")/boot-functions.sh"
. "$(dirname "$0")/create-functions.sh"
requires_vm
requires command -v xenstore-ls
requires command -v ipcs
requires command -v python3
mkdir "$tmp/a" "$tmp/b"
for f in a/one b/one c; do echo "secret of $f" >"$tmp/$f.img"; truncate -s 1M "$tmp/$f.img"; done
process_config "$tmp/store.cfg" "directories=[ '$tmp/a' ]"
process_config "$tmp/other.cfg" "directories=[ '$tmp/b' ]"
"$sluice" create -q "$tmp/store.cfg" 2>"$tmp/err" || {
	! says "$tmp/err" 'cannot be confined' || skip "$(cat "$tmp/err")"
	fail "$(cat "$tmp/err")"
}
"$sluice" create -q "$tmp/other.cfg"
config "$tmp/vm.cfg" 'extra="hotplug obey"' "disk=[ '$tmp/a/one.img,raw,xvda,rw,backend=store', '$tmp/b/one.img,raw,xvdb,rw,backend=other', '$tmp/c.img,raw,xvdc,rw' ]"
"$sluice" create -q "$tmp/vm.cfg"
run=$(ls -d "$XDG_RUNTIME_DIR"/sluice-*/run.*)
tool=$builddir/tests/peers/hv-tool
init () { pgrep -o -f "^sluice-domain-init .*--domain-dir=$run/dom/$1 " | head -n 1; }
daemon () { pgrep -o -f "^[^ ]*/sluice-driverd --run-dir=$run/dom/$1/" | head -n 1; }
# inside DOMID COMMAND..: in its namespaces, as their root, with every capability there.
inside () {
	local pid; pid=$(daemon "$1"); shift
	nsenter --preserve-credentials -U -m -p -i -n -t "$pid" "$@"
}
inside 2 true 2>"$tmp/err" || skip "no way in: $(cat "$tmp/err")"
for ns in user mnt pid ipc net; do
	[ "$(readlink "/proc/$(daemon 2)/ns/$ns" "/proc/$(daemon 3)/ns/$ns" "/proc/$(daemon 1)/ns/$ns" "/proc/self/ns/$ns" |
		sort -u | wc -l)" = 4 ] || fail "a $ns namespace is shared"
done

# out COMMAND: works outside, and in neither of the domains that it does not belong to.
for_domains="1 2"
out () {
	local d
	sh -c "$1" >"$tmp/out" 2>&1 || fail "outside it does not work either: $1: $(cat "$tmp/out")"
	for d in $for_domains; do
		! inside "$d" sh -c "$1" >"$tmp/out" 2>&1 || fail "domain $d: $1: $(cat "$tmp/out")"
	done
}
theirs=$run/dom/3
# What is its own works inside, by the same means.
inside 2 grep -q 'secret of a/one' "$tmp/a/one.img" || fail "its own image"
inside 1 grep -q 'secret of c' "$tmp/c.img" || fail "the storage domain's image"
[ "$(inside 2 "$tool" hello "$run/dom/2/hypervisor.sock")" = 2 ] || fail "its own socket"
inside 2 env XENSTORED_PATH="$run/dom/2/store.sock" xenstore-ls /local/domain/2 >/dev/null || fail "its own store socket"
inside 2 sh -c "kill -0 1 && cat /proc/1/cmdline" >/dev/null || fail "its own processes"

# Files
out "grep 'secret of b' '$tmp/b/one.img'"
out "echo more >>'$tmp/b/one.img'"
out "ls '$tmp/b'"
out "ls '$theirs/driverd'"
out "ls '$run' | grep lock"
out "cat '$run/store.state'"
out "ls /home /root"
out "cat /etc/shadow"
# Sockets
out "'$tool' hello '$theirs/hypervisor.sock'"
out "XENSTORED_PATH='$theirs/store.sock' xenstore-ls /local/domain/3"
out "XENSTORED_PATH='$run/store.sock' xenstore-ls /local/domain/3"
out "XENSTORED_PATH='$run/dom/0/store.sock' xenstore-ls /local/domain/3 || test -S '$run/store.sock'"
out "test -S '$run/boot.sock'"
# Processes: by the numbers that they have outside, and by any that there are
pid=$(daemon 3)
out "kill -0 $pid"
out "grep -a sluice-driverd /proc/$pid/cmdline"
out "ls /proc/$pid/fd/ /proc/$pid/root/"
out "head -c 1 /proc/$pid/environ"
out "cat /proc/[0-9]*/cmdline 2>/dev/null | grep -aq '[r]un-dir=$theirs'"
out "cat /proc/[0-9]*/cmdline 2>/dev/null | grep -aq '[s]luice-hypervisor'"
# Other kinds of memory and names
key=$(ipcmk -M 4096 | grep -o '[0-9]*$')
cleanup_fn ipcrm -m "$key"
out "ipcs -m -i $key | grep bytes="
out "ls /dev/shm/sluice-* '$run/lock'"
# The network: nothing but its own lo
listens=$(mktemp -u "$tmp/XXXX")
python3 -c "
import socket, sys, time
s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(8)
a = socket.socket(socket.AF_UNIX); a.bind('\0sluice-test-$$'); a.listen(8)
open('$listens', 'w').write(str(s.getsockname()[1]) + '\n'); time.sleep(600)" &
listener=$!
cleanup_fn eval "kill $listener 2>/dev/null"
wait_for 10 test -s "$listens"
out "bash -c ': </dev/tcp/127.0.0.1/$(cat "$listens")'"
out "grep -F '@sluice-test-$$' /proc/net/unix"
out "[ \$(tail -n +3 /proc/net/dev | wc -l) -gt 1 ]"

# To the store it is who it is: another's nodes are not its to read or write.
for d in 3 1; do
	! inside 2 env XENSTORED_PATH="$run/dom/2/store.sock" xenstore-ls "/local/domain/$d/backend" >/dev/null 2>&1 ||
		fail "the nodes of domain $d can be read"
	! inside 2 env XENSTORED_PATH="$run/dom/2/store.sock" xenstore-write "/local/domain/$d/backend/x" 1 2>/dev/null ||
		fail "the nodes of domain $d can be written"
done

# And back: what others were given does not come by making it again.
for way in "umount -l '$tmp/a'; umount -l /tmp; umount -l /proc; cat '$tmp/b/one.img'" \
	"mkdir -p '$tmp/b' && mount --bind / '$tmp/b' && cat '$tmp/b/one.img'" \
	"mknod /tmp/disk b 254 0 && head -c 512 /tmp/disk" "mount -t tmpfs none /usr && touch /usr/x && ls '$tmp/b'" \
	"nsenter -t 1 -m cat '$tmp/b/one.img'" "nsenter -t 1 -U -m cat '$tmp/b/one.img'" \
	"cat '/proc/1/root$tmp/b/one.img'" "chroot /proc/1/root cat '$tmp/b/one.img'"; do
	if inside 2 unshare -m sh -c "$way" >"$tmp/out" 2>&1; then fail "$way: $(cat "$tmp/out")"; fi
done

# The storage domain loses what is detached.
"$sluice" block-attach vm "$tmp/a/one.img,raw,xvdd,r" 2>/dev/null && fail "an image that another has open" || :
cp "$tmp/c.img" "$tmp/d.img"
"$sluice" block-attach vm "$tmp/d.img,raw,xvdd,rw"
inside 1 test -e "$tmp/d.img" || fail "attached, and not there"
! inside 2 test -e "$tmp/d.img" || fail "it is in the wrong domain"
"$sluice" block-detach --force vm xvdd
! inside 1 test -e "$tmp/d.img" || fail "detached, and still there"
inside 1 test -e "$tmp/c.img" || fail "its neighbour is gone, too"
# By a link it is there under two names, and goes under both, wherever the link leads then.
ln -s d.img "$tmp/link"
"$sluice" block-attach vm "$tmp/link,raw,xvdd,rw"
inside 1 test -e "$tmp/link" && inside 1 test -e "$tmp/d.img" || fail "a link and its end: $(inside 1 ls "$tmp")"
ln -sfn c.img "$tmp/link"
"$sluice" block-detach --force vm xvdd
! inside 1 test -e "$tmp/link" || fail "the link is still there"
! inside 1 test -e "$tmp/d.img" || fail "what it led to is still there"
inside 1 test -e "$tmp/c.img" || fail "what it leads to now is gone"
"$sluice" destroy vm
! inside 1 test -e "$tmp/c.img" || fail "its guest has gone, and it is still there"
"$sluice" destroy store
"$sluice" destroy other
kill $listener
wait $listener 2>/dev/null || :
assert_tidy 20
