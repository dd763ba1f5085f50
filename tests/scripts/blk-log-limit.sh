#!/bin/bash
# SPDX-License-Identifier: MIT
# A frontend that makes one bad connection after the other is told of each, and fills no log.
source "${SLUICE_SRCDIR:-$(dirname "$0")/../..}/tests/scripts/functions.sh"
requires command -v xenstore-write
truncate -s 1M "$tmp/disk.img"
export XDG_RUNTIME_DIR=$tmp/run
mkdir -m 700 "$XDG_RUNTIME_DIR"
# Of the guest's libxenstore, one process for all: "state NUMBER" waits for the backend's.
cat >"$tmp/guest" <<'EOT'
#!/bin/bash
front=device/vbd/51712
back=$(xenstore-read $front/backend)
state () {
	local n=1200
	until [ "$(xenstore-read "$back/state")" = "$1" ]; do [ $((n--)) -gt 0 ] || exit 3; sleep 0.02; done
}
for ((i = 0; i < 70; i++)); do
	state 2
	xenstore-write $front/ring-ref 0 $front/event-channel 0 $front/state 3
	state 5
	xenstore-write $front/state 6
	state 6
	xenstore-write $front/state 1
done
EOT
chmod +x "$tmp/guest"
timeout -k 5 300 "$builddir/tools/sluice" exec --log-level=warning --disk="$tmp/disk.img" -- "$tmp/guest" \
	>"$tmp/log" 2>&1 || { cat "$tmp/log"; fail "the guest ended with $?"; }
lines=$(grep -c '^sluice-blk.*error' "$tmp/log")
echo "$lines lines of 70 refused connections"
[ "$lines" -ge 1 ] && [ "$lines" -le 55 ] || { cat "$tmp/log"; fail "$lines lines"; }
