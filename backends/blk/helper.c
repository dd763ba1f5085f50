// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/blk/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/paths.h"

extern char **environ;

#define HELPER_LINES 1024u

/** struct helper - a program that runs. */
struct helper {
	pid_t pid;
	int out, err;           /* our ends, -1: it closed them */
	char said[HELPER_LINES]; /* on stderr; the oldest goes where it does not fit */
	size_t said_len;
	size_t out_len;
	bool too_much;
};

static int64_t helper_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* --- starting --------------------------------------------------------------------------- */

/** struct helper_fds - what it gets; -1: nothing. */
struct helper_fds {
	int in, out, err;
	int fd; /* HELPER_FD */
};

static int helper_actions(posix_spawn_file_actions_t *actions, const struct helper_fds *fds)
{
	int fd = fds->fd;
	int rc = fds->in >= 0 ? posix_spawn_file_actions_adddup2(actions, fds->in, 0) :
				posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);

	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(actions, fds->out, 1);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(actions, fds->err, 2);
	if (rc == 0 && fd >= 0)
		rc = posix_spawn_file_actions_adddup2(actions, fd, HELPER_FD);
	/* Our lock and our connections, which a guest's partition table could get hold of. */
	if (rc == 0)
		rc = posix_spawn_file_actions_addclosefrom_np(actions, fd >= 0 ? HELPER_FD + 1 : HELPER_FD);
	return -rc;
}

/* Signals that we have blocked are the helper's to get. */
static int helper_attributes(posix_spawnattr_t *attr)
{
	sigset_t none, all;
	int rc;

	sigemptyset(&none);
	sigfillset(&all);
	rc = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
						   POSIX_SPAWN_SETPGROUP);
	if (rc == 0)
		rc = posix_spawnattr_setsigmask(attr, &none);
	if (rc == 0)
		rc = posix_spawnattr_setsigdefault(attr, &all);
	if (rc == 0)
		rc = posix_spawnattr_setpgroup(attr, 0);
	return -rc;
}

static int helper_spawn(struct helper *h, const char *path, const char *const argv[],
	const struct helper_fds *fds)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int rc;

	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	rc = helper_actions(&actions, fds);
	if (rc == 0)
		rc = helper_attributes(&attr);
	if (rc == 0)
		rc = path ? -posix_spawn(&h->pid, path, &actions, &attr, (char *const *)argv, environ) :
			    -posix_spawnp(&h->pid, argv[0], &actions, &attr, (char *const *)argv,
				    environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return rc;
}

/* Descriptors above those that the child's numbers are put over. @flags: of the end to read from. */
static int helper_pipe(int pipe[2], int flags)
{
	int low[2];

	if (pipe2(low, O_CLOEXEC) < 0)
		return -errno;
	for (unsigned i = 0; i < 2; i++) {
		pipe[i] = fcntl(low[i], F_DUPFD_CLOEXEC, HELPER_FD + 1);
		close(low[i]);
	}
	if (pipe[0] >= 0 && pipe[1] >= 0 && fcntl(pipe[0], F_SETFL, flags) == 0)
		return 0;
	for (unsigned i = 0; i < 2; i++) {
		if (pipe[i] >= 0)
			close(pipe[i]);
		pipe[i] = -1;
	}
	return -EMFILE;
}

static void helper_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* @in: NULL, or becomes our end of its stdin. */
static int helper_start(struct helper *h, const char *path, const char *const argv[], int fd, int *in)
{
	struct helper_fds fds = { -1, -1, -1, -1 };
	int pipes[3][2] = { { -1, -1 }, { -1, -1 }, { -1, -1 } };
	int rc = in ? helper_pipe(pipes[0], 0) : 0;

	for (unsigned i = 1; i < 3 && rc == 0; i++)
		rc = helper_pipe(pipes[i], O_NONBLOCK);
	if (rc == 0 && fd >= 0) {
		fds.fd = fcntl(fd, F_DUPFD_CLOEXEC, HELPER_FD + 1);
		rc = fds.fd < 0 ? -errno : 0;
	}
	fds.in = pipes[0][0];
	fds.out = pipes[1][1];
	fds.err = pipes[2][1];
	if (rc == 0)
		rc = helper_spawn(h, path, argv, &fds);
	helper_close(&fds.in);
	helper_close(&fds.out);
	helper_close(&fds.err);
	helper_close(&fds.fd);
	h->out = pipes[1][0];
	h->err = pipes[2][0];
	if (in)
		*in = pipes[0][1];
	return rc;
}

/* --- listening ---------------------------------------------------------------------------- */

static void helper_take_out(struct helper *h, char *out, size_t room)
{
	char more;
	ssize_t n = read(h->out, out + h->out_len, room - 1 - h->out_len);

	if (n > 0)
		h->out_len += (size_t)n;
	else if (n == 0 && h->out_len == room - 1 && read(h->out, &more, 1) == 1)
		h->too_much = true;
	if (h->too_much || (n == 0 && h->out_len < room - 1) || (n < 0 && errno != EAGAIN && errno != EINTR) ||
		(n == 0 && h->out_len == room - 1))
		helper_close(&h->out);
}

static void helper_take_err(struct helper *h)
{
	char text[256];
	ssize_t n = read(h->err, text, sizeof(text));
	size_t most = sizeof(h->said) - 1;

	if (n <= 0) {
		if (n == 0 || (errno != EAGAIN && errno != EINTR))
			helper_close(&h->err);
		return;
	}
	if (h->said_len + (size_t)n > most) {
		size_t drop = h->said_len + (size_t)n - most;

		memmove(h->said, h->said + drop, h->said_len - drop);
		h->said_len -= drop;
	}
	memcpy(h->said + h->said_len, text, (size_t)n);
	h->said_len += (size_t)n;
}

/* Until all is said, or (@line) a line is. False: the time is up. */
static bool helper_listen(struct helper *h, int64_t end, bool line, char *out, size_t room)
{
	while ((h->out >= 0 || h->err >= 0) && !(line && memchr(out, '\n', h->out_len))) {
		struct pollfd p[2] = { { h->out, POLLIN, 0 }, { h->err, POLLIN, 0 } };
		int64_t left = end - helper_now_ms();

		if (left <= 0)
			return false;
		if (poll(p, 2, (int)left) < 0 && errno != EINTR)
			return false;
		if (p[0].revents)
			helper_take_out(h, out, room);
		if (p[1].revents)
			helper_take_err(h);
	}
	return true;
}

/* Who closed its output may live on. */
static bool helper_await(struct helper *h, int64_t end, int *status)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (;;) {
		pid_t pid = waitpid(h->pid, status, WNOHANG);

		if (pid == h->pid)
			return true;
		if ((pid < 0 && errno != EINTR) || helper_now_ms() >= end)
			return false;
		nanosleep(&pause, NULL);
	}
}

static void helper_kill(struct helper *h)
{
	kill(-h->pid, SIGKILL);
	while (waitpid(h->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* Our own programs' lines begin as all of ours do. */
static const char *helper_skip_name(const char *line, const char *name)
{
	size_t n = strlen(name);

	if (strncmp(line, name, n) == 0 && strncmp(line + n, ": error: ", 9) == 0)
		return line + n + 9;
	return line;
}

/* The last line that it said, printable. */
static void helper_last_line(struct helper *h, const char *name, char *why, size_t room)
{
	char *line;

	while (h->said_len && h->said[h->said_len - 1] == '\n')
		h->said_len--;
	h->said[h->said_len] = '\0';
	line = strrchr(h->said, '\n');
	snprintf(why, room, "%s", helper_skip_name(line ? line + 1 : h->said, name));
	for (char *c = why; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
}

/* What became of one that has been listened to. @over: it said all, and ended. */
static int helper_result(struct helper *h, const char *name, bool over, int status, unsigned timeout_ms,
	size_t out_room, char *why, size_t room)
{
	if (!over) {
		helper_kill(h);
		snprintf(why, room, "%s did not answer within %u s", name, timeout_ms / 1000);
		return -ETIMEDOUT;
	}
	/* It may have been killed by that. */
	if (h->too_much) {
		snprintf(why, room, "%s says more than %zu bytes", name, out_room);
		return -EMSGSIZE;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	helper_last_line(h, name, why, room);
	if (!why[0])
		snprintf(why, room, "%s failed without a reason (status %d)", name, status);
	return -EIO;
}

static int helper_begin(struct helper *h, const char *folder, const char *const argv[], int fd, int *in,
	char *why, size_t room)
{
	CLEANUP_FREE char *path = folder ? path_program(folder, argv[0]) : NULL;
	int rc;

	*h = (struct helper){ .out = -1, .err = -1 };
	if (folder && !path) {
		snprintf(why, room, "%s is not installed", argv[0]);
		return -ENOENT;
	}
	rc = helper_start(h, path, argv, fd, in);
	if (rc == 0)
		return 0;
	helper_close(&h->out);
	helper_close(&h->err);
	if (in)
		helper_close(in);
	snprintf(why, room, "%s cannot be run: %s", argv[0], strerror(-rc));
	return rc;
}

int helper_run(const char *folder, const char *const argv[], int fd, unsigned timeout_ms, char *out,
	size_t out_room, char *why, size_t why_room)
{
	int64_t end = helper_now_ms() + timeout_ms;
	int status = 0, rc;
	struct helper h;
	bool over;

	rc = helper_begin(&h, folder, argv, fd, NULL, why, why_room);
	if (rc < 0)
		return rc;
	over = helper_listen(&h, end, false, out, out_room) && helper_await(&h, end, &status);
	out[h.out_len] = '\0';
	helper_close(&h.out);
	helper_close(&h.err);
	return helper_result(&h, argv[0], over, status, timeout_ms, out_room, why, why_room);
}

int helper_keep(const char *folder, const char *const argv[], unsigned timeout_ms, char *line,
	size_t line_room, struct helper_kept *kept, char *why, size_t why_room)
{
	int64_t end = helper_now_ms() + timeout_ms;
	int status = 0, rc, in = -1;
	struct helper h;
	char *newline;
	bool over;

	*kept = (struct helper_kept){ .in = -1, .out = -1 };
	rc = helper_begin(&h, folder, argv, STDERR_FILENO, &in, why, why_room);
	if (rc < 0)
		return rc;
	over = helper_listen(&h, end, true, line, line_room);
	newline = over ? memchr(line, '\n', h.out_len) : NULL;
	if (newline && newline == line + h.out_len - 1) {
		*newline = '\0';
		helper_close(&h.err);
		*kept = (struct helper_kept){ h.pid, in, h.out };
		return 0;
	}
	/* It ended instead, or said what it should not have. */
	helper_close(&in);
	over = over && !newline && helper_await(&h, end, &status);
	helper_close(&h.out);
	helper_close(&h.err);
	rc = helper_result(&h, argv[0], over, status, timeout_ms, line_room, why, why_room);
	if (rc == 0)
		snprintf(why, why_room, "%s said nothing", argv[0]);
	return rc == 0 ? -EPROTO : rc;
}

int helper_end(struct helper_kept *kept, bool orderly, unsigned timeout_ms)
{
	int64_t end = helper_now_ms() + timeout_ms;
	int rc = 0;

	if (kept->out < 0)
		return 0;
	if (orderly && write(kept->in, "e", 1) < 0)
		rc = -errno;
	helper_close(&kept->in);
	while (rc == 0 && orderly) {
		struct pollfd p = { kept->out, POLLIN, 0 };
		int64_t left = end - helper_now_ms();
		char text[64];
		ssize_t n = 1;

		if (left <= 0)
			rc = -ETIMEDOUT;
		else if (poll(&p, 1, (int)left) < 0)
			rc = errno == EINTR ? 0 : -errno;
		else if (p.revents)
			n = read(kept->out, text, sizeof(text));
		if (n == 0)
			break;
	}
	helper_close(&kept->out);
	/* Who may not wait here any more ends soon itself. */
	if (rc == 0)
		(void)waitpid(kept->pid, NULL, WNOHANG);
	return rc;
}
