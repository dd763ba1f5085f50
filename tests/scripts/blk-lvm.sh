# SPDX-License-Identifier: MIT
# lvm:VG/LV as sluice-blk and sluice-lvm treat it, where the kernel has no device mapper: the
# volume is a loop device, and what lvs, vgs and lvchange say is told by this test. With the
# real ones: tests/lab/kvm/test-lvm.sh.
. "$(dirname "$0")/functions.sh"
PATH=$PATH:/usr/sbin:/sbin
lvm=$builddir/backends/blk/sluice-lvm
requires test -x "$lvm"
requires command -v losetup
[ -w /dev/loop-control ] || skip "loop devices cannot be set up here"
# /dev/VG/LV is in a /dev of the test's own.
if [ -z "${SLUICE_LVM_NS-}" ]; then
	unshare -m true 2>/dev/null || skip "a mount namespace of the test's own takes root"
	truncate -s 8M "$tmp/lv"
	loop=$(losetup --find --show "$tmp/lv") || skip "no loop device is free"
	cleanup_fn eval "losetup --detach $loop"
	SLUICE_LVM_NS=$loop SLUICE_LVM_IMAGE=$tmp/lv unshare -m --propagation private bash "$0"
	exit 0
fi
loop=$SLUICE_LVM_NS image=$SLUICE_LVM_IMAGE
mkdir "$tmp/dev"
mount -t tmpfs dev "$tmp/dev" || skip "nothing can be mounted here"
cp -a /dev/null /dev/zero /dev/urandom /dev/random "$loop" "$tmp/dev/"
ln -s /proc/self/fd "$tmp/dev/fd"
mkdir "$tmp/dev/vg" "$tmp/dev/shm"
ln -s "$loop" "$tmp/dev/vg/lv"
mount --move "$tmp/dev" /dev
mkdir "$tmp/bin"
PATH=$tmp/bin:$PATH

# Active or not is in $tmp/active; what lvs reports otherwise in $tmp/fields.
cat >"$tmp/bin/lvs" <<END
#!/bin/bash
echo "lvs \$*" >>$tmp/calls
[ ! -e $tmp/lvs-fails ] || { cat $tmp/lvs-fails >&2; exit 5; }
active=; [ ! -e $tmp/active ] || active=active
printf '{ "report": [ { "lv": [ {"vg_name":"vg", "lv_name":"lv", "vg_uuid":"aaaa-1", "lv_uuid":"bbbb-2", "lv_active":"%s"' "\$active"
declare -A field=([lv_layout]=linear [lv_role]=public [lv_merging]=0 [lv_snapshot_invalid]=0 [lv_attr]=-wi-------
	[vg_partial]=0 [vg_exported]=0 [vg_shared]=0 [lv_health_status]=)
[ ! -e $tmp/fields ] || . $tmp/fields
for f in "\${!field[@]}"; do printf ', "%s":"%s"' "\$f" "\${field[\$f]}"; done
echo '} ] } ] }'
END
cat >"$tmp/bin/vgs" <<END
#!/bin/bash
echo "vgs \$*" >>$tmp/calls
[ ! -e $tmp/no-vg ] || { echo '  Volume group "vg" not found' >&2; exit 5; }
echo '  vg'
END
cat >"$tmp/bin/lvchange" <<END
#!/bin/bash
echo "lvchange \$*" >>$tmp/calls
[ ! -e $tmp/lvchange-fails ] || { echo "  noise" >&2; cat $tmp/lvchange-fails >&2; exit 5; }
: >$tmp/begun
while [ -e $tmp/slow ]; do sleep 0.05; done
case "\$*" in *"--activate n "*) rm -f $tmp/active ;; *) : >$tmp/active ;; esac
END
chmod +x "$tmp"/bin/*
called () { grep -qxF -- "$1" "$tmp/calls"; }
fresh () { rm -f "$tmp"/{active,fields,lvs-fails,no-vg,lvchange-fails,slow,begun}; rm -rf "$tmp/users"; : >"$tmp/calls"; }
mkdir /dev/shm/users
run=/dev/shm/users

# --- sluice-lvm ------------------------------------------------------------------------------
# begin OPTION..: its input is descriptor 8, its output $tmp/says
begin () {
	rm -f "$tmp/in" "$tmp/says"
	mkfifo "$tmp/in"
	exec 8<>"$tmp/in"
	"$lvm" --run-dir=$run "$@" <"$tmp/in" >"$tmp/says" 2>"$tmp/err" 8>&- &
	pid=$!
	cleanup_fn eval "kill $pid 2>/dev/null; wait $pid 2>/dev/null || :"
	wait_for 20 eval "grep -q /dev/vg/lv '$tmp/says' 2>/dev/null || ! kill -0 $pid 2>/dev/null"
	grep -qx /dev/vg/lv "$tmp/says" || fail "$*: $(cat "$tmp/err")"
}
end () { echo e >&8; wait "$pid" || fail "status $?: $(cat "$tmp/err")"; exec 8>&-; }
gone () { exec 8>&-; kill "$pid"; wait "$pid" || :; }
refused () {
	local status=0 text=$1; shift
	"$lvm" --run-dir=$run --user=u "$@" vg/lv </dev/null >"$tmp/says" 2>"$tmp/err" || status=$?
	[ $status = 1 ] || fail "$text: status $status"
	[ "$(wc -l <"$tmp/err")" = 1 ] || fail "not one line: $(cat "$tmp/err")"
	grep -qF -- "$text" "$tmp/err" || fail "\"$text\" is not said: $(cat "$tmp/err")"
	[ ! -s "$tmp/says" ] || fail "it says it is ready"
}
is_active () { [ -e "$tmp/active" ]; }

fresh
begin --user=a vg/lv
is_active || fail "not activated"
called "lvchange --activate y --ignoreactivationskip --yes -- vg/lv" || fail "$(cat "$tmp/calls")"
second=$pid
exec 9>&8 8>&-
begin --user=b --readonly vg/lv
end
is_active || fail "deactivated under its first user"
exec 8>&9 9>&-
echo e >&8
pid=$second
echo "what is active for two"

# The kernel tells of a new size, and nobody asks.
fresh
begin --user=a vg/lv
truncate -s 12M "$image"
losetup -c "$loop"
if (wait_for 10 grep -qx s "$tmp/says") 2>/dev/null; then
	echo "a new size is told of"
else
	echo "left out: the kernel's word of a new size; its events do not come here"
fi
end
! is_active || fail "left active"
called "lvchange --activate n --ignoreactivationskip --yes -- vg/lv" || fail "$(cat "$tmp/calls")"
[ -z "$(ls $run)" ] || fail "left: $(ls -R $run)"

# What was active before stays so, and who was killed has a successor.
fresh
: >"$tmp/active"
begin --user=a vg/lv
end
is_active || fail "deactivated, though it was active before"
fresh
begin --user=a vg/lv
kill -KILL "$pid"
wait "$pid" || :
exec 8>&-
is_active || fail "not active any more"
begin --user=a vg/lv
end
! is_active || fail "left active by the successor"
# The end of the input is a process' end, unless it is said to be the disk's.
fresh
begin --user=a vg/lv
exec 8>&-
wait "$pid" || fail "status $?"
is_active || fail "deactivated without a word"
begin --user=a --release-at-eof vg/lv
exec 8>&-
wait "$pid" || fail "status $?"
! is_active || fail "left active at the end"
# Whoever asked for it has gone before it was active, and left no word.
fresh
: >"$tmp/slow"
mkfifo "$tmp/unread"
exec 7<>"$tmp/unread"
"$lvm" --run-dir=$run --user=a vg/lv </dev/null >"$tmp/unread" 2>"$tmp/err" 7>&- &
pid=$!
cleanup_fn eval "rm -f '$tmp/slow'; kill $pid 2>/dev/null; wait $pid 2>/dev/null || :"
wait_for 20 test -e "$tmp/begun"
exec 7>&-
rm "$tmp/slow"
! wait "$pid" || fail "it says that all is well"
! is_active || fail "left active for nobody"
[ -z "$(ls $run)" ] || fail "left: $(ls -R $run)"
echo "activations end when they should"

# Of several hosts.
fresh
echo 'field[vg_shared]=1' >"$tmp/fields"
begin --user=a vg/lv
end
called "lvchange --activate ey --ignoreactivationskip --yes -- vg/lv" || fail "$(cat "$tmp/calls")"
begin --user=a --shared vg/lv
end
called "lvchange --activate sy --ignoreactivationskip --yes -- vg/lv" || fail "$(cat "$tmp/calls")"
echo "shared volume groups"

fresh
echo 'Failed to find logical volume "vg/lv"' >"$tmp/lvs-fails"
refused "there is no logical volume lv in volume group vg"
: >"$tmp/no-vg"
refused "there is no volume group vg here"
fresh
echo 'something else' >"$tmp/lvs-fails"
refused "lvs: something else"
fresh
echo '  activation/volume_list configuration setting does not match' >"$tmp/lvchange-fails"
refused "vg/lv cannot be activated: activation/volume_list"
[ -z "$(ls $run)" ] || fail "left: $(ls -R $run)"
: >"$tmp/active"
echo 'field[lv_layout]=thin,pool field[lv_role]=private' >"$tmp/fields"
refused "is a pool"
echo 'field[lv_merging]=1' >"$tmp/fields"
refused "is being merged"
echo 'field[lv_attr]=-ri-a-----' >"$tmp/fields"
refused "is read-only"
echo 'field[lv_uuid]=../../etc' >"$tmp/fields"
refused "makes no sense"
# What is known only when it is active.
fresh
echo '[ -z "$active" ] || field[lv_snapshot_invalid]=1' >"$tmp/fields"
refused "ran out of room"
! is_active || fail "left active"
[ -z "$(ls $run)" ] || fail "left: $(ls -R $run)"
fresh
! "$lvm" --run-dir=$run --user=../x vg/lv 2>"$tmp/err" || fail "a user that is a path"
! "$lvm" --run-dir=$run --user=u --config=x 2>"$tmp/err" || fail "LVM's options are taken"
[ ! -s "$tmp/calls" ] || fail "LVM was asked: $(cat "$tmp/calls")"
echo "errors"

# --- sluice-blk ---------------------------------------------------------------------------------
mount -t tmpfs run /run
. "$srcdir/tests/scripts/disk-functions.sh"
begin_store
users () { ls /run/sluice-lvm/aaaa-1.bbbb-2 2>/dev/null; }
fresh
serve 51712 lvm:vg/lv
is_active || fail "not activated"
[ "$(users)" = backend-vbd-7-51712 ] || fail "users: $(users)"
truncate -s 16M "$image"
losetup -c "$loop"
if (wait_for 10 grep -q 'the disk has 32768 sectors' "$tmp/err.51712") 2>/dev/null; then
	echo "the disk grows with its volume"
else
	echo "left out: growing with its volume; the kernel's events do not come here"
fi
kill -KILL "$served"
wait "$served" || :
sleep 0.5
is_active || fail "deactivated when its backend was killed"
serve 51712 lvm:vg/lv
kill "$served"
wait "$served" || fail "status $?: $(cat "$tmp/err.51712")"
! is_active || fail "left active"
[ -z "$(users)" ] || fail "users: $(users)"
# Told to end while its volume is being activated, it takes that back.
fresh
: >"$tmp/slow"
disk 51712 lvm:vg/lv
"$blk" --backend=backend/vbd/7/51712 --confine=no 2>"$tmp/err.51712" &
served=$!
cleanup_fn eval "rm -f '$tmp/slow'; kill $served 2>/dev/null; wait $served 2>/dev/null || :"
wait_for 60 test -e "$tmp/begun"
kill "$served"
sleep 0.5
kill -0 "$served" || fail "it left its volume to nobody"
rm "$tmp/slow"
wait "$served" || fail "status $?: $(cat "$tmp/err.51712")"
! is_active || fail "left active"
[ -z "$(users)" ] || fail "users: $(users)"
! try_serve 51712 lvm:vg || fail "half a name is taken"
grep -q "write lvm:VG/LV" "$tmp/err.51712" || fail "$(cat "$tmp/err.51712")"
# What fails later deactivates, too.
if [ -x "$builddir/backends/blk/sluice-probe" ]; then
	! try_serve 51712 partition:lvm:vg/lv:1 || fail "there is no partition 1"
	grep -q "no partition table" "$tmp/err.51712" || fail "$(cat "$tmp/err.51712")"
	! is_active || fail "left active by a disk that was refused"
fi
echo "sluice-blk"
