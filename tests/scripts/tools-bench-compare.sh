# SPDX-License-Identifier: MIT
# The comparison's shape, what it leaves alone and that nothing is left of it; not its numbers.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
requires command -v python3
requires command -v fio
requires_stack
image "$tmp/a.img" 16
sum=$(sha256sum <"$tmp/a.img")
mkdir -m 700 "$tmp/empty"

# leftover: processes of QEMU or fio that name this test's files.
leftover () { grep -lzF "$tmp" /proc/[0-9]*/cmdline 2>/dev/null | sed 's,/cmdline,,' | while read -r p; do
	case $(cat "$p/comm" 2>/dev/null) in fio | qemu-* | sluice-*) echo "$p" ;; esac
done; }
assert_gone () { [ -z "$(leftover)" ] || fail "left behind: $(leftover)"; assert_tidy "$@"; }

"$bench" compare --filename="$tmp/a.img" --runtime=200ms --rounds=2 --workloads=randread-1,randread-2x32,randwrite-32 \
	--output-format=json >"$tmp/out.json" 2>"$tmp/err" ||
	{ grep -q "left out of this build" "$tmp/err" && skip "built without jansson"; fail "$(cat "$tmp/err")"; }
grep -q "randwrite-32 is left out.*--allow-write" "$tmp/err" || fail "writes: $(cat "$tmp/err")"
[ "$(sha256sum <"$tmp/a.img")" = "$sum" ] || fail "it wrote to a file without being allowed to"
python3 - "$tmp/out.json" <<'EOT'
import json, sys
d = json.load(open(sys.argv[1]))
one, two = d["workloads"]
assert (one["name"], two["name"]) == ("randread-1", "randread-2x32") and two["numjobs"] == 2
for w in one, two:
    by = {r["peer"]: r for r in w["results"]}
    assert {"sluice", "fio io_uring"} <= by.keys(), by.keys()
    assert ("fio psync" in by) == (w is one)
    assert by["fio io_uring"]["ratio_to_fio"] == 1
    for r in by.values():
        assert r["runs"] == 2, r
        for k in "iops", "bw_bytes":
            assert 0 < r[k]["min"] <= r[k]["median"] <= r[k]["max"], r
        assert abs(r["bw_bytes"]["median"] / r["iops"]["median"] / 4096 - 1) < 0.01
        assert r["cpu_seconds_per_million_ios"]["median"] > 0, r
for l in d["left_out"]:
    print("left out:", l["peer"], "-", l["why"])
EOT
assert_gone

# A file of its own: written without asking, and gone afterwards.
"$bench" compare --filename="$tmp/own.img" --size=16m --runtime=100ms --rounds=1 --workloads=randwrite-32 >"$tmp/out" 2>"$tmp/err" ||
	fail "$(cat "$tmp/err")"
grep -q "^  sluice .* kIOPS" "$tmp/out" || fail "no result: $(cat "$tmp/out")"
[ ! -e "$tmp/own.img" ] || fail "its own file is still there"
assert_gone

# Without peers ours is measured alone, and they are named.
PATH=$tmp/empty "$bench" compare --filename="$tmp/a.img" --runtime=100ms --rounds=1 --workloads=randread-1 >"$tmp/out" 2>"$tmp/err" ||
	fail "$(cat "$tmp/err")"
grep -q "^  sluice " "$tmp/out" || fail "ours is not there: $(cat "$tmp/out")"
for name in "fio io_uring" "fio psync" qemu-nbd "vhost-user-blk threads, waiting"; do
	grep -q "$name is left out: .* is not installed" "$tmp/err" || fail "$name is not named: $(cat "$tmp/err")"
done
assert_gone

# Ctrl-C at different moments; a process started with & ignores SIGINT unless python gives it back.
compares () { [ -n "$(ls -d "$XDG_RUNTIME_DIR"/sluice-compare-* 2>/dev/null)" ]; }
for pause in 0 0.3 1.4; do
	python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])' "$bench" compare --filename="$tmp/new.img" --size=16m --runtime=1 >"$tmp/out" 2>"$tmp/err" &
	pid=$!
	wait_for 30 compares
	sleep $pause
	kill -INT $pid
	status=0
	wait $pid || status=$?
	[ $status = 130 ] || fail "status $status after SIGINT: $(cat "$tmp/err")"
	[ ! -e "$tmp/new.img" ] || fail "its file is still there after SIGINT"
	assert_gone 5
done

# Mistakes are one line.
for wrong in --workloads=nothing --rounds=0 --color=red; do
	if "$bench" compare --filename="$tmp/a.img" $wrong >"$tmp/out" 2>"$tmp/err"; then fail "$wrong was taken"; fi
	[ "$(wc -l <"$tmp/err")" = 1 ] || fail "$wrong: $(cat "$tmp/err")"
done
