# SPDX-License-Identifier: MIT
# Storage of the driver nbd: an image that nbdkit serves. See storage-functions.sh.
storage_options='' storage_image=$tmp/nbd.img storage_nbdkit='' storage_listener='' storage_filters=()
storage_args=() storage_break_file=$tmp/nbd.broken

storage_requires () {
	[ -e "$builddir/backends/blk/.libs/blk-nbd.so" ] || skip "built without libnbd"
	command -v perl >/dev/null || skip "perl is not installed"
	command -v nbdkit >/dev/null || skip "nbdkit is not installed"
	nbdkit --dump-plugin file >/dev/null 2>&1 || skip "nbdkit has no file plugin"
}
storage_has () {
	case $1 in
	discard | zeroes | flush | 4096 | eio | etimedout | server | stop | peek) return 0 ;;
	secure-discard) storage_lacks "NBD has no secure discard" ;;
	grow) storage_lacks "NBD has no word for a size that changed" ;;
	enospc) storage_can_mount || storage_lacks "no file system can be mounted here" ;;
	replay) storage_lacks "an NBD server may still do what a killed client asked for" ;;
	*) fail "what is the property $1?" ;;
	esac
}
storage_can_mount () {
	mkdir -p "$tmp/probe" && mount -t tmpfs -o size=1m none "$tmp/probe" 2>/dev/null || return 1
	umount "$tmp/probe"
}
# The socket outlives its server: a driver domain is shown this one, and none that is made later.
# SIGUSR1 starts a server.
storage_listen () {
	rm -f "$tmp/nbd.sock"
	# shellcheck disable=SC2016
	perl -MSocket -MPOSIX=dup2 -e '
		my ($socket, $file, @command) = @ARGV;
		$^F = 99;
		socket(S, PF_UNIX, SOCK_STREAM, 0) && bind(S, pack_sockaddr_un($socket)) && listen(S, 64) or die "$!";
		dup2(fileno(S), 3) == 3 or die "$!";
		$SIG{CHLD} = "IGNORE";
		my $wanted = 0;
		$SIG{USR1} = sub { $wanted++ };
		open(my $ready, ">", "$file.ready") or die "$!";
		for (;;) {
			sleep(1) unless $wanted;
			next unless $wanted;
			$wanted = 0;
			my $pid = fork();
			if ($pid == 0) { $ENV{LISTEN_PID} = $$; $ENV{LISTEN_FDS} = 1; exec(@command) }
			open(my $to, ">", "$file.new"); print $to "$pid\n"; close($to); rename("$file.new", $file);
		}' "$tmp/nbd.sock" "$tmp/nbd.pid" nbdkit --foreground --exit-with-parent --threads=16 \
		"${storage_filters[@]}" file "$storage_image" "${storage_args[@]}" 2>>"$tmp/nbdkit.err" &
	storage_listener=$!
	wait_for 60 test -e "$tmp/nbd.pid.ready"
}
storage_back () {
	rm -f "$tmp/nbd.pid"
	kill -USR1 "$storage_listener"
	wait_for 60 test -s "$tmp/nbd.pid"
	storage_nbdkit=$(cat "$tmp/nbd.pid")
}
storage_start () {
	local directory=$tmp query=''
	storage_filters=() storage_args=()
	case ${2-} in
	enospc) directory=$tmp/nbd-fs; mountpoint -q "$directory" || storage_tmpfs "$directory" "$1" ;;
	4096) storage_filters=(--filter=blocksize-policy)
		storage_args=(blocksize-minimum=4096 blocksize-preferred=4096 blocksize-maximum=1M blocksize-error-policy=error) ;;
	eio) storage_filters=(--filter=error)
		storage_args=(error=EIO error-rate=100% "error-file=$storage_break_file") ;;
	etimedout) query='&timeout=2' ;;
	esac
	storage_image=$directory/nbd.img
	truncate -s "${1}M" "$storage_image"
	storage_listen
	cleanup_fn storage_stop
	storage_back
	storage_uri="nbd+unix:///?socket=$tmp/nbd.sock$query"
}
storage_stop () {
	storage_mend
	[ -z "$storage_nbdkit" ] || storage_kill
	[ -z "$storage_listener" ] || { kill "$storage_listener" && wait "$storage_listener"; } 2>/dev/null || :
	storage_listener=''
	rm -f "$tmp"/nbd.pid* "$tmp/nbd.sock"
	rm -f "$storage_image" "$tmp/nbd-fs/filler"
	if mountpoint -q "$tmp/nbd-fs"; then umount -l "$tmp/nbd-fs"; fi
}
storage_peek () { dd if="$storage_image" bs=64k iflag=skip_bytes,count_bytes skip="$1" count="$2" status=none; }
storage_break () {
	case $1 in
	eio) touch "$storage_break_file" ;;
	enospc) dd if=/dev/zero of="$tmp/nbd-fs/filler" bs=64k 2>/dev/null || : ;;
	etimedout) storage_hang ;;
	esac
}
storage_mend () {
	rm -f "$storage_break_file" "$tmp/nbd-fs/filler"
	storage_resume
}
storage_kill () {
	kill -KILL "$storage_nbdkit" 2>/dev/null || :
	wait_for 60 eval "! kill -0 $storage_nbdkit 2>/dev/null"
	storage_nbdkit=''
}
storage_hang () { kill -STOP "$storage_nbdkit"; }
storage_resume () { [ -z "$storage_nbdkit" ] || kill -CONT "$storage_nbdkit" 2>/dev/null || :; }
