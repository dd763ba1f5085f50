# SPDX-License-Identifier: MIT
# sluice metrics: a strict reader of Prometheus's format reads it, printed and served.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
. "$(dirname "$0")/metrics-functions.sh"
check () { python3 "$srcdir/tests/scripts/metrics-check.py"; }
# value FILE NAME LABEL: the sum of the samples of that name that have the label.
value () { grep "^$2{" "$1" | grep -F "$3" | awk '{ n += $NF } END { printf "%d\n", n }'; }

# The checker finds what is wrong.
for bad in 'a 1' '# HELP a b
# TYPE a counter
a 1' '# HELP a b
# TYPE a gauge
a{x="1",x="2"} 1' '# HELP a b
# TYPE a gauge
a 1
a 1' '# HELP a b
# TYPE a gauge
a{x="\q"} 1' '# HELP h b
# TYPE h histogram
h_bucket{le="1"} 2
h_bucket{le="+Inf"} 1
h_sum 1
h_count 1'; do
	echo "$bad" | check >/dev/null 2>&1 && fail "the checker lets this pass: $bad"
done

# Without any device there are families all the same.
mkdir "$tmp/empty"
"$sluice" metrics --run-dir="$tmp/empty" >"$tmp/none"
[ "$(check <"$tmp/none")" = 1 ] || fail "without a device: $(cat "$tmp/none")"

traffic
"$sluice" metrics --once >"$tmp/0"
[ "$(check <"$tmp/0")" -gt 150 ] || fail "few samples: $(cat "$tmp/0")"
metrics >"$tmp/1"
grep -q 'sluice_blk_info{stack="'"$traffic_pid"'",backend="1",domain="2",guest="guest",kind="vbd",device="xvda",driver="uring"} 1' \
	"$tmp/1" || fail "the device is not named: $(grep _info "$tmp/1")"
[ "$(value "$tmp/1" sluice_blk_sectors xvda)" = 16384 ] || fail "sectors"
[ "$(value "$tmp/1" sluice_blk_ring_slots 'ring="0"')" -ge 32 ] || fail "slots"
[ "$(value "$tmp/1" sluice_blk_feature persistent)" -ge 1 ] || fail "what was negotiated"
[ "$(value "$tmp/1" sluice_blk_requests_total write)" = 0 ] || fail "writes of a reader"
# What is counted agrees: each request with data was mapped or copied, moved bytes, took time.
reads=$(value "$tmp/1" sluice_blk_requests_total 'op="read"')
[ "$(value "$tmp/1" sluice_blk_bytes_total read)" -ge $((reads * 512)) ] || fail "bytes of $reads reads"
[ "$(value "$tmp/1" sluice_blk_data_path_total path)" -ge "$reads" ] || fail "paths of $reads reads"
[ "$(value "$tmp/1" sluice_blk_latency_seconds_count 'op="read"')" -ge "$reads" ] || fail "latencies"

# They grow.
more () {
	metrics >"$tmp/2"
	[ "$(value "$tmp/2" sluice_blk_requests_total 'op="read"')" -gt "$reads" ]
}
wait_for 30 more

# A driver domain's own directory says the same.
run_dir=$(echo "$XDG_RUNTIME_DIR"/sluice-*/run.*/dom/1/driverd)
"$sluice" metrics --run-dir="$run_dir" | grep -q 'sluice_blk_info{stack="-",backend="0",domain="2",guest="",' ||
	fail "--run-dir"
"$sluice" metrics --run-dir="$tmp/nosuch" 2>"$tmp/err" && fail "a directory that is not there"
grep -q "$tmp/nosuch: No such file" "$tmp/err" || fail "$(cat "$tmp/err")"

end_traffic
! metrics | grep '^sluice' || fail "devices are left"
assert_tidy 10

# Options that do not go together, or are none.
for bad in "--once --listen=127.0.0.1:0" "--socket=a --listen=127.0.0.1:0" "--listen" "--frob" "argument"; do
	# shellcheck disable=SC2086
	"$sluice" metrics $bad >"$tmp/out" 2>&1 && fail "$bad"
	grep -q "sluice help metrics" "$tmp/out" || fail "$bad: $(cat "$tmp/out")"
done
"$sluice" metrics >/dev/full 2>"$tmp/err" && fail "a full disk is no error"
grep -q "cannot write" "$tmp/err" || fail "$(cat "$tmp/err")"
