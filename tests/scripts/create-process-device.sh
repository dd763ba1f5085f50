# SPDX-License-Identifier: MIT
# A block device of a process domain, named by a link as udev makes them: it is there under both
# names, with the limits of its queue, and no other device is.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
. "$(dirname "$0")/boot-functions.sh"
. "$(dirname "$0")/create-functions.sh"
[ "$(id -u)" = 0 ] || skip "only root has block devices to give"
requires_vm
requires command -v losetup
image "$tmp/one.img" 2
image "$tmp/two.img" 2
one=$(losetup -f --show "$tmp/one.img" 2>/dev/null) || skip "no loop device here"
cleanup_fn eval 'losetup -d $one 2>/dev/null'
two=$(losetup -f --show "$tmp/two.img" 2>/dev/null) || skip "no second loop device here"
cleanup_fn eval 'losetup -d $two 2>/dev/null'
mkdir "$tmp/by-id"
ln -s "$one" "$tmp/by-id/one"
process_config "$tmp/store.cfg" "devices=[ '$tmp/by-id/one' ]"
"$sluice" create -q "$tmp/store.cfg" 2>"$tmp/err" || {
	! says "$tmp/err" 'cannot be confined' || skip "$(cat "$tmp/err")"
	fail "$(cat "$tmp/err")"
}
config "$tmp/vm.cfg" 'extra="hotplug obey"' "disk=[ 'phy:$tmp/by-id/one,xvda,w,backend=store', 'phy:$two,xvdb,w' ]"
"$sluice" create -q "$tmp/vm.cfg"
run=$(ls -d "$XDG_RUNTIME_DIR"/sluice-*/run.*)
root () { echo "/proc/$(pgrep -o -f "^[^ ]*/sluice-driverd --run-dir=$run/dom/$1/" | head -n 1)/root"; }
"$sluice" block-list vm | grep -qE "^51712 .* 2 +w +$tmp/by-id/one$" || fail "$("$sluice" block-list vm)"
for d in "1 $two $one" "2 $one $two"; do
	set -- $d
	[ -b "$(root "$1")$2" ] || fail "domain $1 lacks $2"
	[ ! -e "$(root "$1")$3" ] || fail "domain $1 has $3"
	[ "$(ls "$(root "$1")/sys/dev/block")" = "$(printf '%d:%d' "0x$(stat -c %t "$2")" "0x$(stat -c %T "$2")")" ] ||
		fail "domain $1 sees $(ls "$(root "$1")/sys/dev/block")"
	[ -r "$(root "$1")/sys/dev/block/$(ls "$(root "$1")/sys/dev/block")/queue/discard_granularity" ] || fail "no limits"
done
[ -b "$(root 2)$tmp/by-id/one" ] || fail "it is not there under the name that was given"
! "$sluice" block-attach vm "phy:$two,xvdc,r,backend=store" 2>"$tmp/err" || fail "another device is attached"
says "$tmp/err" "store may not reach $two" || fail "$(cat "$tmp/err")"
# Its own name is not what the configuration says.
! "$sluice" block-attach vm "phy:$one,xvdc,r,backend=store" 2>"$tmp/err" || fail "by a name that was not given"
"$sluice" destroy vm
[ ! -e "$(root 1)$two" ] || fail "detached, and still there"
"$sluice" destroy store
assert_tidy 20
