#!/bin/bash
# SPDX-License-Identifier: MIT
# bench-table.sh SLUICE-BENCH FILE SECONDS: fio on FILE against Sluice's disk on FILE,
# reads only, interleaved, medians of three.
set -euo pipefail
bench=$1 file=$2 runtime=$3 rounds=3
size=$(stat -c %s "$file")
export LC_ALL=C

# The two numbers that matter out of fio's JSON, whoever wrote it.
numbers () {
	awk '/"read" *:/ { r = 1 }
	     r && /"iops" *:/ && !i { gsub(/[^0-9.]/, ""); i = $0 }
	     r && /"bw_bytes" *:/ && !b { gsub(/[^0-9.]/, ""); b = $0 }
	     END { printf "%.0f %.0f\n", i, b }'
}
run_fio () {
	fio --name=fio --thread --time_based --norandommap --randrepeat=0 --invalidate=0 --size="$size" \
		--iomem_align=4096 --ioengine=io_uring --filename="$file" --readonly --runtime="$runtime" \
		--output-format=json "$@" | numbers
}
run_sluice () {
	"$bench" blk --filename="$file" --runtime="$runtime" --output-format=json "$@" | numbers
}
median () { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

printf '\n    %-26s %14s %14s %9s %14s %9s\n' "" "fio io_uring" "11 segments" "ratio" "indirect 256" "ratio"
row () { # NAME UNIT COLUMN ARGS..
	local name=$1 unit=$2 column=$3 i f s d; shift 3
	local -a fs=() ss=() ds=()
	for ((i = 0; i < rounds; i++)); do
		fs+=("$(run_fio "$@" | cut -d' ' -f"$column")")
		ss+=("$(run_sluice --segments=11 "$@" | cut -d' ' -f"$column")")
		ds+=("$(run_sluice --segments=256 "$@" | cut -d' ' -f"$column")")
	done
	f=$(printf '%s\n' "${fs[@]}" | median) s=$(printf '%s\n' "${ss[@]}" | median) d=$(printf '%s\n' "${ds[@]}" | median)
	awk -v name="$name" -v unit="$unit" -v f="$f" -v s="$s" -v d="$d" 'BEGIN {
		k = unit == "kIOPS" ? 1000 : 1e9
		printf "    %-26s %8.2f %-5s %8.2f %-5s %8.2fx %8.2f %-5s %8.2fx\n", name, f/k, unit, s/k, unit, s/f, d/k, unit, d/f
	}'
}
row "4 KiB random reads, QD32" kIOPS 1 --rw=randread --bs=4k --iodepth=32
row "4 KiB random reads, QD1" kIOPS 1 --rw=randread --bs=4k --iodepth=1
row "128 KiB reads, QD16" GB/s 2 --rw=read --bs=128k --iodepth=16
row "1 MiB reads, QD8" GB/s 2 --rw=read --bs=1m --iodepth=8
printf '\n    page cache, medians of %d interleaved runs of %s s each; ratios are to fio on the file\n' "$rounds" "$runtime"
