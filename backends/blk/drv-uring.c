// SPDX-License-Identifier: MIT
/*
 * Files and block devices by io_uring, the default driver.
 *
 * Three ways to move data, best first:
 *   - in memory (tmpfs): plain preadv and pwritev in kick(); io_uring would hand each
 *     request to a worker thread, tmpfs has no non-blocking mode;
 *   - page cache: preadv2(RWF_NOWAIT) in kick(), which answers what is cached without a
 *     trip through the ring, else io_uring; writes by pwritev in kick(): they are copies
 *     to memory, and ext4 has no non-blocking mode for them, so io_uring would hand each
 *     to a worker thread (measured: 1.1 to 2.3 times the writes at 4k and 128k for half
 *     the CPU time). When the system throttles writers the ring's reads wait behind. In a PV
 *     domain of Xen's a system call goes through the hypervisor and switches page tables twice:
 *     there several small reads are one submission, which answers what is cached, too;
 *   - O_DIRECT: io_uring, one submission per sweep.
 *
 * Discards of files punch holes and zeroes are FALLOC_FL_ZERO_RANGE, both by io_uring,
 * whose worker threads make the calls; those of devices are made by a thread of ours.
 *
 * A flush is an fdatasync submitted after the frontend's flush was read. io_uring orders
 * nothing, and need not: the promise is that an acknowledged flush covers every write
 * acknowledged before it was sent, and those have completed, so their data is in the
 * page cache or on the device when the fdatasync starts. Writes still in flight are
 * promised nothing.
 */
#include "config.h"
#include "backends/blk/drivers.h"

#include <errno.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/blk/storage.h"
#include "common/array.h"
#include "common/confine.h"
#include "common/log.h"

/* Below that a second core brings less than waking a worker on it costs. */
#define URING_LARGE_READ (256u << 10)
/* Above it a read's copy is what it costs, not its system call. */
#define URING_SMALL_READ (16u << 10)

struct uring {
	struct storage st;
	bool cached_reads;  /* atomic: try RWF_NOWAIT first; cleared when the file system has none */
	bool pv_domain;     /* of Xen's: system calls are dear */
};

/* In blk_req.driver_private. */
struct uring_op {
	struct blk_cqe cqe;
	struct uring *uring;
	struct storage_op at;
};
_Static_assert(sizeof(struct uring_op) <= sizeof(((struct blk_req *)0)->driver_private),
	"uring_op fits a request's private room");

struct uring_queue {
	struct blk_req *staged, **tail;
	bool batch_reads;   /* of this kick */
};

static struct uring_op *uring_op(struct blk_req *req)
{
	return (struct uring_op *)req->driver_private;
}

static struct blk_req *uring_req(struct uring_op *op)
{
	return container_of(op, struct blk_req, driver_private);
}

static struct io_uring_sqe *uring_stage_sqe(struct blk_queue *queue, struct blk_req *req)
{
	struct io_uring_sqe *sqe = blk_queue_get_sqe(queue);
	struct uring_op *op = uring_op(req);
	int fd = op->uring->st.fd;

	switch (req->op) {
	case BLK_READ:
		if (req->niov == 1)
			io_uring_prep_read(sqe, fd, req->iov->iov_base, req->iov->iov_len,
				op->at.offset);
		else
			io_uring_prep_readv(sqe, fd, req->iov, req->niov, op->at.offset);
		break;
	case BLK_WRITE:
		if (req->niov == 1)
			io_uring_prep_write(sqe, fd, req->iov->iov_base, req->iov->iov_len,
				op->at.offset);
		else
			io_uring_prep_writev(sqe, fd, req->iov, req->niov, op->at.offset);
		break;
	case BLK_FLUSH:
		io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC);
		break;
	case BLK_DISCARD:
	case BLK_ZEROES:
		io_uring_prep_fallocate(sqe, fd, storage_trim_mode(req->op), req->offset,
			req->length);
		break;
	}
	io_uring_sqe_set_data(sqe, &op->cqe);
	return sqe;
}

static void uring_complete(struct blk_queue *queue, struct blk_cqe *cqe, int res)
{
	struct blk_req *req = uring_req(container_of(cqe, struct uring_op, cqe));
	struct io_uring_sqe *sqe;
	int error;

	if (storage_op_result(&uring_op(req)->at, req, res, &error)) {
		blk_req_done(queue, req, error);
		return;
	}
	sqe = uring_stage_sqe(queue, req);
	/*
	 * io_uring tries without waiting first, which device mapper's devices may refuse each time
	 * for a request that lies on several of their targets. Its workers may wait.
	 */
	if (res == -EAGAIN)
		sqe->flags |= IOSQE_ASYNC;
}

/* Do a request here and now, to the end. */
static void uring_do_inline(struct blk_queue *queue, struct blk_req *req)
{
	struct uring_op *op = uring_op(req);
	int fd = op->uring->st.fd;
	int error;
	ssize_t n;

	do {
		if (req->op == BLK_READ)
			n = preadv(fd, req->iov, req->niov, op->at.offset);
		else
			n = pwritev(fd, req->iov, req->niov, op->at.offset);
		if (n < 0)
			n = -errno;
	} while (!storage_op_result(&op->at, req, n, &error));
	blk_req_done(queue, req, error);
}

/* Read what the page cache has. True: that was all; else the rest is io_uring's. */
static bool uring_read_cached(struct blk_queue *queue, struct blk_req *req)
{
	struct uring_op *op = uring_op(req);
	ssize_t n = preadv2(op->uring->st.fd, req->iov, req->niov, op->at.offset, RWF_NOWAIT);

	if (n < 0 && errno == EOPNOTSUPP)
		__atomic_store_n(&op->uring->cached_reads, false, __ATOMIC_RELAXED);
	if (n <= 0 || !storage_op_advance(&op->at, req, n))
		return false;
	blk_req_done(queue, req, 0);
	return true;
}

/* True: done in here. */
static bool uring_try_inline(struct uring *u, struct blk_queue *queue, struct blk_req *req)
{
	const struct uring_queue *uq = queue->driver_private;

	if (u->st.direct || req->op > BLK_WRITE)
		return false;
	if (u->st.in_memory || req->op == BLK_WRITE) {
		uring_do_inline(queue, req);
		return true;
	}
	if (uq->batch_reads && req->length <= URING_SMALL_READ)
		return false;
	return __atomic_load_n(&u->cached_reads, __ATOMIC_RELAXED) && uring_read_cached(queue, req);
}

static void uring_submit(void *state, struct blk_queue *queue, struct blk_req *req)
{
	struct uring_queue *uq = queue->driver_private;
	struct uring_op *op = uring_op(req);

	op->cqe.fn = uring_complete;
	op->uring = state;
	storage_op_begin(&op->at, req);
	req->next = NULL;
	*uq->tail = req;
	uq->tail = &req->next;
}

static void uring_start(struct uring *u, struct blk_queue *queue, struct blk_req *req)
{
	/* Of a device these are ioctls, which block. */
	if (u->st.is_device && (req->op == BLK_DISCARD || req->op == BLK_ZEROES))
		storage_work(&u->st, queue, req);
	else if (!uring_try_inline(u, queue, req))
		uring_stage_sqe(queue, req);
}

/*
 * A large read from memory is mostly copying. Of several, every second one goes to a
 * worker of io_uring's, so that another core copies while this thread does the rest.
 * Return: those that are left. Writes stay: the file's lock lets one in at a time.
 */
static struct blk_req *uring_share_large_reads(
	struct uring *u, struct blk_queue *queue, struct blk_req *list)
{
	struct blk_req **at = &list, *req;
	unsigned large = 0, shared = 0;

	if (u->st.direct)
		return list;
	while ((req = *at)) {
		if (req->op != BLK_READ || req->length < URING_LARGE_READ || large++ % 2 == 0) {
			at = &req->next;
			continue;
		}
		*at = req->next;
		uring_stage_sqe(queue, req)->flags |= IOSQE_ASYNC;
		shared++;
	}
	if (shared)
		io_uring_submit(queue->ring); /* now, not after our own share */
	return list;
}

static bool uring_has_small_reads(const struct blk_req *list)
{
	unsigned n = 0;

	for (; list && n < 2; list = list->next)
		n += list->op == BLK_READ && list->length <= URING_SMALL_READ;
	return n == 2;
}

static void uring_kick(void *state, struct blk_queue *queue)
{
	const struct uring *u = state;
	struct uring_queue *uq = queue->driver_private;
	struct blk_req *req = uring_share_large_reads(state, queue, uq->staged);

	uq->staged = NULL;
	uq->tail = &uq->staged;
	uq->batch_reads = u->pv_domain && uring_has_small_reads(req);
	while (req) {
		struct blk_req *next = req->next;

		uring_start(state, queue, req);
		req = next;
	}
}

static int uring_queue_start(void *state, struct blk_queue *queue)
{
	struct uring_queue *uq = calloc(1, sizeof(*uq));

	if (!uq)
		return -ENOMEM;
	uq->tail = &uq->staged;
	queue->driver_private = uq;
	return 0;
}

static void uring_queue_stop(void *state, struct blk_queue *queue)
{
	free(queue->driver_private);
	queue->driver_private = NULL;
}

/* Xen says so there. */
static bool uring_is_pv_domain(void)
{
	char type[4] = "";
	FILE *f = fopen("/sys/hypervisor/guest_type", "re");
	bool pv = f && fgets(type, sizeof(type), f) && strncmp(type, "PV\n", 3) == 0;

	if (f)
		fclose(f);
	return pv;
}

static int uring_open(const struct blk_conf *conf, struct blk_info *info, void **state, char *why,
	size_t why_room)
{
	struct uring *u = calloc(1, sizeof(*u));
	int rc;

	if (!u) {
		snprintf(why, why_room, "out of memory");
		return -ENOMEM;
	}
	rc = storage_open(conf, &u->st, why, why_room);
	if (rc < 0) {
		free(u);
		return rc;
	}
	u->cached_reads = !u->st.direct;
	u->pv_domain = uring_is_pv_domain();
	storage_describe(&u->st, conf, info);
	info->flags |= BLK_INFO_IN_RING;
	/* Who is killed does not wait for O_DIRECT of a ring's, as for calls and for aio. */
	if (u->pv_domain && u->st.direct)
		info->flags |= BLK_INFO_OWN_MEMORY;
	*state = u;
	return 0;
}

static void uring_close(void *state)
{
	struct uring *u = state;

	if (!u)
		return;
	/* Nothing is owed here: what was not flushed was never promised. */
	storage_close(&u->st);
	free(u);
}

static int uring_refresh(void *state, struct blk_info *info)
{
	struct uring *u = state;

	return storage_refresh(&u->st, info);
}

/* What is done without io_uring. */
CONFINE_TABLE(uring_calls, CONFINE_CALL(preadv), CONFINE_CALL(preadv2),
	CONFINE_CALL(pwritev), CONFINE_CALL(pwritev2));

const struct blk_driver blk_driver_uring = {
	.name = "uring",
	.confine = &uring_calls,
	.open = uring_open,
	.queue_start = uring_queue_start,
	.queue_stop = uring_queue_stop,
	.submit = uring_submit,
	.kick = uring_kick,
	.refresh = uring_refresh,
	.close = uring_close,
};
