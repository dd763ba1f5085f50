# SPDX-License-Identifier: MIT
# A confined domain has control groups of its own, in which its backends are limited, sees
# no others, and leaves none.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
. "$(dirname "$0")/boot-functions.sh"
. "$(dirname "$0")/create-functions.sh"
[ "$(id -u)" = 0 ] || skip "only root may make control groups here"
requires_vm
group=$(sed -n 's/^[0-9]*:pids:/\/sys\/fs\/cgroup\/pids/p' /proc/self/cgroup) seen=/sys/fs/cgroup/pids
if [ -z "$group" ]; then
	group=$(sed -n 's/^0::/\/sys\/fs\/cgroup/p' /proc/self/cgroup) seen=/sys/fs/cgroup
	requires grep -qw pids "$group/cgroup.subtree_control"
fi
requires mkdir "$group/sluice-test-$$"
cleanup_fn rmdir "$group/sluice-test-$$"
mkdir "$tmp/a"
image "$tmp/a/one.img" 1
image "$tmp/two.img" 1
image "$tmp/three.img" 1
# What a domain that was killed left: gone with the next.
mkdir -p "$group/sluice-domain-left/init"
process_config "$tmp/store.cfg" "directories=[ '$tmp/a' ]"
"$sluice" create -q "$tmp/store.cfg"
config "$tmp/vm.cfg" 'extra="obey"' "disk=[ '$tmp/a/one.img,raw,xvda,rw,backend=store', '$tmp/two.img,raw,xvdb,rw' ]"
"$sluice" create -q "$tmp/vm.cfg"
run=$(ls -d "$XDG_RUNTIME_DIR"/sluice-*/run.*)
[ ! -e "$group/sluice-domain-left" ] || fail "a dead domain's group is left"
daemon () { pgrep -o -f "^[^ ]*/sluice-driverd --run-dir=$run/dom/$1/" | head -n 1; }
# backend DOMAIN DEVICE: below that daemon, for other stacks have guests of that number, too.
backend () { pgrep -o -P "$(daemon "$1")" -f "^[^ ]*/sluice-blk --backend=backend/vbd/3/$2 "; }
# Where a process is, without what is above all of ours.
place () { sed -nE 's,^[0-9]+:(pids)?:(.*/)?(sluice-domain-.*),\3,p' "/proc/$1/cgroup"; }
for d in "1 51728" "2 51712"; do
	set -- $d
	now=$(place "$(backend "$@")")
	case $now in sluice-domain-*/sluice-*-vbd-3-$2) ;; *) fail "the backend is in $now: $(cat "/proc/$(backend "$@")/cgroup")" ;; esac
	[ "$(cat "$group/$now/pids.max")" = 1024 ] || fail "its tasks: $(cat "$group/$now/pids.max")"
	own=${now%%/*}
	inside () { nsenter --preserve-credentials -U -m -p -i -n -C -t "$(daemon "$1")" "${@:2}"; }
	# By both ends: what the domain writes is in its own group.
	inside "$1" mkdir "$seen/probe-$1" || fail "it cannot make groups in its own"
	[ -d "$group/$own/probe-$1" ] || fail "that is not its own"
	inside "$1" rmdir "$seen/probe-$1"
	! inside "$1" ls "$seen" | grep -q "sluice-test-$$" || fail "it sees the host's"
	inside "$1" cat /proc/self/cgroup >"$tmp/cgroup"
	! grep -q sluice-domain "$tmp/cgroup" || fail "it knows where it is: $(cat "$tmp/cgroup")"
	for out in "$seen/.." "/sys/fs/cgroup" "/sys"; do
		! inside "$1" find "$out" -name 'sluice-test-*' 2>/dev/null | grep . || fail "found by $out"
	done
done
# Killed and started again it has another.
init=$(pgrep -o -f "^sluice-domain-init .*--domain-dir=$run/dom/2 " | head -n 1)
old=$(place "$init") served=$(backend 2 51712)
kill -KILL "$init"
again () { local now; now=$(backend 2 51712); [ -n "$now" ] && [ "$now" != "$served" ] && [ -n "$(place "$now")" ]; }
wait_for 30 again
# What was still dying then goes with the next domain.
gone () { [ ! -e "$group/${old%%/*}" ] || { "$sluice" exec --disk="$tmp/three.img,ro" -- true; return 1; }; }
wait_for 30 gone
"$sluice" destroy vm
"$sluice" destroy store
assert_tidy 20
left () { ls -d "$group"/sluice-domain-* 2>/dev/null | grep -F -e "/${own%%/*}" -e "/${old%%/*}"; }
wait_for 10 eval '! left'
