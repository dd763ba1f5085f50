# SPDX-License-Identifier: MIT
# For tests that need the storage of a driver, after functions.sh: each driver has a file
# storage-NAME.sh, sourced by use_storage NAME, which sets and defines
#
#   storage_requires
#       skip, with the reason, where a program, module or right that the storage needs is missing.
#   storage_has PROPERTY
#       True, or false with the reason in storage_why: one clause that says what the storage or its
#       protocol lacks, never "not implemented". Properties:
#         discard         the disk offers it            zeroes      discarded granules read as zeroes
#         secure-discard  the disk offers it            flush       the disk offers it
#         4096            storage_start MIB 4096        grow        storage_grow
#         eio, enospc, etimedout   storage_break can cause that error by a real cause
#         server          storage_kill and storage_back: there is a server that can die and return
#         stop            storage_hang and storage_resume: it can stop answering and go on
#         peek            storage_peek                  replay      a killed backend's successor goes on
#   storage_start MIB [WHAT]
#       A new storage of that size, all zeroes, its server running, in $tmp. Sets storage_uri, which is what
#       --disk= takes up to its first option (a comma in it doubled), and, if it is needed,
#       storage_options (such as ",driver=aio"). WHAT: 4096 (storage with sectors of 4096
#       bytes), or the error that storage_break is to cause, where that needs another set-up.
#       It registers its own end with cleanup_fn, too.
#   storage_stop
#       Its end: servers, devices, files. Called after each case, whatever state it is in; twice is fine.
#   storage_peek OFFSET LENGTH
#       Bytes of the storage on standard output, read beside the backend, not from its cache.
#       The backend may be running, and have the storage locked.
#   storage_peek_acknowledged OFFSET LENGTH
#       The same of what is acknowledged and not flushed, if a server has that, which outlives the backend.
#   storage_direct
#       Sets storage_direct_uri: how the driver is called directly, without a daemon, if not so.
#   storage_break ERROR, storage_mend
#       From now on writes into the second half of the disk fail with it (eio: reads, too), by a real
#       cause; the other half may fail as well. storage_mend: no more. What they print is shown.
#   storage_error ERROR
#       For grep -E: what the backend's log says of that, if not strerror()'s text.
#   storage_grow MIB
#       To that size, with whatever the server needs to notice. The backend is told by the caller.
#   storage_kill, storage_back, storage_hang, storage_resume
#       The server gets SIGKILL, and is there again with the same data; SIGSTOP and SIGCONT.
#
# Files and servers are in $tmp; sockets of servers on 127.0.0.1 use ports from storage_port.
# Nothing is shared between tests, which run beside each other.

# storage_port: a free port of 127.0.0.1, as far as can be known.
storage_port () {
	local port
	for _ in $(seq 50); do
		port=$((20000 + RANDOM % 12000))
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return 0; }
	done
	fail "no free port found"
}
# storage_lacks REASON: for storage_has.
storage_lacks () { storage_why=$*; return 1; }
# storage_tmpfs DIR MIB: a file system of that size at DIR, until the test ends.
storage_tmpfs () {
	mkdir -p "$1"
	mount -t tmpfs -o "size=$2m" none "$1" 2>/dev/null || return 1
	cleanup_fn eval "umount -l '$1' 2>/dev/null || :"
}
# What a driver may leave out.
storage_peek_acknowledged () { storage_peek "$@"; }
storage_direct () { storage_direct_uri=$storage_uri; }
storage_error () {
	case $1 in
	eio) echo 'Input/output error' ;;
	enospc) echo 'No space left on device' ;;
	etimedout) echo 'Connection timed out|timed out' ;;
	esac
}
use_storage () {
	local file=$srcdir/tests/scripts/storage-$1.sh
	[ -e "$file" ] || fail "there is no storage $1: $file is missing"
	storage_uri='' storage_options='' storage_why=''
	# shellcheck source=/dev/null
	source "$file"
}
