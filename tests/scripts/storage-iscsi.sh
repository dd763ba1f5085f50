# SPDX-License-Identifier: MIT
# Storage of the driver iscsi: a unit of a private tgtd (tgt) on 127.0.0.1, a file behind it. See
# storage-functions.sh. More for tests of iSCSI alone is in iscsi-functions.sh.
iscsi_target=iqn.2026-01.net.example:test iscsi_port='' iscsi_tgtd='' iscsi_block=512 iscsi_image='' iscsi_mib=0
iscsi_dir=$tmp/iscsi iscsi_options='?connect-timeout=5'
# The control socket's name must be short.
export TGT_IPC_SOCKET=$tmp/tgt
export SLUICE_LOCK_DIR=$tmp/iscsi-locks
PATH=$PATH:/usr/sbin:/sbin

tgtadm_ () { tgtadm --control-port 7 --lld iscsi "$@"; }
iscsi_up () { tgtadm_ --op show --mode sys; }
iscsi_begin () {
	# SLUICE_TGTD_PRELOAD: a library that makes it slow, or wrong.
	LD_PRELOAD=${SLUICE_TGTD_PRELOAD-} tgtd -f --control-port 7 --iscsi portal="127.0.0.1:$iscsi_port" \
		>>"$tmp/tgtd.log" 2>&1 &
	iscsi_tgtd=$!
	wait_for 60 iscsi_up
}
iscsi_set () { tgtadm_ --op update --mode logicalunit --tid 1 --lun 1 --params "$1"; }
# The target and its unit, as they were.
iscsi_configure () {
	tgtadm_ --op new --mode target --tid 1 -T "$iscsi_target"
	tgtadm_ --op new --mode logicalunit --tid 1 --lun 1 --blocksize "$iscsi_block" -b "$iscsi_image"
	iscsi_set thin_provisioning=1
	tgtadm_ --op bind --mode target --tid 1 -I ALL
}
storage_requires () {
	requires command -v tgtd
	requires command -v tgtadm
	[ "$(id -u)" = 0 ] || skip "tgtd wants to be root"
	[ -e "$builddir/backends/blk/.libs/blk-iscsi.so" ] || skip "the iscsi driver was not built"
}
storage_has () {
	case $1 in
	discard | zeroes | flush | 4096 | grow | etimedout | server | stop | peek | replay) return 0 ;;
	eio) mkdir -p "$tmp/probe" && mount -t tmpfs -o size=1m none "$tmp/probe" 2>/dev/null && umount "$tmp/probe" ||
		storage_lacks "no file system can be mounted here, which could be full" ;;
	secure-discard) storage_lacks "SCSI's UNMAP erases nothing" ;;
	enospc) storage_lacks "tgtd reports a full store as a medium error, which is EIO" ;;
	*) fail "what is the property $1?" ;;
	esac
}
storage_start () {
	iscsi_mib=$1 iscsi_block=512 iscsi_options='?connect-timeout=5'
	mkdir -p "$iscsi_dir" "$SLUICE_LOCK_DIR"
	case ${2-} in
	eio) mountpoint -q "$iscsi_dir" || storage_tmpfs "$iscsi_dir" "$1" ;;
	4096) iscsi_block=4096 ;;
	etimedout) iscsi_options='?connect-timeout=5&timeout=4' ;;
	esac
	iscsi_image=$iscsi_dir/disk.img
	rm -f "$iscsi_image"
	truncate -s "${1}M" "$iscsi_image"
	iscsi_port=$(storage_port)
	cleanup_fn storage_stop
	iscsi_begin
	iscsi_configure
	storage_uri="iscsi://127.0.0.1:$iscsi_port/$iscsi_target/1$iscsi_options"
}
iscsi_end () {
	[ -n "$iscsi_tgtd" ] || return 0
	kill -9 "$iscsi_tgtd" 2>/dev/null || :
	wait "$iscsi_tgtd" 2>/dev/null || :
	iscsi_tgtd=''
}
storage_stop () {
	iscsi_end
	rm -f "$iscsi_image" "$iscsi_dir/filler"
	if mountpoint -q "$iscsi_dir"; then umount -l "$iscsi_dir"; fi
}
storage_peek () { dd if="$iscsi_image" bs=64k iflag=skip_bytes,count_bytes skip="$1" count="$2" status=none; }
storage_break () {
	case $1 in
	# The second half is a hole, and its file system full.
	eio)
		fallocate --punch-hole --offset $((iscsi_mib << 19)) --length $((iscsi_mib << 19)) "$iscsi_image"
		dd if=/dev/zero of="$iscsi_dir/filler" bs=64k status=none 2>/dev/null || : ;;
	etimedout) storage_hang ;;
	esac
}
storage_mend () {
	rm -f "$iscsi_dir/filler"
	[ -z "$iscsi_tgtd" ] || storage_resume
}
storage_grow () {
	truncate -s "${1}M" "$iscsi_image"
	# The unit opens its file anew, and tells of its size only who asks.
	iscsi_set online=0,path="$iscsi_image"
	iscsi_set online=1
}
storage_kill () { iscsi_end; }
storage_back () { iscsi_begin; iscsi_configure; }
storage_hang () { kill -STOP "$iscsi_tgtd"; }
storage_resume () { kill -CONT "$iscsi_tgtd"; }
