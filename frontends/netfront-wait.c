// SPDX-License-Identifier: MIT
/*
 * Waiting for the backend: a bounded spin on the rings without system calls, then sleep on
 * the event channels and, in queue 0's waits, on the store's watch.
 *
 * A backend that dies sends no event, and its successor goes on with the same rings. One that
 * leaves says so in its state.
 */
#include "config.h"
#include "frontends/netfront-internal.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include "protocol/xenbus.h"
#include "xenstore/xsnode.h"

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)
#define SLEEP_FOREVER UINT64_MAX
/* Looks at the rings between two looks at the clock. */
#define SPIN_LOOKS 16
/* A queue that never sleeps looks at the store's watch once in so many waits. */
#define WAITS_PER_LOOK 512

/* ---- the backend's state -------------------------------------------------------- */

static void check_carrier(struct netfront *nf)
{
	bool up;

	if (xsn_read_bool(nf->xf.xs, XBT_NULL, nf->xf.backend, "carrier", &up) == 0)
		nf->carrier = up;
}

/* Behind the store's lock. */
static void check_state(struct netfront *nf)
{
	CLEANUP_FREE char *error = NULL;
	XenbusState state;
	int rc = xenfront_read_state(&nf->xf, XBT_NULL, nf->xf.backend, &state);

	if (rc < 0 && xenfront_store_is_gone(&nf->xf, rc))
		return;
	if (rc < 0) {
		(void)nf_fail(nf, -ENOTCONN, "cannot read the backend's state: %s", strerror(-rc));
		return;
	}
	if (state == XenbusStateConnected)
		check_carrier(nf);
	if (state == XenbusStateConnected || state == XenbusStateReconfiguring ||
		state == XenbusStateReconfigured)
		return;
	error = xenfront_error(&nf->xf);
	(void)nf_fail(nf, -ENOTCONN, "the backend left: %s%s", error ? error : "it is in state ",
		error ? "" : state == XenbusStateUnknown ? "none" : xenbus_state_name(state));
}

/* Packets need no store: while there is none they go on. */
void nf_check_backend(struct netfront *nf)
{
	pthread_mutex_lock(&nf->xf.lock);
	if (xenfront_store_is_there(&nf->xf))
		check_state(nf);
	pthread_mutex_unlock(&nf->xf.lock);
}

/* Queue 0 watches the store, also under a load that never lets it sleep. */
static void look_at_watch(struct netfront_queue *q)
{
	struct pollfd fds[XENFRONT_FDS];

	if (q->index != 0 || ++q->waits < WAITS_PER_LOOK)
		return;
	q->waits = 0;
	xenfront_poll_fds(&q->nf->xf, fds);
	if (poll(fds, XENFRONT_FDS, 0) > 0 && xenfront_take(&q->nf->xf, fds))
		nf_check_backend(q->nf);
}

/* ---- events --------------------------------------------------------------------- */

static struct nf_channel *channel_of(struct netfront_queue *q, int port)
{
	if (port == q->channel.port)
		return &q->channel;
	return port == q->rx_channel.port ? &q->rx_channel : NULL;
}

/*
 * Take the pending events. They stay masked until the next sleep: while we spin, further
 * ones would tell nothing new.
 */
static void take_events(struct netfront_queue *q, short revents)
{
	struct nf_channel *channel;
	int port;

	if (revents & (POLLERR | POLLHUP | POLLNVAL)) {
		(void)nf_fail(q->nf, -ENOTCONN, "the hypervisor closed our event channels");
		return;
	}
	if (!(revents & POLLIN))
		return;
	port = xenevtchn_pending(q->xce);
	if (port < 0) {
		if (errno != EAGAIN && errno != EINTR)
			(void)nf_fail(q->nf, -ENOTCONN, "event channels are gone: %m");
		return;
	}
	channel = channel_of(q, port);
	if (!channel)
		return;
	channel->masked = true;
	q->stats.events++;
}

static void unmask(struct netfront_queue *q, struct nf_channel *channel)
{
	if (!channel->masked)
		return;
	channel->masked = false;
	if (xenevtchn_unmask(q->xce, channel->port) < 0)
		(void)nf_fail(q->nf, -ENOTCONN, "cannot unmask an event channel: %m");
}

static int notify(struct netfront_queue *q, bool tx, bool rx)
{
	bool split = q->rx_channel.port >= 0;
	int rc = 0;

	if (tx || (rx && !split)) {
		rc = xenevtchn_notify(q->xce, q->channel.port);
		q->stats.notifies++;
	}
	if (rc == 0 && rx && split) {
		rc = xenevtchn_notify(q->xce, q->rx_channel.port);
		q->stats.notifies++;
	}
	return rc < 0 ? nf_fail(q->nf, -ENOTCONN, "cannot notify the backend: %m") : 0;
}

int netfront_queue_kick(struct netfront_queue *q)
{
	bool tx, rx;

	if (nf_failed(q->nf))
		return nf_failed(q->nf);
	tx = ring_front_push(&q->tx.ring);
	rx = ring_front_push(&q->rx.ring);
	return tx || rx ? notify(q, tx, rx) : 0;
}

/* ---- waiting -------------------------------------------------------------------- */

int netfront_queue_poll(struct netfront_queue *q, unsigned want)
{
	int rc = nf_failed(q->nf);
	unsigned ready = 0;
	int n;

	if (rc < 0)
		return rc;
	if (want & NETFRONT_RX) {
		n = ring_front_pending(&q->rx.ring);
		if (n < 0)
			return nf_fail(q->nf, -EIO, "the backend filled more buffers than there are");
		ready |= n ? NETFRONT_RX : 0;
	}
	if (want & NETFRONT_TX) {
		rc = nf_tx_reap(q);
		if (rc < 0)
			return rc;
		ready |= nf_tx_has_room(q) ? NETFRONT_TX : 0;
	}
	return (int)ready;
}

static int wait_spin(struct netfront_queue *q, unsigned want, uint64_t end)
{
	uint64_t budget = spin_budget(&q->spin), start, now;
	int ready = 0;

	if (!budget)
		return 0;
	start = spin_now_ns();
	do {
		for (unsigned i = 0; i < SPIN_LOOKS && ready == 0; i++) {
			spin_relax();
			ready = netfront_queue_poll(q, want);
		}
		now = spin_now_ns();
	} while (ready == 0 && now - start < budget && now < end);
	spin_result(&q->spin, now - start, ready != 0);
	return ready;
}

/* Half of what is on its way: each wake-up has something to do, and the backend never runs dry. */
static uint32_t room_worth_waking(const struct ring_front *ring)
{
	uint32_t n = (ring->req_published - ring->rsp_cons) / 2;

	return n ? n : 1;
}

/* Ask for events about what is wanted; true: there is something by now. */
static bool arm(struct netfront_queue *q, unsigned want)
{
	bool ready = false;

	unmask(q, &q->channel);
	unmask(q, &q->rx_channel);
	if (want & NETFRONT_RX)
		ready |= ring_front_final_check(&q->rx.ring);
	if (want & NETFRONT_TX)
		ready |= ring_front_final_check_for(&q->tx.ring, room_worth_waking(&q->tx.ring));
	return ready;
}

/* Sleep once, at most @ns (SLEEP_FOREVER); take what woke us. False: a signal did. */
static bool sleep_once(struct netfront_queue *q, uint64_t ns)
{
	struct timespec ts = { .tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S };
	struct pollfd fds[2 + XENFRONT_FDS] = {
		{ .fd = xenevtchn_fd(q->xce), .events = POLLIN },
		{ .fd = q->nf->broken_fd, .events = POLLIN },
	};
	unsigned nfds = q->index == 0 ? 2 + XENFRONT_FDS : 2;
	int n;

	if (q->index == 0)
		xenfront_poll_fds(&q->nf->xf, fds + 2);
	n = ppoll(fds, nfds, ns == SLEEP_FOREVER ? NULL : &ts, NULL);
	q->waits = 0;
	if (n > 0) {
		take_events(q, fds[0].revents);
		if (q->index == 0 && xenfront_take(&q->nf->xf, fds + 2))
			nf_check_backend(q->nf);
	}
	return n >= 0;
}

static int wait_sleep(struct netfront_queue *q, unsigned want, uint64_t end)
{
	for (;;) {
		uint64_t now = spin_now_ns();
		uint64_t ns = end == SLEEP_FOREVER ? SLEEP_FOREVER : end > now ? end - now : 0;
		int ready = 0;
		bool again;

		/* Responses that do not help yet, of other packets, must not end the sleep's check. */
		while (arm(q, want) && ready == 0 && !nf_failed(q->nf))
			ready = netfront_queue_poll(q, want);
		if (ready == 0)
			ready = nf_failed(q->nf);
		if (ready != 0)
			return ready;
		again = sleep_once(q, ns);
		ready = netfront_queue_poll(q, want);
		if (ready != 0)
			return ready;
		if (ns == 0 || !again)
			break;
	}
	/* What was taken must be given back before the caller sleeps on the descriptor. */
	unmask(q, &q->channel);
	unmask(q, &q->rx_channel);
	return nf_failed(q->nf);
}

int netfront_queue_wait(struct netfront_queue *q, unsigned want, int timeout_ms)
{
	uint64_t end = SLEEP_FOREVER;
	int ready;

	nf_rx_refill(q);
	(void)netfront_queue_kick(q); /* its failure is found right below */
	look_at_watch(q);
	ready = netfront_queue_poll(q, want);
	if (ready != 0)
		return ready;
	if (timeout_ms >= 0)
		end = timeout_ms ? spin_now_ns() + timeout_ms * NS_PER_MS : 0;
	if (timeout_ms)
		ready = wait_spin(q, want, end);
	return ready ? ready : wait_sleep(q, want, end);
}

int netfront_queue_fd(struct netfront_queue *q)
{
	int fd = q->epoll_fd;

	if (fd < 0)
		fd = xenfront_make_fd(&q->nf->xf, xenevtchn_fd(q->xce), q->nf->broken_fd, q->index == 0);
	if (fd >= 0)
		q->epoll_fd = fd;
	return fd;
}
