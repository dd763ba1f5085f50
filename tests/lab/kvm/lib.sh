# SPDX-License-Identifier: MIT
# For the scripts that run inside the lab's host and guests (busybox sh), after inside.sh.

# --- host
# host_start: KVM and the lab's disks
host_start () {
	load virtio_pci virtio_blk kvm-amd
	wait_for 10 test -b /dev/vda || fail "the lab's disks are missing"
	[ -c /dev/kvm ] || fail "there is no /dev/kvm"
	mount -t tmpfs tmp /tmp
	mkdir -p /data /qemu /sys/fs/cgroup
	mount -t cgroup2 cgroup /sys/fs/cgroup
	say "ready"
}
# host_end STATUS: hand everything that helps a diagnosis out, as a tar on /dev/vda
host_end () {
	echo "$1" >/out/status
	dmesg >/out/host.dmesg
	tar cf /dev/vda -C /out .
	umount /data 2>/dev/null
}
# guest_start NAME KERNEL 'kernel arguments' OPTION..: sluice boot of a stock guest in the background;
# its console is in /out/guest-NAME.log, and what is written to /run/keys-NAME is typed on it
guest_start () {
	_name=$1 _kernel=$2 _append="console=hvc0 quiet panic=1 lab=guest seconds=$(arg seconds) $3"; shift 3
	mkfifo "/run/keys-$_name"
	say "sluice boot $_name"
	(
		# Opened for both directions: neither end waits for the other, and nobody sees an end of file.
		exec 3<>"/run/keys-$_name"
		_status=0
		sluice boot --name="$_name" --console=stdio --timeout="$(arg seconds)" --kernel="/boot/vmlinuz-$_kernel" \
			--initrd="/boot/guest-$_kernel.cpio" --append="$_append" "$@" \
			<&3 >"/out/guest-$_name.log" 2>"/out/sluice-$_name.log" || _status=$?
		echo $_status >"/run/ended-$_name"
	) &
}
# guest_create DEVICES 'kernel arguments': sluice create of a stock guest with these lines of configuration;
# console and keys as with guest_start
guest_create () {
	cat >/tmp/guest.cfg <<-END
		name = "guest"
		type = "pvh"
		kernel = "/boot/vmlinuz-$(arg guest)"
		ramdisk = "/boot/guest-$(arg guest).cpio"
		cmdline = "console=hvc0 quiet panic=1 lab=guest seconds=$(arg seconds) $2"
		memory = 192
		$1
	END
	sluice create /tmp/guest.cfg || fail "sluice create failed: $(sluice dmesg | tail -n 20)"
	mkfifo /run/keys-guest
	exec 3<>/run/keys-guest
	sluice console guest <&3 >/out/guest-guest.log 2>/out/sluice-guest.log &
}
# process PATTERN: the first whose command line is so
process () {
	for _p in /proc/[0-9]*; do
		_c=$(tr '\0' ' ' <"$_p/cmdline" 2>/dev/null) || true
		# shellcheck disable=SC2254
		case $_c in $1) echo "${_p#/proc/}"; return ;; esac
	done
}
type () { echo "$2" >"/run/keys-$1"; }
said () { grep -q -- "$2" "/out/guest-$1.log"; }
said_or_ended () { said "$1" "$2" || [ -e "/run/ended-$1" ]; }
# wait_said SECONDS NAME TEXT: on a guest's console, while it lives
wait_said () {
	wait_for "$1" said_or_ended "$2" "$3" || fail "'$3' is not on the console of $2 after $1 s"
	said "$2" "$3" || fail "sluice boot of $2 ended with status $(cat "/run/ended-$2") before '$3'"
}
# wait_end SECONDS NAME: sets status to that of its sluice boot
wait_end () {
	wait_for "$1" test -e "/run/ended-$2" || fail "$2 has not ended after $1 s"
	status=$(cat "/run/ended-$2")
	say "sluice boot $2 ended with status $status"
}

# is_gone NAME: a domain of sluice create; no_stack: the last of them is, and nothing of their stack is left
is_gone () { ! sluice list | grep -q "^$1 "; }
no_stack () { [ -z "$(ls -d /dev/shm/sluice-*/run.* 2>/dev/null)" ]; }

# store COMMAND ARG..: xenstore-COMMAND as the toolstack of the one sluice boot that runs
store () { _c=$1; shift; XENSTORED_PATH=$(ls /dev/shm/sluice-*/run.*/store.sock) "xenstore-$_c" "$@"; }

# --- guest
sum () { md5sum <"$1" | cut -d ' ' -f 1; }
