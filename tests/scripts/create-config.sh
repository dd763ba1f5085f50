# SPDX-License-Identifier: MIT
# What the keys of a configuration become, and what is said about wrong ones.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
. "$(dirname "$0")/boot-functions.sh"
. "$(dirname "$0")/create-functions.sh"
cd "$tmp"
image d.img 1
: >rd
config "$tmp/good.cfg" 'ramdisk="rd"' 'root="/dev/xvda ro"' 'extra="quiet"' 'vcpus=2 ; maxvcpus=4' '# vif=[ "x" ]' \
	'uuid="01234567-89ab-cdef-0123-456789abcdef"' 'on_crash="preserve"' "on_watchdog='restart'" 'on_poweroff="restart"' \
	'on_reboot="destroy"' 'disk = [ "phy:d.img,xvdb,w",' ' "vdev=xvdc, access=ro, target=/dev/null" ]' 'disk += [ "d.img,,xvdd,r" ]'
# become FILE ARG..: what sluice boot would be told
become () {
	local file=$1 want; shift
	want="sluice boot $*"
	"$sluice" create -n "$file" >out || fail "$file is refused"
	[ "$(cat out)" = "$want" ] || fail "$(printf '%s\n' "$(cat out)" "in place of" "$want")"
}
become good.cfg --vm=good "--kernel=$guest" "--initrd=$tmp/rd" "'--append=root=/dev/xvda ro quiet'" --memory=32 --vcpus=2 --maxvcpus=4 \
	"--disk=$tmp/d.img,dev=xvdb" --disk=/dev/null,dev=xvdc,ro "--disk=$tmp/d.img,dev=xvdd,ro" \
	--on-poweroff=restart --on-reboot=destroy --on-watchdog=restart --on-crash=preserve --uuid=01234567-89ab-cdef-0123-456789abcdef
config store.cfg 'driver_domain=1' 'cmdline="a b"'
become store.cfg --driver-vm=store "--kernel=$guest" "'--append=a b'" --memory=32
# One number of two stands for both.
printf 'name="x"\nkernel="%s"\nmaxmem=40\nmaxvcpus=3\n' "$guest" >x.cfg
become x.cfg --vm=x "--kernel=$guest" --memory=40 --vcpus=3 --maxvcpus=3
"$sluice" create -n x.cfg 'name="y"' maxmem=64 >out
says out "--vm=y --kernel=$guest --memory=64" || fail "the command line: $(cat out)"

bad () { local said=$1; shift; config bad.cfg "$@"; refuses "$said"; }
bad 'bad.cfg:5: memroy is no key of xl.cfg(5); sluice create --keys lists them' 'memroy=5'
bad 'bad.cfg:6: type="hvm" is not supported: guests are of type="pvh"' '' 'type="hvm"'
bad 'bad.cfg:5: the name "a b" is not possible: a name has 1 to 63' 'name="a b"'
bad 'bad.cfg:5: memory must be a number from 16 to' 'memory="much"'
bad 'bad.cfg:5: memory must be a number from 16 to' 'memory=4'
bad 'bad.cfg:5: a vm has all of its memory from the start' 'maxmem=64'
bad 'bad.cfg:5: vcpus must be a number from 1 to 64' 'vcpus=65'
bad 'bad.cfg:6: maxvcpus must be a number from 4 to 64' 'vcpus=4' 'maxvcpus=3'
bad 'bad.cfg:5: kernel: /nowhere: No such file or directory' 'kernel="/nowhere"'
bad 'bad.cfg:5: ramdisk: /nowhere: No such file or directory' 'ramdisk="/nowhere"'
bad 'bad.cfg:5: kernel must be one value, not a list' 'kernel=[ "/a" ]'
bad 'bad.cfg:5: on_crash="coredump-restart" is not supported: there are destroy, restart and preserve' 'on_crash="coredump-restart"'
bad 'bad.cfg:5: uuid="1" has not the form' 'uuid="1"'
bad 'bad.cfg:5: driver_domain must be a number from 0 to 1' 'driver_domain=2'
bad 'bad.cfg:5: disk must be a list' 'disk="/a,raw,xvda,w"'
# All that is wrong with keys is said at once, and a syntax error with its line.
bad 'bad.cfg:5: vtpm is not supported' 'vtpm=[ "backend=1" ]' 'pvshim=1'
says err 'bad.cfg:6: pvshim is not supported' || fail "$(cat err)"
bad 'bad.cfg:6: config parsing error' '' 'extra="a'
printf 'type="pvh"\n' >bad.cfg
refuses 'bad.cfg: the name is missing: name="guest"'
printf 'name="a"\n' >bad.cfg
refuses 'bad.cfg: the kernel is missing: kernel="/boot/vmlinuz"'
rm bad.cfg
refuses 'bad.cfg: No such file or directory'
head -c 2000000 /dev/zero >bad.cfg
refuses 'bad.cfg: File too large'
! "$sluice" create -n x.cfg 'memroy=5' 2>err || fail "an unknown key on the command line is taken"
says err 'on the command line: memroy is no key' || fail "$(cat err)"
! "$sluice" create 2>err || fail "no file"
says err 'which configuration file?' || fail "$(cat err)"
assert_tidy
