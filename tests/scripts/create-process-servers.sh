# SPDX-License-Identifier: MIT
# A process domain reaches the servers that its configuration names, from a network without any
# interface, and nothing else; a backend in there whose own list is shorter reaches less.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
. "$(dirname "$0")/boot-functions.sh"
. "$(dirname "$0")/create-functions.sh"
requires grep -q HAVE_LIBSECCOMP "$builddir/config.h"
requires command -v nsenter
[ "$(id -u)" = 0 ] || skip "only root enters a domain's namespaces"
visitor=$builddir/tests/peers/servers-visitor
# serve NAME: a server, its port in $NAME and who came in a file of that name.
serve () {
	"$visitor" --serve >"$tmp/$1" &
	cleanup_fn kill $!
	wait_for 10 test -s "$tmp/$1"
	read -r "$1" <"$tmp/$1"
}
serve first
serve second
serve other
[ "$("$visitor" 127.0.0.1 "$other")" = reached ] || fail "the server that is not named does not work"
[ "$(grep -c visited "$tmp/other")" = 1 ] || fail "it did not notice"
process_config "$tmp/store.cfg" "servers=[ '127.0.0.1:$first', '127.0.0.1:$second' ]"
process_config "$tmp/plain.cfg"
"$sluice" create -q "$tmp/store.cfg" 2>"$tmp/err" || {
	! says "$tmp/err" 'cannot be confined' || skip "$(cat "$tmp/err")"
	fail "$(cat "$tmp/err")"
}
"$sluice" create -q "$tmp/plain.cfg"
run=$(ls -d "$XDG_RUNTIME_DIR"/sluice-*/run.*)
init () { pgrep -f "^sluice-domain-init .*--domain-dir=$run/dom/$1 " | head -n 1; }
daemon () { pgrep -f "^[^ ]*/sluice-driverd --run-dir=$run/dom/$1/" | head -n 1; }
# As what the domain's daemon is, with its environment.
visit () {
	local pid; pid=$(daemon "$1"); shift
	nsenter --preserve-credentials -U -m -p -i -n -t "$pid" \
		setpriv --bounding-set=-all,+dac_override --inh-caps=-all \
		env "LD_LIBRARY_PATH=$(tr '\0' '\n' <"/proc/$pid/environ" | sed -n 's/^LD_LIBRARY_PATH=//p')" \
		"SLUICE_SERVERS=$(tr '\0' '\n' <"/proc/$pid/environ" | sed -n 's/^SLUICE_SERVERS=//p')" "$visitor" "$@"
}
# gets WANT DOMAIN ARGUMENT..
gets () {
	local want=$1 got; shift
	got=$(visit "$@" 2>&1) || true
	[ "$got" = "$want" ] || fail "$*: $got, not $want"
}
gets reached 2 127.0.0.1 "$first"
gets reached 2 127.0.0.1 "$second"
gets EACCES 2 127.0.0.1 "$other"
gets EACCES 2 127.0.0.2 "$first"
gets ENETUNREACH 3 127.0.0.1 "$first"
# A backend's own list is asked first, and the domain's then.
gets reached 2 --only=127.0.0.1:"$first" 127.0.0.1 "$first"
gets EACCES 2 --only=127.0.0.1:"$first" 127.0.0.1 "$second"
gets EACCES 2 --only=127.0.0.1:"$other" 127.0.0.1 "$other"
# There are no interfaces to go round it by.
[ "$(nsenter -n -t "$(daemon 2)" sh -c 'tail -n +3 /proc/self/net/dev | wc -l')" = 1 ] || fail "it has interfaces"
# A domain that is killed comes back with its way.
old=$(init 2)
kill -KILL "$old"
came_back () { local now; now=$(init 2); [ -n "$now" ] && [ "$now" != "$old" ] && [ -n "$(daemon 2)" ]; }
wait_for 30 came_back
again () { [ "$(visit 2 127.0.0.1 "$first" 2>&1)" = reached ]; }
wait_for 30 again
[ "$(grep -c visited "$tmp/other")" = 1 ] || fail "somebody got there"
"$sluice" destroy store
