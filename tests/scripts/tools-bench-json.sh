# SPDX-License-Identifier: MIT
# The benchmark's JSON, read as scripts read fio's, agrees with itself.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
requires command -v python3
requires_stack
image "$tmp/a.img" 16
"$bench" blk --filename="$tmp/a.img" --rw=randrw --rwmixread=70 --bs=8k --iodepth=16 --runtime=700ms \
	--name=mix --output-format=json >"$tmp/out.json" 2>"$tmp/err" ||
	{ grep -q "left out of this build" "$tmp/err" && skip "built without jansson"; fail "$(cat "$tmp/err")"; }
python3 - "$tmp/out.json" <<'EOT'
import json, sys
d = json.load(open(sys.argv[1]))
j = d["jobs"][0]
assert d["fio version"].startswith("sluice-"), d["fio version"]
assert j["jobname"] == "mix" and j["error"] == 0
assert j["job options"]["rw"] == "randrw" and j["job options"]["bs"] == "8k"
r, w = j["read"], j["write"]
for x in r, w:
    assert x["total_ios"] > 0 and x["io_bytes"] == x["total_ios"] * 8192
    assert abs(x["iops"] * x["runtime"] / 1000 / x["total_ios"] - 1) < 0.01
    assert abs(x["bw_bytes"] / 8192 / x["iops"] - 1) < 0.01
    c = x["clat_ns"]
    p = [c["percentile"]["%f" % q] for q in (1, 5, 10, 50, 90, 99, 99.9, 99.99)]
    assert p == sorted(p) and c["min"] <= p[0] and p[-1] <= c["max"]
    assert c["N"] == x["total_ios"] == x["lat_ns"]["N"]
    assert x["iops_samples"] >= 1
share = r["total_ios"] / (r["total_ios"] + w["total_ios"])
assert 0.6 < share < 0.8, share
assert j["trim"]["total_ios"] == 0
assert 650 <= r["runtime"] <= 5000, r["runtime"]
total = sum(v for m in ("latency_ns", "latency_us", "latency_ms") for v in j[m].values())
assert 99.9 < total < 100.1, total
assert d["sluice"]["disk"]["size"] == 16 << 20
assert d["sluice"]["cpu_seconds_per_million_ios"]["frontend"] > 0
EOT
assert_tidy
