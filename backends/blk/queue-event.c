// SPDX-License-Identifier: MIT
/*
 * A ring's event channel: told of it by the ring's io_uring. Runs in the queue's thread.
 *
 * Xen's device of event channels (xen/sys/evtchn.h) is read for the port that has an event and
 * written to unmask it. The io_uring does both on the way to sleep, which is the way that has to
 * be gone in any case: each system call saved is worth two switches of page tables where the
 * driver domain is a PV one. On other systems and hypervisors, whose descriptor is of another
 * kind, it is watched by a poll, and libxenevtchn called.
 */
#include "config.h"
#include "backends/blk/queue-private.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>

#include "backends/common/metrics.h"
#include "common/array.h"

static void event_gone(struct queue *q, int error)
{
	queue_fail(q, "the event channel of ring %u is gone%s%s", q->setup.index, error ? ": " : "",
		error ? strerror(error) : "");
}

static void event_on_poll(struct blk_queue *pub, struct blk_cqe *cqe, int res)
{
	struct queue *q = container_of(pub, struct queue, pub);
	int port;

	q->event.armed = false;
	metric_add(&q->metric[QUEUE_WAKEUPS], 1);
	if (res < 0 || (res & (POLLERR | POLLNVAL)) || (res & (POLLIN | POLLHUP)) == POLLHUP) {
		event_gone(q, 0);
		return;
	}
	port = xenevtchn_pending(q->xce);
	if (port == q->port)
		q->event.masked = true;
	else if (port < 0 && errno != EAGAIN && errno != EINTR)
		event_gone(q, errno);
}

static void event_on_read(struct blk_queue *pub, struct blk_cqe *cqe, int res)
{
	struct queue *q = container_of(pub, struct queue, pub);

	q->event.armed = false;
	metric_add(&q->metric[QUEUE_WAKEUPS], 1);
	if (res == (int)sizeof(q->event.arrived) && q->event.arrived == (evtchn_port_t)q->port)
		q->event.masked = true;
	else if (res <= 0 && res != -EAGAIN && res != -EINTR)
		event_gone(q, -res);
}

/* A write that succeeds has no completion: nothing was counted, and it would end the sleep. */
static void event_on_unmask_failed(struct blk_queue *pub, struct blk_cqe *cqe, int res)
{
	struct queue *q = container_of(pub, struct queue, pub);

	pub->owed++;
	if (res >= 0)
		return;
	queue_fail(q, "the event channel of ring %u cannot be unmasked: %s", q->setup.index,
		strerror(-res));
}

void queue_event_init(struct queue *q)
{
	struct stat st;

	q->event = (struct queue_event){
		.port = q->port,
		.fd = xenevtchn_fd(q->xce),
		.unmask_cqe.fn = event_on_unmask_failed,
	};
	q->event.is_device = (q->pub.ring->features & IORING_FEAT_CQE_SKIP) &&
			     fstat(q->event.fd, &st) == 0 && S_ISCHR(st.st_mode);
	q->event.cqe.fn = q->event.is_device ? event_on_read : event_on_poll;
}

static void event_arm_device(struct queue *q)
{
	struct io_uring_sqe *sqe;

	if (q->event.masked) {
		sqe = blk_queue_get_sqe(&q->pub);
		io_uring_prep_write(sqe, q->event.fd, &q->event.port, sizeof(q->event.port), 0);
		sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
		io_uring_sqe_set_data(sqe, &q->event.unmask_cqe);
		q->pub.owed--;
		q->event.masked = false;
	}
	if (!q->event.armed) {
		sqe = blk_queue_get_sqe(&q->pub);
		io_uring_prep_read(sqe, q->event.fd, &q->event.arrived, sizeof(q->event.arrived), 0);
		io_uring_sqe_set_data(sqe, &q->event.cqe);
		q->event.armed = true;
	}
}

static bool event_unmask(struct queue *q)
{
	if (!q->event.masked)
		return true;
	q->event.masked = false;
	if (xenevtchn_unmask(q->xce, q->port) == 0)
		return true;
	queue_fail(q, "the event channel of ring %u cannot be unmasked: %s", q->setup.index,
		strerror(errno));
	return false;
}

bool queue_event_arm(struct queue *q)
{
	if (ring_back_final_check(&q->ring))
		return false;
	if (q->event.is_device) {
		event_arm_device(q);
		return true;
	}
	if (!event_unmask(q))
		return false;
	if (!q->event.armed)
		queue_arm_poll(q, q->event.fd, &q->event.cqe);
	q->event.armed = true;
	return true;
}
