// SPDX-License-Identifier: MIT
/*
 * A queue's thread. It looks at both rings and at the port in turn, and sleeps when none has
 * anything, on the event channels, the port and a descriptor of the control thread's.
 *
 * While there is work, or for a short while after, the rings are looked at directly: the
 * frontend is not asked for events (req_event stays behind) and an event that was taken stays
 * masked. Only before sleeping is req_event moved on, the ring looked at once more, and the
 * port unmasked: unmasking is what lets the next event in, and a frontend that sends them
 * without end gets one per pass (XSA-332). We send one only with progress (XSA-391).
 */
#include "config.h"
#include "backends/net/queue.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "backends/net/queue-private.h"

const char *const queue_metric_names[METRICS_NET_COUNTERS] = {
	[METRICS_NET_TX_PACKETS] = "sent",
	[METRICS_NET_TX_BYTES] = "bytes sent",
	[METRICS_NET_TX_DROPPED] = "sent ones that the port dropped",
	[METRICS_NET_TX_BAD] = "bad ones",
	[METRICS_NET_TX_ERRORS] = "unreadable ones",
	[METRICS_NET_RX_PACKETS] = "received",
	[METRICS_NET_RX_BYTES] = "bytes received",
	[METRICS_NET_RX_FULL] = "dropped for room",
	[METRICS_NET_RX_OLD] = "dropped for age",
	[METRICS_NET_RX_FILTERED] = "filtered",
	[METRICS_NET_RX_BAD] = "not for the guest",
	[METRICS_NET_RX_ERRORS] = "unwritable buffers",
	[METRICS_NET_STEERED] = "steered",
	[METRICS_NET_SEGMENTED] = "segmented",
	[METRICS_NET_CHECKSUMMED] = "checksummed",
	[METRICS_NET_MCAST] = "filter changes",
	[METRICS_NET_STALLS] = "stalls",
	[METRICS_NET_SWEEPS] = "sweeps",
	[METRICS_NET_NOTIFICATIONS] = "notifications",
	[METRICS_NET_WAKEUPS] = "wake-ups",
	[METRICS_NET_POLL_HITS] = "polls that found work",
	[METRICS_NET_POLL_MISSES] = "that found none",
};

void queue_fail(struct queue *q, const char *fmt, ...)
{
	va_list ap;

	if (q->failure[0])
		return;
	va_start(ap, fmt);
	vsnprintf(q->failure, sizeof(q->failure), fmt, ap);
	va_end(ap);
}

/* Packets are taken: nobody asked us to stop and the rings are sound. */
static bool queue_is_serving(const struct queue *q)
{
	return !q->stopping && !q->failure[0];
}

/*
 * Of a pass, never less than before. Ages and stalls need not be known better than to a tick of
 * the kernel's, which never takes a system call; the exact clock does on Xen, whose clock source
 * programs cannot read.
 */
static uint64_t queue_now_ns(struct queue *q)
{
	bool exact = rate_is_on(&q->shared->tx_rate) || rate_is_on(&q->shared->rx_rate);
	struct timespec ts;
	uint64_t now;

	clock_gettime(exact ? CLOCK_MONOTONIC : CLOCK_MONOTONIC_COARSE, &ts);
	now = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
	/* Behind, by a tick at most, when the last limit was taken away. */
	return now > q->now_ns ? now : q->now_ns;
}

/* --- events --------------------------------------------------------------------------- */

static void queue_notify_port(struct queue *q, int port)
{
	if (xenevtchn_notify(q->slot->xce, (evtchn_port_t)port) < 0)
		queue_fail(q, "the event channel of queue %u is gone: %s", q->setup.index,
			strerror(errno));
	queue_count(q, METRICS_NET_NOTIFICATIONS, 1);
}

/* At most one per pass and channel; both rings can have the same. */
static void queue_notify(struct queue *q)
{
	bool same = q->txc.port == q->rxc.port;

	if (q->txc.notify || (same && q->rxc.notify))
		queue_notify_port(q, q->txc.port);
	if (q->rxc.notify && !same)
		queue_notify_port(q, q->rxc.port);
	q->txc.notify = q->rxc.notify = false;
}

static void queue_on_event(struct queue *q)
{
	/* One: if the other channel has one, too, the next poll says so, and mostly it has none. */
	int port = xenevtchn_pending(q->slot->xce);

	queue_count(q, METRICS_NET_WAKEUPS, 1);
	if (port >= 0) {
		q->txc.masked |= port == q->txc.port;
		q->rxc.masked |= port == q->rxc.port;
	} else if (errno != EAGAIN && errno != EINTR) {
		queue_fail(q, "the event channel of queue %u is gone: %s", q->setup.index,
			strerror(errno));
	}
}

static void queue_unmask(struct queue *q, struct channel *c)
{
	if (!c->masked)
		return;
	if (q->txc.port == q->rxc.port)
		q->txc.masked = q->rxc.masked = false;
	c->masked = false;
	if (xenevtchn_unmask(q->slot->xce, (evtchn_port_t)c->port) < 0)
		queue_fail(q, "the event channel of queue %u cannot be unmasked: %s", q->setup.index,
			strerror(errno));
}

/* Ask for the next events. False: there is work already. */
static bool queue_arm(struct queue *q)
{
	uint32_t needed = q->rx.stall.stalled ? q->rx.stall.needed : q->rx.needed;

	if (!q->txc.wait_until && ring_back_final_check(&q->txc.ring))
		return false;
	if (needed && ring_back_final_check_for(&q->rxc.ring, needed))
		return false;
	queue_unmask(q, &q->txc);
	queue_unmask(q, &q->rxc);
	return !q->failure[0];
}

/* --- waiting --------------------------------------------------------------------------- */

enum { WAIT_CONTROL, WAIT_EVENT, WAIT_PORT, WAITS };

static nfds_t queue_poll_fds(struct queue *q, struct pollfd *fds)
{
	int port_fd = q->shared->ops->fd(q->shared->port, q->setup.index);

	fds[WAIT_CONTROL] = (struct pollfd){ .fd = q->control_fd, .events = POLLIN };
	fds[WAIT_EVENT] = (struct pollfd){ .fd = xenevtchn_fd(q->slot->xce), .events = POLLIN };
	fds[WAIT_PORT] = (struct pollfd){ .fd = rx_wants_port(q) ? port_fd : -1, .events = POLLIN };
	return WAITS;
}

static void queue_on_control(struct queue *q)
{
	uint64_t count;

	/* Emptied first: what is asked from here on wakes us again. */
	if (read(q->control_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		queue_fail(q, "the control descriptor of queue %u: %s", q->setup.index,
			strerror(errno));
	q->stopping |= __atomic_load_n(&q->stop, __ATOMIC_ACQUIRE);
}

/* True: something happened that wants a look. */
static bool queue_poll(struct queue *q, const struct timespec *timeout)
{
	struct pollfd fds[WAITS];
	int n = ppoll(fds, queue_poll_fds(q, fds), timeout, NULL);

	if (n <= 0)
		return false; /* time, EINTR */
	if (fds[WAIT_CONTROL].revents)
		queue_on_control(q);
	if (fds[WAIT_EVENT].revents & POLLIN)
		queue_on_event(q);
	else if (fds[WAIT_EVENT].revents)
		queue_fail(q, "the event channel of queue %u is gone", q->setup.index);
	return true;
}

static uint64_t queue_sooner(uint64_t a, uint64_t b)
{
	return !a || (b && b < a) ? b : a;
}

/* When to look again though nothing happens; 0: not at all. */
static uint64_t queue_until(struct queue *q)
{
	uint64_t until = queue_sooner(q->txc.wait_until, q->rxc.wait_until);

	return queue_sooner(queue_sooner(until, rx_next_look(q)), q->drops.due_ns);
}

/* Look for work for a while. True: there is some. */
static bool queue_spin(struct queue *q)
{
	static const struct timespec at_once;
	uint64_t budget = spin_budget(&q->spin);
	uint64_t start, now;
	bool found = false;

	if (!budget)
		return false;
	start = spin_now_ns();
	do {
		for (int i = 0; i < 16 && !found; i++) {
			found = ring_back_pending(&q->txc.ring) != 0;
			spin_relax();
		}
		found = found || queue_poll(q, &at_once);
		now = spin_now_ns();
	} while (!found && now - start < budget);
	spin_result(&q->spin, now - start, found);
	queue_count(q, found ? METRICS_NET_POLL_HITS : METRICS_NET_POLL_MISSES, 1);
	return found;
}

static void queue_wait(struct queue *q)
{
	uint64_t until = queue_until(q), now;
	struct timespec ts;

	/* What waits for a rate knows how long: looking for work is no use. */
	if ((!until && queue_spin(q)) || !queue_arm(q))
		return;
	if (!until) {
		(void)queue_poll(q, NULL);
		return;
	}
	now = queue_now_ns(q);
	if (until <= now)
		return;
	ts.tv_sec = (time_t)((until - now) / 1000000000u);
	ts.tv_nsec = (long)((until - now) % 1000000000u);
	(void)queue_poll(q, &ts);
}

/* --- the thread ------------------------------------------------------------------------ */

static void queue_tell_drops(struct queue *q)
{
	struct drops drops;

	if (drops_take(&q->drops, q->now_ns, &drops) && log_limit_ok(&q->drop_limit))
		log_warn("queue %u: pages of the guest's cannot be read or written to (grant status %d):"
			" %" PRIu32 " packets of its and %" PRIu32 " to it are dropped",
			q->setup.index, drops.status, drops.count[DROPS_TX], drops.count[DROPS_RX]);
}

/*
 * Whether another pass finds something, as far as can be told without a system call. The poll
 * tells the rest.
 */
static bool queue_goes_on(struct queue *q)
{
	return !q->rx_quiet || q->tx.copied->nitems || ring_back_pending(&q->txc.ring) != 0 ||
	       rx_goes_on(q);
}

static void queue_serve(struct queue *q)
{
	while (queue_is_serving(q)) {
		bool busy;

		q->now_ns = queue_now_ns(q);
		queue_tell_drops(q);
		busy = tx_sweep(q);
		if (!q->failure[0])
			busy |= rx_sweep(q);
		queue_notify(q);
		queue_count(q, METRICS_NET_SWEEPS, busy);
		if (__atomic_load_n(&q->stop, __ATOMIC_RELAXED))
			q->stopping = true;
		if (!(busy && queue_goes_on(q)) && queue_is_serving(q))
			queue_wait(q);
	}
	tx_drain(q);
	queue_notify(q);
}

static void queue_thread(void *opaque)
{
	struct queue *q = opaque;
	uint64_t one = 1;

	while (sem_wait(&q->go) < 0)
		; /* EINTR */
	spin_init(&q->spin, q->shared->poll_us * UINT64_C(1000));
	/* A connection that is given up before it began: its rings are not looked at. */
	q->stopping = __atomic_load_n(&q->stop, __ATOMIC_ACQUIRE);
	if (q->setup.resume && !q->stopping) {
		channel_resume(&q->txc, &q->setup.resume->tx);
		channel_resume(&q->rxc, &q->setup.resume->rx);
	}
	queue_serve(q);
	/* Release: failure and metrics are complete for whoever sees it. */
	__atomic_store_n(&q->ended, true, __ATOMIC_RELEASE);
	/* A counter cannot be full, and there is no one else to tell. */
	(void)!write(q->shared->ended_fd, &one, sizeof(one));
}

int queue_start(struct queue *q, char *why, size_t room)
{
	int rc;

	q->ended = false;
	rc = slot_run(q->slot, queue_thread, q);
	if (rc == 0) {
		q->has_thread = true;
		return 0;
	}
	q->ended = true;
	snprintf(why, room, "the thread of queue %u cannot start: %s", q->setup.index, strerror(-rc));
	return rc;
}

void queue_go(struct queue *q)
{
	sem_post(&q->go);
}

void queue_poke(struct queue *q)
{
	uint64_t one = 1;

	/* A counter cannot be full. */
	(void)!write(q->control_fd, &one, sizeof(one));
}

void queue_stop(struct queue *q)
{
	__atomic_store_n(&q->stop, true, __ATOMIC_RELEASE);
	queue_poke(q);
	queue_go(q);
}

bool queue_has_ended(struct queue *q)
{
	return __atomic_load_n(&q->ended, __ATOMIC_ACQUIRE);
}

const char *queue_failure(const struct queue *q)
{
	return q->failure[0] ? q->failure : NULL;
}

const uint64_t *queue_metrics(const struct queue *q)
{
	return q->metric;
}
