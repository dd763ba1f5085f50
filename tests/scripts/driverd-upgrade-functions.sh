# SPDX-License-Identifier: MIT
# For tests of another build taking over: after driverd-functions.sh.

# make_build NAME FORMATS [MODE]: what is configured becomes another program, which says that it
# knows journals of FORMATS. MODE: serve (default), crash or storage (it ends), silent (it is never
# ready), mute (it does not know --journal-version), hangs (asked so, it does not end), anew (the
# frontend has to connect again), unsaid (it does not say which journal it writes).
make_build () {
	cat >"$tmp/backend.new" <<-EOF
	#!/bin/bash
	tmp=$tmp build=$1 formats="$2" mode=${3:-serve}
	EOF
	cat >>"$tmp/backend.new" <<-'EOF'
	read -r pid _ </proc/self/stat
	if [ "$1" = --journal-version ]; then
		case $mode in
		mute) echo "unknown option" >&2; exit 1 ;;
		hangs) exec sleep 300 ;;
		esac
		echo "$formats"
		exit 0
	fi
	for a; do case $a in
		--backend=*) leaf=${a#*=} ;;
		--ready-fd=*) ready=${a#*=} ;;
	esac; done
	echo "$leaf $pid $build" >>"$tmp/log/starts"
	case $mode in crash) exit 70 ;; storage) exit 2 ;; esac
	[ ! -e "$tmp/no-storage" ] || exit 2
	trap 'exit 0' TERM
	[ "$(xenstore-read "$leaf/state")" = 4 ] || xenstore-write "$leaf/state" 2 || exit 72
	case $mode in
	silent) ;;
	unsaid) echo READY=1 >&$ready ;;
	# In one piece: the daemon reads once.
	*) env printf 'READY=1\nJOURNAL=%s\nRESUMED=%s\n' "${formats%% *}" "$([ $mode = anew ]; echo $?)" >&$ready ;;
	esac
	eval "exec $ready>&-"
	while [ -e "$tmp/log" ]; do sleep 0.1; done
	EOF
	chmod +x "$tmp/backend.new"
	mv "$tmp/backend.new" "$tmp/backend"
	: >>"$tmp/log/starts"
}
# The builds that were started for a device, in one line.
builds () { grep "^backend/$1 " "$tmp/log/starts" | cut -d' ' -f3 | paste -sd ' '; }
builds_are () { [ "$(builds "$1")" = "$2" ]; }
# ask LEAF TOKEN: as a toolstack does; answered LEAF TOKEN WORD: so it ends.
ask () { xs write "$dd/backend/$1/upgrade" "$2"; }
answer () { xs read "$dd/backend/$1/upgrade-status" 2>/dev/null; }
has_answered () { [[ "$(answer "$1")" == "$2 "* ]]; }
answered () {
	wait_for 30 has_answered "$1" "$2"
	[[ "$(answer "$1")" == "$2 $3 "* ]] || fail "$1 $2: \"$(answer "$1")\" in place of $3"
}
