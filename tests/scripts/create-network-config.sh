# SPDX-License-Identifier: MIT
# Network interfaces as xl-network-configuration(5) has them: each key is honoured or refused by name.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
. "$(dirname "$0")/boot-functions.sh"
. "$(dirname "$0")/create-functions.sh"
# vif SPEC: it is taken, and told to sluice boot as it is; vif SPEC TEXT: refused, with file, line and TEXT.
vif () {
	config "$tmp/bad.cfg" "vif=[ '$1' ]"
	if [ $# = 1 ]; then
		"$sluice" create -n "$tmp/bad.cfg" >"$tmp/out" 2>"$tmp/err" || fail "$1 is refused: $(cat "$tmp/err")"
		[ ! -s "$tmp/err" ] || fail "$1: $(cat "$tmp/err")"
		says "$tmp/out" "--net=$1" || says "$tmp/out" "'--net=$1'" || fail "$1: $(cat "$tmp/out")"
	else
		refuses "bad.cfg:5: vif \"$1\": "
		says "$tmp/err" "$2" || fail "$1: not said: $2: $(cat "$tmp/err")"
	fi
}
mac=00:16:3e:00:00:01
vif ''
vif "mac=$mac"
vif 'bridge=xenbr0,vifname=web0'
vif 'bridge=xenbr0,script=vif-bridge,ip=10.0.0.1 10.0.0.2,vlan=10p'
vif 'script=/etc/xen/scripts/vif-route,gatewaydev=eth0'
vif 'script=/etc/xen/scripts/vif-route,netdev=eth0'
vif 'type=vif'
vif 'rate=10Mb/s'
vif 'rate=1MB/s@20ms,rate_in=250KB/s'
vif 'devid=3,mtu=9000,backend=net'
vif 'backend=0'
vif 'backend=Domain-0,trusted'
vif 'untrusted'
vif 'trusted=0'
vif 'backend=net,attach=macvtap,device=eth1'
vif 'attach=user,forward=tcp:8022-22 udp:53-53'
vif 'mac= , bridge=xenbr0'

vif 'mac=nonsense' 'mac=nonsense is no address of an interface'
vif 'mac=01:16:3e:00:00:01' 'is no address of an interface'
vif 'mac=00:00:00:00:00:00' 'is no address of an interface'
vif 'mac=00:16:3e:00:00:01:02' 'is no address of an interface'
vif 'bridge=a/b' "interfaces' names have no blanks"
vif 'bridge=0123456789abcdef' 'at most 15 bytes'
vif 'vifname=%d' "interfaces' names have no blanks"
vif 'rate=fast' 'rate=fast: a rate is written as 10Mb/s'
vif 'rate=0MB/s' 'a rate is written as'
vif 'rate_in=1' 'rate_in=1: a rate is written as'
vif 'devid=-1' 'devid=-1: it must be a number from 0 to 65535'
vif 'devid=65536' 'it must be a number from 0 to 65535'
vif 'mtu=10' 'mtu=10: it must be a number from 68 to 65521'
vif 'mtu=99999999999' 'it must be a number'
vif 'trusted=2' 'it must be a number from 0 to 1'
vif 'type=ioemu' 'type=ioemu: a vm has no emulated cards; write type=vif'
vif 'model=e1000' 'model is not supported: a vm has no emulated cards; remove it'
vif 'accel=x' 'accel is not supported'
vif 'forwarddev=eth1' 'forwarddev is not supported: colo'
vif 'colo_sock_mirror_id=a' 'colo_sock_mirror_id is not supported: colo'
vif 'bridge' 'bridge needs a value'
vif 'color=red' 'an interface has no key color; sluice network-attach --keys lists them'
vif 'attach=wire' 'attach=wire: there are user, tap, macvtap, packet and null'
vif 'attach=tap' 'attach=tap needs the bridge'
vif 'attach=user,bridge=br0' 'attach=user is a network of its own'
vif 'attach=macvtap,backend=net' 'attach=macvtap needs the interface that it stands on: device='
vif 'attach=macvtap,device=eth1' "make one with type=\"process\" and interfaces=[ 'eth1' ]"
vif 'device=eth1,backend=net' 'say what it is for'
vif 'bridge=br0,forward=tcp:1-1' 'forward is for attach=user'
vif 'forward=tcp:1-1,forward=tcp:2-2' 'forward= is there twice'
config "$tmp/bad.cfg" 'vif="bridge=br0"'
refuses 'bad.cfg:5: vif must be a list'
config "$tmp/bad.cfg" "vif=[ '','','','','','','','','' ]"
refuses 'vif: at most 8 interfaces'
config "$tmp/bad.cfg" "vif=[ 'devid=1', '', '', 'devid=1' ]"
! "$sluice" create -n "$tmp/bad.cfg" >/dev/null 2>"$tmp/err" || fail "a number twice"
says "$tmp/err" 'interface 1 is there twice: give each its own devid=' || fail "$(cat "$tmp/err")"
! "$sluice" boot --kernel="$guest" --net=backend=nobody 2>"$tmp/err" || fail "a backend that is not there"
says "$tmp/err" 'interface 0: there is no driver domain nobody for guest' || fail "$(cat "$tmp/err")"
# All that is wrong is told at once.
config "$tmp/bad.cfg" "vif=[ 'color=red', 'model=x' ]"
refuses 'no key color'
says "$tmp/err" 'model is not supported' || fail "$(cat "$tmp/err")"

# The manual page's keys, as Xen 4.17 has it: none is left out; of the others some are ours, the rest xl's.
"$sluice" network-attach --keys >"$tmp/keys"
cat >"$tmp/page" <<-EOT
	backend
	bridge
	devid
	gatewaydev
	ip
	mac
	model
	mtu
	netdev
	rate
	script
	trusted
	type
	untrusted
	vifname
EOT
awk '{ print $1 }' "$tmp/keys" | sort >"$tmp/ours"
[ -z "$(comm -23 "$tmp/page" "$tmp/ours")" ] || fail "left out: $(comm -23 "$tmp/page" "$tmp/ours")"
[ "$(comm -13 "$tmp/page" "$tmp/ours" | tr '\n' ' ')" = "accel attach colo_ device forward forwarddev rate_in vlan " ] ||
	fail "added: $(comm -13 "$tmp/page" "$tmp/ours")"
[ "$(grep -c "Sluice's own" "$tmp/keys")" = 4 ] || fail "$(cat "$tmp/keys")"
# And the page itself, where it is installed: words of their own on a line, below Keywords.
page=$(man -w 5 xl-network-configuration 2>/dev/null || :)
if [ -n "$page" ]; then
	MANWIDTH=100 man 5 xl-network-configuration | col -b | sed -n '/^K[Ee]/,$p' |
		grep -oE '^   [a-z][a-z_ /]*$' | tr '/' '\n' | tr -d ' ' | cat - <(echo netdev) | sort -u |
		comm -23 - "$tmp/ours" >"$tmp/missing"
	[ ! -s "$tmp/missing" ] || fail "the installed manual page has $(cat "$tmp/missing")"
fi
while read -r key verdict why; do
	[ "$verdict" = refused ] || continue
	vif "$key=x" "$key is not supported: $why"
done <"$tmp/keys"
