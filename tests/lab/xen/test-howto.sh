#!/bin/bash
# SPDX-License-Identifier: MIT
# What docs/xen.md tells its reader to type: a driver domain made of Debian's packages and of ours, with systemd, serves
# a guest. The lines are taken from the page; what differs here is in the functions typed and host_typed.
. "$(dirname "$0")/functions.sh"
. "$lab/blk.sh"
page=$srcdir/docs/xen.md
[ "$(id -u)" = 0 ] || skip "only root can make the driver domain's root file system"
requires command -v mmdebstrap
requires unshare -m mount -t tmpfs none /mnt
lab_needs
set -- "$builddir"/deb/sluice-backends_*_amd64.deb
[ -s "$1" ] || skip "$1 is not there: make deb"

# section NUMBER: of the page
section () { awk -v n="## $1." 'index($0, "## ") == 1 { on = index($0, n) == 1 } on' "$page"; }
# typed WHO SECTION: what is typed there. The lab's storage domain has its disk from dom0, and no second virtual CPU.
typed () { section "$2" | sed -n "s,^    $1# ,,p" | sed 's,/dev/nvme0n1,/dev/xvdb,'; }
# file NAME: one that the page shows
file () { awk -v name="    # $1" 'index($0, name) == 1 { on = 1; next } on && !/^    / { exit } on { print substr($0, 5) }' "$page"; }
# Not the whole of 4 GiB is needed here.
host_typed () { typed dom0 1 | grep -v '^xl ' | sed 's/-s 4G/-s 1500M/'; }

mkdir "$tmp/srv" "$tmp/pkg" "$tmp/steps"
cp "$1" "$tmp/pkg/"
for n in 2 3 4 5 6; do
	{ echo 'set -ex'; typed storage $n; } >"$tmp/steps/$n.sh"
	[ "$(wc -l <"$tmp/steps/$n.sh")" -gt 1 ] || fail "nothing is typed in section $n"
done
file /etc/xen/scripts/vif-plain >"$tmp/steps/vif-plain"
cp "$lab/howto-storage.sh" "$tmp/steps/storage.sh"
cp "$lab/../inside.sh" "$tmp/steps/"
cat >"$tmp/make.sh" <<-'END'
	set -eu
	mount --bind "$1/srv" /srv
	cd "$1/pkg"
	. "$1/host.sh"
	# What stands for hands at the console.
	mount -o loop "$1/srv/storage/root.img" /mnt
	mkdir -p /mnt/lab /mnt/etc/xen/scripts
	cp "$1"/steps/* /mnt/lab/
	install -m 755 "$1/steps/vif-plain" /mnt/etc/xen/scripts/
	cat >/mnt/etc/systemd/system/lab.service <<-'UNIT'
		[Unit]
		After=multi-user.target
		[Service]
		Type=simple
		ExecStart=/bin/bash /lab/storage.sh
		StandardOutput=tty
		StandardError=tty
		TTYPath=/dev/hvc0
	UNIT
	mkdir -p /mnt/etc/systemd/system/default.target.wants
	ln -s ../lab.service /mnt/etc/systemd/system/default.target.wants/
	ln -s /dev/null /mnt/etc/systemd/system/serial-getty@hvc0.service
	umount /mnt
END
{ echo 'set -x'; host_typed; } >"$tmp/host.sh"
echo "making the driver domain"
unshare -m --propagation private bash "$tmp/make.sh" "$tmp" >"$tmp/make.log" 2>&1 </dev/null || { tail -n 40 "$tmp/make.log"; fail "section 1"; }
mv "$tmp/srv/storage/root.img" "$in/disk-1.raw"
lab_disk 2 256M
# dom0 has the files that the page names.
mkdir -p "$in/dom0/srv/storage" "$in/dom0/srv/web" "$in/dom0/etc/xen" "$in/dom0/lab"
mv "$tmp/srv/storage/vmlinuz" "$tmp/srv/storage/initrd.img" "$in/dom0/srv/storage/"
# dom0 gives it its root by the lab's own script, since it has no udev, and a disk in place of PCI devices.
file /etc/xen/storage.cfg | sed -e '/^pci/d' -e 's/^vcpus.*/vcpus = 1/' -e '$a tsc_mode = "native"' \
	-e 's|target=/srv/storage/root.img"|script=block-lab,target=/dev/vdb", "format=raw,vdev=xvdb,access=rw,script=block-lab,target=/dev/vdc"|' >"$in/dom0/etc/xen/storage.cfg"
file /etc/xen/web.cfg | sed -e 's|backend=storage" ]$|backend=storage,script=vif-plain" ]|' \
	-e 's|^kernel.*|kernel = "/boot/vmlinux"\nramdisk = "/boot/guest.cpio"\nextra = "console=hvc0 quiet panic=1 lab=guest seconds=900"|' -e 's|^memory.*|memory = 192|' -e '$a tsc_mode = "native"' >"$in/dom0/etc/xen/web.cfg"
for n in 3 4; do typed dom0 $n >"$in/dom0/lab/typed-$n.sh"; done
lab_roles howto-dom0.sh howto-guest.sh howto-guest.sh
lab_boot 2400
grep '^LAB' "$out/console.log" | tr -d '\r'
xl_is_content
must_say storage 'sections 2 to 6 were typed'
must_say web 'the disk is written' 'the disk grew' 'the guest is content'
