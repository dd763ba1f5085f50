# SPDX-License-Identifier: MIT
# Several jobs, paced ones, flushes and trims; in JSON as scripts read fio's.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
requires command -v python3
requires_stack
image "$tmp/a.img" 16
run () {
	"$bench" blk --filename="$tmp/a.img" --bs=4k --runtime=500ms --output-format=json "$@" >"$tmp/out.json" 2>"$tmp/err" ||
		{ grep -q "left out of this build" "$tmp/err" && skip "built without jansson"; fail "$*: $(cat "$tmp/err")"; }
}
json () { python3 -c "import json, sys
d = json.load(open(sys.argv[1])); j = d['jobs']
$1" "$tmp/out.json" || fail "$1: $(head -c 2000 "$tmp/out.json")"; }

run --rw=randread --iodepth=4 --numjobs=2
json "assert len(j) == 2 and all(x['read']['total_ios'] > 0 for x in j) and d['sluice']['disk']['queues'] == 2"
run --rw=randread --iodepth=4 --numjobs=2 --group_reporting
json "assert len(j) == 1 and j[0]['read']['total_ios'] > 0"
"$bench" blk --filename="$tmp/a.img" --rw=randread --numjobs=2 --runtime=200ms >"$tmp/out"
grep -q "job 1 of 2" "$tmp/out" && grep -q "job 2 of 2" "$tmp/out" || fail "not both jobs: $(cat "$tmp/out")"

# Not faster than asked, whatever the disk can; each job by itself.
run --rw=randread --iodepth=4 --rate_iops=1000
json "assert 0 < j[0]['read']['total_ios'] <= 1000 * j[0]['job_runtime'] / 1000 + 5, j[0]['read']['total_ios']"
run --rw=randread --iodepth=4 --rate-iops=1000 --numjobs=2
json "assert all(0 < x['read']['total_ios'] <= 1000 * x['job_runtime'] / 1000 + 5 for x in j)"

run --rw=randwrite --iodepth=4 --fsync=8
json "w, s = j[0]['write']['total_ios'], j[0]['sync']['total_ios']; assert s > 0 and abs(s - w / 8) <= 5, (w, s)"
json "assert j[0]['sync']['lat_ns']['N'] == j[0]['sync']['total_ios']"

# Trims free space where the disk has discard; where it has not, the reason is told.
before=$(stat -c %b "$tmp/a.img")
if "$bench" blk --filename="$tmp/a.img" --rw=trim --bs=1m --iodepth=4 >"$tmp/out" 2>"$tmp/err"; then
	grep -q "^  trim " "$tmp/out" || fail "no trims: $(cat "$tmp/out")"
	[ "$(stat -c %b "$tmp/a.img")" -lt "$before" ] || fail "trimmed, and as large as before"
else
	grep -q "no discard" "$tmp/err" || fail "trim: $(cat "$tmp/err")"
fi
if "$bench" blk --driver=null --rw=trim --runtime=100ms >"$tmp/out" 2>"$tmp/err"; then
	grep -q "^  trim " "$tmp/out" || fail "no trims: $(cat "$tmp/out")"
fi
assert_tidy
