#!/bin/bash
# SPDX-License-Identifier: MIT
# sluice-bench net: its options, and that each way carries packets; JSON.
source "${SLUICE_SRCDIR:-$(dirname "$0")/../..}/tests/scripts/functions.sh"
source "$srcdir/tests/scripts/tools-functions.sh"
refuses () { # TEXT OPTION..
	local text=$1; shift
	"$bench" net "$@" >"$tmp/out" 2>"$tmp/err" && fail "$*: it was taken"
	grep -qF -- "$text" "$tmp/err" || fail "$*: $(cat "$tmp/err")"
}
refuses 'is none' --workloads=nonsense
refuses 'is not 1 to 99' --rounds=0
refuses 'is not 1 to 99' --rounds=100
refuses 'is no time' --runtime=soon
refuses 'is none of' --output-format=xml
refuses 'is no option' --frobnicate=1
refuses 'lacks its value' --rounds
"$bench" net --help | grep -q -- --workloads || fail "--help"
[ -c /dev/net/tun ] || skip "there is no /dev/net/tun here"
requires_stack
requires command -v python3
status=0
timeout 200 "$bench" net --rounds=1 --runtime=200ms --ramp-time=100ms --output-format=json \
	--workloads=mtu-tx,mtu-rx,mtu-both,small-tx-4q,tso-pair --output="$tmp/json" 2>"$tmp/err" || status=$?
cat "$tmp/err"
if [ $status != 0 ]; then
	grep -qE 'cannot be confined|not permitted' "$tmp/err" && skip "no network driver domain here"
	fail "it ended with $status"
fi
python3 - "$tmp/json" <<'EOT'
import json, sys
r = json.load(open(sys.argv[1]))
assert [w["name"] for w in r["workloads"]] == ["mtu-tx", "mtu-rx", "mtu-both", "small-tx-4q", "tso-pair"], r
for w in r["workloads"]:
    ways = {x["name"]: x for x in w["ways"]}
    if w["queues"] > 1 and "queue" in ways["sluice"].get("left_out", ""):
        continue # there are as many as CPUs
    assert ways["sluice"]["packets_per_second"] > 100, w
    assert ways["sluice"]["bits_per_second"] > 100 * w["frame_bytes"] * 4, w
    if w["name"] != "tso-pair":
        for other in ("tap", "veth"):
            if "left_out" not in ways[other]:
                assert w["ratios"]["sluice/" + other] > 0, w
EOT
assert_tidy 10
