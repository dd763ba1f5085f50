# SPDX-License-Identifier: MIT
# What life-host.sh does things to: mode=idle|panic|load.
case $(arg mode) in
idle)
	# The kernel runs /sbin/poweroff and /sbin/reboot when the store says so.
	mkdir -p /sbin
	for order in poweroff reboot; do printf '#!/bin/sh\nexec /bin/busybox %s -f\n' $order >/sbin/$order; chmod +x /sbin/$order; done
	say "waiting for orders"
	while sleep 1; do say "tick $(uptime_s)"; done
	;;
panic)
	say "about to panic"
	echo c >/proc/sysrq-trigger
	;;
load)
	say "writing without end"
	while dd if=/dev/zero of=/big bs=64k count=64 oflag=direct 2>/dev/null; do :; done
	fail "a write failed"
	;;
esac
