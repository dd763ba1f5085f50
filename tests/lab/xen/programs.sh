# SPDX-License-Identifier: MIT
# For build.sh and build-bench.sh, after debian.sh.

# copy_programs TO PATH..: with their libraries from root
copy_programs () {
	local to=$1 p lib libs=$PWD/root/usr/lib/x86_64-linux-gnu; shift
	mkdir -p "$to/lib/x86_64-linux-gnu" "$to/lib64"
	cp -L root/lib64/ld-linux-x86-64.so.2 "$to/lib64/"
	for p in "$@"; do
		mkdir -p "$to$(dirname "$p")"
		cp "root$p" "$to$p"
		"$libs/ld-linux-x86-64.so.2" --library-path "$libs" --list "root$p" |
			awk '$3 ~ /^\// { print $3 }' | while read -r lib; do cp -uL "$lib" "$to/lib/x86_64-linux-gnu/"; done
	done
}
