# SPDX-License-Identifier: MIT
# For the nbdkit plugin's tests, after functions.sh.
plugin=$builddir/frontends/nbdkit/.libs/nbdkit-sluice-plugin.so
[ -e "$plugin" ] || skip "the nbdkit plugin was not built"
requires nbdkit --version
nbdkit=(nbdkit)
# A plugin with a sanitizer needs the sanitizer in nbdkit, too; nbdkit's own leaks are its own.
if grep -q 'SLUICE_SANITIZERS 1' "$builddir/config.h"; then
	asan=$(cc -print-file-name=libasan.so)
	ldd "$plugin" | grep -q libasan || skip "nbdkit cannot load a plugin with this sanitizer"
	nbdkit=(env LD_PRELOAD="$asan" ASAN_OPTIONS=detect_leaks=0 nbdkit)
fi
# nbdkit with a preloaded sanitizer can deadlock in libp11-kit's destructor when it ends after
# an error; unit tests cover the plugin's errors under sanitizers.
not_sanitized () { [ "${nbdkit[0]}" = nbdkit ]; }
# guest DISK-OPTION.. -- COMMAND..: run in a guest domain of a private stack.
guest () { timeout -k 5 120 "$builddir/tools/sluice" exec "$@"; }
# serve IMAGE COMMAND [PARAMETER..]: COMMAND gets the disk as $uri.
serve () {
	local image=$1 command=$2; shift 2
	guest --disk="$image" -- "${nbdkit[@]}" -U - "$plugin" "$@" --run "unset LD_PRELOAD; $command"
}
# descendant PID NAME: the pid of a process called NAME below PID.
descendant () {
	local child
	for child in $(ps -o pid= --ppid "$1"); do
		if [ "$(cat "/proc/$child/comm" 2>/dev/null)" = "$2" ]; then echo "$child"; return 0; fi
		descendant "$child" "$2" && return 0
	done
	return 1
}
