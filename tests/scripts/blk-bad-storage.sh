# SPDX-License-Identifier: MIT
# Storage that cannot be opened: one clear line, the error node in both places, state
# Closed, exit status 2, no READY, and nothing hangs. Needs only the store, and so
# serves unconfined: before it confines itself a backend opens its way to the hypervisor.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/disk-functions.sh"
begin_store

refused "$tmp/missing.img: no such file" "$tmp/missing.img"
refused "is a directory" "$tmp"
refused "neither a file nor a block device" /dev/null
head -c 1000 /dev/zero >"$tmp/odd.img"
refused "is no multiple of 512" "$tmp/odd.img"
: >"$tmp/empty.img"
refused "is empty" "$tmp/empty.img"
refused "absolute path" "relative.img"
refused "qcow2 images are read by a format server, which sluice-driverd starts" "qcow2:$tmp/odd.img"
refused "qcow images are not supported" "qcow:$tmp/odd.img"
refused "$tmp/missing.img: no such file" "aio:$tmp/missing.img"
refused "iscsi" "$tmp/odd.img" w 0 iscsi
refused "there is no storage driver" "$tmp/odd.img" w 0 nonsense

# Passwords are repeated nowhere, whoever put them into the store.
for name in gluster://u:hunter2@h/v/a nbd://u:hunter2@h/e iscsi://u%hunter2@h/iqn.x:y/1 \
	'iscsi://h/iqn.x:y/1?password=hunter2' other://u:hunter2@h/a; do
	refused "does not belong into the name" "$name"
	! grep hunter2 "$tmp/err" || fail "it says the password"
	! xenstore-ls "$top/error" | grep hunter2 || fail "the error node has the password"
done

# A file that another process of ours serves, and one that QEMU holds.
truncate -s 1M "$tmp/held.img"
serve 51728 "$tmp/held.img"
refused "in use by another process" "$tmp/held.img"
refused "in use by another process" "$tmp/held.img" r
unserve "$served"
[ "$(xenstore-read "$top/backend/vbd/7/51728/state")" = 6 ] || fail "SIGTERM did not close it"

# Without a hypervisor one that is to be confined ends at once, and says so.
disk 51712 "$tmp/held.img"
status=0
SLUICE_HYPERVISOR=$tmp/none timeout 60 "$blk" --backend=backend/vbd/7/51712 2>"$tmp/err" || status=$?
[ $status = 1 ] || fail "exit status $status without a hypervisor"
grep -q 'no access to the grant device' "$tmp/err" || fail "it says: $(cat "$tmp/err")"

# And storage that is good works in the same place, without the old error.
disk 51712 "$tmp/held.img"
xenstore-write "$top/backend/vbd/7/51712/error" "an old one"
"$blk" --backend=backend/vbd/7/51712 --confine=no --ready-fd=3 3>"$tmp/ready3" 2>"$tmp/err3" &
good=$!
cleanup_fn eval "kill $good 2>/dev/null; wait $good 2>/dev/null || :"
wait_for 10 grep -q READY=1 "$tmp/ready3"
[ "$(xenstore-read "$top/backend/vbd/7/51712/state")" = 2 ] || fail "not InitWait"
xenstore-read "$top/backend/vbd/7/51712/error" 2>/dev/null && fail "the old error is still there"
xenstore-rm "$top/backend/vbd/7/51712"
wait "$good" || fail "removal ended it with status $?: $(cat "$tmp/err3")"
xenstore-read "$top/backend/vbd/7/51712/state" 2>/dev/null && fail "it wrote into a removed directory"
echo "all refused by name"
