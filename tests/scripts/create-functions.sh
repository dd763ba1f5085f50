# SPDX-License-Identifier: MIT
# For tests of sluice create: source it after functions.sh, tools-functions.sh and boot-functions.sh.
# The stack is gone when its last vm is; a test that fails leaves it to this.
cleanup_fn eval 'timeout 60 "$sluice" destroy --all >/dev/null 2>&1'
cleanup_fn eval 'for n in $("$sluice" list | awk "NR > 1 { print \$1 }"); do timeout 60 "$sluice" destroy --force $n; done >/dev/null 2>&1'

# config FILE LINE..: a guest that does what its extra= says, with further lines.
config () {
	local file=$1; shift
	printf '%s\n' "name=\"$(basename "$file" .cfg)\"" 'type="pvh"' "kernel=\"$guest\"" 'memory=32' "$@" >"$file"
}
# refuses TEXT: the configuration $tmp/bad.cfg is refused, and a line says TEXT.
refuses () {
	! "$sluice" create -n "$tmp/bad.cfg" >"$tmp/out" 2>"$tmp/err" || fail "taken: $(cat "$tmp/bad.cfg")"
	says "$tmp/err" "$1" || fail "not said: $1: $(cat "$tmp/err")"
}
# process_config FILE LINE..: a process driver domain with further lines.
process_config () {
	local file=$1; shift
	printf '%s\n' "name=\"$(basename "$file" .cfg)\"" 'type="process"' "$@" >"$file"
}
