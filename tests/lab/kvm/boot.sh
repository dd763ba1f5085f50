# SPDX-License-Identifier: MIT
# What test-boot-*.sh share, on the host: one stock guest with root on a PV disk and a login on its console.

# lab_test_boot HOST-KERNEL GUEST-KERNEL
lab_test_boot () {
	lab_needs
	lab_scripts boot-host.sh boot-guest.sh
	lab_sluice
	mkdir -p "$tmp/store"
	lab_root "$tmp/store/root.img" 48M
	lab_disk 1 80M "$tmp/store"
	rm -rf "$tmp/store"
	lab_boot 200 "$1" 1 "guest=$2"
	must_say guest 'Hypervisor detected: Xen' 'Using FIFO-based ABI' \
		'flush diskcache: enabled; persistent grants: enabled; indirect descriptors: enabled' \
		'^/dev/xvda / ext4 rw' ' 40 files are right' 'the guest is content' 'login:' 'the answer is 42' 'Power down'
	same "a file that the guest wrote and read again" "$(lab_sum guest new)" "$(lab_sum guest again)"
	sound "the host's file system" "$in/disk-1.raw"
	file_sum "$in/disk-1.raw" /root.img >/dev/null
	mv "$tmp/dumped" "$tmp/root.img"
	# The guest was switched off with its root mounted: its journal is replayed first.
	e2fsck -fp "$tmp/root.img" >"$tmp/fsck" 2>&1 || [ $? = 1 ] || { cat "$tmp/fsck" >&2; fail "the guest's root is broken"; }
	same "a file that the guest wrote" "$(file_sum "$tmp/root.img" /new)" "$(lab_sum guest new)"
	same "a file that the guest wrote directly" "$(file_sum "$tmp/root.img" /new-direct)" "$(lab_sum guest new)"
}
