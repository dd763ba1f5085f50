// SPDX-License-Identifier: MIT
/*
 * Waiting for the backend: a bounded spin on the ring without system calls, then
 * sleep on the event channel and on the store's watch.
 *
 * A backend that dies sends no event. Its state node says so when the driver
 * domain notices, and for the case that not even the watch arrives, the node is
 * read again while requests stay unanswered.
 */
#include "config.h"
#include "frontends/blkfront-internal.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/epoll.h>

#define CHECK_BACKEND_MS 1000
#define NS_PER_MS UINT64_C(1000000)
/* Looks at the ring between two looks at the clock. */
#define SPIN_LOOKS 16

/* Spin until something completes or fails, at most until @end. As blkfront_poll(). */
static int wait_spin(struct blkfront *bf, uint64_t start, uint64_t end)
{
	uint64_t budget = spin_budget(&bf->spin), now = start;
	int n = 0;

	if (!budget)
		return 0;
	do {
		for (unsigned i = 0; i < SPIN_LOOKS && n == 0; i++) {
			spin_relax();
			n = blkfront_poll(bf);
		}
		now = spin_now_ns();
	} while (n == 0 && now - start < budget && now < end);
	spin_result(&bf->spin, now - start, n != 0);
	return n;
}

/*
 * Take the pending event. It stays masked until the next sleep: while we spin,
 * further events would tell nothing new.
 */
static void take_event(struct blkfront *bf, short revents)
{
	if (revents & (POLLERR | POLLHUP | POLLNVAL)) {
		(void)bf_fail(bf, -ENOTCONN, "the hypervisor closed our event channels");
		return;
	}
	if (!(revents & POLLIN))
		return;
	if (xenevtchn_pending(bf->xce) == bf->port)
		bf->masked = true;
}

static void take_watch(struct blkfront *bf, short revents)
{
	bool fired = false;
	char **event;

	if (!(revents & (POLLIN | POLLERR | POLLHUP | POLLNVAL)))
		return;
	while ((event = xs_check_watch(bf->xs)) != NULL) {
		free(event);
		fired = true;
	}
	if (fired || !(revents & POLLIN))
		bf_check_backend(bf);
}

/* Once a second while requests stay unanswered and nothing else happens. */
static void check_if_due(struct blkfront *bf)
{
	uint64_t now = spin_now_ns();

	if (!bf->in_flight || now - bf->checked_ns < CHECK_BACKEND_MS * NS_PER_MS)
		return;
	bf->checked_ns = now;
	bf_check_backend(bf);
}

/* Sleep once, at most @timeout_ms; take what woke us. False: a signal did. */
static bool sleep_once(struct blkfront *bf, int timeout_ms)
{
	struct pollfd fds[] = {
		{ .fd = xenevtchn_fd(bf->xce), .events = POLLIN },
		{ .fd = xs_fileno(bf->xs), .events = POLLIN },
	};
	int n = poll(fds, 2, timeout_ms);

	if (n > 0) {
		take_event(bf, fds[0].revents);
		take_watch(bf, fds[1].revents);
	} else if (n == 0) {
		check_if_due(bf);
	}
	return n >= 0;
}

/* Milliseconds to sleep before looking again: 0 when @end has passed. */
static int sleep_ms(const struct blkfront *bf, uint64_t end)
{
	uint64_t now = spin_now_ns();
	uint64_t ms = end > now ? (end - now + NS_PER_MS - 1) / NS_PER_MS : 0;

	if (bf->in_flight && ms > CHECK_BACKEND_MS)
		return CHECK_BACKEND_MS;
	return end == UINT64_MAX || ms > INT_MAX ? -1 : (int)ms;
}

static void unmask(struct blkfront *bf)
{
	if (!bf->masked)
		return;
	bf->masked = false;
	if (xenevtchn_unmask(bf->xce, bf->port) < 0)
		(void)bf_fail(bf, -ENOTCONN, "cannot unmask the event channel: %m");
}

static int wait_sleep(struct blkfront *bf, uint64_t end)
{
	for (;;) {
		bool again;
		int n = 0, ms;

		unmask(bf);
		/* Events are asked for only now: a spin needs none. */
		if (ring_front_final_check(&bf->ring) || bf->failed)
			n = blkfront_poll(bf);
		if (n != 0)
			return n;
		ms = sleep_ms(bf, end);
		again = sleep_once(bf, ms);
		n = blkfront_poll(bf);
		if (n != 0)
			return n;
		if (bf->closing && !bf->in_flight)
			return bf_fail(bf, -ENOTCONN, "the backend closed the device");
		if (ms == 0 || !again)
			break;
	}
	/* What was taken must be given back before the caller sleeps on blkfront_fd(). */
	unmask(bf);
	return 0;
}

int blkfront_wait(struct blkfront *bf, int timeout_ms)
{
	uint64_t now, end;
	int n;

	(void)blkfront_kick(bf); /* its failure is found right below */
	n = blkfront_poll(bf);
	if (n != 0)
		return n;
	if (timeout_ms == 0)
		return wait_sleep(bf, 0);
	now = spin_now_ns();
	end = timeout_ms < 0 ? UINT64_MAX : now + timeout_ms * NS_PER_MS;
	if (bf->in_flight) {
		n = wait_spin(bf, now, end);
		if (n != 0)
			return n;
	}
	return wait_sleep(bf, end);
}

static int epoll_add(int epoll_fd, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int blkfront_fd(struct blkfront *bf)
{
	int rc;

	if (bf->epoll_fd >= 0)
		return bf->epoll_fd;
	bf->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (bf->epoll_fd < 0)
		return -errno;
	rc = epoll_add(bf->epoll_fd, xenevtchn_fd(bf->xce));
	if (rc == 0)
		rc = epoll_add(bf->epoll_fd, xs_fileno(bf->xs));
	if (rc == 0)
		return bf->epoll_fd;
	close(bf->epoll_fd);
	bf->epoll_fd = -1;
	return rc;
}
