#!/bin/bash
# SPDX-License-Identifier: MIT
# For ./run: a stock Debian guest boots in a vm, its root on a PV disk, its console here; on this
# machine's own KVM where that runs guests natively, else on an emulated host.
# Usage: demo.sh, in a build tree. Exit status 77: this cannot be shown here, and the last line says why.
. "$(dirname "$0")/functions.sh"
guest=6.1
set -o pipefail
# Without what the emulated host's firmware and scripts say.
shown () {
	stdbuf -oL tr -d '\r' | sed -u 's/\x1b\[[0-9;?]*[a-zA-Z]//g; s/\x1bc//g' |
		grep --line-buffered -av -e SeaBIOS -e '^Booting from ROM' -e '^LAB host' -e '^$' | sed -u 's/^/    | /'
}

needs () {
	command -v fio >/dev/null || skip "fio is missing; as root: apt-get install fio"
	lab_tools KVM
	lab_build KVM
	mkdir -p "$in/host" "$in/guest" "$in/driver"
	lab_scripts demo-host.sh demo-guest.sh
	lab_copy "$tmp/more" "$(command -v fio)" /usr/bin/fio
	lab_root "$in/disk-1.raw" 160M "$tmp/more"
}

# native: on this machine's KVM
native () {
	local role=$tmp/role
	mkdir -p "$role/lab"
	cp "$in"/lab/* "$role/lab/"
	mv "$role/lab/init" "$role/init"
	chmod +x "$role/init"
	{ cat "$cache/base.cpio" "$cache/$guest/guest.cpio"; (cd "$role" && find . | "$cache/busybox" cpio -o -H newc 2>/dev/null); } >"$tmp/initrd"
	"$builddir/tools/sluice" boot --kernel="$cache/$guest/vmlinuz" --initrd="$tmp/initrd" --memory=256 \
		--disk="$in/disk-1.raw" --timeout=100 </dev/null 2>&1 \
		--append="console=hvc0 panic=1 lab=guest on=/dev/xvda seconds=90" | tee "$out/console.log" | shown
}

# emulated: in a Debian host under QEMU
emulated () {
	local tail status=0
	lab_sluice
	: >"$out/console.log"
	# Reads on until QEMU is gone; the pipe's other end follows.
	tail -n +1 -f --pid=$$ "$out/console.log" 2>/dev/null > >(shown) &
	tail=$!
	cleanup_fn eval "kill $tail 2>/dev/null"
	"$lab/run.sh" "$cache" "$in" "$out" 400 "$guest" 1 "guest=$guest" || status=$?
	sleep 1.5
	kill $tail 2>/dev/null || true
	return $status
}

needs
if probe=$("$builddir/tests/lab/kvm/kvm-probe"); then
	echo "    $probe"
	native || fail "the guest did not boot, or did not power off"
else
	echo "    $probe"
	echo "    so the guest runs on a Debian host under QEMU's emulation: about a minute"
	emulated || fail "the guest did not boot, or did not power off"
fi
grep -aq 'LAB guest .* content; switching off' "$out/console.log" || fail "the guest was not content"
