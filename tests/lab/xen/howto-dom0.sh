# SPDX-License-Identifier: MIT
# Stock xl does what docs/xen.md tells its reader: a driver domain that is a Debian with systemd, and a guest.
# storage_types SECTION: what the page has there for the driver domain
storage_types () { order "section-$1"; wait_said 300 storage "section $1 was typed"; }
type_line () { say "dom0# $1"; eval "$1" >/run/typed 2>&1 || { cat /run/typed; dump failed; fail "$1"; }; cat /run/typed; }
# connected LIST: whether xl block-list or network-list shows state 4
connected () { xl "$1" web | awk -v at="$([ "$1" = block-list ] && echo 4 || echo 5)" 'NR > 1 && $at == 4' | grep -q .; }

dom0_start
type_line 'xl create /etc/xen/storage.cfg'
wait_said 1200 storage 'storage is ready'
storage_types 2
storage_types 3
cp /etc/xen/web.cfg /out/
while read -r line; do
	# What is typed next looks at it.
	case $line in xl\ *-list\ *) wait_for 300 connected "$(echo "$line" | cut -d ' ' -f 2)" || : ;; esac
	type_line "$line"
done </lab/typed-3.sh
connected block-list || fail "the disk is not connected"
connected network-list || fail "the interface is not connected"
wait_said 300 web 'the interface works'
while read -r line <&3; do
	case $line in *detach*) storage_types 4; wait_said 300 web 'the disk grew' ;; esac
	type_line "$line"
	case $line in *attach\ *xvdb*) wait_said 300 web 'another disk' ;; esac
done 3</lab/typed-4.sh
removed vbd/2/51728
wait_said 300 web 'the other disk is gone'
storage_types 5
storage_types 6
xenstore-write /local/domain/2/data/stop 1
wait_said 300 web 'the guest is content'
wait_gone 120 web
removed vbd/2/51712
removed vif/2/0
order section-stop
wait_gone 300 storage
