// SPDX-License-Identifier: MIT
#include "config.h"
#include "tools/console-client.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/tty.h"

static int connect_to(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return fd;
	log_err("the console at %s does not answer: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

/* All of it: our own user's terminal may take its time. */
static bool write_all(int fd, const char *at, size_t len)
{
	while (len) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0) {
			at += n;
			len -= (size_t)n;
		}
	}
	return true;
}

/* Move what is there; false at its end, or when the user left. */
static bool move(int from, int to, bool keys)
{
	char bytes[4096];
	ssize_t n = read(from, bytes, sizeof(bytes));
	char *escape;

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	escape = keys && n > 0 ? memchr(bytes, TTY_ESCAPE, (size_t)n) : NULL;
	if (!write_all(to, bytes, escape ? (size_t)(escape - bytes) : (size_t)n))
		return false;
	return n > 0 && !escape;
}

static void exchange(int fd, bool tty)
{
	struct pollfd p[2] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = STDIN_FILENO, .events = POLLIN },
	};

	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return;
		if (p[0].revents && !move(fd, STDOUT_FILENO, false))
			return;
		if (!p[1].revents || move(STDIN_FILENO, fd, tty))
			continue;
		if (tty)
			return;
		/* Input from a file has ended; output goes on. */
		p[1].fd = -1;
	}
}

int console_client_run(const char *path)
{
	CLEANUP_CLOSE int fd = connect_to(path);
	bool tty;

	if (fd < 0)
		return 1;
	signal(SIGPIPE, SIG_IGN);
	tty = tty_raw(STDIN_FILENO) == 0;
	exchange(fd, tty);
	tty_restore();
	if (tty)
		fprintf(stderr, "\n");
	return 0;
}
