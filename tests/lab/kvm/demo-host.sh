# SPDX-License-Identifier: MIT
# ./run on a machine without hardware KVM: the guest's console is the host's.
host_start
sluice boot --kernel="/boot/vmlinuz-$(arg guest)" --initrd="/boot/guest-$(arg guest).cpio" --memory=256 \
	--disk=/dev/vdb --timeout="$(arg seconds)" </dev/null \
	--append="console=hvc0 panic=1 lab=guest on=/dev/xvda seconds=$(arg seconds)"
