# SPDX-License-Identifier: MIT
# For dom0's scripts of the benchmarks: the guest does what it is ordered to, and dom0 notes the domains' processor time.
. /lab/bench.conf
cputime () { /bench-cputime 1 2 0; }
# result_of WORK..: what the guest says of it, as its bench-guest.sh; sets result, and cpu: of the driver domain, the guest
# and dom0, in nanoseconds
result_of () {
	xenstore-rm /local/domain/2/data/result 2>/dev/null || :
	_before=$(cputime)
	xenstore-write /local/domain/2/data/work "$*"
	# Polling would take the processor that is measured.
	while ! result=$(xenstore-read /local/domain/2/data/result 2>/dev/null); do
		timeout 60 xenstore-watch -n 2 /local/domain/2/data/result >/dev/null || :
		! gone guest || fail "the guest is gone"
	done
	cpu=$(echo "$_before $(cputime)" | awk '{ print $4 - $1, $5 - $2, $6 - $3 }')
	case $result in *[!0-9\ ]*|'') dump failed; fail "$*: '$result'" ;; esac
}
# in_turn ROUND COMMAND BACKEND..: the command for each of them, and in each round another one is the first
in_turn () {
	_skip=$(($1 % ($# - 2))) _command=$2; shift 2
	while [ $_skip -gt 0 ]; do
		_first=$1; shift
		set -- "$@" "$_first"
		_skip=$((_skip - 1))
	done
	for _backend; do $_command "$_backend"; done
}
