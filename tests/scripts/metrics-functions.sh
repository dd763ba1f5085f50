# SPDX-License-Identifier: MIT
# For tests of what backends show: source it after functions.sh and tools-functions.sh.
requires command -v python3
requires_stack

# traffic: a guest that reads its disk until the test ends, in the stack of $traffic_pid.
# In sluice exec through NBD; where nbdkit cannot be had, in the benchmark's stack.
traffic () {
	image "$tmp/disk.img" 8
	if command -v nbdkit >/dev/null && command -v nbdcopy >/dev/null &&
		[ -e "$builddir/frontends/nbdkit/.libs/nbdkit-sluice-plugin.so" ] &&
		! ldd "$builddir/frontends/nbdkit/.libs/nbdkit-sluice-plugin.so" | grep -q libasan; then
		"$sluice" exec --disk="$tmp/disk.img" -- sh -c 'nbdkit -U - "$SLUICE_NBDKIT_PLUGIN" --run "
			while [ -e $0 ]; do nbdcopy \"\$uri\" null:; done"' "$tmp/disk.img" >"$tmp/traffic" 2>&1 &
	else
		"$bench" blk --filename="$tmp/disk.img" --rw=randread --bs=4k --iodepth=4 --runtime=600 \
			--eta=never >"$tmp/traffic" 2>&1 &
	fi
	traffic_pid=$!
	cleanup_fn eval "kill $traffic_pid 2>/dev/null; wait $traffic_pid"
	wait_for 60 reads
}
# metrics: of that stack alone; the same user may have others, elsewhere.
metrics () { "$sluice" metrics | grep "^#\|{stack=\"$traffic_pid\""; }
# reads: some have been counted.
reads () { metrics | grep -q '^sluice_blk_requests_total{.*op="read"} [1-9]'; }
# end_traffic: and the stack.
end_traffic () {
	rm -f "$tmp/disk.img"
	kill "$traffic_pid"
	wait "$traffic_pid" || :
}
