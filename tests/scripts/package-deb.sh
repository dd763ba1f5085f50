#!/bin/bash
# SPDX-License-Identifier: MIT
# The packages of 'make deb' in a clean Debian 12: they install, serve a disk, and leave nothing when they go.
source "$(dirname "$0")/functions.sh"
requires command -v mmdebstrap
debs=("$builddir"/deb/sluice_*.deb "$builddir"/deb/sluice-backends_*.deb)
for driver in gluster iscsi nbd; do debs+=("$builddir"/deb/sluice-backends-"$driver"_*.deb); done
for deb in "${debs[@]}"; do
	[ -s "$deb" ] || fail "$deb is not there: make deb"
done
mkdir "$tmp/in"
cp "${debs[@]}" "$tmp/in/"
cat >"$tmp/in/test.sh" <<'INSIDE'
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
fail () { echo "FAILED: $*" >&2; exit 1; }
quietly () { "$@" >/tmp/out 2>&1 </dev/null || { tail -n 30 /tmp/out >&2; fail "$*"; }; }
# What packages leave elsewhere is not theirs: lists, caches, logs.
files () {
	find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /tmp -o -path /run -o -path /pkg \
		-o -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/cache -o -path /var/log \) -prune \
		-o -printf '%p %y %m %l\n' | sort
}
cd /pkg
depends=$(for d in *.deb; do dpkg-deb -f "$d" Depends | sed 's/sluice-backends ([^)]*), //'; done | paste -sd ,)
quietly apt-get update
quietly apt-get install -y --no-install-recommends nbdkit libnbd-bin man-db file
quietly apt-get satisfy -y --no-install-recommends "$depends"
files >/tmp/before
dpkg --verify >/tmp/verify-before || true
quietly apt-get install -y --no-install-recommends ./sluice_*.deb ./sluice-backends_*.deb
echo "installed"
# Debian's own libraries stay what programs of others find.
ldconfig -p | grep -q '/sluice/' && fail "our drop-in libraries are in the linker's cache"
ldd /usr/sbin/sluice-blk | grep -q '/lib/x86_64-linux-gnu/libxenevtchn.so.1' || fail "sluice-blk: $(ldd /usr/sbin/sluice-blk)"
for program in sluice sluice-bench sluice-hypervisor sluice-store sluice-relay sluice-driverd sluice-blk sluice-console; do
	path=$(command -v $program) || fail "$program is not in the path"
	quietly "$path" --help
	MANPATH=/usr/share/man man -w $program >/dev/null 2>&1 || fail "$program has no manual page"
done
for unit in sluice-driverd sluice-metrics sluice-guest@; do
	[ -s /lib/systemd/system/$unit.service ] || fail "no $unit.service"
	! ls /etc/systemd/system/*.wants/$unit* 2>/dev/null || fail "$unit was enabled"
	for program in $(sed -n 's/^ExecStart=\([^ ]*\).*/\1/p' /lib/systemd/system/$unit.service); do
		[ -x "$program" ] || fail "$unit.service: no $program"
	done
done
bash -n /usr/share/bash-completion/completions/sluice || fail "completion"
head -c 8M /dev/urandom >/tmp/disk
cp /tmp/disk /tmp/pristine
head -c 3M /dev/urandom >/tmp/part
# Out of a PV disk, and into it.
timeout 120 sluice exec --disk=/tmp/disk -- sh -c 'nbdkit -U - "$SLUICE_NBDKIT_PLUGIN" --run "nbdcopy \"\$uri\" /tmp/copy"' || fail "reading"
cmp /tmp/copy /tmp/pristine || fail "what was read differs"
cat /tmp/part >/tmp/new; tail -c +$((3 * 1048576 + 1)) /tmp/pristine >>/tmp/new
timeout 120 sluice exec --disk=/tmp/disk -- sh -c 'nbdkit -U - "$SLUICE_NBDKIT_PLUGIN" --run "nbdcopy --flush /tmp/new \"\$uri\""' || fail "writing"
cmp /tmp/disk /tmp/new || fail "what was written differs"
echo "served a disk"
# A storage driver that is a package of its own: named where it is missing, and then there.
port=$((20000 + $$ % 20000))
nbdkit -i 127.0.0.1 -p "$port" -P /tmp/nbd.pid file /tmp/pristine
disk=nbd://127.0.0.1:$port/
! timeout 120 sluice exec --disk=$disk -- true >/tmp/out 2>&1 || fail "a driver that is not installed"
grep -q "Debian's package sluice-backends-nbd has it" /tmp/out || fail "$(cat /tmp/out)"
quietly apt-get install -y --no-install-recommends ./sluice-backends-*_*.deb
for driver in gluster iscsi nbd; do
	! ldd /usr/lib/*/sluice/blk-$driver.so | grep 'not found' || fail "blk-$driver.so lacks a library"
done
rm /tmp/copy
timeout 120 sluice exec --disk=$disk -- sh -c 'nbdkit -U - "$SLUICE_NBDKIT_PLUGIN" --run "nbdcopy \"\$uri\" /tmp/copy"' || fail "reading from a server"
cmp /tmp/copy /tmp/pristine || fail "what was read from a server differs"
kill "$(cat /tmp/nbd.pid)"
echo "served a disk on a server"
quietly apt-get purge -y 'sluice*'
files >/tmp/after
diff /tmp/before /tmp/after || fail "left behind, or taken away (see above)"
dpkg --verify >/tmp/verify-after || true
diff /tmp/verify-before /tmp/verify-after || fail "files of other packages were changed"
echo "left nothing"
# The driver domain's package needs no hypervisor of ours.
quietly apt-get install -y --no-install-recommends ./sluice-backends_*.deb
quietly sluice-driverd --version
! command -v sluice-hypervisor || fail "the backends brought a hypervisor"
quietly apt-get purge -y sluice-backends
files >/tmp/after
diff /tmp/before /tmp/after || fail "the backends left something"
echo "all is well"
INSIDE
if ! mmdebstrap --quiet --variant=apt --format=null --customize-hook='mkdir "$1/pkg"' --customize-hook="sync-in '$tmp/in' /pkg" \
	--customize-hook='chroot "$1" bash /pkg/test.sh >&2 && touch "'"$tmp"'/passed"' bookworm - >/dev/null 2>"$tmp/log"; then
	cat "$tmp/log" >&2
	grep -q 'FAILED' "$tmp/log" && fail "see above"
	grep -qi 'unable to\|could not resolve\|not allowed\|permission' "$tmp/log" && skip "no clean Debian can be made here (network, namespaces)"
	fail "mmdebstrap"
fi
cat "$tmp/log"
grep -q 'all is well' "$tmp/log" || fail "the test did not come to its end"
