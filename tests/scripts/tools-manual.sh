# SPDX-License-Identifier: MIT
# The manual pages name each option that --help names, and the other way round.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
documented () { sed 's/\\-/-/g; s/\\f.//g' "$srcdir/docs/man/$1" | grep -oE -- '--[a-z][a-z_-]+' | sort -u; }
offered () { grep -oE -- '^ +--[a-z][a-z_-]+' | tr -d ' ' | sort -u; }

{ "$bench" blk --help && "$bench" compare --help && "$bench" events --help &&
	"$bench" net --help; } | offered | sort -u >"$tmp/offered"
documented sluice-bench.1 >"$tmp/documented"
[ "$(wc -l <"$tmp/offered")" -ge 20 ] || fail "few options: $(cat "$tmp/offered")"
missing=$(comm -23 "$tmp/offered" "$tmp/documented")
[ -z "$missing" ] || fail "sluice-bench(1) lacks $missing"
extra=$(comm -13 "$tmp/offered" "$tmp/documented" | grep -vx -e --readwrite -e --blocksize || :)
[ -z "$extra" ] || fail "sluice-bench(1) has $extra"

"$sluice" help exec | offered | grep -vx -e --help >"$tmp/offered"
documented sluice.1 | grep -vx -e --run >"$tmp/documented"
diff "$tmp/offered" "$tmp/documented" || fail "sluice(1) and its help differ"

"$sluice" help create | sed 's/^  -., / /' | offered | grep -vx -e --help >"$tmp/offered"
documented sluice-create.1 | grep -vx -e --wait -e --force >"$tmp/documented"
diff "$tmp/offered" "$tmp/documented" || fail "sluice-create(1) and its help differ"

"$sluice" help boot | offered | grep -vx -e --help >"$tmp/offered"
documented sluice-boot.1 | grep -vx -e --wait -e --all -e --long -e --force >"$tmp/documented"
# Its help has the three of a kind on one line.
printf '%s\n' --on-reboot --on-crash --on-watchdog | sort -u - "$tmp/offered" >"$tmp/all"
diff "$tmp/all" "$tmp/documented" || fail "sluice-boot(1) and its help differ"
for verb in console top metrics; do
	"$sluice" help $verb | sed "s/^  -., / /" | offered | grep -vx -e --help >"$tmp/offered"
	documented sluice-$verb.1 | grep -vx -e --unix-socket >"$tmp/documented"
	diff "$tmp/offered" "$tmp/documented" || fail "sluice-$verb(1) and its help differ"
done
# Each family that is printed is in the manual, and the other way round.
"$sluice" metrics --once | sed -n 's/^# TYPE \([^ ]*\) .*/\1/p' | sort >"$tmp/offered"
grep -oE 'sluice_[a-z_]+' "$srcdir/docs/man/sluice-metrics.1" | sort -u >"$tmp/documented"
diff "$tmp/offered" "$tmp/documented" || fail "sluice-metrics(1) and the metrics differ"
"$builddir/backends/console/sluice-console" --help | offered | grep -vx -e --help >"$tmp/offered"
documented sluice-console.8 | grep -vx -e --help -e --version >"$tmp/documented"
diff "$tmp/offered" "$tmp/documented" || fail "sluice-console(8) and its help differ"
"$builddir/backends/net/sluice-net" --help | offered | grep -vx -e --help >"$tmp/offered"
documented sluice-net.8 | grep -vx -e --help -e --version >"$tmp/documented"
diff "$tmp/offered" "$tmp/documented" || fail "sluice-net(8) and its help differ"

"$sluice" help backend-upgrade | offered | grep -vx -e --help >"$tmp/offered"
documented sluice-backend-upgrade.1 | grep -vx -e --journal-version >"$tmp/documented"
diff "$tmp/offered" "$tmp/documented" || fail "sluice-backend-upgrade(1) and its help differ"
