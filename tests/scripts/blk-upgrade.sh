#!/bin/bash
# SPDX-License-Identifier: MIT
# sluice-blk is replaced under a load that the guest checks, by itself and by a build that is no
# good: the guest sees a pause, and nothing else.
source "$(dirname "$0")/functions.sh"
source "$(dirname "$0")/blk-survive-functions.sh"
requires test -x "$builddir/hypervisor/process/.libs/libxenevtchn.so.1"
# A tree of our own, where programs can be replaced.
tree=$tmp/tree
mkdir "$tree"
touch "$tree/config.status"
(cd "$builddir" && cp --parents -a tools/sluice hypervisor/sluice-hypervisor \
	hypervisor/store/sluice-store hypervisor/process/.libs hypervisor/process/sluice-domain-init \
	drivers-domain/sluice-driverd drivers-domain/sluice-store-gate backends/blk/sluice-blk "$tree" 2>/dev/null) || true
sluice=$tree/tools/sluice
# install PROGRAM: as a package does, under a new name first.
install_blk () { cp -a "$1" "$tree/new" && chmod 755 "$tree/new" && mv "$tree/new" "$tree/backends/blk/sluice-blk"; }
upgrade () {
	local want=$1 status=0
	"$sluice" backend-upgrade "--store=$store" >"$tmp/said" 2>&1 || status=$?
	[ $status = "$want" ] || { tail -20 "$tmp/log"; fail "status $status: $(cat "$tmp/said")"; }
	cat "$tmp/said"
}
truncate -s 8M "$tmp/disk"
start_guest "$tmp/disk" depth=32
stack=$(tr '\0' '\n' <"/proc/$(process_below "$guest" sluice-store)/cmdline" | sed -n 's/^--socket=//p')
store=$stack
[ -S "$store" ] || fail "no store: $store"
for _ in 1 2 3; do
	install_blk "$builddir/backends/blk/sluice-blk"
	upgrade 0
	sleep 0.3
done
first=$(backend_below "$guest")
# It knows the journal, and crashes on it.
cat >"$tmp/bad" <<'EOF'
#!/bin/sh
[ "$1" != --journal-version ] || { echo blk-2; exit 0; }
kill -SEGV $$
EOF
version=$("$builddir/backends/blk/sluice-blk" --journal-version)
sed -i "s/blk-2/$version/" "$tmp/bad"
install_blk "$tmp/bad"
upgrade 2
grep -q 'the old one serves again' "$tmp/said" || fail "$(cat "$tmp/said")"
now=$(backend_below "$guest") || fail "no backend runs"
[ "$now" != "$first" ] || fail "it was not replaced"
# What crashes comes back as what it was.
before=$(took_over)
wait_for 20 kill_backend
wait_for 20 guest_resumed $((before + 1))
# One of another journal does not come near it.
sed -i "s/$version/blk-99/" "$tmp/bad"
install_blk "$tmp/bad"
now=$(backend_below "$guest") || fail "no backend came back"
upgrade 2
grep -q 'goes on with journals of blk-99' "$tmp/said" || fail "$(cat "$tmp/said")"
[ "$(backend_below "$guest")" = "$now" ] || fail "it was ended"
end_guest
grep 'connect again' "$tmp/log" | grep -v 'upgrade: refused' && fail "the guest had to connect again"
exit 0
