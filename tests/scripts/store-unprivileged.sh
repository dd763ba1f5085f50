# SPDX-License-Identifier: MIT
# A store of a user who is not root, used by that user.
source "$(dirname "$0")/functions.sh"
source "$srcdir/tests/scripts/store-functions.sh"
if [ "$(id -u)" -ne 0 ]; then
	start_store
	as_user=
else
	requires setpriv --reuid=65534 --regid=65534 --clear-groups test -r "$program"
	chmod 755 "$tmp"
	mkdir "$tmp/user"
	chown 65534:65534 "$tmp/user"
	export XENSTORED_PATH=$tmp/user/socket
	as_user="setpriv --reuid=65534 --regid=65534 --clear-groups"
	$as_user "$program" --socket="$XENSTORED_PATH" 2>"$tmp/log" &
	store=$!
	end_with_test "$store"
	wait_for 5 test -S "$XENSTORED_PATH"
fi
$as_user xenstore-write /a/b value || fail "the user cannot write to its own store"
[ "$($as_user xenstore-read /a/b)" = value ] || fail "the user cannot read from its own store"
