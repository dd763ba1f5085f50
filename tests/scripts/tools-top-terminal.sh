# SPDX-License-Identifier: MIT
# sluice top on a terminal: it refreshes, ends at q and at signals, and leaves the terminal as it was.
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/tools-functions.sh"
requires command -v python3
mkdir "$tmp/empty"
cat >"$tmp/terminal.py" <<'EOT'
import fcntl, os, pty, select, signal, struct, sys, termios, time
sluice, how, empty = sys.argv[1:4]
main, end = pty.openpty()
fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 60, 0, 0))
before = termios.tcgetattr(end)
# A shell's part: what has no parent in its session is not stopped by the terminal.
tell, told = os.pipe()
shell = os.fork()
if shell == 0:
    os.setsid()
    fcntl.ioctl(end, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(end, os.getpgid(0))
        for s in signal.SIGTTOU, signal.SIGHUP:
            signal.signal(s, signal.SIG_DFL)
        for fd in 0, 1, 2:
            os.dup2(end, fd)
        os.execv(sluice, ["sluice", "top", "--interval=0.1", "--run-dir=" + empty])
    os.write(told, struct.pack("i", pid))
    while True:
        status = os.waitpid(pid, os.WUNTRACED)[1]
        os.write(told, struct.pack("i", status))
        if not os.WIFSTOPPED(status):
            os._exit(0)
pid = struct.unpack("i", os.read(tell, 4))[0]
seen = b""

def read_until(text, count=1):
    global seen
    deadline = time.monotonic() + 60
    while seen.count(text) < count:
        assert time.monotonic() < deadline, (text, seen)
        if select.select([main], [], [], 1)[0]:
            seen += os.read(main, 65536)

read_until(b"\x1b[?1049h")
read_until(b"no device is being served", 3)
assert not termios.tcgetattr(end)[3] & (termios.ECHO | termios.ICANON)
assert all(len(line) <= 60 for line in seen.decode().replace("\x1b[K", "").split("\r\n")[2:-1]), seen
if how == "suspend":
    os.kill(pid, signal.SIGTSTP)
    assert os.WIFSTOPPED(struct.unpack("i", os.read(tell, 4))[0])
    assert termios.tcgetattr(end) == before, "it is stopped and has the terminal"
    read_until(b"\x1b[?1049l")
    seen = b""
    os.kill(pid, signal.SIGCONT)
    read_until(b"\x1b[?1049h")
    read_until(b"no device is being served", 2)
    how = "q"
if how == "resize":
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 20, 0, 0))
    seen = b""
    read_until(b"no device is being s\x1b[K")
    how = "q"
if how in ("q", "Q", "\3"):
    os.write(main, how.encode())
else:
    os.kill(pid, getattr(signal, how))
read_until(b"\x1b[?25h\x1b[?1049l")
status = struct.unpack("i", os.read(tell, 4))[0]
assert status == 0, status
assert termios.tcgetattr(end) == before, "the terminal is another one"
EOT
for how in q Q SIGTERM SIGHUP SIGINT suspend resize; do
	timeout 120 python3 "$tmp/terminal.py" "$sluice" "$how" "$tmp/empty" || fail "ended by $how"
done
