# SPDX-License-Identifier: MIT
# What cannot be booted is said in one line that names it and the remedy; nothing stays.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
. "$(dirname "$0")/boot-functions.sh"
requires_stack
mkdir "$tmp/dir"
mkfifo "$tmp/fifo"
image "$tmp/disk.img" 1

# one_line TEXT ARGUMENT..: sluice fails with 1 and one line that has TEXT.
one_line () {
	local text=$1 status=0; shift
	timeout 60 "$sluice" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null || status=$?
	[ $status = 1 ] || fail "status $status from: $*: $(cat "$tmp/err")"
	[ "$(wc -l <"$tmp/err")" = 1 ] || fail "not one line from: $*: $(cat "$tmp/err")"
	grep -qF -- "$text" "$tmp/err" || fail "does not say \"$text\": $(cat "$tmp/err")"
	[ ! -s "$tmp/out" ] || fail "output from: $*: $(cat "$tmp/out")"
	assert_tidy 5
}
k=--kernel=$guest
one_line "which kernel is guest to boot? give --kernel=FILE" boot
one_line "--kernel= needs a file" boot --kernel=
one_line "--nosuch is no option of sluice boot" boot --nosuch
one_line "--kernel needs a value" boot --kernel
one_line "extra is no option" boot "$k" extra
one_line "--memory=8: it must be a number from 16" boot "$k" --memory=8
one_line "--memory=-1: it must be a number" boot "$k" --memory=-1
one_line "--memory=64M: it must be a number" boot "$k" --memory=64M
one_line "--vcpus=0: it must be a number from 1 to 64" boot "$k" --vcpus=0
one_line "--vcpus=65: it must be a number from 1 to 64" boot "$k" --vcpus=65
one_line "--maxvcpus=x: it must be a number" boot "$k" --maxvcpus=x
one_line "--maxvcpus=2 is less than --vcpus=4" boot "$k" --vcpus=4 --maxvcpus=2
one_line "--timeout=0: it must be a number" boot "$k" --timeout=0
one_line "--name=a b: a name has" boot "$k" --name="a b"
one_line "--name=: a name has" boot "$k" --name=
one_line "--vm=a/b: a name has" boot "$k" --vm=a/b
one_line "--driver-vm=-x: a name has" boot --driver-vm=-x "$k"
one_line "--console= needs a file" boot "$k" --console=
for on in poweroff reboot crash; do
	one_line "--on-$on=explode: it must be destroy, restart or preserve" boot "$k" --on-$on=explode
done
one_line "--log-level=loud is none of" boot "$k" --log-level=loud
one_line 'no option "r0"' boot "$k" --disk="$tmp/disk.img,r0"
one_line "fd0 is no disk name" boot "$k" --disk="$tmp/disk.img,dev=fd0"
one_line "disk xvdb is there twice" boot "$k" --disk="$tmp/disk.img,dev=xvdb" --disk="$tmp/disk.img,dev=xvdb"
one_line "there is no driver domain nosuch for guest" boot "$k" --disk=/dev/xvda,backend=nosuch
one_line "two vms are named a" boot --vm=a "$k" --vm=a "$k"
one_line "only one vm can have --console=stdio" boot --vm=a "$k" --console=stdio --vm=b "$k" --console=stdio
one_line "which kernel is b to boot?" boot --vm=a "$k" --vm=b
vms=()
for i in 1 2 3 4 5 6 7 8 9; do vms+=("--vm=v$i" "$k"); done
one_line "at most 8 vms" boot "${vms[@]}"
disks=()
for i in {1..17}; do disks+=("--disk=$tmp/disk.img"); done
one_line "at most 16 disks" boot "$k" "${disks[@]}"
# What needs files
one_line "the kernel $tmp/nosuch: No such file" boot --kernel="$tmp/nosuch"
one_line "the kernel $tmp/dir is not a regular file" boot --kernel="$tmp/dir"
one_line "the kernel $tmp/fifo is not a regular file" boot --kernel="$tmp/fifo"
one_line "the initrd $tmp/nosuch: No such file" boot "$k" --initrd="$tmp/nosuch"
# What needs KVM, where there is none
one_line "no vm without KVM: /nonexistent is missing" boot "$k" --kvm=/nonexistent
# The verbs of what runs
one_line "which vm?" pause
one_line "there is no vm nosuch of yours" pause nosuch
for verb in unpause shutdown reboot destroy console; do
	one_line "there is no vm nosuch of yours" $verb nosuch
done
one_line "--wait is no option of sluice pause" pause --wait nosuch
one_line "there is no vm extra of yours" list extra
