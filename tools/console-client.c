// SPDX-License-Identifier: MIT
/*
 * Keys never wait for the guest: what it does not take is kept here, so that the key that leaves is
 * seen at any time.
 */
#include "config.h"
#include "tools/console-client.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <termios.h>
#include <unistd.h>

#include "common/array.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "common/tty.h"

/* Keys that wait for a guest; a terminal's beyond that are dropped, a file's wait. */
#define KEYS_MAX 65536u

const struct console_client console_client_default = { .escape = TTY_ESCAPE };

struct client {
	struct console_client how;
	const char *path;
	int fd;
	bool tty, socket;
	char keys[KEYS_MAX];
	size_t used, sent;
};

static volatile sig_atomic_t window_changed;

int console_client_escape(const char *text, int *key)
{
	if (strcmp(text, "none") == 0)
		*key = CONSOLE_NO_ESCAPE;
	else if (text[0] == '^' && text[1] >= '?' && text[1] <= '_' && !text[2])
		*key = text[1] ^ 0x40;
	else if (text[0] && !text[1])
		*key = (unsigned char)text[0];
	else
		return -EINVAL;
	return 0;
}

/* --- signals ----------------------------------------------------------- */

/* Its default follows, with the terminal as it was. */
static void on_fatal(int sig)
{
	tty_restore();
	(void)raise(sig); /* SA_RESETHAND */
}

static void on_stop(int sig)
{
	int error = errno;

	tty_restore();
	(void)raise(SIGSTOP);
	/* Somebody continued us. */
	(void)!tty_raw(STDIN_FILENO);
	window_changed = 1;
	errno = error;
}

static void on_window(int sig)
{
	window_changed = 1;
}

static void take_signals(void)
{
	static const int fatal[] = { SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGABRT, SIGSEGV, SIGBUS, SIGILL,
		SIGFPE, SIGXCPU, SIGALRM, SIGUSR1, SIGUSR2 };
	struct sigaction sa = { .sa_handler = on_fatal, .sa_flags = (int)SA_RESETHAND };

	signal(SIGPIPE, SIG_IGN);
	for (unsigned i = 0; i < ARRAY_SIZE(fatal); i++)
		sigaction(fatal[i], &sa, NULL);
	sa = (struct sigaction){ .sa_handler = on_stop };
	sigaction(SIGTSTP, &sa, NULL);
	sa.sa_handler = on_window;
	sigaction(SIGWINCH, &sa, NULL);
}

/* --- the console's end ------------------------------------------------- */

static int connect_socket(const char *path, const char *more)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), error = ENAMETOOLONG;

	if (snprintf(sun.sun_path, sizeof(sun.sun_path), "%s%s", path, more) < (int)sizeof(sun.sun_path)) {
		if (fd >= 0 && connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
			return fd;
		error = errno;
	}
	if (fd >= 0)
		close(fd);
	errno = error;
	return -1;
}

static bool put_window(char *text, size_t room)
{
	struct winsize size;

	text[0] = '\0';
	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_col || !size.ws_row ||
		size.ws_col > 9999 || size.ws_row > 9999)
		return false;
	snprintf(text, room, " %ux%u", size.ws_col, size.ws_row);
	return true;
}

/* On a connection of its own: the console's carries bytes only. */
static void send_window(const struct client *c)
{
	CLEANUP_CLOSE int fd = -1;
	char size[16], line[32];
	struct pollfd p;

	window_changed = 0;
	if (c->how.read_only || !c->socket || !put_window(size, sizeof(size)))
		return;
	fd = connect_socket(c->path, ".ctl");
	snprintf(line, sizeof(line), "window%s\n", size);
	if (fd < 0 || write(fd, line, strlen(line)) < 0)
		return;
	/* Its answer says that it was read. */
	p = (struct pollfd){ .fd = fd, .events = POLLIN };
	(void)poll(&p, 1, 1000);
}

/* A line of the console's, without its end. */
static bool read_line(int fd, char *line, size_t room)
{
	size_t n = 0;

	for (; n + 1 < room; n++) {
		ssize_t got = read(fd, line + n, 1);

		if (got < 0 && errno == EINTR)
			n--;
		else if (got != 1)
			return false;
		else if (line[n] == '\n')
			break;
	}
	line[n] = '\0';
	return true;
}

static int attach_socket(struct client *c)
{
	char line[64], answer[80], size[16];

	c->fd = connect_socket(c->path, ".ctl");
	if (c->fd < 0)
		return -errno;
	(void)put_window(size, sizeof(size));
	snprintf(line, sizeof(line), "attach%s%s\n",
		c->how.read_only ? " read" : c->how.force ? " force" : "", size);
	if (write(c->fd, line, strlen(line)) < 0 || !read_line(c->fd, answer, sizeof(answer)))
		return -EPIPE;
	if (strncmp(answer, "ok ", 3) != 0) {
		log_err("%s", answer);
		return -EBUSY;
	}
	if (!c->how.read_only && strcmp(answer, "ok read") == 0)
		fprintf(stderr, "[somebody else types there; this one only reads. --force takes the keyboard]\n");
	return 0;
}

/* The path is a backend's word: no other device than a pseudoterminal is even opened. */
static int attach_tty(struct client *c)
{
	CLEANUP_CLOSE int fd = open(c->path, O_PATH | O_CLOEXEC);
	char path[32];
	struct statfs fs;

	if (fd < 0 || fstatfs(fd, &fs) < 0)
		return -errno;
	if (fs.f_type != DEVPTS_SUPER_MAGIC)
		return -ENOTTY;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	c->fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	return c->fd < 0 ? -errno : 0;
}

static int attach(struct client *c)
{
	struct stat sb;
	int error;

	c->socket = stat(c->path, &sb) < 0 || !S_ISCHR(sb.st_mode);
	error = c->socket ? attach_socket(c) : attach_tty(c);
	if (error == 0 && fcntl(c->fd, F_SETFL, O_NONBLOCK) < 0)
		error = -errno;
	if (error < 0 && error != -EBUSY)
		log_err("the console at %s does not answer: %s", c->path, strerror(-error));
	return error;
}

/* --- bytes ------------------------------------------------------------- */

/* All of it: our own user's terminal may take its time. */
static bool write_all(int fd, const char *at, size_t len)
{
	while (len) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EAGAIN) {
			struct pollfd p = { .fd = fd, .events = POLLOUT };

			(void)poll(&p, 1, -1);
		} else if (n < 0 && errno != EINTR) {
			return false;
		}
		if (n > 0) {
			at += n;
			len -= (size_t)n;
		}
	}
	return true;
}

/* False: the console has ended, or our reader has. */
static bool show(struct client *c)
{
	char bytes[4096];
	ssize_t n = read(c->fd, bytes, sizeof(bytes));

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	return n > 0 && write_all(STDOUT_FILENO, bytes, (size_t)n);
}

static bool send_keys(struct client *c)
{
	ssize_t n = write(c->fd, c->keys + c->sent, c->used - c->sent);

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	c->sent += (size_t)n;
	if (c->sent == c->used)
		c->sent = c->used = 0;
	return true;
}

static size_t keys_room(struct client *c)
{
	if (c->sent) {
		memmove(c->keys, c->keys + c->sent, c->used - c->sent);
		c->used -= c->sent;
		c->sent = 0;
	}
	return sizeof(c->keys) - c->used;
}

enum keys { KEYS_MORE, KEYS_END, KEYS_LEFT };

static enum keys take_keys(struct client *c)
{
	char bytes[1024], *escape = NULL;
	size_t room = keys_room(c), len;
	ssize_t n = read(STDIN_FILENO, bytes, c->tty || room > sizeof(bytes) ? sizeof(bytes) : room);

	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? KEYS_MORE : KEYS_END;
	if (n > 0 && c->tty && c->how.escape >= 0)
		escape = memchr(bytes, c->how.escape, (size_t)n);
	len = escape ? (size_t)(escape - bytes) : (size_t)n;
	if (len > room)
		len = room;
	if (!c->how.read_only) {
		memcpy(c->keys + c->used, bytes, len);
		c->used += len;
	}
	return escape ? KEYS_LEFT : n > 0 ? KEYS_MORE : KEYS_END;
}

/* Return: the user left. */
static bool exchange(struct client *c)
{
	struct pollfd p[2] = { { .fd = c->fd }, { .fd = STDIN_FILENO, .events = POLLIN } };
	enum keys keys = KEYS_MORE;

	for (;;) {
		p[0].events = c->used > c->sent ? POLLIN | POLLOUT : POLLIN;
		/* A file's bytes wait for the guest; a terminal's are looked at for the one key. */
		p[1].fd = keys == KEYS_END || (!c->tty && c->used == sizeof(c->keys) && !c->sent) ? -1 : STDIN_FILENO;
		if (poll(p, 2, -1) < 0) {
			if (errno != EINTR)
				return false;
			p[0].revents = p[1].revents = 0;
		}
		if (window_changed)
			send_window(c);
		if (p[1].revents) {
			keys = take_keys(c);
			if (keys == KEYS_LEFT || (keys == KEYS_END && c->tty))
				break;
		}
		if ((p[0].revents & POLLOUT) && !send_keys(c))
			return false;
		if ((p[0].revents & ~POLLOUT) && !show(c))
			return false;
	}
	/* What was typed before it is for the guest, as far as it takes it. */
	(void)send_keys(c);
	return true;
}

int console_client_run(const char *path, const struct console_client *how)
{
	CLEANUP_FREE struct client *c = calloc(1, sizeof(*c));
	bool left;

	if (!c)
		return 1;
	*c = (struct client){ .how = how ? *how : console_client_default, .path = path, .fd = -1 };
	take_signals();
	if (attach(c) == 0) {
		c->tty = tty_raw(STDIN_FILENO) == 0;
		left = exchange(c);
		tty_restore();
		if (c->tty)
			fprintf(stderr, left ? "\n" : "\n[the console has ended]\n");
		close(c->fd);
		return 0;
	}
	if (c->fd >= 0)
		close(c->fd);
	return 1;
}
