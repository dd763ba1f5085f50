# SPDX-License-Identifier: MIT
# For build.sh and build-bench.sh, after debian.sh.
scripts+=("${BASH_SOURCE[0]}")

# copy_programs TO PATH..: with their libraries from root
copy_programs () {
	local to=$1 p lib libs=$PWD/root/usr/lib/$triplet; shift
	mkdir -p "$to/lib/$triplet" "$to/$(dirname "$loader")"
	cp -L "root/$loader" "$to/$loader"
	for p in "$@"; do
		mkdir -p "$to$(dirname "$p")"
		cp "root$p" "$to$p"
		run_arch "root/$loader" --library-path "$libs" --list "root$p" |
			awk '$3 ~ /^\// { print $3 }' | while read -r lib; do cp -uL "$lib" "$to/lib/$triplet/"; done
	done
}
