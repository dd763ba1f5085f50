# SPDX-License-Identifier: MIT
# What ./run shows: a stock guest at work on its PV root. Everything below is the guest's own shell speaking.
dmesg | grep -E 'Linux version|Hypervisor detected|FIFO-based|blkfront: xvda'
grep ' / ' /proc/mounts
(cd /files && md5sum -c ../manifest >/tmp/files) || { grep -v ': OK$' /tmp/files; fail "files differ"; }
say "$(grep -c ': OK$' /tmp/files) files on the root have the right checksums"
dd if=/dev/urandom of=/new bs=64k count=64 2>/dev/null
sync
before=$(sum /new)
echo 3 >/proc/sys/vm/drop_caches
[ "$before" = "$(sum /new)" ] || fail "what was written is not what is read"
say "4 MiB written, synced and read again: the same"
job () {
	fio --name=job --filename=/new --size=4m --direct=1 --ioengine=libaio --time_based --runtime=3 "$@" >/tmp/fio 2>&1 ||
		{ cat /tmp/fio; fail "fio"; }
	say "fio $*: $(sed -n 's/^ *\(read\|write\)[ :]*\(IOPS=.*\)/\2/p' /tmp/fio | head -n 1)"
}
job --rw=randread --bs=4k --iodepth=32
job --rw=read --bs=1m --iodepth=8
dmesg | grep -E 'xvda.*error|I/O error|BUG:' && fail "the kernel complains"
say "content; switching off"
