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

static int helper_actions(posix_spawn_file_actions_t *actions, int out, int err, int fd)
{
	int rc = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);

	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(actions, out, 1);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(actions, err, 2);
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

static int helper_spawn(struct helper *h, const char *path, const char *const argv[], int out,
	int err, int fd)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int rc;

	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	rc = helper_actions(&actions, out, err, fd);
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

/* Descriptors above those that the child's numbers are put over. */
static int helper_pipe(int pipe[2])
{
	int low[2];

	if (pipe2(low, O_CLOEXEC) < 0)
		return -errno;
	for (unsigned i = 0; i < 2; i++) {
		pipe[i] = fcntl(low[i], F_DUPFD_CLOEXEC, HELPER_FD + 1);
		close(low[i]);
	}
	if (pipe[0] >= 0 && pipe[1] >= 0 && fcntl(pipe[0], F_SETFL, O_NONBLOCK) == 0)
		return 0;
	for (unsigned i = 0; i < 2; i++)
		if (pipe[i] >= 0)
			close(pipe[i]);
	return -EMFILE;
}

static int helper_start(struct helper *h, const char *path, const char *const argv[], int fd)
{
	int out[2], err[2], given = -1, rc;

	rc = helper_pipe(out);
	if (rc < 0)
		return rc;
	rc = helper_pipe(err);
	if (rc < 0) {
		close(out[0]);
		close(out[1]);
		return rc;
	}
	if (fd >= 0) {
		given = fcntl(fd, F_DUPFD_CLOEXEC, HELPER_FD + 1);
		rc = given < 0 ? -errno : 0;
	}
	if (rc == 0)
		rc = helper_spawn(h, path, argv, out[1], err[1], given);
	close(out[1]);
	close(err[1]);
	if (given >= 0)
		close(given);
	h->out = out[0];
	h->err = err[0];
	return rc;
}

/* --- listening ---------------------------------------------------------------------------- */

static void helper_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

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

/* False: the time is up. */
static bool helper_listen(struct helper *h, int64_t end, char *out, size_t room)
{
	while (h->out >= 0 || h->err >= 0) {
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

int helper_run(const char *folder, const char *const argv[], int fd, unsigned timeout_ms, char *out,
	size_t out_room, char *why, size_t why_room)
{
	CLEANUP_FREE char *path = folder ? path_program(folder, argv[0]) : NULL;
	struct helper h = { .out = -1, .err = -1 };
	int64_t end = helper_now_ms() + timeout_ms;
	int rc, status = 0;
	bool over;

	if (folder && !path) {
		snprintf(why, why_room, "%s is not installed", argv[0]);
		return -ENOENT;
	}
	rc = helper_start(&h, path, argv, fd);
	if (rc < 0) {
		helper_close(&h.out);
		helper_close(&h.err);
		snprintf(why, why_room, "%s cannot be run: %s", argv[0], strerror(-rc));
		return rc;
	}
	over = helper_listen(&h, end, out, out_room) && helper_await(&h, end, &status);
	out[h.out_len] = '\0';
	helper_close(&h.out);
	helper_close(&h.err);
	if (!over) {
		helper_kill(&h);
		snprintf(why, why_room, "%s did not answer within %u s", argv[0], timeout_ms / 1000);
		return -ETIMEDOUT;
	}
	/* It may have been killed by that. */
	if (h.too_much) {
		snprintf(why, why_room, "%s says more than %zu bytes", argv[0], out_room);
		return -EMSGSIZE;
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		helper_last_line(&h, argv[0], why, why_room);
		if (!why[0])
			snprintf(why, why_room, "%s failed without a reason (status %d)", argv[0], status);
		return -EIO;
	}
	return 0;
}
