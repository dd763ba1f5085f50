# SPDX-License-Identifier: MIT
# A vm driver domain with a stock kernel serves the root disk of another stock guest.
# backend=sluice: our sluice-blk, over /dev/xen/*; backend=kernel: its xen-blkback.
host_start
mount -t ext4 /dev/vdb /data
kernel=$(arg guest)
say "sluice boot"
_status=0
sluice boot --timeout="$(arg seconds)" \
	--driver-vm=storage --console=/out/guest-storage.log --memory=256 --disk=/data/root.img \
	--kernel="/boot/vmlinuz-$kernel" --initrd="/boot/driver-$kernel.cpio" \
	--append="console=hvc0 quiet panic=1 lab=driver backend=$(arg backend) seconds=$(arg seconds)" \
	--vm=guest --console=/out/guest-guest.log --memory=192 --disk=/dev/xvda,backend=storage,dev=xvda \
	--kernel="/boot/vmlinuz-$kernel" --initrd="/boot/guest-$kernel.cpio" \
	--append="console=hvc0 quiet panic=1 lab=guest login=no on=/dev/xvda seconds=$(arg seconds)" \
	</dev/null 2>/out/sluice-guest.log || _status=$?
say "sluice boot ended with status $_status"
umount /data
[ $_status = 0 ]
