# SPDX-License-Identifier: MIT
# A volume group on a disk of this host: its volumes as disks of process domains, by the
# toolstack, and by a driver domain's daemon on the host itself.
host_start
load dm-mod dm-thin-pool dm-snapshot loop
active () { [ -n "$(lvs --noheadings -o lv_active "$1" 2>/dev/null | tr -d ' ')" ]; }
inactive () { ! active "$1"; }
run () { SLUICE_LOG=info timeout 120 sluice exec "$@"; }
# good NAME COMMAND..: it works; what it says is in /out/NAME
good () {
	_name=$1; shift
	"$@" >"/out/$_name" 2>&1 || fail "$_name: $(tail -n 4 "/out/$_name")"
}
# bad TEXT NAME: the disk is refused, and that is said
bad () {
	! run "--disk=$2" -- true >/tmp/bad 2>&1 || fail "not refused: $2"
	grep -qF -- "$1" /tmp/bad || fail "$2 does not say \"$1\": $(tail -n 3 /tmp/bad)"
	say "refused: $(grep error: /tmp/bad | tail -n 1)"
}
# process PATTERN: the first whose command line is so
process () {
	for _p in /proc/[0-9]*; do
		_c=$(tr '\0' ' ' <"$_p/cmdline" 2>/dev/null) || true
		# shellcheck disable=SC2254
		case $_c in $1) echo "${_p#/proc/}"; return ;; esac
	done
}
# A backend that is not $old.
new_one () { _n=$(process '*sluice-blk --backend*'); [ -n "$_n" ] && [ "$_n" != "$old" ]; }
mkfifo /tmp/hold
nobody () { [ -z "$(ls /run/sluice-lvm 2>/dev/null)" ]; }
{
	pvcreate /dev/vdb && vgcreate vg /dev/vdb
	lvcreate -an -Zn -Wn -L 16M -n one vg
	lvcreate -Wn -y -L 8M -n other vg
	lvcreate -L 48M -c 64k -T vg/pool
	lvcreate -V 32M -T vg/pool -n thin
	lvchange -an vg/thin
} >/out/lvm.log 2>&1 || fail "$(tail -n 5 /out/lvm.log)"
fields=vg_name,lv_name,vg_uuid,lv_uuid,lv_layout,lv_role,lv_active,lv_merging,lv_snapshot_invalid,lv_attr,vg_partial,vg_exported,vg_shared,lv_health_status
report () { lvs --all --binary --reportformat json -o $fields "$1" >"/out/report-$2.json" 2>>/out/lvm.log; }
report vg/one linear; report vg/other active; report vg/pool pool; report vg/pool_tdata part; report vg/thin thin
inactive vg/one || fail "it is active before the test"

# Data, and that it is active only meanwhile.
good flushed run --disk=lvm:vg/one -- blk-conform flushed flush=1 expect=/tmp/expect seed=3
inactive vg/one || fail "it was left active: $(tail -n 5 /out/flushed)"
nobody || fail "somebody is said to use it: $(ls -R /run/sluice-lvm)"
good readonly run --disk=lvm:vg/one,ro -- blk-conform readonly expect=/tmp/expect
lvchange -ay vg/one
head -c 16777216 /dev/vg/one >/tmp/actual
good compare blk-conform compare expect=/tmp/expect actual=/tmp/actual
good kept run --disk=lvm:vg/one,ro -- true
active vg/one || fail "what was active before was deactivated"
lvchange -an vg/one
say "data, and active meanwhile"

# The guest's disk grows, and nobody tells it but LVM.
run --disk=lvm:vg/one -- blk-conform resize mib=24 >/out/resize 2>&1 &
guest=$!
wait_for 60 grep -q ready /out/resize || fail "no guest: $(tail -n 4 /out/resize)"
lvextend -L 24M vg/one >>/out/lvm.log 2>&1
wait $guest || fail "it did not see lvextend: $(tail -n 4 /out/resize)"
say "lvextend is seen"

# Two users: a writer excludes all others, readers do not exclude each other.
run --disk=lvm:vg/one -- sh -c 'echo up; cat /tmp/hold' >/out/first 2>&1 &
guest=$!
wait_for 60 grep -q up /out/first || fail "$(tail -n 4 /out/first)"
bad "in use" lvm:vg/one
bad "in use" lvm:vg/one,ro
bad "in use" /dev/vg/one
bad "in use" /dev/vdb
active vg/one || fail "the second user's failure deactivated it"
echo >/tmp/hold
wait $guest || fail "$(tail -n 4 /out/first)"
run --disk=lvm:vg/one,ro -- sh -c 'echo up; cat /tmp/hold' >/out/first 2>&1 &
guest=$!
wait_for 60 grep -q up /out/first || fail "$(tail -n 4 /out/first)"
good second run --disk=lvm:vg/one,ro -- true
active vg/one || fail "the second reader's end deactivated it"
echo >/tmp/hold
wait $guest || fail "$(tail -n 4 /out/first)"
inactive vg/one || fail "the last reader's end did not deactivate it"
say "two users"

# A thin volume gives back what is discarded.
percent () { lvs --noheadings -o data_percent vg/thin | tr -d ' ' | cut -d . -f 1; }
good discard run --disk=lvm:vg/thin -- blk-conform discard zeroes=1
good write sluice-bench blk --filename=lvm:vg/thin --rw=write --bs=256k --iodepth=4 --size=16m
lvchange -ay vg/thin
before=$(percent)
[ "$before" -ge 50 ] || fail "only $before % were written"
good trim sluice-bench blk --filename=lvm:vg/thin --rw=trim --bs=256k --iodepth=4 --size=16m
after=$(percent)
[ "$after" -le $((before - 40)) ] || fail "$before % were used, and after a discard $after %"
lvchange -an vg/thin
say "discards of a thin volume: $before % used before, $after % behind it"

# The backend is killed under load.
run --disk=lvm:vg/one -- blk-conform load depth=16 stop=/tmp/stop >/out/load 2>&1 &
guest=$!
wait_for 60 grep -q progress /out/load || fail "$(tail -n 4 /out/load)"
old=$(process '*sluice-blk --backend*')
kill -KILL "$old"
wait_for 60 new_one || fail "no new backend: $(tail -n 4 /out/load)"
sleep 2
active vg/one || fail "it was deactivated under the guest"
touch /tmp/stop
wait $guest || fail "$(tail -n 4 /out/load)"
inactive vg/one || fail "it was left active after a kill"
say "kill -9"

# A partition in it; a volume that another program has.
lvchange -ay vg/one
printf 'label: gpt\nstart=2048, size=16384, name="first"\nstart=18432, size=8192\n' | sfdisk -q /dev/vg/one >>/out/lvm.log 2>&1
lvchange -an vg/one
good partition run --disk=partition:lvm:vg/one:PARTLABEL=first -- blk-conform load ops=300
inactive vg/one || fail "it was left active"
bad "none of them is 7" partition:lvm:vg/one:7
inactive vg/one || fail "a disk that failed left it active"
say "a partition"

# What is refused.
bad "there is no volume group none here" lvm:none/one
bad "there is no logical volume none in volume group vg" lvm:vg/none
bad "is a pool" lvm:vg/pool
bad "a part that LVM keeps for itself" lvm:vg/pool_tdata
bad "write lvm:VG/LV" lvm:vg
bad 'begins with "-"' lvm:vg/--config
lvchange --permission r vg/one >>/out/lvm.log 2>&1
bad "is read-only; attach the disk with mode r" lvm:vg/one
good permission run --disk=lvm:vg/one,ro -- true
lvchange --permission rw vg/one >>/out/lvm.log 2>&1
lvcreate -s -L 4M -n full vg/one >>/out/lvm.log 2>&1
run --disk=lvm:vg/full -- blk-conform load ops=100 >/out/full 2>&1 || true
bad "ran out of room" lvm:vg/full
lvcreate -s -L 28M -n snap vg/one >>/out/lvm.log 2>&1
good snapshot run --disk=lvm:vg/snap -- blk-conform load ops=100
lvchange -ay vg/one
exec 3</dev/vg/one
lvconvert --merge vg/snap >>/out/lvm.log 2>&1
report vg/snap merging || true
bad "is being merged" lvm:vg/snap
exec 3<&-
truncate -s 40M /tmp/pv
pv=$(losetup -f)
losetup "$pv" /tmp/pv
vgextend vg "$pv" >>/out/lvm.log 2>&1
lvcreate -an -Zn -Wn -L 16M -n far vg "$pv" >>/out/lvm.log 2>&1
losetup -d "$pv"
report vg/far partial || true
bad "lacks physical volumes" lvm:vg/far
# LVM changes nothing in a group of which a part is missing: as the reason says.
lvm vgreduce --removemissing --force vg >>/out/lvm.log 2>&1 || fail "the group is not whole again: $(tail -n 1 /out/lvm.log)"
say "refusals"

# Partitions of which the kernel has devices: it knows their users.
truncate -s 12M /tmp/disk
printf 'label: gpt\nstart=2048, size=8192\nstart=10240, size=8192\n' | sfdisk -q /tmp/disk >>/out/lvm.log 2>&1
loop=$(losetup -f)
losetup -P "$loop" /tmp/disk
wait_for 10 test -b "${loop}p2" || fail "the kernel makes no devices of partitions"
run "--disk=partition:$loop:1" -- sh -c 'echo up; cat /tmp/hold' >/out/first 2>&1 &
guest=$!
wait_for 60 grep -q up /out/first || fail "$(tail -n 4 /out/first)"
bad "in use" "${loop}p1"
bad "in use" "$loop"
good beside run "--disk=partition:$loop:2" -- blk-conform load ops=100
echo >/tmp/hold
wait $guest || fail "$(tail -n 4 /out/first)"
grep -q "${loop}p1" /out/first || fail "it was not the kernel's device: $(grep sluice-blk /out/first)"
losetup -d "$loop"
say "the kernel's partitions"

# A daemon as in a driver domain, which starts the backend with the rights that LVM takes. It
# has a store and no hypervisor, so no frontend comes and the backend is not confined.
cat >/tmp/backend <<'END'
#!/bin/sh
exec sluice-blk "$@" --confine=no --log-level=info
END
chmod +x /tmp/backend
mkdir -p /tmp/dom /tmp/driverd
sluice-store --socket=/tmp/store.sock --domain-dir=/tmp/dom --state-file=/tmp/state 2>/out/store.log &
wait_for 20 test -S /tmp/store.sock
xs () { _c=$1; shift; XENSTORED_PATH=/tmp/store.sock "xenstore-$_c" "$@"; }
for d in 1 2; do xs write /local/domain/$d/domid $d; xs chmod /local/domain/$d/domid n0 r$d; done
XENSTORED_PATH=/tmp/store.sock driverd-introduce 1 2
xs chmod /local/domain/1 n1
xs write /local/domain/1/backend ""; xs chmod /local/domain/1/backend n0 r1
xs write /local/domain/1/error ""; xs chmod /local/domain/1/error n1
wait_for 20 test -S /tmp/dom/1/store.sock
chmod 700 /tmp/driverd
XENSTORED_PATH=/tmp/dom/1/store.sock sluice-driverd --foreground --run-dir=/tmp/driverd --log-level=info \
	--backend-program=vbd=/tmp/backend 2>/out/driverd &
leaf=/local/domain/1/backend/vbd/2/51712
disk () {
	xs write $leaf "" $leaf/frontend /local/domain/2/device/vbd/51712 $leaf/frontend-id 2 $leaf/online 1 \
		$leaf/params "$1" $leaf/mode w
	xs chmod $leaf n1 r2
	for _n in $(xs list $leaf); do xs chmod "$leaf/$_n" n1 r2; done
	xs write $leaf/state 1
	xs chmod $leaf/state n1 r2
}
waits () { [ "$(xs read $leaf/state)" = 2 ]; }
gone () { ! xs read $leaf/state; }
lvchange -an vg/other
disk lvm:vg/other
wait_for 60 waits || fail "$(tail -n 5 /out/driverd)"
active vg/other || fail "the backend of a driver domain did not activate it"
lvextend -L 12M vg/other >>/out/lvm.log 2>&1
wait_for 30 grep -q 'has 24576 sectors' /out/driverd || fail "lvextend is not seen: $(tail -n 5 /out/driverd)"
old=$(process '*sluice-blk --backend*')
kill -KILL "$old"
wait_for 60 new_one || fail "no new backend: $(tail -n 5 /out/driverd)"
wait_for 60 waits || fail "the new backend does not wait: $(tail -n 5 /out/driverd)"
active vg/other || fail "the killed backend's volume is not active"
xs write $leaf/online 0 $leaf/state 5
wait_for 60 gone || fail "not removed: $(tail -n 5 /out/driverd)"
wait_for 30 inactive vg/other || fail "it was left active: $(tail -n 5 /out/driverd)"
nobody || fail "somebody is said to use it: $(ls -R /run/sluice-lvm)"
disk lvm:vg/none
error () { xs read /local/domain/1/error/backend/vbd/2/51712/error | grep -q 'no logical volume none'; }
wait_for 60 error || fail "the error is not in its node: $(tail -n 5 /out/driverd)"
say "a driver domain's daemon"
