# SPDX-License-Identifier: MIT
# Unit tests, as automake runs them, one after the other.
load loop tun virtio_pci virtio_blk crc32c_generic ext4
wait_for 10 test -b /dev/vdb || fail "the lab's disks are missing"
mkdir -p /var/tmp
mount -t ext4 /dev/vdb /var/tmp
echo 'root:x:0:0:root:/:/bin/sh' >/etc/passwd
export CMOCKA_MESSAGE_OUTPUT=TAP SLUICE_BUILDDIR=/build GLIBC_TUNABLES=glibc.malloc.check=1:glibc.malloc.perturb=165
cd /build
failed=
while read -r unit <&3; do
	log=/out/unit-${unit##*/}.log status=0
	timeout 600 "./$unit" >"$log" 2>&1 3<&- || status=$?
	case $status in
	0) say "$unit: passed $(grep -c '^ok' "$log")$(grep -q '^ok .*# SKIP' "$log" && echo ", skipped $(grep -c '^ok .*# SKIP' "$log")")" ;;
	77) say "$unit: skipped" ;;
	*)
		failed="$failed $unit"
		say "$unit: status $status"
		tail -n 30 "$log"
		;;
	esac
done 3<list
[ -z "$failed" ] || fail "$failed"
