# SPDX-License-Identifier: MIT
# The next stack removes what a dead one could not, and nothing else.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
requires_stack
parent=$XDG_RUNTIME_DIR/sluice-$(id -u)
mkdir -m 700 "$parent"
cd "$parent"

sleep 600 &
live=$!
cleanup_fn kill "$live"
start=$(sed 's/.*) //' "/proc/$live/stat" | cut -d' ' -f20)
(exit 0) &
dead=$!
wait $dead

mkdir -p "run.$dead.123.abcdef/dom/0" "run.$live.$start.abcdef" "run.$live.1.abcdef" \
	"run.$dead.124.locked" "run.junk" "other.$dead.123.abcdef"
touch "run.$dead.123.abcdef/"{lock,dom/0/journal} "run.$dead.124.locked/lock"
ln -s "$tmp" "run.$dead.125.abcdef"
# Its owner lives where we cannot see its process: the lock speaks for it.
exec 9<"run.$dead.124.locked/lock"
flock -n 9
"$sluice" exec true
exec 9<&-
left=$(ls -A | sort | tr '\n' ' ')
want=$(printf '%s\n' "other.$dead.123.abcdef" "run.$dead.124.locked" "run.$dead.125.abcdef" \
	"run.$live.$start.abcdef" run.junk | sort | tr '\n' ' ')
[ "$left" = "$want" ] || fail "left: $left, wanted: $want"
