# SPDX-License-Identifier: MIT
# The conformance run of logical volumes, on this host: the scripts of tests/scripts with GNU's
# programs, which are in /gnu. cases=NAME,NAME.. on the kernel's command line: these alone.
host_start
load dm-mod dm-thin-pool loop
export PATH=/gnu:$PATH SLUICE_SRCDIR=/src SLUICE_BUILDDIR=/build SLUICE_CONFORM_OPS=6000 SLUICE_KILLS=3
# shellcheck disable=SC2046
bash /src/tests/scripts/conformance.sh lvm $(arg cases | tr , ' ') >/out/conformance 2>&1 ||
	fail "$(tail -n 60 /out/conformance)"
grep -E '^[a-z0-9-]+ +lvm +(passed|skipped) ' /out/conformance | while read -r line; do say "$line"; done
[ "$(dmsetup ls)" = "No devices found" ] || fail "left: $(dmsetup ls)"
[ -z "$(losetup -a)" ] || fail "left: $(losetup -a)"
