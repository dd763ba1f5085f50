#!/bin/bash
# SPDX-License-Identifier: MIT
# The backend is killed under a load of reads, writes, flushes, discards and barriers that
# the guest checks: it sees a pause, and nothing else. SLUICE_KILLS: how often, each way.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/blk-survive-functions.sh"
kills=${SLUICE_KILLS:-2}
# survive NAME DISK-OPTIONS OPTION..
survive () {
	local name=$1 options=$2; shift 2
	truncate -s 0 "$tmp/disk" && truncate -s 8M "$tmp/disk"
	start_guest "$tmp/disk$options" "$@"
	kill_times "$kills"
	end_guest
	say_pauses "$name"
	grep -q 'connect again' "$tmp/log" && fail "$(grep 'connect again' "$tmp/log")"
	return 0
}
survive "O_DIRECT, persistent grants" "" depth=32
survive "O_DIRECT, grant copy, 64 KiB" "" depth=32 persistent=0 kib=64
survive "page cache, two queues" ",buffered" depth=32 queues=2
survive "read only" ",ro" depth=32
