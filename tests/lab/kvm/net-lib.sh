# SPDX-License-Identifier: MIT
# What the hosts of networks share: a process driver domain that alone has the interface to the outside, a test host
# behind that, which is a network namespace of its own, and guests who do what they are told.
load tun bridge veth
kernel=$(arg guest)
ip () { /usr/sbin/ip "$@"; }
world () { ip netns exec world "$@"; }
ip netns add world
ip link add outside mtu 9000 type veth peer name wan mtu 9000 netns world
world ip addr add 192.0.2.1/24 dev wan
world ip addr add fd00::1/64 dev wan nodad
world ip link set wan up

cat >/tmp/net.cfg <<CFG
name = "net"
type = "process"
bridges = [ "xenbr0=outside" ]
CFG
sluice create /tmp/net.cfg || fail "no network driver domain"
[ ! -e /sys/class/net/outside ] || fail "the host has the interface to the outside, too"

# guest NAME NUMBER [BACKEND MORE]: NUMBER is the last one of its addresses, MORE is for its configuration
guest () {
	cat >"/tmp/$1.cfg" <<-CFG
		name = "$1"
		type = "pvh"
		kernel = "/boot/vmlinuz-$kernel"
		ramdisk = "/boot/${role:-guest}-$kernel.cpio"
		cmdline = "console=hvc0 quiet panic=1 lab=${role:-guest} seconds=$(arg seconds) net=$2"
		memory = 256
		vif = [ "mac=00:16:3e:00:00:$2,backend=${3:-net},bridge=xenbr0" ]
		$4
	CFG
	sluice create "/tmp/$1.cfg" || fail "no guest $1"
	mkfifo "/run/keys-$1"
	(exec 3<>"/run/keys-$1"; sluice console "$1" <&3 >"/out/guest-$1.log" 2>"/out/sluice-$1.log"; echo $? >"/run/ended-$1") &
	echo 0 >"/run/orders-$1"
}
# begin GUEST COMMAND; finish SECONDS GUEST: that must have ended well; order SECONDS GUEST COMMAND: both
begin () {
	echo $(($(cat "/run/orders-$1") + 1)) >"/run/orders-$1"
	type "$1" "$2"
	say "$1: $2"
}
finish () {
	_n=$(cat "/run/orders-$2")
	wait_said "$1" "$2" "order $_n ended with "
	said "$2" "order $_n ended with 0" || fail "$2: this did not end well"
}
order () { begin "$2" "$3"; finish "$1" "$2"; }
# agreed GUEST NODE WRITER VALUE: as sluice features said in /out/features-GUEST; VALUE is a pattern
agreed () { grep -qE "^ +$2 +$3 +$4$" "/out/features-$1" || fail "$1: $2 of the $3 is not $4: $(cat "/out/features-$1")"; }
# --- traffic
backends () { pidof sluice-net | tr ' ' '\n' | sort -n | tr '\n' ' '; }
# busybox's nc ends when the other side has nothing more to say: who receives keeps silent, but there.
mkfifo /run/silence
exec 9<>/run/silence
# transfer MIB: to the outside, from there, and between the guests; each checks what it got
transfer () {
	head -c $(($1 * 1048576)) /dev/urandom >/tmp/file
	want=$(sha256sum </tmp/file | cut -d ' ' -f 1)
	world nc -l -p 5001 </tmp/file &
	order 300 a "reach 192.0.2.1 5001 <&9 >/tmp/file; echo '$want  /tmp/file' | sha256sum -c"
	wait $!
	(world nc -l -p 5002 <&9 | sha256sum | cut -d ' ' -f 1 >/tmp/got) &
	order 300 a 'reach fd00::1 5002 </tmp/file'
	wait $!
	[ "$(cat /tmp/got)" = "$want" ] || fail "the outside got something else"
	begin b "nc -l -p 5003 <&9 >/tmp/file; echo '$want  /tmp/file' | sha256sum -c"
	order 300 a 'reach 192.0.2.12 5003 </tmp/file'
	finish 60 b
}
# all_ended: nothing is left, and the interface to the outside is back
all_ended () {
	wait_for 30 no_stack || fail "the stack did not end with its last domain"
	[ -e /sys/class/net/outside ] || fail "the interface to the outside did not come back"
}
