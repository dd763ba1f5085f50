# SPDX-License-Identifier: MIT
# What the toolstack writes for a disk: xl's nodes with xl's permissions.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
requires command -v xenstore-ls
requires_stack
image "$tmp/a.img" 2

"$sluice" exec --disk="$tmp/a.img,ro,cdrom,buffered" -- sleep 60 &
pid=$!
cleanup_fn kill "$pid"
running () { [ -S "$(echo "$XDG_RUNTIME_DIR"/*/*/store.sock)" ]; }
wait_for 30 running
export XENSTORED_PATH=$(echo "$XDG_RUNTIME_DIR"/*/*/store.sock)
wait_for 30 sh -c '[ "$(xenstore-read /local/domain/1/backend/vbd/2/51712/state)" = 2 ]'
xenstore-ls -fp >"$tmp/ls"

expect () { grep -qxF -- "$1" "$tmp/ls" || fail "missing: $1 in: $(cat "$tmp/ls")"; }
perms () { sed -n "s|^$1 = .*(\(.*\))\$|\1|p" "$tmp/ls"; }
while read -r path perms; do
	[ "$(perms "$path")" = "$perms" ] || fail "$path has ($(perms "$path")) in place of ($perms)"
done <<-EOT
	/local/domain/1 n0,r1
	/local/domain/1/backend n0,r1
	/local/domain/1/backend/vbd n0,r1
	/local/domain/1/backend/vbd/2 n0,r1
	/local/domain/1/backend/vbd/2/51712 n1,r2
	/local/domain/1/backend/vbd/2/51712/params n1,r2
	/local/domain/1/error n1
	/local/domain/1/libxl n1
	/local/domain/2 n0,r2
	/local/domain/2/name n0,r2
	/local/domain/2/device n0,r2
	/local/domain/2/device/vbd n0,r2
	/local/domain/2/device/vbd/51712 n2,r1
	/local/domain/2/device/vbd/51712/backend n2,r1
	/local/domain/2/data n2
	/libxl/2/device/vbd/51712 n0
	/libxl/2/device/vbd/51712/params n0
EOT
for node in \
	frontend:/local/domain/2/device/vbd/51712 frontend-id:2 online:1 params:"$tmp/a.img" mode:r \
	dev:xvda type:phy device-type:cdrom removable:1 bootable:1 discard-enable:0 direct-io-safe:0 \
	specification:xen buffered:1; do
	expect "/local/domain/1/backend/vbd/2/51712/${node%%:*} = \"${node#*:}\"   (n1,r2)"
done
for node in backend:/local/domain/1/backend/vbd/2/51712 backend-id:1 state:1 virtual-device:51712 \
	device-type:cdrom trusted:1; do
	expect "/local/domain/2/device/vbd/51712/${node%%:*} = \"${node#*:}\"   (n2,r1)"
done
kill "$pid"
wait "$pid" || :
assert_tidy 10
