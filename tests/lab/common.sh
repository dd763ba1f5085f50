# SPDX-License-Identifier: MIT
# For the tests of both labs, on the host: their functions.sh sources it. Sources the suite's own functions.sh.
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/functions.sh"
PATH=$PATH:/usr/sbin:/sbin
in=$tmp/in out=$tmp/out
# SLUICE_LAB_ARCH=arm64: the emulated machines are of that kind, and the build tree is one of scripts/cross-arm64.sh,
# beside the sysroot that it made.
export SLUICE_LAB_ARCH=${SLUICE_LAB_ARCH:-amd64}
lab_arch=$SLUICE_LAB_ARCH
sysroot=$(dirname "$builddir")/sysroot/root

# lab_tools NAME: skip where the lab of that name cannot run, naming the remedy
lab_tools () {
	local tool package
	[ "$(uname -m)" = x86_64 ] || skip "the $1 lab is for x86_64 and this is $(uname -m)"
	while read -r tool package; do
		command -v "$tool" >/dev/null || skip "the $1 lab needs $tool; as root: apt-get install $package"
	done <<-END
		$([ $lab_arch = amd64 ] && echo qemu-system-x86_64 qemu-system-x86 || printf 'qemu-system-aarch64 qemu-system-arm\nqemu-aarch64 qemu-user')
		apt-get apt
		dpkg-deb dpkg
		xz xz-utils
		mke2fs e2fsprogs
		debugfs e2fsprogs
	END
}

# lab_build NAME: gather the parts in $cache, at the first run
lab_build () {
	local status=0
	"$lab/build.sh" "$cache" 2>"$tmp/build.err" || status=$?
	[ $status != 77 ] || skip "the $1 lab cannot be built: $(tail -n 1 "$tmp/build.err")"
	[ $status = 0 ] || { cat "$tmp/build.err" >&2; fail "the $1 lab cannot be built in $cache"; }
	mkdir -p "$in/lab" "$out"
	cp "$lab/init" "$lab/lib.sh" "$lab/../inside.sh" "$in/lab/"
}

# lab_built FILE: sets built to the ELF file behind what the build tree calls FILE, which may be libtool's script
lab_built () {
	[ -e "$1" ] || skip "$1 is not built; make check-xen and make check-kvm build it"
	built=$1
	[ "$(head -c 4 "$1")" = $'\x7fELF' ] || built=$(dirname "$1")/.libs/$(basename "$1")
}

# lab_copy_arm64 ROOT FILE PATH: as lab_copy, with the sysroot's libraries
lab_copy_arm64 () {
	local root=$1 file=$2 path=$3 lib to=$1/lib/aarch64-linux-gnu loader=lib/ld-linux-aarch64.so.1
	mkdir -p "$root$(dirname "$path")" "$to"
	cp -L "$file" "$root$path"
	cp -uL "$sysroot/$loader" "$root/$loader"
	qemu-aarch64 "$sysroot/$loader" --library-path "$sysroot/usr/lib/aarch64-linux-gnu" --list "$file" >"$tmp/list" ||
		fail "$file needs what is not in $sysroot: $(cat "$tmp/list")"
	for lib in $(awk '$3 ~ /^\// { print $3 }' "$tmp/list") "$sysroot/lib/aarch64-linux-gnu/libgcc_s.so.1"; do
		cp -uL "$lib" "$to/"
	done
}

# lab_copy ROOT FILE PATH: a program as PATH below ROOT, and its libraries where they are here
lab_copy () {
	[ $lab_arch = amd64 ] || { lab_copy_arm64 "$@"; return; }
	local root=$1 file=$2 path=$3 lib
	mkdir -p "$root$(dirname "$path")"
	cp -L "$file" "$root$path"
	# libgcc_s is loaded by glibc itself when a thread is cancelled, as xs_close() does.
	for lib in $(env -u LD_LIBRARY_PATH ldd "$file" | awk '$3 ~ /^\// { print $3 } $1 ~ /^\// { print $1 }') \
		"$(ldconfig -p | awk '/libgcc_s.so.1 .*x86-64/ { print $NF; exit }')"; do
		case $lib in
		"$builddir"/*) fail "$file needs $lib: what goes into a lab may need only the distribution's libraries" ;;
		esac
		mkdir -p "$root$(dirname "$lib")"
		cp -uL "$lib" "$root$lib"
	done
}

# lab_disk NAME SIZE [DIR]: a disk of the first domain, an ext4 with what is in DIR, or empty without one
lab_disk () {
	rm -f "$in/disk-$1.raw"
	truncate -s "$2" "$in/disk-$1.raw"
	[ $# -lt 3 ] || mke2fs -q -F -t ext4 -O ^has_journal -d "$3" "$in/disk-$1.raw"
}

# lab_boot SECONDS ARG..: run.sh with these; afterwards $out holds console.log and what the scripts left
lab_boot () {
	local status=0 seconds=$1; shift
	"$lab/run.sh" "$cache" "$in" "$out" "$seconds" "$@" || status=$?
	[ -z "${SLUICE_LAB_KEEP:-}" ] || { mkdir -p "$SLUICE_LAB_KEEP" && cp -r "$out/." "$SLUICE_LAB_KEEP/"; }
	[ "$status" = 0 ] && return
	lab_show
	[ "$status" != 124 ] || fail "the lab did not end within $seconds s"
	fail "the lab's first domain ended with status $status"
}

# lab_show: the consoles, for whoever has to find out why
lab_show () {
	local log
	for log in "$out/console.log" "$out"/guest-*.log "$out"/sluice-*.log; do
		[ -e "$log" ] || continue
		echo "--- $(basename "$log")"
		tr -d '\r' <"$log" | tail -n 60
	done >&2
}

# said NAME TEXT: whether a domain said it on its console
said () { grep -q -- "$2" "$out/guest-$1.log"; }
# must_say NAME TEXT..
must_say () {
	local name=$1 text; shift
	for text in "$@"; do
		said "$name" "$text" || { lab_show; fail "$name did not say '$text'"; }
	done
}
# same NAME A B
same () { [ -n "$2" ] && [ "$2" = "$3" ] || { lab_show; fail "$1 differs: '$2' and '$3'"; }; }
# sound NAME IMAGE
sound () { e2fsck -fn "$2" >"$tmp/fsck" 2>&1 || { cat "$tmp/fsck" >&2; fail "$1 is broken"; }; }
# lab_sum GUEST WHAT: the checksum that a guest reported
lab_sum () { tr -d '\r' <"$out/guest-$1.log" | awk -v what="$2" '$1 == "SUM" && $2 == what { print $3 }'; }
# file_sum IMAGE FILE: of a file inside an ext4 image, without mounting it
file_sum () {
	debugfs -R "dump $2 $tmp/dumped" "$1" 2>/dev/null
	md5sum <"$tmp/dumped" | cut -d ' ' -f 1
}
