# SPDX-License-Identifier: MIT
# For the labs' run.sh CACHE IN OUT SECONDS ..: source it first, with these arguments.
set -euo pipefail
cache=$1 in=$2 out=$3 seconds=$4
tmp=$(mktemp -d "${TMPDIR:-/tmp}/sluice-lab-XXXXXX")
qemu=
stop_qemu () { [ -z "$qemu" ] || kill "$qemu" 2>/dev/null || true; rm -rf "$tmp"; }
trap stop_qemu EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
# Emulation takes a whole core: one lab at a time.
exec 9>"${SLUICE_LAB_LOCK:-$(dirname "$cache")/lock}"
flock 9

pack () { (cd "$1" && find . | "$cache/busybox" cpio -o -H newc 2>/dev/null); }

# pack_role TO: the scripts of the scenario, as an initial ram disk
pack_role () {
	mkdir -p "$tmp/role/lab"
	cp "$in"/lab/* "$tmp/role/lab/"
	mv "$tmp/role/lab/init" "$tmp/role/init"
	chmod +x "$tmp/role/init"
	pack "$tmp/role" >"$1"
}

# emulate ARGUMENT..: QEMU with these and the scenario's disks, after the one for results. What it
# leaves there is in OUT afterwards. Ends this program with the status that it left.
# LAB_DISK: more of QEMU's -drive options for them all; LAB_MACHINE: QEMU's program and machine
emulate () {
	local disk drives=() status=0
	mkdir -p "$out"
	truncate -s 64M "$tmp/out.raw"
	for disk in "$tmp/out.raw" "$in"/disk-*.raw; do
		[ ! -e "$disk" ] || drives+=(-drive "file=$disk,if=virtio,format=raw,cache=unsafe${LAB_DISK:+,$LAB_DISK}")
	done
	timeout "$seconds" ${LAB_MACHINE:-qemu-system-x86_64 -machine pc} -nographic -no-reboot -nic none -nodefaults -serial stdio \
		"$@" "${drives[@]}" </dev/null >"$out/console.log" 2>&1 9>&- &
	qemu=$!
	wait "$qemu" || status=$?
	qemu=
	[ "$status" = 0 ] || exit "$status"
	tar -xf "$tmp/out.raw" -C "$out" 2>/dev/null || true
	[ -e "$out/status" ] || { echo "run.sh: the first domain ended before it left its results" >&2; exit 1; }
	exit "$(cat "$out/status")"
}
