# SPDX-License-Identifier: MIT
# An idle, connected backend: no wake-ups, and under 16 MiB resident.
. "$(dirname "$0")/functions.sh"
requires test -x "$builddir/tools/sluice"
requires test -x "$builddir/frontends/nbdkit/.libs/nbdkit-sluice-plugin.so"
requires command -v nbdkit
requires command -v nbdinfo
if grep -qE '__[at]san_init' "$builddir/frontends/nbdkit/.libs/nbdkit-sluice-plugin.so"; then
	skip "nbdkit cannot load a plugin with a sanitizer in it, and its memory is not what counts"
fi
truncate -s 64M "$tmp/disk.img"
cat >"$tmp/guest" <<'EOF'
#!/bin/bash
# Connected, used once, then left alone. The backend is found by its disk from outside.
tmp=$1
nbdkit -f -U "$tmp/nbd.sock" "$SLUICE_NBDKIT_PLUGIN" &
nbdkit=$!
for _ in $(seq 200); do [ -S "$tmp/nbd.sock" ] && break; sleep 0.05; done
nbdinfo --size "nbd+unix:///?socket=$tmp/nbd.sock" || exit 3
touch "$tmp/used"
for _ in $(seq 600); do [ -e "$tmp/measured" ] && break; sleep 0.05; done
kill "$nbdkit"
wait "$nbdkit"
exit 0
EOF
chmod +x "$tmp/guest"
"$builddir/tools/sluice" exec --disk="$tmp/disk.img" -- "$tmp/guest" "$tmp" >"$tmp/log" 2>&1 &
stack=$!
cleanup_fn eval "kill $stack 2>/dev/null; wait $stack 2>/dev/null || :"
wait_for 30 test -e "$tmp/used"
sleep 3 # past the trimming of bounce memory

# Our backend: the sluice-blk that has this test's disk open.
backend=
for p in /proc/[0-9]*; do
	[ "$(cat "$p/comm" 2>/dev/null)" = sluice-blk ] || continue
	ls -l "$p/fd" 2>/dev/null | grep -qF "$tmp/disk.img" && backend=${p#/proc/}
done
[ -n "$backend" ] || skip "the backend's descriptors cannot be seen here"

switches () { cat "/proc/$backend/task/"*/status | awk '/^voluntary_ctxt/ { n += $2 } END { print n }'; }
before=$(switches)
sleep 2
after=$(switches)
[ "$after" = "$before" ] || fail "$((after - before)) wake-ups in 2 s without a request"
rss=$(awk '/^VmRSS/ { print $2 }' "/proc/$backend/status")
touch "$tmp/measured"
wait "$stack" || fail "$(cat "$tmp/log")"
[ "$rss" -lt 16384 ] || fail "$rss KiB are resident"
echo "$rss KiB resident, no wake-up"
