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
#include <poll.h>
#include <time.h>

#define CHECK_BACKEND_MS 1000
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)
#define SLEEP_FOREVER UINT64_MAX
/* Looks at the ring between two looks at the clock. */
#define SPIN_LOOKS 16

/* A queue that never sleeps looks at the store's watch once in so many waits. */
#define WAITS_PER_LOOK 512

/* Spin until something completes or fails, at most until @end. As blkfront_poll(). */
static int wait_spin(struct blkfront_queue *q, uint64_t start, uint64_t end)
{
	uint64_t budget = spin_budget(&q->spin), now = start;
	int n = 0;

	if (!budget)
		return 0;
	do {
		for (unsigned i = 0; i < SPIN_LOOKS && n == 0; i++) {
			spin_relax();
			n = blkfront_queue_poll(q);
		}
		now = spin_now_ns();
	} while (n == 0 && now - start < budget && now < end);
	spin_result(&q->spin, now - start, n != 0);
	return n;
}

/*
 * Take the pending event. It stays masked until the next sleep: while we spin,
 * further events would tell nothing new.
 */
static void take_event(struct blkfront_queue *q, short revents)
{
	int port;

	if (revents & (POLLERR | POLLHUP | POLLNVAL)) {
		(void)bf_fail(q->bf, -ENOTCONN, "the hypervisor closed our event channels");
		return;
	}
	if (!(revents & POLLIN))
		return;
	port = xenevtchn_pending(q->xce);
	if (port == q->port)
		q->masked = true;
	else if (port < 0 && errno != EAGAIN && errno != EINTR)
		/* Said once only: the hypervisor is gone. */
		(void)bf_fail(q->bf, -ENOTCONN, "event channels are gone: %m");
}

/* Queue 0 watches the store, also under a load that never lets it sleep. */
static void look_at_watch(struct blkfront_queue *q)
{
	struct pollfd fds[XENFRONT_FDS];

	if (q->index != 0 || ++q->waits < WAITS_PER_LOOK)
		return;
	q->waits = 0;
	xenfront_poll_fds(&q->bf->xf, fds);
	if (poll(fds, XENFRONT_FDS, 0) > 0 && xenfront_take(&q->bf->xf, fds))
		bf_check_backend(q->bf, q);
}

/* Once a second while requests stay unanswered and nothing else happens. */
static void check_if_due(struct blkfront_queue *q)
{
	uint64_t now = spin_now_ns();

	if (!q->in_flight || now - q->checked_ns < CHECK_BACKEND_MS * NS_PER_MS)
		return;
	q->checked_ns = now;
	bf_check_backend(q->bf, q);
}

/* Sleep once, at most @ns (0: not at all, SLEEP_FOREVER); take what woke us. False: a signal did. */
static bool sleep_once(struct blkfront_queue *q, uint64_t ns)
{
	struct timespec ts = { .tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S };
	struct pollfd fds[2 + XENFRONT_FDS] = {
		{ .fd = xenevtchn_fd(q->xce), .events = POLLIN },
		{ .fd = q->bf->broken_fd, .events = POLLIN },
	};
	unsigned nfds = q->index == 0 ? 2 + XENFRONT_FDS : 2;
	int n;

	if (q->index == 0)
		xenfront_poll_fds(&q->bf->xf, fds + 2);
	n = ppoll(fds, nfds, ns == SLEEP_FOREVER ? NULL : &ts, NULL);
	if (n > 0) {
		take_event(q, fds[0].revents);
		if (q->index == 0 && xenfront_take(&q->bf->xf, fds + 2))
			bf_check_backend(q->bf, q);
	} else if (n == 0) {
		check_if_due(q);
	}
	q->waits = 0;
	return n >= 0;
}

/* How long to sleep before looking again: 0 when @end has passed. */
static uint64_t sleep_ns(const struct blkfront_queue *q, uint64_t end)
{
	uint64_t now = end ? spin_now_ns() : 0;
	uint64_t ns = end > now ? end - now : 0;

	if (q->in_flight && ns > CHECK_BACKEND_MS * NS_PER_MS)
		return CHECK_BACKEND_MS * NS_PER_MS;
	return end == UINT64_MAX ? SLEEP_FOREVER : ns;
}

static void unmask(struct blkfront_queue *q)
{
	if (!q->masked)
		return;
	q->masked = false;
	if (xenevtchn_unmask(q->xce, q->port) < 0)
		(void)bf_fail(q->bf, -ENOTCONN, "cannot unmask the event channel: %m");
}

/* The backend wants to go and this queue has nothing left with it. */
static int closed(struct blkfront_queue *q)
{
	struct blkfront *bf = q->bf;

	/* Other queues may still be waiting for their answers. */
	if (bf->nr_queues == 1)
		return bf_fail(bf, -ENOTCONN, "the backend closed the device");
	return bq_fail_all(q, -ENOTCONN);
}

static int wait_sleep(struct blkfront_queue *q, uint64_t end)
{
	for (;;) {
		bool again;
		uint64_t ns;
		int n = 0;

		unmask(q);
		/* Events are asked for only now: a spin needs none. */
		if (ring_front_final_check(&q->ring) || bq_failed(q))
			n = blkfront_queue_poll(q);
		if (n != 0)
			return n;
		ns = sleep_ns(q, end);
		again = sleep_once(q, ns);
		n = blkfront_queue_poll(q);
		if (n != 0)
			return n;
		if (q->bf->closing && !q->in_flight)
			return closed(q);
		if (ns == 0 || !again)
			break;
	}
	/* What was taken must be given back before the caller sleeps on the descriptor. */
	unmask(q);
	return 0;
}

int blkfront_queue_wait_until(struct blkfront_queue *q, uint64_t end)
{
	int n;

	(void)blkfront_queue_kick(q); /* its failure is found right below */
	look_at_watch(q);
	n = blkfront_queue_poll(q);
	if (n != 0)
		return n;
	if (q->in_flight && end) {
		n = wait_spin(q, spin_now_ns(), end);
		if (n != 0)
			return n;
	}
	return wait_sleep(q, end);
}

int blkfront_queue_wait(struct blkfront_queue *q, int timeout_ms)
{
	if (timeout_ms <= 0)
		return blkfront_queue_wait_until(q, timeout_ms ? UINT64_MAX : 0);
	return blkfront_queue_wait_until(q, spin_now_ns() + timeout_ms * NS_PER_MS);
}

int blkfront_queue_fd(struct blkfront_queue *q)
{
	int fd = q->epoll_fd;

	if (fd < 0)
		fd = xenfront_make_fd(&q->bf->xf, xenevtchn_fd(q->xce), q->bf->broken_fd, q->index == 0);
	if (fd >= 0)
		q->epoll_fd = fd;
	return fd;
}
