#!/bin/bash
# SPDX-License-Identifier: MIT
# sluice-builder is confined before it reads the first byte of a file, and opens nothing after that.
source "$(dirname "${BASH_SOURCE[0]}")/functions.sh"
source "$(dirname "${BASH_SOURCE[0]}")/builder-functions.sh"
requires strace -o "$tmp/probe" true
strace "$builder" --version 2>&1 | grep -q libseccomp || skip "built without libseccomp"

"$peer" make xz >"$tmp/kernel"
head -c 5000 /dev/zero | tr '\0' i >"$tmp/initrd"
"$peer" run ram=64 -- strace -o "$tmp/trace" "$builder" --hypervisor-fd=10 --kernel-fd=3 --initrd-fd=4 \
	3<"$tmp/kernel" 4<"$tmp/initrd" >"$tmp/out" 2>"$tmp/err" || fail "$(cat "$tmp/err")"
grep -q "entry=0x1000040" "$tmp/out" || fail "not built: $(cat "$tmp/out")"

confined=$(grep -nE '^(seccomp\(SECCOMP_SET_MODE_FILTER|prctl\(PR_SET_SECCOMP).*= 0' "$tmp/trace" | head -n 1 | cut -d: -f1)
[ -n "$confined" ] || fail "there is no filter"
# Descriptors 3 and 4 have other meanings while libraries are loaded: what counts comes after the order.
order=$(grep -n '^recvmsg(10' "$tmp/trace" | cut -d: -f1)
[ "$order" -lt "$confined" ] || fail "confined before the order, or no order"
reads=$(sed -n "$order,${confined}p" "$tmp/trace" | grep -cE '^(read\(|pread64\(|mmap\(.*, [34], )' || :)
[ "$reads" = 0 ] || fail "a file was read before the filter was there"
sed "1,${confined}d" "$tmp/trace" >"$tmp/after"
grep -q '^pread64(3,' "$tmp/after" || fail "the kernel was not read"
grep -q '^pread64(4,' "$tmp/after" || fail "the initrd was not read"
bad=$(grep -vE '^(pread64|mmap|munmap|mremap|mprotect|brk|madvise|sendmsg|exit_group|\+\+\+)|SLUICE' "$tmp/after" || :)
if ! grep -q 'define SLUICE_SANITIZERS' "$builddir/config.h"; then
	[ -z "$bad" ] || fail "other calls after the filter: $bad"
	! grep -q EPERM "$tmp/after" || fail "it needs what it was refused: $(grep EPERM "$tmp/after")"
fi
! grep -qE '^(open|socket|connect|exec|clone|fork)' "$tmp/after" || fail "it tries to open: $bad"
