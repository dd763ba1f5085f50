#!/bin/bash
# SPDX-License-Identifier: MIT
# sluice-builder refuses what it cannot build from: one line that names file and remedy, no answer.
source "$(dirname "${BASH_SOURCE[0]}")/functions.sh"
source "$(dirname "${BASH_SOURCE[0]}")/builder-functions.sh"

"$peer" make elf64 >"$tmp/elf"
"$peer" make zstd >"$tmp/zstd"

echo "echo hello" >"$tmp/script"
refuses "kernel $tmp/script: the file is no kernel" 3<"$tmp/script"
: >"$tmp/empty"
refuses "empty" 3<"$tmp/empty"
refuses "no kernel" 3< <(echo hello)
head -c 3000 "$tmp/zstd" >"$tmp/cut"
truncate -s 2200 "$tmp/cut"
refuses "truncated" 3<"$tmp/cut"
head -c 200 "$tmp/elf" >"$tmp/cut"
refuses "truncated" 3<"$tmp/cut"
refuses "no PVH entry; use one built with CONFIG_PVH=y" 3< <(sed 's/Xen\x00/Xem\x00/g' "$tmp/elf")
refuses "does not fit into 16 MiB" ram=16 3<"$tmp/elf"
truncate -s 60M "$tmp/initrd"
refuses "initrd $tmp/initrd: it does not fit behind the kernel into 64 MiB" -- --initrd-fd=4 3<"$tmp/elf" 4<"$tmp/initrd"
refuses "initrd: it does not fit behind the kernel into 64 MiB" -- --initrd-fd=4 3<"$tmp/elf" 4< <(cat "$tmp/initrd")
truncate -s 2G "$tmp/huge"
refuses "the file has 2048 MiB" 3<"$tmp/huge"
refuses "the command line has 5000 bytes" -- --cmdline="$(printf '%05000d' 0)" 3<"$tmp/elf"
refuses "neither a regular file nor a pipe" 3</dev/zero
refuses "--kernel-fd=3: Bad file descriptor" 3<&-
refuses "--initrd-fd=77: Bad file descriptor" -- --initrd-fd=77 3<"$tmp/elf"

# The hypervisor's side.
refuses "less memory than it ordered" short=1 3<"$tmp/elf"
refuses "with 0 descriptors" nofd=1 3<"$tmp/elf"
refuses "closed the connection" close=1 3<"$tmp/elf"
refuses "same release" version=9 3<"$tmp/elf"
refuses "1 to 64 are possible" max=65 3<"$tmp/elf"

# Usage
usage () {
	local status=0
	"$builder" "$@" >"$tmp/out" 2>"$tmp/err" || status=$?
	[ $status = 2 ] || fail "status $status of: sluice-builder $*"
	[ -s "$tmp/err" ] || fail "nothing is said of: sluice-builder $*"
}
usage
usage --kernel-fd=3
usage --hypervisor-fd=3
usage --hypervisor-fd=x --kernel-fd=3
usage --hypervisor-fd=-1 --kernel-fd=3
usage --hypervisor-fd=99999999999 --kernel-fd=3
usage --no-such-option
usage --hypervisor-fd=3 --kernel-fd=4 extra
"$builder" --version | grep -q "^sluice-builder [0-9]" || fail "--version"
