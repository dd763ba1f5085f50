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
 *     the CPU time). When the system throttles writers the ring's reads wait behind;
 *   - O_DIRECT: io_uring, one submission per sweep.
 *
 * A flush is an fdatasync submitted when the frontend's flush is read. io_uring orders
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
#include "common/log.h"

#define URING_MAX_IOV 1024u
#define URING_MAX_RETRIES 1000u

struct uring {
	struct storage st;
	bool cached_reads;  /* try RWF_NOWAIT first; cleared when the file system has none */
};

/* In blk_req.driver_private. */
struct uring_op {
	struct blk_cqe cqe;
	struct uring *uring;
	uint64_t offset; /* where the rest begins */
	uint64_t left;
	unsigned retries;
};
_Static_assert(sizeof(struct uring_op) <= sizeof(((struct blk_req *)0)->driver_private),
	"uring_op fits a request's private room");

struct uring_queue {
	struct blk_req *staged, **tail;
};

static struct uring_op *uring_op(struct blk_req *req)
{
	return (struct uring_op *)req->driver_private;
}

static struct blk_req *uring_req(struct uring_op *op)
{
	return container_of(op, struct blk_req, driver_private);
}

/* Account for @n bytes done. True: none are left. */
static bool uring_advance(struct blk_req *req, size_t n)
{
	struct uring_op *op = uring_op(req);

	op->offset += n;
	op->left -= n;
	while (n && n >= req->iov->iov_len) {
		n -= req->iov->iov_len;
		req->iov++;
		req->niov--;
	}
	if (n) {
		req->iov->iov_base = (char *)req->iov->iov_base + n;
		req->iov->iov_len -= n;
	}
	return op->left == 0;
}

static void uring_stage_sqe(struct blk_queue *queue, struct blk_req *req)
{
	struct io_uring_sqe *sqe = blk_queue_get_sqe(queue);
	struct uring_op *op = uring_op(req);
	int fd = op->uring->st.fd;

	switch (req->op) {
	case BLK_READ:
		if (req->niov == 1)
			io_uring_prep_read(sqe, fd, req->iov->iov_base, req->iov->iov_len,
				op->offset);
		else
			io_uring_prep_readv(sqe, fd, req->iov, req->niov, op->offset);
		break;
	case BLK_WRITE:
		if (req->niov == 1)
			io_uring_prep_write(sqe, fd, req->iov->iov_base, req->iov->iov_len,
				op->offset);
		else
			io_uring_prep_writev(sqe, fd, req->iov, req->niov, op->offset);
		break;
	default:
		io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC);
		break;
	}
	io_uring_sqe_set_data(sqe, &op->cqe);
}

/*
 * What one read, write or flush returned. True: the request is over, and @error is
 * its result; false: there is more to do.
 */
static bool uring_result(struct blk_req *req, ssize_t res, int *error)
{
	*error = 0;
	if (res == -EINTR || res == -EAGAIN) {
		*error = -EIO;
		return ++uring_op(req)->retries > URING_MAX_RETRIES;
	}
	if (res < 0) {
		*error = (int)res;
		return true;
	}
	if (req->op == BLK_FLUSH)
		return true;
	if (res == 0) {
		/* The file ends here: somebody truncated it. */
		*error = -EIO;
		return true;
	}
	return uring_advance(req, res);
}

static void uring_complete(struct blk_queue *queue, struct blk_cqe *cqe, int res)
{
	struct blk_req *req = uring_req(container_of(cqe, struct uring_op, cqe));
	int error;

	if (uring_result(req, res, &error))
		blk_req_done(queue, req, error);
	else
		uring_stage_sqe(queue, req);
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
			n = preadv(fd, req->iov, req->niov, op->offset);
		else
			n = pwritev(fd, req->iov, req->niov, op->offset);
		if (n < 0)
			n = -errno;
	} while (!uring_result(req, n, &error));
	blk_req_done(queue, req, error);
}

/* Read what the page cache has. True: that was all; else the rest is io_uring's. */
static bool uring_read_cached(struct blk_queue *queue, struct blk_req *req)
{
	struct uring_op *op = uring_op(req);
	ssize_t n = preadv2(op->uring->st.fd, req->iov, req->niov, op->offset, RWF_NOWAIT);

	if (n < 0 && errno == EOPNOTSUPP)
		op->uring->cached_reads = false;
	if (n <= 0 || !uring_advance(req, n))
		return false;
	blk_req_done(queue, req, 0);
	return true;
}

/* True: done in here. */
static bool uring_try_inline(struct uring *u, struct blk_queue *queue, struct blk_req *req)
{
	if (req->op == BLK_FLUSH || u->st.direct)
		return false;
	if (u->st.in_memory || req->op == BLK_WRITE) {
		uring_do_inline(queue, req);
		return true;
	}
	return u->cached_reads && uring_read_cached(queue, req);
}

static void uring_submit(void *state, struct blk_queue *queue, struct blk_req *req)
{
	struct uring_queue *uq = queue->driver_private;
	struct uring_op *op = uring_op(req);

	op->cqe.fn = uring_complete;
	op->uring = state;
	op->offset = req->offset;
	op->left = req->length;
	op->retries = 0;
	req->next = NULL;
	*uq->tail = req;
	uq->tail = &req->next;
}

static void uring_kick(void *state, struct blk_queue *queue)
{
	struct uring_queue *uq = queue->driver_private;
	struct blk_req *req = uq->staged;

	uq->staged = NULL;
	uq->tail = &uq->staged;
	while (req) {
		struct blk_req *next = req->next;

		if (!uring_try_inline(state, queue, req))
			uring_stage_sqe(queue, req);
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
	*info = (struct blk_info){
		.size = u->st.size,
		.block_size = 512,
		.physical_size = u->st.physical_size,
		.max_iov = URING_MAX_IOV,
		.flags = BLK_INFO_FLUSH | BLK_INFO_MULTI_QUEUE |
			 (conf->readonly ? BLK_INFO_READONLY : 0) |
			 (u->st.rotational ? BLK_INFO_ROTATIONAL : 0),
	};
	log_info("%s: %llu bytes, %s", conf->filename, (unsigned long long)u->st.size,
		u->st.direct ? "O_DIRECT" : u->st.in_memory ? "in memory" : "page cache");
	*state = u;
	return 0;
}

static void uring_close(void *state)
{
	struct uring *u = state;

	if (!u)
		return;
	/* Nothing is owed here: what was not flushed was never promised. */
	close(u->st.fd);
	free(u);
}

const struct blk_driver blk_driver_uring = {
	.name = "uring",
	.text = "files and block devices by io_uring (the default)",
	.open = uring_open,
	.queue_start = uring_queue_start,
	.queue_stop = uring_queue_stop,
	.submit = uring_submit,
	.kick = uring_kick,
	.close = uring_close,
};
