#!/bin/bash
# SPDX-License-Identifier: MIT
# Wrong parameters and missing disks are one clear line.
source "${SLUICE_SRCDIR:-$(dirname "$0")/../..}/tests/scripts/functions.sh"
source "$srcdir/tests/scripts/nbdkit-functions.sh"
truncate -s 1M "$tmp/disk.img"
is_settled () { grep -qF -- "$text" "$tmp/err" || ! kill -0 "$child" 2>/dev/null; }
refused () {
	local text=$1 child; shift
	serve "$tmp/disk.img" true "$@" 2>"$tmp/err" &
	child=$!
	if ! not_sanitized; then
		# It said why; whether it then comes to an end is another matter.
		wait_for 100 is_settled
		kill -KILL "$(descendant "$child" nbdkit)" 2>/dev/null || :
	fi
	if wait "$child"; then fail "$*: was taken"; fi
	grep -qF -- "$text" "$tmp/err" || fail "$*: $(cat "$tmp/err")"
	echo "$*: $(grep -F -- "$text" "$tmp/err")"
}
refused "this domain has no disk 51728" vdev=51728
refused "vdev" vdev=xvda
refused "segments=257 must be from 1 to 256" segments=257
refused "segments=0 must be" segments=0
refused "ring-order=5 must be from 0 to 4" ring-order=5
refused "queues=9 must be from 1 to 8" queues=9
refused "queues=0 must be" queues=0
refused "timeout=0 must be" timeout=0
refused "unknown parameter 'color'" color=red
# Outside of any domain.
if not_sanitized; then
	if XENSTORED_PATH=/nonexistent nbdkit -U - "$plugin" --run true 2>"$tmp/err"; then
		fail "no domain, no error"
	fi
	grep "is this a domain" "$tmp/err" || fail "no domain: $(cat "$tmp/err")"
fi
# Twice at a time: the second is refused, the first goes on.
serve "$tmp/disk.img" "
	nbdinfo --size \"\$uri\" || exit 4
	if $(printf '%q ' "${nbdkit[@]}") -U - $plugin --run true 2>$tmp/err; then exit 5; fi
	nbdcopy \"\$uri\" $tmp/out.img"
grep "is in use in this domain" "$tmp/err" || fail "twice: $(cat "$tmp/err")"
cmp "$tmp/disk.img" "$tmp/out.img"
