# SPDX-License-Identifier: MIT
# The host has one address that guests may reach, and a file there.
host_start
ip addr add 198.51.100.1/32 dev lo
mkdir -p /www
head -c 300000 /dev/urandom >/www/file
httpd -p 198.51.100.1:8080 -h /www
guest_create "vif = [ 'forward=tcp:8022-80' ]" "sum=$(sum /www/file)"
wait_said 120 guest 'ready for orders'
n=0
order () {
	n=$((n + 1))
	type guest "$1"
	wait_said 90 guest "order $n ended with "
	said guest "order $n ended with 0" || fail "$1: it did not end well"
	say "$1"
}
# in_by_port: what the guest has, through the forwarded port
in_by_port () { [ "$(timeout 20 wget -q -O - http://127.0.0.1:8022/who)" = "it is the guest" ]; }
is_connected () { sluice network-list guest | grep -qE "^0 +.* 4 +[0-9]+ +user "; }

order address
is_connected || fail "not connected: $(sluice network-list guest)"
sluice features guest >/out/features
grep -qE 'request-rx-copy +frontend +1$' /out/features || fail "$(cat /out/features)"
order out
order serve
in_by_port || fail "nothing comes in by the port"
mac=$(sluice network-list guest | awk '$1 == 0 { print $3 }')
case $mac in 00:16:3e:*) ;; *) fail "the address is $mac" ;; esac

# The guest has its address still, and the next connection works.
old=$(pidof sluice-net)
kill -9 "$old"
other () { _now=$(pidof sluice-net) && [ -n "$_now" ] && [ "$_now" != "$old" ]; }
wait_for 30 other || fail "no other backend comes"
order out
wait_for 30 in_by_port || fail "nothing comes in by the port after the kill"
say "killed, and on"

# It is in use; the guest lets go of it all the same.
sluice network-detach guest 0 || fail "network-detach failed"
order gone
[ "$(sluice network-list guest | wc -l)" = 1 ] || fail "it is left: $(sluice network-list guest)"
! in_by_port 2>/dev/null || fail "the port is listened on"
sluice network-attach guest forward=tcp:8022-80 || fail "network-attach failed"
order address
[ "$(sluice network-list guest | awk '$1 == 0 { print $3 }')" = "$mac" ] || fail "another address: $(sluice network-list guest)"
order out
in_by_port || fail "nothing comes in by the port after it came again"
sluice destroy guest
wait_for 30 no_stack || fail "the stack did not end with its last vm"
