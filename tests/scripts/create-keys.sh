# SPDX-License-Identifier: MIT
# Each key of xl.cfg(5) is honoured, ignored with a warning or refused; no key is left out, none made up.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
. "$(dirname "$0")/boot-functions.sh"
. "$(dirname "$0")/create-functions.sh"
"$sluice" create --keys | awk '{ print $1 }' | sort >"$tmp/keys"
# The manual page's, as Xen 4.17 has it.
sort "$srcdir/tests/scripts/xl-cfg-keys.txt" | diff - "$tmp/keys" || fail "the table and the manual page's keys differ"
# And the page itself, where it is installed.
page=$(man -w 5 xl.cfg 2>/dev/null || :)
if [ -n "$page" ]; then
	MANWIDTH=100 man 5 xl.cfg | col -b | grep -oE '^ {7}[a-z_0-9]+=' | tr -d ' =' | sort -u | diff - "$tmp/keys" ||
		fail "the table and the installed manual page differ"
fi

# Each that is not honoured has its say, by name, file and line.
image "$tmp/d.img" 1
"$sluice" create --keys | while read -r key type verdict why; do
	[ "$verdict" != honoured ] || continue
	[ -n "$why" ] || fail "$key has no reason"
	case $type in
	list) value='[ "x" ]' ;;
	number | boolean) value=7 ;;
	*) value='"x"' ;;
	esac
	config "$tmp/bad.cfg" "$key=$value"
	if [ "$verdict" = refused ]; then
		refuses "bad.cfg:5: $key is not supported: $why"
		# Switched off it asks for nothing.
		case $type in
		list) value='[ ]' ;;
		number | boolean) value=0 ;;
		*) value='""' ;;
		esac
		config "$tmp/bad.cfg" "$key=$value"
		"$sluice" create -n "$tmp/bad.cfg" >/dev/null || fail "$key=$value is refused"
	else
		"$sluice" create -n "$tmp/bad.cfg" >/dev/null 2>"$tmp/err" || fail "$key: $(cat "$tmp/err")"
		says "$tmp/err" "bad.cfg:5: $key is ignored: $why" || fail "$key: $(cat "$tmp/err")"
	fi
done
