// SPDX-License-Identifier: MIT
/*
 * A ring's thread: its io_uring is the event loop, in which event-channel readiness,
 * control and storage completions arrive. The frontend is not trusted; see request.c
 * for what it sends.
 *
 * While there is work, or for a short while after, the ring is looked at directly:
 * the frontend is not asked for events (req_event stays behind) and an event that
 * was taken stays masked. Only before sleeping is req_event moved on, the ring looked
 * at once more, and the port unmasked: unmasking is what lets the next event in, and a
 * frontend that sends them without end gets one per pass (XSA-332, CVE-2020-27673).
 */
#include "config.h"
#include "backends/blk/queue.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backends/blk/queue-private.h"
#include "backends/common/metrics.h"
#include "common/array.h"
#include "common/fdpass.h"

#define QUEUE_TRIM_SECONDS 2
#define QUEUE_TRIM_PAGES 256u

const char *const queue_metric_names[QUEUE_METRICS] = {
	[QUEUE_READS] = "reads",
	[QUEUE_READ_BYTES] = "bytes read",
	[QUEUE_WRITES] = "writes",
	[QUEUE_WRITTEN_BYTES] = "bytes written",
	[QUEUE_FLUSHES] = "flushes",
	[QUEUE_BARRIERS] = "barriers",
	[QUEUE_DISCARDS] = "discards",
	[QUEUE_REFUSED] = "refused",
	[QUEUE_ERRORS] = "errors",
	[QUEUE_COPIED] = "copied",
	[QUEUE_SWEEPS] = "sweeps",
	[QUEUE_NOTIFICATIONS] = "notifications",
	[QUEUE_WAKEUPS] = "wake-ups",
	[QUEUE_MAPPED] = "mapped",
	[QUEUE_INDIRECT] = "indirect",
	[QUEUE_POLL_HITS] = "polls that found work",
	[QUEUE_POLL_MISSES] = "that found none",
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

/* --- the ring's io_uring ----------------------------------------------------------- */

struct io_uring_sqe *blk_queue_get_sqe(struct blk_queue *queue)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(queue->ring);

	while (!sqe) {
		/* Full. Submission can be refused for now (EBUSY, EAGAIN): try until it is not. */
		io_uring_submit(queue->ring);
		sqe = io_uring_get_sqe(queue->ring);
	}
	queue->owed++;
	return sqe;
}

static void queue_on_resized(struct blk_queue *pub)
{
	struct queue *q = container_of(pub, struct queue, pub);
	const uint64_t one = 1;

	/* Release: with device_on_queue_told(). */
	__atomic_store_n(&q->shared->resized, true, __ATOMIC_RELEASE);
	(void)!write(q->setup.ended_fd, &one, sizeof(one));
}

static int queue_init_uring(struct queue *q)
{
	int rc = uring_slot_enable(q->slot);

	if (rc < 0)
		return rc;
	q->pub.ring = &q->slot->uring;
	q->pub.depth = q->ring.nr;
	q->pub.resized = queue_on_resized;
	return 0;
}

static bool queue_reap(struct queue *q)
{
	struct io_uring_cqe *cqe;
	bool any = false;

	while (io_uring_peek_cqe(q->pub.ring, &cqe) == 0 && cqe) {
		struct blk_cqe *target = io_uring_cqe_get_data(cqe);
		int res = cqe->res;

		io_uring_cqe_seen(q->pub.ring, cqe);
		q->pub.owed--;
		target->fn(&q->pub, target, res);
		any = true;
	}
	return any;
}

static void queue_arm_poll(struct queue *q, int fd, struct blk_cqe *cqe)
{
	struct io_uring_sqe *sqe = blk_queue_get_sqe(&q->pub);

	io_uring_prep_poll_add(sqe, fd, POLLIN);
	io_uring_sqe_set_data(sqe, cqe);
}

/* Barriers need no bit: the loop looks at them anyway. */
static void queue_look_at_control(struct queue *q)
{
	if (__atomic_load_n(&q->control, __ATOMIC_ACQUIRE) & QUEUE_STOP) {
		q->stopping = true;
		io_queue_cancel(&q->io);
	}
}

static void queue_on_control(struct blk_queue *pub, struct blk_cqe *cqe, int res)
{
	struct queue *q = container_of(pub, struct queue, pub);
	uint64_t count;

	/* Emptied first: what is asked from here on wakes us again. */
	if (read(q->control_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		queue_fail(q, "the control descriptor of ring %u: %s", q->setup.index, strerror(errno));
	queue_look_at_control(q);
	queue_arm_poll(q, q->control_fd, &q->control_cqe);
}

static void queue_on_event(struct blk_queue *pub, struct blk_cqe *cqe, int res)
{
	struct queue *q = container_of(pub, struct queue, pub);
	int port;

	q->event_armed = false;
	metric_add(&q->metric[QUEUE_WAKEUPS], 1);
	if (res < 0 || (res & (POLLERR | POLLNVAL)) || (res & (POLLIN | POLLHUP)) == POLLHUP) {
		queue_fail(q, "the event channel of ring %u is gone", q->setup.index);
		return;
	}
	port = xenevtchn_pending(q->xce);
	if (port == q->port)
		q->masked = true;
	else if (port < 0 && errno != EAGAIN && errno != EINTR)
		queue_fail(q, "the event channel of ring %u is gone: %s", q->setup.index,
			strerror(errno));
}

static void queue_on_trim(struct blk_queue *pub, struct blk_cqe *cqe, int res)
{
	struct queue *q = container_of(pub, struct queue, pub);

	q->trim_armed = false;
	copy_trim(&q->copy);
}

/* A burst of copied requests leaves memory behind: give it back once things are quiet. */
static void queue_arm_trim(struct queue *q)
{
	struct io_uring_sqe *sqe;

	if (q->trim_armed || q->copy.dirty_top < QUEUE_TRIM_PAGES)
		return;
	sqe = blk_queue_get_sqe(&q->pub);
	q->trim_after = (struct __kernel_timespec){ .tv_sec = QUEUE_TRIM_SECONDS };
	io_uring_prep_timeout(sqe, &q->trim_after, 0, 0);
	io_uring_sqe_set_data(sqe, &q->trim_cqe);
	q->trim_armed = true;
}

/* --- waiting ------------------------------------------------------------------------- */

static bool queue_has_cqe(struct queue *q)
{
	return io_uring_cq_ready(q->pub.ring) > 0 ||
	       (__atomic_load_n(q->pub.ring->sq.kflags, __ATOMIC_RELAXED) & IORING_SQ_TASKRUN);
}

/* Look for work for a while. True: there is some. */
static bool queue_spin(struct queue *q)
{
	uint64_t budget = spin_budget(&q->spin);
	uint64_t start, now;
	bool found = false;

	if (!budget)
		return false;
	start = spin_now_ns();
	do {
		for (int i = 0; i < 8 && !found; i++) {
			found = ring_back_pending(&q->ring) != 0 || queue_has_cqe(q);
			spin_relax();
		}
		now = spin_now_ns();
	} while (!found && now - start < budget);
	spin_result(&q->spin, now - start, found);
	metric_add(&q->metric[found ? QUEUE_POLL_HITS : QUEUE_POLL_MISSES], 1);
	return found;
}

/* Ask for the next event. False: there is work already. */
static bool queue_arm_event(struct queue *q)
{
	if (ring_back_final_check(&q->ring))
		return false;
	if (q->masked) {
		q->masked = false;
		if (xenevtchn_unmask(q->xce, q->port) < 0) {
			queue_fail(q, "the event channel of ring %u cannot be unmasked: %s",
				q->setup.index, strerror(errno));
			return false;
		}
	}
	if (!q->event_armed)
		queue_arm_poll(q, xenevtchn_fd(q->xce), &q->event_cqe);
	q->event_armed = true;
	return true;
}

/* New requests are taken: nobody asked us to stop and the ring is sound. */
static bool queue_is_serving(const struct queue *q)
{
	return !q->stopping && !q->failure[0];
}

/* Until a completion, or @until (0: however long that takes). */
static int queue_sleep(struct queue *q, uint64_t until)
{
	uint64_t now = until ? spin_now_ns() : 0;
	struct __kernel_timespec ts;
	struct io_uring_cqe *cqe;

	if (!until)
		return io_uring_submit_and_wait(q->pub.ring, 1);
	if (until <= now)
		return 0;
	ts.tv_sec = (until - now) / 1000000000u;
	ts.tv_nsec = (until - now) % 1000000000u;
	return io_uring_submit_and_wait_timeout(q->pub.ring, &cqe, 1, &ts, NULL);
}

static void queue_wait(struct queue *q)
{
	bool serving = queue_is_serving(q);
	uint64_t until = requests_next_start(q);
	/* What waits for the disk's limits knows how long: looking for work is no use. */
	bool may_spin = !until && !io_is_served(&q->io);
	int rc;

	if (serving && !requests_are_replaying(q) && ((may_spin && queue_spin(q)) || !queue_arm_event(q)))
		return;
	queue_arm_trim(q);
	rc = queue_sleep(q, until);
	if (rc < 0 && rc != -EINTR && rc != -EAGAIN && rc != -EBUSY && rc != -ETIME)
		queue_fail(q, "io_uring of ring %u: %s", q->setup.index, strerror(-rc));
}

/* --- the thread ------------------------------------------------------------------------ */

static int queue_thread_init(struct queue *q)
{
	int rc = queue_init_uring(q);

	if (rc < 0)
		return rc;
	rc = io_queue_start(q->shared->io, &q->io, &q->pub);
	if (rc < 0)
		return rc;
	q->io_ready = true;
	q->control_cqe.fn = queue_on_control;
	q->event_cqe.fn = queue_on_event;
	q->trim_cqe.fn = queue_on_trim;
	blk_queue_lasts(&q->pub, &q->control_cqe);
	blk_queue_lasts(&q->pub, &q->event_cqe);
	blk_queue_lasts(&q->pub, &q->trim_cqe);
	spin_init(&q->spin, q->shared->poll_us * UINT64_C(1000));
	queue_arm_poll(q, q->control_fd, &q->control_cqe);
	barrier_join(&q->shared->barrier, &q->barrier, q->setup.index, q);
	return 0;
}

static void queue_thread_exit(struct queue *q)
{
	barrier_leave(&q->barrier);
	if (q->io_ready)
		io_queue_stop(&q->io);
	if (q->pub.ring)
		uring_slot_clear(q->slot, &q->pub);
	q->io_ready = false;
	q->pub.ring = NULL;
}

static void queue_serve(struct queue *q)
{
	for (;;) {
		bool busy = barrier_is_pending(&q->barrier) && requests_pass_barriers(q);

		busy |= requests_pass_flushes(q);
		busy |= requests_sweep(q, queue_is_serving(q));
		if (io_uring_sq_ready(q->pub.ring))
			io_uring_submit(q->pub.ring);
		busy |= requests_finish(q);
		busy |= queue_reap(q);
		busy |= requests_finish(q);
		/* Looked at anew: any of these may have found the ring broken. */
		if (!queue_is_serving(q) && requests_in_flight(q) == 0)
			return;
		if (!busy)
			queue_wait(q);
	}
}

static void queue_thread(void *opaque)
{
	struct queue *q = opaque;
	uint64_t one = 1;
	int rc = queue_thread_init(q);

	q->start_error = rc;
	sem_post(&q->started);
	if (rc == 0) {
		while (sem_wait(&q->go) < 0)
			; /* EINTR */
		queue_look_at_control(q);
		/* One of a connection that is given up before it began replays nothing, either. */
		if (q->went && q->setup.resume)
			requests_put_recorded(q);
		if (q->went)
			queue_serve(q);
	}
	queue_thread_exit(q);
	/* Release: failure and metrics are complete for whoever sees it. */
	__atomic_store_n(&q->ended, true, __ATOMIC_RELEASE);
	/* A counter cannot be full, and there is no one else to tell. */
	(void)!write(q->setup.ended_fd, &one, sizeof(one));
}

/* --- control --------------------------------------------------------------------------- */

static int queue_map_ring(struct queue *q, char *why, size_t room)
{
	unsigned pages = 1u << q->setup.nodes.ring_order;
	int rc;

	q->ring_pages = xengnttab_map_domain_grant_refs(q->xgt, pages, q->setup.domid,
		q->setup.nodes.ring_ref, PROT_READ | PROT_WRITE);
	if (!q->ring_pages) {
		rc = errno ? -errno : -EIO;
		snprintf(why, room, "the %u ring page%s of queue %u (first grant %" PRIu32
			") cannot be mapped: %s", pages, pages > 1 ? "s" : "", q->setup.index,
			q->setup.nodes.ring_ref[0], strerror(-rc));
		return rc;
	}
	q->ring_page_count = pages;
	rc = ring_back_init(&q->ring, q->ring_pages, (size_t)pages * BLKIF_PAGE_SIZE,
		blkif_slot_size(q->setup.abi));
	if (rc < 0)
		snprintf(why, room, "no slot fits the ring");
	return rc;
}

static int queue_bind(struct queue *q, char *why, size_t room)
{
	int rc;

	q->port = xenevtchn_bind_interdomain(q->xce, q->setup.domid, q->setup.nodes.event_channel);
	rc = q->port >= 0 ? fd_set_nonblock(xenevtchn_fd(q->xce)) : errno ? -errno : -EIO;
	if (rc == 0)
		return 0;
	snprintf(why, room, "event channel %" PRIu32 " of queue %u cannot be bound: %s",
		q->setup.nodes.event_channel, q->setup.index, strerror(-rc));
	return rc;
}

static int queue_begin_journal(struct queue *q, char *why, size_t room)
{
	struct journal_ring ring = {
		.entries = q->ring.nr,
		.slot_size = q->ring.slot_size,
		.abi = q->setup.abi,
		.local_port = q->port,
		.remote_port = q->setup.nodes.event_channel,
		.ring_refs = q->ring_page_count,
	};
	int rc;

	memcpy(ring.ring_ref, q->setup.nodes.ring_ref,
		q->ring_page_count * sizeof(ring.ring_ref[0]));
	rc = journal_begin(q->shared->journal, q->setup.index, &ring, &q->journal);
	if (rc < 0)
		snprintf(why, room, "the journal cannot be written: %s", strerror(-rc));
	return rc;
}

static int queue_open_handles(struct queue *q, char *why, size_t room)
{
	int rc = queue_shared_make_slot(q->shared, q->setup.index, why, room);

	if (rc < 0)
		return rc;
	q->xgt = q->slot->slot.xgt;
	q->xce = q->slot->slot.xce;
	q->control_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (q->control_fd < 0) {
		snprintf(why, room, "no eventfd: %s", strerror(errno));
		return -errno;
	}
	return 0;
}

/* Before the thread runs: from then on all but "connected" is the thread's. */
static int queue_show(struct queue *q)
{
	q->shown = metrics_page_ring(q->shared->metrics, q->setup.index);
	if (!q->shown)
		q->shown = q->own_shown = calloc(1, sizeof(*q->own_shown));
	if (!q->shown)
		return -ENOMEM;
	q->metric = q->shown->counter;
	metric_set(&q->shown->depth, q->ring.nr);
	metric_set(&q->shown->features, q->setup.features);
	metric_set(&q->shown->max_indirect, q->setup.limits.max_indirect);
	metric_set(&q->shown->connected, 1);
	return 0;
}

static void queue_hide(struct queue *q)
{
	if (q->shown) {
		metric_set(&q->shown->connected, 0);
		metric_set(&q->shown->in_flight, 0);
		metric_set(&q->shown->grants, 0);
	}
	free(q->own_shown);
}

int queue_create(struct queue_shared *shared, const struct queue_setup *setup,
	struct queue **queue, char *why, size_t why_room)
{
	struct queue *q = calloc(1, sizeof(*q));
	int rc;

	if (!q) {
		snprintf(why, why_room, "out of memory");
		return -ENOMEM;
	}
	q->shared = shared;
	q->slot = &shared->slot[setup->index];
	q->setup = *setup;
	q->port = -1;
	q->control_fd = -1;
	q->ended = true;
	sem_init(&q->started, 0, 0);
	sem_init(&q->go, 0, 0);
	rc = queue_open_handles(q, why, why_room);
	if (rc == 0)
		rc = queue_map_ring(q, why, why_room);
	if (rc == 0)
		rc = queue_bind(q, why, why_room);
	if (rc == 0) {
		rc = queue_show(q);
		if (rc == 0)
			rc = requests_init(q);
		if (rc < 0)
			snprintf(why, why_room, "out of memory");
	}
	if (rc == 0)
		rc = setup->resume ? queue_resume(q, why, why_room) :
				     queue_begin_journal(q, why, why_room);
	if (rc < 0)
		queue_destroy(q);
	else
		*queue = q;
	return rc;
}

int queue_start(struct queue *q, char *why, size_t why_room)
{
	int rc;

	q->ended = false;
	rc = slot_run(&q->slot->slot, queue_thread, q);
	if (rc == 0) {
		q->has_thread = true;
		while (sem_wait(&q->started) < 0)
			; /* EINTR */
		rc = q->start_error;
	} else {
		q->ended = true;
	}
	if (rc < 0)
		snprintf(why, why_room, "the thread of queue %u cannot start: %s%s", q->setup.index,
			strerror(-rc),
			rc == -EPERM || rc == -ENOSYS ? "; is io_uring forbidden here?" : "");
	return rc;
}

void queue_go(struct queue *q)
{
	q->went = true;
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
	__atomic_or_fetch(&q->control, QUEUE_STOP, __ATOMIC_RELEASE);
	queue_poke(q);
	sem_post(&q->go);
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

void queue_destroy(struct queue *q)
{
	if (!q)
		return;
	if (q->has_thread)
		slot_join(&q->slot->slot);
	requests_dispose(q);
	journal_end(&q->journal);
	if (q->port >= 0)
		xenevtchn_unbind(q->xce, q->port);
	if (q->ring_pages)
		xengnttab_unmap(q->xgt, q->ring_pages, q->ring_page_count);
	if (q->control_fd >= 0)
		close(q->control_fd);
	sem_destroy(&q->started);
	sem_destroy(&q->go);
	queue_hide(q);
	free(q);
}
