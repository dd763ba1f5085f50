# SPDX-License-Identifier: MIT
# Debian's GRUB as a guest's kernel: it finds its configuration, a kernel and an initial ram disk on the
# guest's disk and starts Linux, which has the same disk as its root.
host_start
mount -t ext4 /dev/vdb /data
say "sluice boot of GRUB"
mkfifo /run/keys
exec 3<>/run/keys
sluice boot --name=guest --console=stdio --timeout="$(arg seconds)" --memory=256 --log-level=info \
	--kernel=/boot/grub-pvh --disk=/data/root.img $(arg option) <&3 >/out/guest-guest.log 2>/out/sluice-guest.log
say "sluice boot ended"
umount /data
