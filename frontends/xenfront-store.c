// SPDX-License-Identifier: MIT
/*
 * A frontend's connection to the store. A store that ends comes back, with its nodes and without
 * our watches; I/O needs none of it and goes on meanwhile.
 *
 * libxenstore's descriptor does not tell that its connection ended. A connection beside it,
 * over which nothing is ever said, does; a store that is a device does not end.
 */
#include "config.h"
#include "frontends/xenfront.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include <xenstore_lib.h>

#include "common/log.h"
#include "common/spin.h"

#define STORE_TOKEN "frontend"
/* The first try, and then the others. */
#define STORE_FIRST_NS 20000000
#define STORE_RETRY_NS 500000000

/* A connection that is there to end. Descriptor or -1. */
static int store_end_open(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	const char *path = xs_daemon_socket();
	int fd;

	if (!path || strlen(path) >= sizeof(sa.sun_path))
		return -1;
	strcpy(sa.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static void store_end_close(struct xenfront *xf)
{
	if (xf->end_fd >= 0)
		close(xf->end_fd);
	xf->end_fd = -1;
}

int xenfront_connect_store(struct xenfront *xf)
{
	xf->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (xf->timer_fd < 0)
		return xenfront_why(xf, -errno, "no timer for the store: %m");
	/* Before the other: when that has ended, so has this. */
	xf->end_fd = store_end_open();
	xf->lost = false;
	xf->xs = xs_open(0);
	return xf->xs ? 0 : xenfront_why(xf, -errno, "cannot reach the store: %m; is this a domain?");
}

void xenfront_disconnect_store(struct xenfront *xf)
{
	store_end_close(xf);
	if (xf->timer_fd >= 0)
		close(xf->timer_fd);
	xs_close(xf->xs);
	xf->xs = NULL;
	xf->timer_fd = xf->epoll_fd = -1;
	memset(xf->watched, 0, sizeof(xf->watched));
}

static int store_watch(struct xenfront *xf, struct xs_handle *xs, const char *name)
{
	char path[XENSTORE_ABS_PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", xf->backend, name);
	return xs_watch(xs, path, STORE_TOKEN) || errno == EEXIST ? 0 : errno ? -errno : -EIO;
}

static int store_watch_all(struct xenfront *xf, struct xs_handle *xs)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < XENFRONT_WATCHES && xf->watched[i]; i++)
		rc = store_watch(xf, xs, xf->watched[i]);
	return rc;
}

static void note_watch(struct xenfront *xf, const char *name)
{
	for (unsigned i = 0; i < XENFRONT_WATCHES; i++) {
		if (xf->watched[i] && strcmp(xf->watched[i], name) != 0)
			continue;
		xf->watched[i] = name;
		return;
	}
}

int xenfront_watch(struct xenfront *xf, const char *name)
{
	int rc = store_watch(xf, xf->xs, name);

	if (rc < 0)
		return xenfront_why(xf, rc, "cannot watch %s/%s: %s", xf->backend, name, strerror(-rc));
	note_watch(xf, name);
	return 0;
}

/* --- it goes and comes back; all of this under the lock --------------------------------- */

/* @repeat: or once, since somebody may just wait for what the lost one says. */
static void store_set_timer(struct xenfront *xf, bool repeat)
{
	const struct itimerspec when = { .it_value = { .tv_nsec = STORE_FIRST_NS },
		.it_interval = { .tv_nsec = repeat ? STORE_RETRY_NS : 0 } };

	(void)timerfd_settime(xf->timer_fd, 0, &when, NULL); /* of good values it takes any */
}

static int store_epoll(struct xenfront *xf, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events };

	if (xf->epoll_fd < 0 || fd < 0)
		return 0;
	return epoll_ctl(xf->epoll_fd, events ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, fd, &event) < 0 ? -errno : 0;
}

static int store_epoll_add(struct xenfront *xf)
{
	int rc = store_epoll(xf, xs_fileno(xf->xs), EPOLLIN);

	return rc ? rc : store_epoll(xf, xf->end_fd, EPOLLRDHUP);
}

static void store_lose(struct xenfront *xf)
{
	if (xf->lost)
		return;
	log_warn("%s: the store is gone; I/O goes on, and it is looked for again", xf->dir);
	xf->lost = true;
	xf->lost_ns = spin_now_ns();
	(void)store_epoll(xf, xs_fileno(xf->xs), 0);
	store_end_close(xf);
	store_set_timer(xf, true);
}

static void store_find(struct xenfront *xf)
{
	int end = store_end_open(), rc;
	struct xs_handle *xs = xs_open(0);

	if (!xs || store_watch_all(xf, xs) < 0) {
		xs_close(xs);
		if (end >= 0)
			close(end);
		return;
	}
	xs_close(xf->xs);
	xf->xs = xs;
	xf->end_fd = end;
	xf->lost = false;
	store_set_timer(xf, false);
	rc = store_epoll_add(xf);
	if (rc < 0)
		log_warn("%s: the store is not watched: %s", xf->dir, strerror(-rc));
	log_info("%s: the store is back", xf->dir);
}

bool xenfront_store_is_gone(struct xenfront *xf, int rc)
{
	if (rc != -EPIPE && rc != -EBADF && rc != -ECONNRESET && rc != -ENOTCONN && rc != -EIO)
		return false;
	store_lose(xf);
	return true;
}

static bool store_has_ended(const struct xenfront *xf)
{
	struct pollfd p = { .fd = xf->end_fd, .events = POLLRDHUP };

	return poll(&p, 1, 0) > 0;
}

bool xenfront_store_is_there(struct xenfront *xf)
{
	if (!xf->lost && store_has_ended(xf))
		store_lose(xf);
	if (xf->lost)
		store_find(xf);
	return !xf->lost;
}

/* --- waiting for it ---------------------------------------------------------------- */

void xenfront_poll_fds(struct xenfront *xf, struct pollfd fds[XENFRONT_FDS])
{
	pthread_mutex_lock(&xf->lock);
	fds[0] = (struct pollfd){ .fd = xf->lost ? -1 : xs_fileno(xf->xs), .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = xf->end_fd, .events = POLLRDHUP };
	fds[2] = (struct pollfd){ .fd = xf->timer_fd, .events = POLLIN };
	pthread_mutex_unlock(&xf->lock);
}

bool xenfront_take(struct xenfront *xf, const struct pollfd fds[XENFRONT_FDS])
{
	bool look = fds[1].revents || fds[2].revents || (fds[0].revents & ~POLLIN);
	uint64_t ticks;
	char **event;

	if (fds[2].revents)
		(void)!read(xf->timer_fd, &ticks, sizeof(ticks));
	if (!fds[0].revents)
		return look;
	pthread_mutex_lock(&xf->lock);
	while (!xf->lost && (event = xs_check_watch(xf->xs)) != NULL) {
		free(event);
		look = true;
	}
	pthread_mutex_unlock(&xf->lock);
	return look;
}

static int epoll_store(struct xenfront *xf, int epoll_fd)
{
	int rc;

	pthread_mutex_lock(&xf->lock);
	xf->epoll_fd = epoll_fd;
	rc = xf->lost ? 0 : store_epoll_add(xf);
	if (rc == 0)
		rc = store_epoll(xf, xf->timer_fd, EPOLLIN);
	if (rc < 0)
		xf->epoll_fd = -1;
	pthread_mutex_unlock(&xf->lock);
	return rc;
}

static void epoll_store_forget(struct xenfront *xf)
{
	pthread_mutex_lock(&xf->lock);
	xf->epoll_fd = -1;
	pthread_mutex_unlock(&xf->lock);
}

static int epoll_add(int epoll_fd, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

int xenfront_make_fd(struct xenfront *xf, int event_fd, int broken_fd, bool with_store)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);
	int rc = fd < 0 ? -errno : epoll_add(fd, event_fd);

	if (rc == 0 && with_store)
		rc = epoll_store(xf, fd);
	if (rc == 0)
		rc = epoll_add(fd, broken_fd);
	if (rc == 0)
		return fd;
	if (with_store)
		epoll_store_forget(xf);
	if (fd >= 0)
		close(fd);
	return rc;
}
