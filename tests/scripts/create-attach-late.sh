# SPDX-License-Identifier: MIT
# A disk whose image is shown to the storage domain already and which the store then refuses: the
# domain keeps nothing of it. What another disk needs there stays.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
. "$(dirname "$0")/boot-functions.sh"
. "$(dirname "$0")/create-functions.sh"
requires_vm
image "$tmp/a.img" 1
config "$tmp/vm.cfg" 'extra="hotplug obey"' "disk=[ '$tmp/a.img,raw,xvda,rw' ]"
"$sluice" create -q "$tmp/vm.cfg"
run=$(ls -d "$XDG_RUNTIME_DIR"/sluice-*/run.*)
storage=$(pgrep -o -f "^[^ ]*/sluice-driverd --run-dir=$run/dom/1/" | head -n 1)
shows () { grep -qF "$1 " "/proc/$storage/mountinfo"; }
shows "$tmp/a.img" || skip "the storage domain here has the host's mounts"

# A name as long as a path may be is longer than what a node of the store holds.
long=$tmp
while [ ${#long} -lt 3800 ]; do long=$long/$(printf '%0200d' 0); done
mkdir -p "$long"
image "$long/deep.img" 1
"$sluice" block-attach vm "$long/deep.img,raw,xvdb,rw" 2>"$tmp/err" && fail "the store took a node of $((${#long} + 9)) bytes"
says "$tmp/err" 'the store refused the nodes of disk xvdb' || fail "$(cat "$tmp/err")"
! shows /deep.img || fail "the storage domain still has it"
shows "$tmp/a.img" || fail "another disk's image is gone"
# The same image under a name that fits.
ln -s "$long/deep.img" "$tmp/b.img"
"$sluice" block-attach vm "$tmp/b.img,raw,xvdb,rw"
"$sluice" destroy vm
assert_tidy 20
