# SPDX-License-Identifier: MIT
# For tests of sluice-driverd: a store, a driver domain (1), guests (2..), and a
# backend that does what the test tells it. Source functions.sh first.
driverd=$builddir/drivers-domain/sluice-driverd
store_program=$builddir/hypervisor/store/sluice-store
introducer=$builddir/tests/unit/driverd-introduce
dd=/local/domain/1

requires test -x "$store_program"
requires test -x "$driverd"
requires command -v xenstore-write
mkdir "$tmp/dom" "$tmp/run" "$tmp/mode" "$tmp/log" "$tmp/scripts"
chmod 700 "$tmp/run"

# End a process that this shell started, whatever state it is in.
end_process () {
	kill "$1" 2>/dev/null || true
	for _ in $(seq 60); do kill -0 "$1" 2>/dev/null || break; sleep 0.05; done
	kill -9 "$1" 2>/dev/null || true
	wait "$1" 2>/dev/null || true
}

# Toolstack's commands: all with rights over everything.
xs () { local what=$1; shift; XENSTORED_PATH=$tmp/store.sock "xenstore-$what" "$@"; }

run_store () {
	"$store_program" --socket="$tmp/store.sock" --domain-dir="$tmp/dom" --state-file="$tmp/state" \
		2>>"$tmp/log/store" &
	store_pid=$!
	cleanup_fn end_process "$store_pid"
	wait_for 10 test -S "$tmp/store.sock"
}
# It comes back with all that it had.
restart_store () {
	kill -KILL "$store_pid"
	wait "$store_pid" 2>/dev/null || true
	run_store
	wait_for 10 xs exists "$dd/domid"
}
start_store () {
	run_store
	local d
	for d in 1 2 3; do
		xs write "/local/domain/$d/domid" "$d"
		xs chmod "/local/domain/$d/domid" n0 "r$d"
	done
	XENSTORED_PATH=$tmp/store.sock "$introducer" 1 2 3
	xs chmod "$dd" n1 && xs write "$dd/backend" "" && xs chmod "$dd/backend" n0 r1
	xs write "$dd/error" "" && xs chmod "$dd/error" n1
	wait_for 10 test -S "$tmp/dom/1/store.sock"
}

# The fake backend. It logs one line per start, keeps the journal and descriptors it
# was given, and follows $tmp/mode/LEAF: serve (default), crash, storage, silent, stubborn.
make_backend () {
	cat >"$tmp/backend" <<-EOF
	#!/bin/bash
	tmp=$tmp
	EOF
	cat >>"$tmp/backend" <<-'EOF'
	# As the daemon calls us: we may be 1 in a namespace of our own.
	read -r pid _ </proc/self/stat
	for a; do case $a in
		--backend=*) leaf=${a#*=} ;;
		--ready-fd=*) ready=${a#*=} ;;
		--journal=*) journal=${a#*=} ;;
		--metrics=fd:*) ;;
		*) echo "unknown option $a" >&2; exit 9 ;;
	esac; done
	name=${leaf//\//-}
	echo "$leaf $pid $journal" >>"$tmp/log/starts"
	ls /proc/$pid/fd >"$tmp/log/fds-$name"
	mode=$(cat "$tmp/mode/$name" 2>/dev/null)
	case $mode in crash) exit 70 ;; storage) exit 2 ;; esac
	[ -f "$journal" ] || exit 71
	echo taken >>"$journal"
	if [ "$mode" = stubborn ]; then trap '' TERM; else trap 'echo "$leaf" >>"$tmp/log/terms"; exit 0' TERM; fi
	# Storage that is slow to open.
	while [ "$mode" = slow ] && [ -e "$tmp/log" ] && [ ! -e "$tmp/mode/opened" ]; do sleep 0.1; done
	xenstore-write "$leaf/state" 2 || exit 72
	[ "$mode" = silent ] || echo READY=1 >&$ready
	eval "exec $ready>&-"
	# Not longer than the test, whatever became of the daemon.
	while [ -e "$tmp/log" ]; do
		if [ "$(xenstore-read "$leaf/online" 2>/dev/null)" = 0 ]; then
			xenstore-write "$leaf/state" 6
			exit 0
		fi
		sleep 0.1
	done
	EOF
	chmod +x "$tmp/backend"
	: >"$tmp/log/starts"; : >"$tmp/log/terms"
}

# start_driverd OPTION..: and wait until it is ready.
# Those that the daemon, killed in the end, left. Each keeps all mounts of its time, those of other tests, too.
end_format_servers () {
	local lock pid
	for lock in "$tmp"/run/*.format; do
		pid=$(head -n 1 "$lock" 2>/dev/null) || continue
		[ "$(cat "/proc/$pid/comm" 2>/dev/null)" != qemu-nbd ] || end_process "$pid"
	done
}
start_driverd () {
	rm -f "$tmp/ready"
	mkfifo "$tmp/ready"
	# Held open here: what is in a pipe is lost when its last descriptor is closed.
	exec 8<>"$tmp/ready"
	XENSTORED_PATH=$tmp/dom/1/store.sock SLUICE_LOG=${SLUICE_LOG:-info} \
		"$driverd" --run-dir="$tmp/run" --ready-fd=9 --backend-program=vbd="$tmp/backend" \
		--backend-program=qdisk="$tmp/backend" --backend-program=vif="$tmp/backend" \
		--backend-program=console="$tmp/backend" --script-dir="$tmp/scripts" "$@" 9>&8 8<&- 2>>"$tmp/log/driverd" &
	driverd_pid=$!
	cleanup_fn end_format_servers
	cleanup_fn end_process "$driverd_pid"
	local word
	read -r -t 60 -u 8 word || fail "not ready: $(cat "$tmp/log/driverd")"
	exec 8<&-
	[ "$word" = READY=1 ] || fail "it said $word"
}

# add_leaf KIND FE DEVID [NODE VALUE]..: what a toolstack writes, state last.
add_leaf () {
	local leaf=$dd/backend/$1/$2/$3 fe=$2 dev=$3
	xs write "$leaf" "" "$leaf/frontend" "/local/domain/$fe/device/vbd/$dev" \
		"$leaf/frontend-id" "$fe" "$leaf/online" 1 "$leaf/params" /dev/null
	shift 3
	while [ $# -gt 0 ]; do xs write "$leaf/$1" "$2"; shift 2; done
	xs chmod -r "$leaf" n1 "r$fe"
	xs write "$leaf/state" 1
	xs chmod "$leaf/state" n1 "r$fe"
}

# start_devices TYPE/GUEST/DEVICE..: store, backends of ours and daemon, and wait for them to serve
start_devices () {
	local device
	start_store
	make_backend
	# shellcheck disable=SC2086
	for device; do add_leaf ${device//\// }; done
	start_driverd
	for device; do wait_for 30 state_is "$device" 2; done
}

# make_script NAME: a hotplug script that logs how it was called and follows
# $tmp/mode/script: quiet (no nodes), fail, hang, number, none (default: as xl's own).
make_script () {
	cat >"$tmp/scripts/$1" <<-EOF
	#!/bin/bash
	tmp=$tmp
	EOF
	cat >>"$tmp/scripts/$1" <<-'EOF'
	echo "${0##*/} $* $XENBUS_PATH" >>"$tmp/log/scripts"
	env >"$tmp/log/script-env"
	readlink /proc/$$/fd/0 /proc/$$/fd/1 /proc/$$/fd/2 >"$tmp/log/script-fds"
	ls /proc/$$/fd >>"$tmp/log/script-fds"
	mode=$(cat "$tmp/mode/script-$1" 2>/dev/null)
	case $mode in
	quiet) exit 0 ;;
	fail) exit 3 ;;
	fail-said) xenstore-write "$XENBUS_PATH/hotplug-error" "no such thing" \
		"$XENBUS_PATH/hotplug-status" error; exit 1 ;;
	hang) sleep 300 & echo $! >"$tmp/log/script-child"; wait ;;
	number) xenstore-write "$XENBUS_PATH/physical-device" 7:1f ;;
	esac
	case $1 in
	add) [ "$mode" = number ] ||
		xenstore-write "$XENBUS_PATH/physical-device-path" "/dev/of-$(xenstore-read "$XENBUS_PATH/params")"
		xenstore-write "$XENBUS_PATH/hotplug-status" connected ;;
	online) xenstore-write "$XENBUS_PATH/hotplug-status" connected ;;
	esac
	EOF
	chmod 755 "$tmp/scripts/$1"
	: >>"$tmp/log/scripts"
}
# The scripts' calls so far, in one line: "NAME ARGUMENT.. PATH; .."
script_calls () { paste -sd ';' "$tmp/log/scripts"; }
script_called () { grep -q -e "$1" "$tmp/log/scripts"; }
status_is () { [ "$(xs read "$dd/backend/$1/hotplug-status")" = "$2" ]; }

starts () { grep -c "^backend/$1 " "$tmp/log/starts" || true; }
started_times () { [ "$(starts "$1")" -ge "$2" ]; }
# The process of the last start.
backend_pid () { grep "^backend/$1 " "$tmp/log/starts" | tail -1 | cut -d' ' -f2; }
state_is () { [ "$(xs read "$dd/backend/$1/state")" = "$2" ]; }
is_gone () { ! kill -0 "$1" 2>/dev/null; }
leaf_gone () { ! xs exists "$dd/backend/$1" && ! xs read "$dd/backend/$1/state"; }
logged () { grep -q -e "$1" "$tmp/log/driverd"; }
# Its backends: the gate to the store is one for all.
children () { ps -o comm= --ppid "$driverd_pid" | grep -vc '^sluice-store-ga' || true; }
# The store's gate, by its lock, as whoever adopts it finds it.
gate_pid () { head -1 "$tmp/run/store-gate.lock"; }
no_children () { [ "$(children)" = 0 ]; }
show_log () { sed 's/^/| /' "$tmp/log/driverd" "$tmp/log/store" >&2; }
cleanup_fn show_log
