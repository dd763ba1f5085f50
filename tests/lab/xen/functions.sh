# SPDX-License-Identifier: MIT
# For the tests of this folder, on the host: source it first. Sources the suite's own functions.sh.
lab=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$lab/../../scripts/functions.sh"
PATH=$PATH:/usr/sbin:/sbin
cache=${SLUICE_LAB_CACHE:-$builddir/lab/xen/cache}
in=$tmp/in out=$tmp/out

# lab_needs: skip where the lab cannot run, naming the remedy; gather its parts at the first run
lab_needs () {
	local tool package
	[ "$(uname -m)" = x86_64 ] || skip "the Xen lab is for x86_64 and this is $(uname -m)"
	while read -r tool package; do
		command -v "$tool" >/dev/null || skip "the Xen lab needs $tool; as root: apt-get install $package"
	done <<-END
		qemu-system-x86_64 qemu-system-x86
		apt-get apt
		dpkg-deb dpkg
		mke2fs e2fsprogs
		debugfs e2fsprogs
	END
	"$lab/build.sh" "$cache" 2>"$tmp/build.err" || {
		[ $? != 77 ] || skip "the Xen lab cannot be built: $(tail -n 1 "$tmp/build.err")"
		cat "$tmp/build.err" >&2
		fail "the Xen lab cannot be built in $cache"
	}
	mkdir -p "$in/lab" "$in/driver" "$in/guest" "$out"
	cp "$lab/init" "$lab/lib.sh" "$lab/block-lab" "$in/lab/"
}

# lab_roles DOM0 DRIVER GUEST: the scripts of this scenario
lab_roles () {
	cp "$lab/$1" "$in/lab/dom0.sh"
	cp "$lab/$2" "$in/lab/driver.sh"
	cp "$lab/$3" "$in/lab/guest.sh"
}

# lab_program ROLE FILE PATH: FILE of the build tree and its libraries into a domain, which
# has to be content with Debian's: none of ours may be among them
lab_program () {
	local root=$in/$1 file=$2 path=$3 lib
	[ -e "$file" ] || skip "$file is not built; make check-xen builds it"
	if [ "$(head -c 4 "$file")" != $'\x7fELF' ]; then file=$(dirname "$file")/.libs/$(basename "$file"); fi
	mkdir -p "$root$(dirname "$path")"
	cp "$file" "$root$path"
	# libgcc_s is loaded by glibc itself when a thread is cancelled, as xs_close() does.
	for lib in $(env -u LD_LIBRARY_PATH ldd "$file" | awk '$3 ~ /^\// { print $3 } $1 ~ /^\// { print $1 }') \
		"$(ldconfig -p | awk '/libgcc_s.so.1 .*x86-64/ { print $NF; exit }')"; do
		case $lib in
		"$builddir"/*) fail "$file needs $lib: a backend for real Xen may need only the distribution's libraries" ;;
		esac
		mkdir -p "$root$(dirname "$lib")"
		cp -L "$lib" "$root$lib"
	done
}

# lab_disk NAME SIZE [DIR]: a disk of dom0, an ext4 with what is in DIR, or empty without one
lab_disk () {
	rm -f "$in/disk-$1.raw"
	truncate -s "$2" "$in/disk-$1.raw"
	[ $# -lt 3 ] || mke2fs -q -F -t ext4 -O ^has_journal -d "$3" "$in/disk-$1.raw"
}

# lab_run SECONDS: boot it; afterwards $out holds console.log, guest-NAME.log, store-*.txt, ...
lab_run () {
	local status=0
	"$lab/run.sh" "$cache" "$in" "$out" "$1" || status=$?
	[ -z "${SLUICE_LAB_KEEP:-}" ] || { mkdir -p "$SLUICE_LAB_KEEP" && cp -r "$out/." "$SLUICE_LAB_KEEP/"; }
	[ "$status" = 0 ] && return
	lab_show
	[ "$status" != 124 ] || fail "the lab did not end within $1 s"
	fail "the lab's dom0 script ended with status $status"
}

# lab_show: the consoles, for whoever has to find out why
lab_show () {
	local log
	for log in "$out/console.log" "$out"/guest-*.log; do
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
