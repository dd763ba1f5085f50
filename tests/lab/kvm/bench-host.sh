# SPDX-License-Identifier: MIT
# Sluice beside QEMU's microvm machine, under the same guest kernel, in turn: rounds=N what=boot|fio guest=KERNEL
# and vmms="microvm sluice" without the blank: vmms=microvm,sluice. Results: lines BENCH VMM WHAT VALUE in /out/bench.
host_start
what=$(arg what) kernel=$(arg guest)
mount -t ext4 -o ro /dev/vdc /qemu
# Sluice's programs are in memory as well.
find /qemu -type f -exec cat {} + >/dev/null
# Data in memory: the disk of the host is emulated too, and would hide what is compared.
modprobe brd rd_nr=1 rd_size=204800
mke2fs -b 4096 /dev/ram0 >/dev/null
mount -t ext2 /dev/ram0 /data
dd if=/dev/vdb of=/data/root.img bs=1M 2>/dev/null
dd if=/dev/urandom of=/data/data.img bs=1M count=64 2>/dev/null

# microvm APPEND: as good as it gets with a stock kernel. Its devices are found through ACPI; without
# a clock chip the kernel looks for one for 4 s.
microvm () {
	LD_LIBRARY_PATH=/qemu/lib/x86_64-linux-gnu:/qemu/usr/lib/x86_64-linux-gnu \
		/qemu/lib64/ld-linux-x86-64.so.2 /qemu/bin/qemu-system-x86_64 -L /qemu/share \
		-M microvm,acpi=on,rtc=on,pit=off,pic=off,x-option-roms=off -accel kvm -cpu host -m 256 -smp 1 \
		-nodefaults -no-user-config -nographic -serial stdio -no-reboot \
		-object iothread,id=io \
		-drive if=none,id=root,file=/data/root.img,format=raw,cache=none,aio=io_uring \
		-device virtio-blk-device,drive=root,iothread=io \
		-drive if=none,id=data,file=/data/data.img,format=raw,cache=none,aio=io_uring \
		-device virtio-blk-device,drive=data,iothread=io \
		-kernel "/boot/vmlinuz-$kernel" -initrd "/boot/guest-$kernel.cpio" -append "console=ttyS0 $1" </dev/null
}
sluice_vm () {
	sluice boot --name=bench --console=stdio --timeout="$(arg seconds)" --memory=256 --disk=/data/root.img \
		--disk=/data/data.img --kernel="/boot/vmlinuz-$kernel" --initrd="/boot/guest-$kernel.cpio" \
		--append="console=hvc0 $1" </dev/null
}
# now_cs: hundredths of seconds since the start, without a fork
now_cs () { read -r _u _ </proc/uptime; echo "${_u%.*}${_u#*.}"; }

# one VMM COMMAND ROOT: boot it; the time of its first line and of its root's, and what it reports itself
one () {
	_start=$(now_cs)
	"$2" "quiet panic=1 lab=bench what=$what seconds=$(arg seconds) on=$3" 2>>"/out/$1.err" |
		while read -r line; do
			case $line in
			*'the initial ram disk is up'*) echo "BENCH $1 boot $(($(now_cs) - _start))0 ms" ;;
			*'LAB bench'*' up'*) echo "BENCH $1 root $(($(now_cs) - _start))0 ms" ;;
			*'BENCH '*) echo "BENCH $1 ${line#*BENCH }" ;;
			esac
			echo "$line" >>"/out/guest-$1.log"
		done | tee -a /out/bench
}
for round in $(seq 1 "$(arg rounds)"); do
	# The order changes from round to round.
	vmms=$(arg vmms | tr , ' ')
	[ $((round % 2)) = 1 ] || vmms=$(echo "$vmms" | tr ' ' '\n' | sort -r)
	for vmm in $vmms; do
		case $vmm in
		microvm) one microvm microvm /dev/vda ;;
		sluice) one sluice sluice_vm /dev/xvda ;;
		esac
	done
done
