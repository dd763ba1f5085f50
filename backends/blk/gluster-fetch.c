// SPDX-License-Identifier: MIT
/*
 * The volume's file. libgfapi's reader of it runs what stands in backticks there, and all
 * that glusterd answers is decoded by it: only a confined process lets it do that. It ends
 * as soon as it has sent us the text, or is killed when its time is up.
 */
#include "config.h"
#include "backends/blk/gluster-private.h"

#include <errno.h>
#include <linux/close_range.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/confine-files.h"
#include "common/servers.h"

#define FETCH_FD (STDERR_FILENO + 1)
#define FETCH_POLL_NS 2000000

/* --- the process -------------------------------------------------------------------------- */

/** struct fetch - glfs_init() in a thread: it would also wait for bricks. */
struct fetch {
	struct glfs *fs;
	int error;
	bool ended; /* atomic */
};

static void *fetch_connect(void *opaque)
{
	struct fetch *f = opaque;

	errno = 0;
	if (glfs_init(f->fs) < 0)
		f->error = errno ? errno : ENOTCONN;
	__atomic_store_n(&f->ended, true, __ATOMIC_RELEASE);
	return NULL;
}

static int fetch_confine(const struct gluster_uri *uri)
{
	static struct servers list;
	struct servers_way way;
	const struct confine_options options = { .extra = &gluster_calls, .servers = &way };
	struct confine_report report;
	char server[GLUSTER_HOST + 16], why[256];
	int rc;

	gluster_glusterd(uri, server, sizeof(server));
	rc = servers_add(&list, server, why, sizeof(why));
	if (rc == 0)
		rc = confine_files_prepare();
	if (rc == 0)
		rc = servers_start(&list, &way);
	return rc < 0 ? rc : confine_self(&options, &report);
}

/* The text, malloc'ed; its length, or 0: not there yet. */
static ssize_t fetch_text(struct glfs *fs, char **text)
{
	/* Asked with more room than it needs it copies more than it has. */
	ssize_t n = glfs_get_volfile(fs, NULL, 0);

	if (n >= 0 || n < -(ssize_t)VOLFILE_BYTES)
		return n < 0 ? -EMSGSIZE : 0;
	*text = malloc((size_t)-n);
	if (!*text)
		return -ENOMEM;
	return glfs_get_volfile(fs, *text, (size_t)-n) == -n ? -n : -EIO;
}

static int fetch_send(const char *text, size_t n)
{
	while (n) {
		ssize_t sent = write(FETCH_FD, text, n);

		if (sent < 0 && errno != EINTR)
			return -errno;
		if (sent > 0) {
			text += sent;
			n -= (size_t)sent;
		}
	}
	return 0;
}

static int fetch_await(struct fetch *f)
{
	const struct timespec pause = { .tv_nsec = FETCH_POLL_NS };
	pthread_t thread;

	if (pthread_create(&thread, NULL, fetch_connect, f) != 0)
		return -EAGAIN;
	/* Who started us ends this when it takes too long. */
	for (;;) {
		bool ended = __atomic_load_n(&f->ended, __ATOMIC_ACQUIRE);
		char *text = NULL;
		ssize_t n = fetch_text(f->fs, &text);

		if (n != 0)
			return n < 0 ? (int)n : fetch_send(text, (size_t)n);
		if (ended)
			return f->error ? -f->error : -ENODATA;
		nanosleep(&pause, NULL);
	}
}

/* Its exit status is an errno. */
static _Noreturn void fetch_run(const struct gluster_uri *uri, int fd)
{
	struct fetch f = { .error = 0 };
	int rc;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Not one of the backend's descriptors is left to what strangers send. */
	rc = dup2(fd, FETCH_FD) < 0 || close_range(FETCH_FD + 1, ~0u, 0) < 0 ? -errno : 0;
	if (rc == 0)
		rc = fetch_confine(uri);
	if (rc == 0) {
		f.fs = gluster_new(uri);
		/* Bricks are not what it is after; for TLS libgfapi does not outlive its missing files. */
		rc = f.fs && glfs_set_xlator_option(f.fs, "*-client-*", "transport.socket.ssl-enabled", "off") == 0 ?
			     fetch_await(&f) : -errno;
	}
	_exit(-rc & 0xff);
}

/* --- our side ------------------------------------------------------------------------------- */

static void fetch_say(const struct gluster_uri *uri, int error, char *why, size_t room)
{
	char server[GLUSTER_HOST + 16];

	gluster_glusterd(uri, server, sizeof(server));
	if (error == ENOENT || error == EINVAL)
		snprintf(why, room, "glusterd at %s has no volume %.64s that is started; gluster volume info lists them",
			server, uri->volume);
	else if (error == ETIMEDOUT)
		snprintf(why, room, "glusterd at %s did not answer within %u s", server, gluster_attach_s(uri));
	else if (error == ENOTCONN || error == ECONNREFUSED || error == ENODATA)
		snprintf(why, room, "glusterd at %s cannot be reached; does it run, and is the port right?", server);
	else
		snprintf(why, room, "glusterd at %s tells nothing about volume %.64s: %s", server, uri->volume,
			strerror(error));
}

/* All that it sends until its end. Bytes or -errno. */
static ssize_t fetch_receive(int fd, int64_t deadline_ms, char *text, size_t room)
{
	size_t used = 0;

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int64_t left = deadline_ms - gluster_now_ms();
		ssize_t n;

		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(&p, 1, (int)left) <= 0)
			continue;
		n = read(fd, text + used, room - used);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return used < room ? (ssize_t)used : -EMSGSIZE;
		used += n > 0 ? (size_t)n : 0;
	}
}

/* True: it has ended by then. */
static bool fetch_await_end(pid_t child, int64_t deadline_ms)
{
	CLEANUP_CLOSE int pidfd = pidfd_open(child, 0);
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	int64_t left = deadline_ms - gluster_now_ms();

	return pidfd >= 0 && left > 0 && poll(&p, 1, (int)left) > 0;
}

/* What has sent its text has nothing more to do. Without one its status is the reason. */
static int fetch_end(pid_t child, ssize_t received, int64_t deadline_ms)
{
	int status = 0;

	if (received != 0 || !fetch_await_end(child, deadline_ms))
		kill(child, SIGKILL);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (received != 0)
		return received < 0 ? (int)received : 0;
	return WIFEXITED(status) && WEXITSTATUS(status) ? -WEXITSTATUS(status) : -EIO;
}

static ssize_t fetch(const struct gluster_uri *uri, int64_t deadline_ms, char *text, size_t room)
{
	int pipe[2];
	ssize_t n;
	pid_t child;
	int rc;

	if (pipe2(pipe, O_CLOEXEC) < 0)
		return -errno;
	child = fork();
	if (child == 0)
		fetch_run(uri, pipe[1]);
	close(pipe[1]);
	if (child < 0) {
		close(pipe[0]);
		return -EAGAIN;
	}
	n = fetch_receive(pipe[0], deadline_ms, text, room);
	close(pipe[0]);
	rc = fetch_end(child, n, deadline_ms);
	return rc < 0 ? rc : n;
}

int gluster_fetch(const struct gluster_uri *uri, int64_t deadline_ms, struct volfile *v, char *why, size_t room)
{
	CLEANUP_FREE char *text = malloc(VOLFILE_BYTES + 1);
	char wrong[200];
	ssize_t n;
	int rc;

	if (!text) {
		snprintf(why, room, "out of memory");
		return -ENOMEM;
	}
	n = fetch(uri, deadline_ms, text, VOLFILE_BYTES + 1);
	if (n < 0) {
		fetch_say(uri, (int)-n, why, room);
		return (int)n;
	}
	rc = volfile_parse(text, (size_t)n, v, wrong, sizeof(wrong));
	if (rc < 0)
		snprintf(why, room, "volume %.64s: %s", uri->volume, wrong);
	return rc;
}
