# SPDX-License-Identifier: MIT
# sluice top: rates of disks under load, for scripts; what backends write is not believed.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
. "$(dirname "$0")/metrics-functions.sh"

mkdir "$tmp/empty"
"$sluice" top --run-dir="$tmp/empty" --batch --iterations=1 --interval=0.1 |
	grep -q "no device is being served" || fail "without a disk"
for bad in --interval=0 --interval=nan --interval=3601 --interval=1x --iterations=0 --iterations=-1 \
	--iterations=x --output-format=xml --frob --interval argument; do
	"$sluice" top --batch "$bad" >"$tmp/out" 2>&1 </dev/null && fail "$bad is taken"
	[ "$(wc -l <"$tmp/out")" = 1 ] || fail "$bad: $(cat "$tmp/out")"
done
"$sluice" top </dev/null 2>"$tmp/err" && fail "it needs a terminal"
grep -q -e --batch "$tmp/err" || fail "$(cat "$tmp/err")"
"$sluice" top --batch --iterations=1 --interval=0.1 >/dev/full && fail "a full disk is no error"

traffic
"$sluice" top --batch --iterations=2 --interval=0.3 >"$tmp/table"
[ "$(grep -c "^STACK" "$tmp/table")" = 2 ] || fail "two refreshes: $(cat "$tmp/table")"
grep -q "^$traffic_pid  *guest  *xvda " "$tmp/table" || fail "the disk is not there: $(cat "$tmp/table")"

# busy: an interval in which there was work; that may take some on a busy machine.
busy () {
	"$sluice" top --output-format=json --iterations=1 --interval=0.5 >"$tmp/json"
	python3 - "$tmp/json" "$traffic_pid" <<'EOT'
import json, sys
(line,) = open(sys.argv[1])
top = json.loads(line)
(d,) = [d for d in top["devices"] if d["stack"] == sys.argv[2]]
assert top["interval"] >= 0.5
assert d["guest"] == "guest" and d["device"] == "xvda" and d["driver"] == "uring" and d["domain"] == 2
assert d["sectors"] == 16384 and d["rings"] >= 1 and "persistent" in d["features"]
r = d["read"]
assert r["iops"] > 0 and r["bytes_per_second"] >= 512 * r["iops"]
assert 0 < r["p50_ns"] <= r["p99_ns"] <= r["p99.9_ns"]
assert d["all"]["iops"] == r["iops"] and d["write"]["iops"] == 0
# Each request was in flight for its latency.
assert d["queue_depth"] > 0
EOT
}
wait_for 30 busy

# Files that a backend could have written, in a directory of our own.
run_dir=$(echo "$XDG_RUNTIME_DIR"/sluice-*/run.*/dom/1/driverd)
mkdir "$tmp/dir"
cp "$run_dir/vbd-2-51712.metrics" "$tmp/dir/vbd-2-51712.metrics"
head -c 60000 /dev/urandom >"$tmp/dir/vbd-3-51712.metrics"
mkfifo "$tmp/dir/vbd-4-51712.metrics"
ln -s /etc/passwd "$tmp/dir/vbd-5-51712.metrics"
head -c 100 "$run_dir/vbd-2-51712.metrics" >"$tmp/dir/vbd-6-51712.metrics"
: >"$tmp/dir/vbd-7-51712.metrics"
{ head -c 4096 "$run_dir/vbd-2-51712.metrics"; tr '\0' '\377' </dev/zero | head -c 300000; } \
	>"$tmp/dir/vbd-8-51712.metrics"
printf 'x' >"$tmp/dir/../dir/vbd-08-1.metrics"
printf 'x' >"$tmp/dir/$(printf 'vbd-9-1\033[2J').metrics"
for dir in "$tmp/dir"; do
	timeout 60 "$sluice" top --run-dir="$dir" --output-format=json --iterations=1 --interval=0.1 >"$tmp/json"
	python3 - "$tmp/json" <<'EOT' || fail "$(cat "$tmp/json")"
import json, sys
top = json.load(open(sys.argv[1]))
assert [d["domain"] for d in top["devices"]] == [2, 8], top
assert top["unreadable"] == 4, top
EOT
	timeout 60 "$sluice" top --run-dir="$dir" --batch --iterations=1 --interval=0.1 | LC_ALL=C grep -q '[^ -~]' &&
		fail "bytes of a backend are on the terminal"
	timeout 60 "$sluice" metrics --run-dir="$dir" | python3 "$srcdir/tests/scripts/metrics-check.py" >/dev/null ||
		fail "what is hostile is not well-formed"
done

# However many there are, so many are looked at.
mkdir "$tmp/many"
for i in $(seq 600); do ln "$tmp/dir/vbd-2-51712.metrics" "$tmp/many/vbd-$i-51712.metrics"; done
"$sluice" top --run-dir="$tmp/many" --output-format=json --iterations=1 --interval=0.1 >"$tmp/json"
python3 -c 'import json, sys
top = json.load(open(sys.argv[1]))
assert len(top["devices"]) == 512 and top["unreadable"] == 88, top' "$tmp/json" || fail "600 devices"

end_traffic
assert_tidy 10
