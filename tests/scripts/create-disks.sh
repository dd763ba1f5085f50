# SPDX-License-Identifier: MIT
# Disks as xl-disk-configuration(5) has them.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
. "$(dirname "$0")/boot-functions.sh"
. "$(dirname "$0")/create-functions.sh"
cd "$tmp"
image d.img 1
image 'a,b.img' 1
# disk SPEC OPTION: what it becomes; with "!" in front of OPTION: what is said
disk () {
	config bad.cfg "disk=[ '$1' ]"
	case $2 in
	!*)
		refuses "bad.cfg:5: disk \"$1\": ${2#!}"
		;;
	*)
		"$sluice" create -n bad.cfg >out || fail "$1 is refused"
		# Commas in names are not quoted.
		says out " --disk=$2" || fail "$1: $(cat out)"
		[ "$(sed 's/.* --disk=//' out)" = "$2" ] || fail "$1: $(cat out)"
		;;
	esac
}
disk "$tmp/d.img,raw,xvda,rw" "$tmp/d.img,dev=xvda"
disk 'd.img,,xvdb,r' "$tmp/d.img,dev=xvdb,ro"
# Shared, in the words of Xen's block scripts; the name is what comes first, whatever it looks like.
disk 'd.img,raw,xvda,w!' "$tmp/d.img,dev=xvda,shared"
disk 'vdev=xvda, access=w!, target=d.img' "$tmp/d.img,dev=xvda,shared"
disk 'd.img,raw,xvda,r!' '!unknown value for access'
disk 'w!,raw,xvda,w' '!w!: No such file or directory'
disk 'lvm:vg/lv,raw,xvda,w!' 'lvm:vg/lv,dev=xvda,shared'
disk 'partition:lvm:vg/lv:1,raw,xvda,r' 'partition:lvm:vg/lv:1,dev=xvda,ro'
disk '/dev/null,,xvda' /dev/null,dev=xvda
disk 'phy:/dev/null,xvda,w' /dev/null,dev=xvda
disk "file:$tmp/d.img,xvda,w" "$tmp/d.img,dev=xvda"
disk 'raw:d.img,xvda,w' "$tmp/d.img,dev=xvda"
disk 'format=raw, vdev=xvda1, access=ro, target=d.img' "$tmp/d.img,dev=xvda1,ro"
disk 'vdev=xvda,access=w,target=a,b.img' "$tmp/a,,b.img,dev=xvda"
disk 'd.img,raw,xvda,r,cdrom' "$tmp/d.img,dev=xvda,cdrom"
disk 'd.img,raw,xvda,rw,direct-io-safe,no-discard' "$tmp/d.img,dev=xvda,direct-io-safe,no-discard"
disk 'd.img,raw,xvda,rw,discard' "$tmp/d.img,dev=xvda,discard"
disk 'd.img,raw,xvda,rw,backendtype=phy' "$tmp/d.img,dev=xvda"
disk 'd.img,raw,xvda,rw,backend=0' "$tmp/d.img,dev=xvda"
# In another machine it is that one's name.
disk '/dev/xvdz,raw,xvda,rw,backend=storage' /dev/xvdz,dev=xvda,backend=storage
disk 'd.img,raw,hda,rw' "$tmp/d.img,dev=hda"
disk 'd.img,raw,d5p1,rw' "$tmp/d.img,dev=d5p1"

disk 'd.img,qcow2,xvda,rw' "qcow2:$tmp/d.img,dev=xvda"
disk 'format=vhd,vdev=xvda,access=r,target=a,b.img' "vhd:$tmp/a,,b.img,dev=xvda,ro"
disk 'd.img,qed,xvda,rw' "qed:$tmp/d.img,dev=xvda"
disk 'vmdk:d.img,,xvda,rw' "vmdk:$tmp/d.img,dev=xvda"
disk 'vdev=xvda,access=rw,target=nbd://h/e' 'nbd://h/e,dev=xvda'
disk 'qcow2:/nowhere,xvda,w' '!/nowhere: No such file or directory'
disk 'd.img,qcow,xvda,rw' '!format qcow is not served: convert the image'
disk 'd.img,raw,xvda,rw,script=block-x' '!script block-x: nothing runs scripts'
disk 'iscsi:iqn.x,xvda,w' '!script block-iscsi: nothing runs scripts'
disk 'd.img,raw,xvda,rw,backendtype=qdisk' '!backendtype=qdisk is not there: remove it'
disk ',empty,xvda,r,cdrom' '!an empty drive is not supported'
disk '/nowhere,raw,xvda,rw' '!/nowhere: No such file or directory'
disk 'd.img,raw,xvda,often' '!unknown value for access'
disk 'd.img,raw' '!no vdev specified'
! "$sluice" create -n bad.cfg 'disk=[ "/dev/null,raw,xvda,r", "/dev/zero,raw,xvda,r" ]' 2>err || fail "a name twice"
says err 'disk xvda is there twice' || fail "$(cat err)"
! "$sluice" create -n bad.cfg 'disk=[ "/dev/null,raw,fd0,r" ]' 2>err || fail "fd0 is taken"
says err 'fd0 is no disk name' || fail "$(cat err)"
