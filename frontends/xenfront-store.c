// SPDX-License-Identifier: MIT
/*
 * The connection to the store. A store that ends comes back, with its nodes and without our
 * watch; I/O needs none of it and goes on meanwhile.
 *
 * libxenstore's descriptor does not tell that its connection ended. A connection beside it,
 * over which nothing is ever said, does; a store that is a device does not end.
 */
#include "config.h"
#include "frontends/blkfront-internal.h"

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

#define STORE_TOKEN "blkfront"
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

static void store_end_close(struct blkfront *bf)
{
	if (bf->store_end >= 0)
		close(bf->store_end);
	bf->store_end = -1;
}

int bf_store_open(struct blkfront *bf)
{
	bf->store_timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (bf->store_timer < 0)
		return bf_why(bf, -errno, "no timer for a block device: %m");
	/* Before the other: when that has ended, so has this. */
	bf->store_end = store_end_open();
	bf->xs = xs_open(0);
	return bf->xs ? 0 : bf_why(bf, -errno, "cannot reach the store: %m; is this a domain?");
}

void bf_store_close(struct blkfront *bf)
{
	store_end_close(bf);
	if (bf->store_timer >= 0)
		close(bf->store_timer);
	xs_close(bf->xs);
}

static int store_watch(struct blkfront *bf, struct xs_handle *xs)
{
	char path[XENSTORE_ABS_PATH_MAX];

	snprintf(path, sizeof(path), "%s/state", bf->backend);
	return xs_watch(xs, path, STORE_TOKEN) ? 0 : errno ? -errno : -EIO;
}

int bf_store_watch(struct blkfront *bf)
{
	int rc = store_watch(bf, bf->xs);

	return rc < 0 ? bf_why(bf, rc, "cannot watch %s/state: %s", bf->backend, strerror(-rc)) : 0;
}

/* --- it goes and comes back; all of this under store_lock --------------------------------- */

/* @repeat: or once, since queue 0 may just wait for what the lost one says. */
static void store_set_timer(struct blkfront *bf, bool repeat)
{
	const struct itimerspec when = { .it_value = { .tv_nsec = STORE_FIRST_NS },
		.it_interval = { .tv_nsec = repeat ? STORE_RETRY_NS : 0 } };

	(void)timerfd_settime(bf->store_timer, 0, &when, NULL); /* of good values it takes any */
}

/* Of queue 0's descriptor, if there is one. */
static int store_epoll(struct blkfront *bf, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events };
	int epoll_fd = bf->queues[0].epoll_fd;

	if (epoll_fd < 0 || fd < 0)
		return 0;
	return epoll_ctl(epoll_fd, events ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, fd, &event) < 0 ? -errno : 0;
}

static int store_epoll_add(struct blkfront *bf)
{
	int rc = store_epoll(bf, xs_fileno(bf->xs), EPOLLIN);

	return rc ? rc : store_epoll(bf, bf->store_end, EPOLLRDHUP);
}

static void store_lose(struct blkfront *bf)
{
	if (bf->store_lost)
		return;
	log_warn("%s: the store is gone; I/O goes on, and it is looked for again", bf->dir);
	bf->store_lost = true;
	bf->store_lost_ns = spin_now_ns();
	(void)store_epoll(bf, xs_fileno(bf->xs), 0);
	store_end_close(bf);
	store_set_timer(bf, true);
}

static void store_find(struct blkfront *bf)
{
	int end = store_end_open(), rc;
	struct xs_handle *xs = xs_open(0);

	if (!xs || store_watch(bf, xs) < 0) {
		xs_close(xs);
		if (end >= 0)
			close(end);
		return;
	}
	xs_close(bf->xs);
	bf->xs = xs;
	bf->store_end = end;
	bf->store_lost = false;
	store_set_timer(bf, false);
	rc = store_epoll_add(bf);
	if (rc < 0)
		log_warn("%s: the store is not watched: %s", bf->dir, strerror(-rc));
	log_info("%s: the store is back", bf->dir);
}

bool bf_store_is_gone(struct blkfront *bf, int rc)
{
	if (rc != -EPIPE && rc != -EBADF && rc != -ECONNRESET && rc != -ENOTCONN && rc != -EIO)
		return false;
	store_lose(bf);
	return true;
}

static bool store_has_ended(const struct blkfront *bf)
{
	struct pollfd p = { .fd = bf->store_end, .events = POLLRDHUP };

	return poll(&p, 1, 0) > 0;
}

bool bf_store_is_there(struct blkfront *bf)
{
	if (!bf->store_lost && store_has_ended(bf))
		store_lose(bf);
	if (bf->store_lost)
		store_find(bf);
	return !bf->store_lost;
}

/* --- waiting for it: queue 0 ---------------------------------------------------------------- */

void bf_store_poll_fds(struct blkfront *bf, struct pollfd fds[BF_STORE_FDS])
{
	pthread_mutex_lock(&bf->store_lock);
	fds[0] = (struct pollfd){ .fd = bf->store_lost ? -1 : xs_fileno(bf->xs), .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = bf->store_end, .events = POLLRDHUP };
	fds[2] = (struct pollfd){ .fd = bf->store_timer, .events = POLLIN };
	pthread_mutex_unlock(&bf->store_lock);
}

bool bf_store_take(struct blkfront *bf, const struct pollfd fds[BF_STORE_FDS])
{
	bool look = fds[1].revents || fds[2].revents || (fds[0].revents & ~POLLIN);
	uint64_t ticks;
	char **event;

	if (fds[2].revents)
		(void)!read(bf->store_timer, &ticks, sizeof(ticks));
	if (!fds[0].revents)
		return look;
	pthread_mutex_lock(&bf->store_lock);
	while (!bf->store_lost && (event = xs_check_watch(bf->xs)) != NULL) {
		free(event);
		look = true;
	}
	pthread_mutex_unlock(&bf->store_lock);
	return look;
}

int bf_store_epoll(struct blkfront *bf)
{
	int rc;

	pthread_mutex_lock(&bf->store_lock);
	rc = bf->store_lost ? 0 : store_epoll_add(bf);
	if (rc == 0)
		rc = store_epoll(bf, bf->store_timer, EPOLLIN);
	pthread_mutex_unlock(&bf->store_lock);
	return rc;
}
