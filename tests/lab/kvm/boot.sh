# SPDX-License-Identifier: MIT
# What the tests share that boot a guest with its root on a PV disk, on the host.

# root_disk: the host's first disk, with root.img on it
root_disk () {
	mkdir -p "$tmp/store"
	lab_root "$tmp/store/root.img" 48M
	lab_disk 1 80M "$tmp/store"
	rm -rf "$tmp/store"
}

# root_check: the guest was served well, and what it wrote is in root.img
root_check () {
	must_say guest 'Hypervisor detected: Xen' 'Using FIFO-based ABI' '^/dev/xvda / ext4 rw' \
		'flush diskcache: enabled; persistent grants: enabled; indirect descriptors: enabled' \
		' 40 files are right' 'the guest is content' 'Power down'
	same "a file that the guest wrote and read again" "$(lab_sum guest new)" "$(lab_sum guest again)"
	sound "the host's file system" "$in/disk-1.raw"
	file_sum "$in/disk-1.raw" /root.img >/dev/null
	mv "$tmp/dumped" "$tmp/root.img"
	# The guest was switched off with its root mounted: its journal is replayed first.
	e2fsck -fp "$tmp/root.img" >"$tmp/fsck" 2>&1 || [ $? = 1 ] || { cat "$tmp/fsck" >&2; fail "the guest's root is broken"; }
	same "a file that the guest wrote" "$(file_sum "$tmp/root.img" /new)" "$(lab_sum guest new)"
	same "a file that the guest wrote directly" "$(file_sum "$tmp/root.img" /new-direct)" "$(lab_sum guest new)"
}

# test_boot HOST-KERNEL GUEST-KERNEL [OPTION]: OPTION is one of sluice boot's
test_boot () {
	lab_needs
	lab_scripts boot-host.sh boot-guest.sh
	lab_sluice
	root_disk
	lab_boot 280 "$1" 1 "guest=$2" "${3:+option=$3}"
	root_check
	must_say guest 'login:' 'the answer is 42'
}

# test_driver_domain BACKEND: sluice or kernel
test_driver_domain () {
	local p served
	lab_needs
	lab_scripts driver-host.sh boot-guest.sh
	cp "$lab/driver-driver.sh" "$in/lab/driver.sh"
	lab_sluice
	case $1 in
	sluice)
		for p in drivers-domain/sluice-driverd drivers-domain/sluice-store-gate backends/blk/sluice-blk; do
			lab_built "$builddir/$p"
			lab_copy "$in/driver" "$built" "/usr/local/sbin/$(basename "$p")"
		done
		served='sluice-driverd: vbd-.*: backend .* is ready'
		;;
	kernel)
		lab_xenstore "$in/driver"
		served='xen-blkback serves /dev/xvda'
		;;
	esac
	root_disk
	lab_boot 900 6.1 1 guest=6.1 "backend=$1"
	must_say storage "$served"
	root_check
}
