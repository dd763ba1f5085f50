# SPDX-License-Identifier: MIT
# For the benchmarks of this folder, on the host, after functions.sh.

# bench_needs: what the lab needs, and what our backends are measured against
bench_needs () {
	local status=0
	lab_needs
	"$lab/build-bench.sh" "$cache/bench" 2>"$tmp/build.err" || status=$?
	[ $status != 77 ] || skip "the benchmarks' parts cannot be built: $(tail -n 1 "$tmp/build.err")"
	[ $status = 0 ] || { cat "$tmp/build.err" >&2; fail "the benchmarks' parts cannot be built in $cache/bench"; }
	lab_program dom0 "$builddir/tests/lab/xen/bench-cputime" /bench-cputime
	cp "$lab/bench-dom0.sh" "$lab/bench-guest.sh" "$in/lab/"
	: >"$in/lab/bench.conf"
}

# bench_set NAME VALUE: for the scripts of all domains
bench_set () { printf "%s='%s'\n" "$1" "$2" >>"$in/lab/bench.conf"; }

# bench_table UNIT [FILE]: of the lines "ROUND LOAD BACKEND COUNT BYTES US DRIVER-NS GUEST-NS DOM0-NS" medians, with
# the least and the most, and medians of the ratios to the first backend's of the same round. UNIT: MB/s, k/s, or empty: as the size is
bench_table () {
	awk -v unit="$1" '
		function sorted(from, n, i, j, x) {
			for (i = 1; i <= n; i++) s[i] = from[i]
			for (i = 2; i <= n; i++) { x = s[i]; for (j = i - 1; j > 0 && s[j] > x; j--) s[j + 1] = s[j]; s[j + 1] = x }
		}
		function median(n) { return n % 2 ? s[(n + 1) / 2] : (s[n / 2] + s[n / 2 + 1]) / 2 }
		{
			if (!($2 in loads)) { loads[$2] = ++nloads; load[nloads] = $2 }
			if (!($3 in backends)) { backends[$3] = ++nbackends; backend[nbackends] = $3 }
			if ($1 > rounds) rounds = $1
			kind[$2] = unit == "" ? ($5 / $4 > 16384 ? "MB/s" : "k/s") : unit
			key = $2 " " $3 " " $1
			rate[key] = kind[$2] == "MB/s" ? $5 / $6 : $4 * 1000 / $6
			per[key] = kind[$2] == "MB/s" ? $7 / 1e9 / ($5 / 1024 / 1024 / 1024) : $7 / 1e3 / $4
			all[key] = kind[$2] == "MB/s" ? ($7 + $8 + $9) / 1e9 / ($5 / 1024 / 1024 / 1024) : ($7 + $8 + $9) / 1e3 / $4
		}
		function pick(what, l, b, base, r, k) {
			for (r = 1; r <= rounds; r++) {
				k = load[l] " " backend[b] " " r
				v[r] = base ? what[k] / what[load[l] " " backend[base] " " r] : what[k]
			}
			sorted(v, rounds)
			return median(rounds)
		}
		END {
			for (l = 1; l <= nloads; l++) {
				u = kind[load[l]]
				printf "%s%-16s %10s %17s", (l > 1 ? "\n" : ""), load[l], u, "min..max"
				for (b = 1; b <= nbackends; b++) printf " %12s", "to " backend[b]
				printf "  %s  %s\n", "driver domain", "all domains"
				for (b = 1; b <= nbackends; b++) {
					m = pick(rate, l, b)
					range = sprintf("%.2f..%.2f", s[1], s[rounds])
					printf "  %-14s %10.2f %17s", backend[b], m, range
					for (o = 1; o <= nbackends; o++) printf " %12.2f", pick(rate, l, b, o)
					printf "  %8.2f %s", pick(per, l, b), (u == "MB/s" ? "s/G" : "us ")
					printf "  %8.2f %s\n", pick(all, l, b), (u == "MB/s" ? "s/G" : "us ")
				}
			}
		}' "${2:--}"
}
