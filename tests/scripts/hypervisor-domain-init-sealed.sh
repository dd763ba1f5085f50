#!/bin/bash
# SPDX-License-Identifier: MIT
# What sluice-domain-init hid stays hidden, whoever asks with whatever rights: as root and
# as nobody, with and without --may-mount; and root still reaches the files of others.
source "$(dirname "${BASH_SOURCE[0]}")/functions.sh"
init=$builddir/hypervisor/process/sluice-domain-init
run=$tmp/run
mkdir -p "$run/dom/1" "$run/dom/2"
touch "$run/dom/2/secret"
chmod 755 "$tmp"

as=()
in_domain () { "${as[@]}" "$init" --run-dir="$run" --domain-dir="$run/dom/1" "$@"; }

# reveal DIR: in the domain, every way to get DIR's hidden content back; prints it.
cat > "$tmp/reveal" <<-'END'
	cd /
	run=$1
	look () { find "$run" "$@" -name secret 2>/dev/null; }
	umount -n "$run/dom/1" 2>/dev/null; umount -n -l "$run/dom/1" 2>/dev/null
	umount -n "$run" 2>/dev/null; umount -n -l "$run" 2>/dev/null
	look
	# A copy of what is around it, without what is mounted on it.
	mkdir -p /tmp/sluice-reveal.$$
	mount -n --bind "${run%/*}" /tmp/sluice-reveal.$$ 2>/dev/null && look /tmp/sluice-reveal.$$
	umount -n /tmp/sluice-reveal.$$ 2>/dev/null
	mount -n --rbind "${run%/*}" /tmp/sluice-reveal.$$ 2>/dev/null && {
		umount -n "/tmp/sluice-reveal.$$/${run##*/}" 2>/dev/null
		umount -n -l "/tmp/sluice-reveal.$$/${run##*/}" 2>/dev/null
		look /tmp/sluice-reveal.$$
		umount -n -l /tmp/sluice-reveal.$$ 2>/dev/null
	}
	rmdir /tmp/sluice-reveal.$$
	# Out of the domain, by way of its first process.
	look "/proc/1/root$run" "/proc/1/cwd$run"
	nsenter -t 1 -m -U umount -l "$run" 2>/dev/null
	nsenter -t 1 -m umount -l "$run" 2>/dev/null
	look
	exit 0
END
# With new namespaces of its own it has every capability again.
attempts=("sh $tmp/reveal $run" "unshare -Urm sh $tmp/reveal $run" "unshare -m sh $tmp/reveal $run")

check_sealed () {
	local found attempt
	for attempt in "${attempts[@]}"; do
		# shellcheck disable=SC2086
		found=$(in_domain "$@" -- $attempt 2> "$tmp/err" || true)
		[ -z "$found" ] || fail "${as[*]} $*: '$attempt' found $found"
	done
	# A working directory inside is no way round it.
	found=$(cd "$run/dom/2" && in_domain "$@" -- ls -a . 2> /dev/null || true)
	case $found in *secret*) fail "${as[*]} $*: the working directory shows what is hidden" ;; esac
}

# The test's own teeth: outside of a domain it does find it.
sh "$tmp/reveal" "$run" | grep -q secret || fail "the test finds nothing anywhere"

for may in "" --may-mount; do
	in_domain $may --env=SLUICE_LOG=info -- true 2> "$tmp/err" || fail "it does not start: $(cat "$tmp/err")"
	! grep -q "isolat" "$tmp/err" || skip "$(cat "$tmp/err")"
	check_sealed $may
	if [ "$(id -u)" = 0 ]; then
		as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
		chown -R 65534:65534 "$run"
		if [ -x "$init" ] && "${as[@]}" test -x "$init" && "${as[@]}" unshare -U true 2> /dev/null; then
			check_sealed $may
		fi
		as=()
		chown -R 0:0 "$run"
	fi
done

# Nothing but access to files is left of root's rights, and no exec brings more.
status () { in_domain "$@" -- awk '/^(Cap(Prm|Eff|Bnd|Amb)|NoNewPrivs)/ { printf "%s%s ", $1, $2 }' /proc/self/status; }
case $(status) in
*CapBnd:0000000000000002*NoNewPrivs:1*) ;;
*) fail "capabilities: $(status)" ;;
esac
if in_domain -- mount -t tmpfs none /mnt 2> /dev/null; then fail "a domain can mount without --may-mount"; fi

[ "$(id -u)" = 0 ] || exit 0
in_domain --may-mount -- mount -t tmpfs none /mnt || fail "a domain cannot mount with --may-mount"
for owner in 0:0 65534:65534 1234:4321; do
	echo "data of $owner" > "$tmp/file"
	chown $owner "$tmp/file"
	chmod 600 "$tmp/file"
	for may in "" --may-mount; do
		[ "$(in_domain $may -- cat "$tmp/file")" = "data of $owner" ] || fail "a file of $owner cannot be read"
		[ "$(in_domain $may -- stat -c %u:%g "$tmp/file")" = $owner ] || fail "a file of $owner changed hands"
		in_domain $may -- sh -c "echo 'data of $owner' > '$tmp/file'" || fail "a file of $owner cannot be written"
	done
done
