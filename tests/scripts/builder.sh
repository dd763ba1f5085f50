#!/bin/bash
# SPDX-License-Identifier: MIT
# sluice-builder from outside: what it makes of each kind of kernel file.
source "$(dirname "${BASH_SOURCE[0]}")/functions.sh"
source "$(dirname "${BASH_SOURCE[0]}")/builder-functions.sh"

head -c 300000 /dev/zero | tr '\0' i >"$tmp/initrd"
for format in elf64 elf32 gzip xz lz4 zstd plain; do
	"$peer" make $format >"$tmp/$format"
	build ram=64 max=4 -- --initrd-fd=4 --cmdline="root=/dev/xvda $format" 3<"$tmp/$format" 4<"$tmp/initrd" >"$tmp/out" ||
		fail "$format: $(cat "$tmp/err")"
	diff - "$tmp/out" <<-EOF || fail "$format: the memory is wrong"
	version=1 entry=0x1000040 start-info=0x100a000 rewritten=2
	magic=0x336ec578 cmdline=root=/dev/xvda $format modules=1 rsdp=0xfc010000
	map 0x0 0x4000000 1
	map 0xfc000000 0x10000 2
	map 0xfc010000 0x30000 3
	module 300000 iiiiiiiiiiiiiiii
	EOF
	[ ! -s "$tmp/err" ] || fail "$format: it says: $(cat "$tmp/err")"
done

# From pipes, which have no size and no positions.
"$peer" make lz4 | build -- --initrd-fd=4 3<&0 4< <(cat "$tmp/initrd") >"$tmp/out" || fail "pipes: $(cat "$tmp/err")"
grep -q "^module 300000 iiii" "$tmp/out" || fail "pipes: no initrd: $(cat "$tmp/out")"

# A file is read from its beginning, wherever the position is.
{ read -r -n 100 -u 3 || :; build 3<&3 >"$tmp/out" || fail "position: $(cat "$tmp/err")"; } 3<"$tmp/gzip"

# More memory than there is below the gap.
build ram=8192 3<"$tmp/zstd" >"$tmp/out" || fail "8 GiB: $(cat "$tmp/err")"
grep -qx "map 0x0 0xc0000000 1" "$tmp/out" || fail "8 GiB: no low memory"
grep -qx "map 0x100000000 0x140000000 1" "$tmp/out" || fail "8 GiB: no high memory"
grep -q "modules=0" "$tmp/out" || fail "an initrd that was not given"

build port=0 3<"$tmp/elf64" >"$tmp/out" || fail "port 0: $(cat "$tmp/err")"
grep -q "rewritten=0" "$tmp/out" || fail "hypercalls were rewritten unasked"

# Manual page and help name the same options.
"$builder" --help | grep -oE -- '--[a-z-]+' | sort -u >"$tmp/help"
grep -oE -- '^\.It Fl -[a-z-]+' "$srcdir/docs/man/sluice-builder.8" | sed 's/.* -/--/' | sort -u >"$tmp/man"
diff "$tmp/help" "$tmp/man" || fail "sluice-builder(8) and --help differ"
