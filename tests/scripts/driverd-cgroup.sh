#!/bin/bash
# SPDX-License-Identifier: MIT
# A backend runs in control groups of its own, whose limits hold, and which go when it does.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/driverd-functions.sh"
[ "$(id -u)" = 0 ] || skip "only root may make control groups here"
group=$(sed -n 's/^[0-9]*:pids:/\/sys\/fs\/cgroup\/pids/p' /proc/self/cgroup)
memory=$(sed -n 's/^[0-9]*:memory:/\/sys\/fs\/cgroup\/memory/p' /proc/self/cgroup)
files=(pids.max memory.limit_in_bytes)
if [ -z "$group" ]; then
	group=$(sed -n 's/^0::/\/sys\/fs\/cgroup/p' /proc/self/cgroup)
	memory=$group
	files=(pids.max memory.max)
	requires grep -qw pids "$group/cgroup.controllers"
fi
requires mkdir "$group/sluice-test-$$"
rmdir "$group/sluice-test-$$"

requires command -v perl
make_backend
# One that starts far more than it may, and says how many it could.
cat >"$tmp/bomb" <<EOF
#!/usr/bin/perl
my (\$leaf, \$ready) = ("", 0);
for (@ARGV) { \$leaf = \$1 if /^--backend=(.*)/; \$ready = \$1 if /^--ready-fd=(.*)/; }
system("xenstore-write", "\$leaf/state", "2");
open(my \$r, ">&=", \$ready); syswrite(\$r, "READY=1\n");
my \$n = 0;
for (1..60) { my \$p = fork(); last unless defined \$p; if (!\$p) { sleep 100; exit 0; } \$n++; }
open(my \$f, ">", "$tmp/forked.new"); print \$f "\$n\n"; close(\$f); rename("$tmp/forked.new", "$tmp/forked");
sleep 1 while -e "$tmp/log";
EOF
chmod +x "$tmp/bomb"
# What a daemon that was killed left is removed by the next.
mkdir "$group/sluice-left-$$"
cleanup_fn eval "rmdir $group/sluice-left-$$ 2>/dev/null || :"
start_store
start_driverd --backend-program=vbd="$tmp/bomb" --backend-tasks=20 --backend-memory=64
add_leaf vbd 2 51712
wait_for 20 test -e "$tmp/forked"
[ "$(cat "$tmp/forked")" -lt 20 ] || fail "it could start $(cat "$tmp/forked") processes"
[ "$(cat "$tmp/forked")" -gt 5 ] || fail "it could start only $(cat "$tmp/forked") processes"
# Others may run, with devices of the same name: ours is the one that it is in.
backend=$(head -1 "$tmp/run/vbd-2-51712.lock")
in_group () { sed -n "s,^[0-9]*:$1:.*/\(sluice-[^/]*-vbd-2-51712\)$,\1,p" "/proc/$backend/cgroup"; }
name=$(in_group pids)
[ -n "$name" ] || name=$(in_group "")
[ -n "$name" ] || fail "it is in none of its own: $(cat "/proc/$backend/cgroup")"
own=$group/$name
[ ! -e "$group/sluice-left-$$" ] || fail "an empty group of another daemon stays"
[ "$(cat "$own/${files[0]}")" = 20 ] || fail "its tasks: $(cat "$own/${files[0]}")"
if [ -n "$memory" ]; then
	m=$(cat "$memory/$name/${files[1]}") || fail "no memory group"
	[ "$m" = $((64 << 20)) ] || fail "its memory: $m"
fi
grep -qx "$driverd_pid" "$own/cgroup.procs" && fail "the daemon is in there, too"
kill "$driverd_pid"
wait "$driverd_pid" 2>/dev/null || true
for d in "$own" ${memory:+"$memory/$name"}; do
	[ ! -e "$d" ] || fail "$d stays"
done
