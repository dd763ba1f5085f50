# SPDX-License-Identifier: MIT
# For tests of sluice boot: source it after functions.sh and tools-functions.sh.
guest=$builddir/tests/boot/guest.elf

# boot ORDERS OPTION..: a vm that does what tests/boot/guest.c says, on little memory.
boot () {
	local orders=$1; shift
	timeout 120 "$sluice" boot --kernel="$guest" --append="$orders" --memory=32 --timeout="${seconds:-100}" "$@"
}
# requires_vm: skip where there is no KVM to run even that.
requires_vm () {
	local out
	out=$(boot poweroff </dev/null 2>&1) && return 0
	case $out in
	*without\ KVM* | *KVM*lacks* | *[Pp]ermission*denied* | *not\ permitted*) skip "no vm here: $out" ;;
	*) fail "no vm starts: $out" ;;
	esac
}
# boot_in_background LOG ORDERS OPTION..: its process in $booted, its console and messages in LOG.
boot_in_background () {
	local log=$1 orders=$2; shift 2
	# What an earlier one said there is not to be taken for this one's.
	: >"$log"
	# The process itself, for signals.
	"$sluice" boot --kernel="$guest" --append="$orders" --memory=32 --timeout="${seconds:-100}" "$@" \
		>"$log" 2>&1 </dev/null &
	booted=$!
	cleanup_fn eval "kill -KILL $booted 2>/dev/null"
}
# ends_with STATUS: $booted does.
ends_with () { local status=0; wait "$booted" || status=$?; [ "$status" = "$1" ]; }
says () { grep -qF -- "$2" "$1"; }
# state NAME: as sluice list has it.
state () { "$sluice" list | awk -v n="$1" '$1 == n { print $5 }'; }
is_state () { [ "$(state "$1")" = "$2" ]; }
domid () { "$sluice" list | awk -v n="$1" '$1 == n { print $2 }'; }
