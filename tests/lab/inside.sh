# SPDX-License-Identifier: MIT
# For the scripts that run inside the labs' domains (busybox sh). Forks are slow under emulation.
arg () { sed -n "s/.*\b$1=\([^ ]*\).*/\1/p" /proc/cmdline; }
uptime_s () { read -r _u _ </proc/uptime; echo "${_u%.*}"; }
say () { read -r _u _ </proc/uptime; echo "LAB $ROLE $_u $*"; }
fail () { say "FAILED: $*"; exit 1; }
# wait_for SECONDS COMMAND ARG..: poll until it succeeds
wait_for () {
	_end=$(($(uptime_s) + $1)); shift
	until "$@" >/dev/null 2>&1; do
		[ "$(uptime_s)" -lt $_end ] || return 1
		sleep 1
	done
}
# load MODULE..: those that this kernel does not have built in
load () { for _m; do modprobe "$_m" 2>/dev/null || true; done; }
