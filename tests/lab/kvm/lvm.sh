# SPDX-License-Identifier: MIT
# What the tests with logical volumes share, on the host; functions.sh first.
[ $lab_arch != amd64 ] || command -v lvm >/dev/null || skip "the LVM test needs lvm; as root: apt-get install lvm2"

# lab_lvm ROOT: LVM's commands, from this machine, or as the lab has them for another
lab_lvm () {
	local command
	if [ $lab_arch = amd64 ]; then
		lab_copy "$1" "$(command -v lvm)" /usr/sbin/lvm
	else
		cp -r "$cache/lvm/." "$1/"
	fi
	for command in vgs lvs pvcreate vgcreate lvcreate lvchange lvconvert lvextend vgextend vgchange vgexport vgimport; do
		ln -sf lvm "$1/usr/sbin/$command"
	done
	# No udev makes devices there, and nobody watches pools, which nothing here fills.
	mkdir -p "$1/etc/lvm"
	cat >"$1/etc/lvm/lvm.conf" <<-END
		activation {
			udev_sync = 0
			udev_rules = 0
			monitoring = 0
		}
		global {
			thin_check_executable = ""
		}
	END
}
