# SPDX-License-Identifier: MIT
# For tests that need a GlusterFS volume, after functions.sh: a glusterd with bricks in $tmp, in
# namespaces of its own (network, mounts, processes), where the whole test starts anew. There its
# ports and paths are its own, the test's address is $gluster_host, and all ends with the test.
gluster_host=10.77.0.1
gluster_dir=$tmp/gluster
gluster_file=$builddir/tests/peers/gluster-file
gluster_volume=vol
gluster_uri=gluster://$gluster_host/$gluster_volume/disk.img?bricks=49152-49251

# gluster_requires: what is missing; then the test begins again in there.
gluster_requires () {
	local argv
	[ "$(id -u)" = 0 ] || skip "glusterd wants to be root"
	PATH=$PATH:/usr/sbin:/sbin
	requires command -v glusterd
	requires command -v gluster
	[ -x "$gluster_file" ] || skip "it was built without libgfapi"
	# Its stand-ins for the XDR functions call what it did not find when it began: libtirpc comes with libgfapi.
	! ldd "$gluster_file" | grep -q libasan || skip "AddressSanitizer cannot run libgfapi in a module"
	[ -z "${SLUICE_GLUSTER_INSIDE-}" ] || return 0
	requires unshare --net --mount --pid --fork --mount-proc true
	mapfile -d '' -t argv <"/proc/$$/cmdline"
	rm -rf "$tmp"
	SLUICE_GLUSTER_INSIDE=1 exec unshare --net --mount --pid --fork --kill-child --mount-proc "${argv[@]}"
}
# gluster_names LINE..: of an own /etc/hosts.
gluster_names () {
	printf '%s\n' "127.0.0.1 localhost" "$@" >"$tmp/hosts"
	mount --bind "$tmp/hosts" /etc/hosts
}
gluster_ () { gluster --mode=script "$@" >>"$tmp/gluster.log" 2>&1; }
# volume_set OPTION VALUE
volume_set () {
	# One at a time: glusterd may be at another command.
	wait_for 30 gluster_ volume set "$gluster_volume" "$@"
}
# start_glusterd: it takes 9 s to find out about geo-replication, which nobody has here. Few
# ports for bricks: a storage domain is given a way to each.
start_glusterd () {
	mkdir -p "$gluster_dir"/{lib,log}
	cat >"$gluster_dir/glusterd.vol" <<-END
	volume management
	    type mgmt/glusterd
	    option working-directory /var/lib/glusterd
	    option transport-type socket
	    option transport.socket.listen-port 24007
	    option ping-timeout 0
	    option event-threads 1
	    option max-port 49251
	end-volume
	END
	printf '#!/bin/sh\necho gsyncd\n' >"$gluster_dir/gsyncd"
	chmod +x "$gluster_dir/gsyncd"
	ip link set lo up
	ip address add "$gluster_host/32" dev lo
	mount -t tmpfs none /run
	mkdir -p /run/gluster /run/lock /var/lib/glusterd /var/log/glusterfs
	mount --bind "$gluster_dir/lib" /var/lib/glusterd
	mount --bind "$gluster_dir/log" /var/log/glusterfs
	for gsyncd in /usr/lib/*/glusterfs/gsyncd /usr/libexec/glusterfs/gsyncd; do
		[ ! -e "$gsyncd" ] || mount --bind "$gluster_dir/gsyncd" "$gsyncd"
	done
	glusterd -f "$gluster_dir/glusterd.vol" -l "$gluster_dir/log/glusterd.log" -p "$gluster_dir/glusterd.pid"
	wait_for 60 gluster_ pool list
}
# gluster_bricks N: as the volume's commands have them.
gluster_bricks () {
	local i
	for i in $(seq "$1"); do printf '%s ' "${gluster_brick_host:-$gluster_host}:$gluster_dir/brick$i"; done
}
# start_volume [BRICKS [KIND..]]: by default three, a replica; without write-behind.
start_volume () {
	local bricks=${1-3} kind=("${@:2}")
	[ ${#kind[@]} -gt 0 ] || kind=(replica "$bricks")
	[ "${kind[0]}" != plain ] || kind=()
	# shellcheck disable=SC2046
	gluster_ volume create "$gluster_volume" "${kind[@]}" $(gluster_bricks "$bricks") force ||
		fail "no volume: $(tail -5 "$tmp/gluster.log")"
	volume_set performance.write-behind off
	volume_set network.ping-timeout 5
	gluster_ volume start "$gluster_volume" || fail "it does not start: $(tail -5 "$tmp/gluster.log")"
	wait_for 60 bricks_are_up "$bricks"
}
# brick_pid N: nothing when it does not run.
brick_pid () { pgrep -f -- "--brick-name $gluster_dir/brick$1( |\$)" || :; }
bricks_are_up () {
	local i
	for i in $(seq "$1"); do [ -n "$(brick_pid "$i")" ] || return 1; done
	[ "$(gluster volume status "$gluster_volume" 2>/dev/null | grep -cE ' [0-9]+ +0 +Y ')" = "$1" ]
}
# image MIB: on the volume, of that size.
image () { "$gluster_file" "$gluster_host" "$gluster_volume" /disk.img size $(($1 << 20)); }
# unhealed: entries that some brick does not have as the others do.
unhealed () {
	gluster volume heal "$gluster_volume" info | awk '/^Number of entries: / { n += $4; seen++ }
		/^Number of entries: -/ { bad = 1 } END { print seen && !bad ? n : "unknown" }'
}
is_healed () { [ "$(unhealed)" = 0 ]; }
# one_brick MIB: a volume of a single brick with an image of that size.
one_brick () {
	start_glusterd
	mkdir -p "$gluster_dir/brick1"
	start_volume 1 plain
	image "$1"
}
# gluster_guest_requires: what a guest with a disk on a volume needs; then the test begins again, see gluster_requires.
gluster_guest_requires () {
	sluice=$builddir/tools/sluice
	conform=$builddir/tests/peers/blk-conform
	requires test -x "$sluice"
	requires test -x "$conform"
	requires test -e "$builddir/backends/blk/.libs/blk-gluster.so"
	gluster_requires
}
# gluster_guest OPTIONS ARGUMENT..: blk-conform, in the background; $guest is its stack. OPTIONS go behind the disk's name.
gluster_guest () {
	local options=$1; shift
	: >"$tmp/out"
	SLUICE_LOG=info timeout -k 5 1200 "$sluice" exec --disk="$gluster_uri$options" -- "$conform" "$@" \
		>"$tmp/out" 2>"$tmp/log" &
	guest=$!
	cleanup_fn sh -c "kill $guest 2>/dev/null"
}
# gluster_guest_says WORD: blk-conform has, or has failed.
gluster_guest_says () { grep -qE "^($1|FAILED)" "$tmp/out"; }
