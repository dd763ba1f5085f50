# SPDX-License-Identifier: MIT
# Completion offers what the programs take.
. "$(dirname "$0")/functions.sh"
common=/usr/share/bash-completion/bash_completion
[ -r "$common" ] || skip "bash-completion is not installed"
PATH=$builddir/tools:$PATH

# complete_as WORD..: prints what the last word completes to.
complete_as () {
	bash --norc -c '
		. "$1"; . "$2/tools/completion/${3##*/}"; shift 2
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE}
		compopt () { :; }
		"_${1//-/_}"
		printf "%s\n" "${COMPREPLY[@]}" | sort' - "$common" "$srcdir" "$@"
}
expect () {
	local want=$1 got; shift
	got=$(complete_as "$@" | tr '\n' ' ')
	[ "$got" = "$want" ] || fail "$*: \"$got\" in place of \"$want\""
}
expect "exec " sluice ex
expect "backend-upgrade block-attach block-detach block-list boot console create destroy dmesg domid domname exec features help info list metrics network-attach network-detach network-list pause reboot shutdown top unpause vcpu-list vcpu-set version " sluice help ""
expect "--interval= --iterations= " sluice top --i
expect "--keep-going " sluice backend-upgrade --k
expect "json " sluice top --output-format=j
expect "--listen= --once --run-dir= --socket= " sluice metrics --
expect "127.0.0.1: [::1]: " sluice metrics --listen=
expect "--memory= " sluice boot --me
expect "--on-crash= --on-poweroff= --on-reboot= --on-watchdog= " sluice boot --on
expect "preserve " sluice boot --on-crash=p
expect "none " sluice boot --console=no
expect "--wait " sluice destroy --w
expect "--all --force --wait " sluice destroy --
expect "--all --wait " sluice shutdown --
expect "--device= --directory= --disk= --driver-process= --driver-vm= " sluice boot --d
expect "--force " sluice block-detach --f
expect "--force " sluice network-detach --f
expect "--net= " sluice boot --ne
expect "mac= mtu= " sluice boot --net=m
expect "mac=x,rate= mac=x,rate_in= " sluice boot --net=mac=x,ra
expect "--read-only " sluice console --r
expect "--defconfig= --dryrun " sluice create --d
expect "--disk= " sluice exec --d
expect "debug " sluice exec --log-level=d
expect "blk " sluice-bench b
expect "--rw= --rwmixread= " sluice-bench blk --rw
expect "randread randrw randtrim randwrite " sluice-bench blk --rw=rand
expect "compare " sluice-bench c
expect "events " sluice-bench e
expect "--delivery= " sluice-bench events --d
expect "fifo " sluice-bench events --delivery=f
expect "--rounds= --runtime= " sluice-bench compare --r
expect "read-128k read-1m " sluice-bench compare --workloads=read-
expect "write-1m,randread-1 write-1m,randread-2x32 write-1m,randread-32 " sluice-bench compare --workloads=write-1m,randr
expect "uring " sluice-bench blk --driver=u
[ "$(complete_as sluice-bench blk -- | grep -c '^--')" -ge 20 ] || fail "options are missing"
