# SPDX-License-Identifier: MIT
# What the tests share in which GRUB is a guest's kernel, on the host; functions.sh and boot.sh first.

# grub_ramdisk KERNEL FILE: what run.sh makes for guests that are started in the host
grub_ramdisk () {
	mkdir -p "$tmp/ramdisk/lab"
	cp "$in"/lab/* "$tmp/ramdisk/lab/"
	mv "$tmp/ramdisk/lab/init" "$tmp/ramdisk/init"
	chmod +x "$tmp/ramdisk/init"
	{ cat "$cache/base.cpio" "$cache/$1/guest.cpio"; (cd "$tmp/ramdisk" && find . | "$cache/busybox" cpio -o -H newc 2>/dev/null); } >"$2"
}

# test_grub HOST-KERNEL GUEST-KERNEL [OPTION]: OPTION is one of sluice boot's
test_grub () {
	lab_needs
	lab_scripts grub-host.sh boot-guest.sh
	lab_sluice
	mkdir -p "$tmp/store" "$tmp/files/boot/grub" "$in/host/boot"
	cp "$cache/grub-pvh" "$in/host/boot/"
	cp "$cache/$2/vmlinuz" "$tmp/files/boot/"
	grub_ramdisk "$2" "$tmp/files/boot/initrd"
	cat >"$tmp/files/boot/grub/grub.cfg" <<-END
		echo "GRUB has its configuration"
		linux /boot/vmlinuz console=hvc0 quiet panic=1 lab=guest seconds=300 on=/dev/xvda login=no
		initrd /boot/initrd
		boot
	END
	lab_root "$tmp/store/root.img" 112M "$tmp/files"
	lab_disk 1 140M "$tmp/store"
	rm -rf "$tmp/store" "$tmp/files"
	lab_boot 500 "$1" 1 ${3:+"option=$3"}
	must_say guest 'GRUB has its configuration'
	root_check
}
