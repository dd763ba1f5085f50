# SPDX-License-Identifier: MIT
# sluice-bench events: each delivery runs, no event is lost, its JSON is what it says; bad input.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
requires command -v python3
events () { "$bench" events --runtime=2ms --rounds=2 "$@"; }

events --delivery=fifo,2-level --channels=7,100,70000 --output-format=json >"$tmp/out.json" || fail "direct: $?"
events --delivery=process --channels=3,50 --output-format=json >"$tmp/process.json" || fail "process: $?"
python3 - "$tmp/out.json" "$tmp/process.json" <<'EOT' || fail "the JSON is not as documented"
import json, sys
e = json.load(open(sys.argv[1]))["events"]
assert [(x["delivery"], x["channels"]) for x in e] == [
    ("fifo", 7), ("fifo", 100), ("fifo", 70000), ("2-level", 7), ("2-level", 100)], e
e += json.load(open(sys.argv[2]))["events"]
assert [x["channels"] for x in e[5:]] == [3, 50]
for x in e:
    assert 0 < x["min"] <= x["ns_per_event"] <= x["max"], x
    assert x["ratio"] > 0
assert all(e[i]["ratio"] == 1 for i in (0, 3, 5))
EOT
events --delivery=2-level --order=sequential --channels=64 | grep -q ' 64 channels .* ns/event' || fail "no table"

for bad in --delivery=pigeon --channels=0 --channels=131072 --channels=x --channels= --rounds=0 \
	--rounds=100 --runtime=0 --runtime=x --order=x --output-format=xml --no-such-option word; do
	"$bench" events $bad >"$tmp/out" 2>"$tmp/err" && fail "$bad was taken"
	[ -s "$tmp/err" ] || fail "$bad: no word why"
done
assert_tidy 5
