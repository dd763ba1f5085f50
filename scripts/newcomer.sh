# SPDX-License-Identifier: MIT
# What ./run and ./check share: saying what happens, installing, building.
# shellcheck shell=bash
set -Eeuo pipefail
trap 'stop "unexpected failure of: $BASH_COMMAND (line $LINENO)"' ERR
export LC_ALL=C DEBIAN_FRONTEND=noninteractive

build_packages="gcc libc6-dev make autoconf automake libtool pkg-config libxen-dev liburing-dev
	libaio-dev libblkid-dev libglusterfs-dev libiscsi-dev libnbd-dev libseccomp-dev libjansson-dev libslirp-dev nbdkit nbdkit-plugin-dev
	zlib1g-dev liblzma-dev liblz4-dev libzstd-dev"
run_packages="libnbd-bin fuse3 e2fsprogs fio mount procps"
# What boots a stock guest, on an emulated host where there is no KVM.
guest_packages="qemu-system-x86 xz-utils"
check_packages="qemu-system-x86 libcmocka-dev fdisk xenstore-utils qemu-utils qemu-system-common strace python3 bash-completion util-linux man-db xz-utils iproute2 iperf3 busybox tgt lvm2 glusterfs-server"

say () { printf '\n==> %s\n' "$*"; }
note () { printf '    %s\n' "$*"; }
stop () { printf '\n%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }

# installed NAME..: those of the Debian packages that are not installed
missing_packages () {
	local p
	for p in "$@"; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || echo "$p"
	done
}

# need_packages NAME..: install what is missing, or say how
need_packages () {
	local missing as_root=()
	command -v dpkg-query >/dev/null ||
		stop "this is no Debian system; install by hand what these Debian packages hold, then use configure and make: $*"
	mapfile -t missing < <(missing_packages "$@")
	[ ${#missing[@]} -gt 0 ] || { note "all packages are installed"; return; }
	if [ "$(id -u)" != 0 ]; then
		command -v sudo >/dev/null ||
			stop "packages are missing and you are not root; as root: apt-get install ${missing[*]}"
		as_root=(sudo)
	fi
	note "installing: ${missing[*]}"
	local log
	log=$(mktemp)
	if ! { "${as_root[@]}" apt-get -qq update &&
		"${as_root[@]}" apt-get -qq install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 </dev/null; then
		tail -n 15 "$log" >&2
		rm -f "$log"
		stop "apt-get could not install them (its last lines are above)"
	fi
	rm -f "$log"
}

# build DIR CONFIGURE-OPTION..: configure and make out of tree, quietly unless it fails
build () {
	local dir=$1 log; shift
	mkdir -p "$dir"
	log=$dir/build.log
	: >"$log"
	if [ ! -x configure ] || [ configure.ac -nt configure ] || [ -n "$(find . -path ./build\* -prune -o \( -name local.mk -o -name Makefile.am \) -newer configure -print -quit)" ]; then
		autoreconf -fi >>"$log" 2>&1 || { tail -n 20 "$log" >&2; stop "autoreconf failed; all of its output is in $log"; }
	fi
	if [ ! -e "$dir/config.status" ] || [ "$(cat "$dir/.options" 2>/dev/null)" != "$*" ]; then
		(cd "$dir" && "$OLDPWD/configure" -q "$@") >>"$log" 2>&1 ||
			{ tail -n 20 "$log" >&2; stop "configure failed; all of its output is in $log and $dir/config.log"; }
		echo "$*" >"$dir/.options"
	fi
	make -C "$dir" -j"$(nproc)" >>"$log" 2>&1 || { tail -n 30 "$log" >&2; stop "make failed; all of its output is in $log"; }
}
