# SPDX-License-Identifier: MIT
# For the tests of this folder, on the host: source it first.
lab=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$lab/../common.sh"
cache=${SLUICE_LAB_CACHE:-$builddir/lab}/kvm

# lab_needs: skip where the lab cannot run; gather its parts at the first run
lab_needs () {
	# It shows nothing more there, and takes minutes.
	! ldd "$builddir/hypervisor/sluice-hypervisor" 2>/dev/null | grep -q libasan || skip "the KVM lab runs the plain build, not one with sanitizers"
	lab_tools KVM
	lab_build KVM
	mkdir -p "$in/host" "$in/guest" "$in/driver"
}

# lab_scripts HOST [GUEST]: the scripts of this scenario
lab_scripts () {
	cp "$lab/$1" "$in/lab/host.sh"
	[ $# -lt 2 ] || cp "$lab/$2" "$in/lab/guest.sh"
}

# lab_vmm: QEMU itself for the host, on a disk of its own, as /qemu: the microvm to compare with
lab_vmm () {
	local qemu root=$tmp/qemu f
	qemu=$(command -v qemu-system-x86_64)
	lab_copy "$root" "$qemu" /bin/qemu-system-x86_64
	mkdir -p "$root/share"
	for f in bios-microvm.bin linuxboot_dma.bin pvh.bin; do
		cp -L /usr/share/qemu/$f "$root/share/" 2>/dev/null || cp -L /usr/share/seabios/$f "$root/share/"
	done
	lab_disk qemu 96M "$root"
	rm -rf "$root"
}

# lab_sluice: what make install gives, for the host. Programs find each other where they are installed.
lab_sluice () {
	local root=$tmp/installed file
	make -s -C "$builddir" install-exec DESTDIR="$root" >"$tmp/install.log" 2>&1 || {
		tail -n 20 "$tmp/install.log" >&2
		fail "make install-exec fails in $builddir"
	}
	find "$root" -path '*/nbdkit' -prune -o -type f -perm -100 ! -name '*.la' -print | while read -r file; do
		lab_copy "$in/host" "$file" "${file#"$root"}"
	done
	# The links of the drop-in libraries.
	(cd "$root" && find . -type l -name '*.so.*' -exec cp -P --parents -t "$in/host" {} +)
	find "$in/host" -path '*sluice*' -type f -exec strip -g {} + 2>/dev/null || true
	rm -rf "$root"
}

# lab_root IMAGE SIZE [DIR]: an ext4 for a guest's root: a system of busybox, 40 files and their checksums; what is in DIR
lab_root () {
	local root=$tmp/root i
	mkdir -p "$root"/{bin,lab,files,etc,proc,sys,dev,run,tmp,mnt}
	cp "$cache/busybox" "$root/bin/"
	cp "$in"/lab/* "$root/lab/"
	cp "$in/lab/init" "$root/init"
	chmod +x "$root/init"
	echo 'root::0:0:root:/:/bin/sh' >"$root/etc/passwd"
	for i in $(seq 1 40); do head -c $((i * i * 331)) /dev/urandom >"$root/files/file-$i"; done
	(cd "$root/files" && md5sum file-* >../manifest)
	[ ! -d "${3:-}" ] || cp -r "$3/." "$root/"
	rm -f "$1"
	truncate -s "$2" "$1"
	mke2fs -q -F -t ext4 -d "$root" "$1"
	rm -rf "$root"
}

# lab_xenstore ROOT: xenstore-ls and others
lab_xenstore () {
	local tool
	command -v xenstore >/dev/null || skip "the KVM lab needs xenstore; as root: apt-get install xenstore-utils"
	lab_copy "$1" "$(command -v xenstore)" /usr/bin/xenstore
	for tool in ls list read write chmod; do ln -sf xenstore "$1/usr/bin/xenstore-$tool"; done
}
