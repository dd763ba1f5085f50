// SPDX-License-Identifier: MIT
#include "config.h"
#include "tests/unit/io-rig.h"

#include <errno.h>
#include <string.h>

void io_rig_start(struct io_rig *rig, struct io *io)
{
	memset(rig, 0, sizeof(*rig));
	assert_int_equal(io_uring_queue_init(256, &rig->ring, 0), 0);
	rig->pub.ring = &rig->ring;
	rig->pub.depth = 256;
	assert_int_equal(io_queue_start(io, &rig->io, &rig->pub), 0);
}

void io_rig_stop(struct io_rig *rig)
{
	assert_int_equal(rig->io.in_flight, 0);
	io_queue_stop(&rig->io);
	io_uring_queue_exit(&rig->ring);
}

static unsigned io_rig_collect(struct io_rig *rig)
{
	unsigned n = 0;

	for (struct blk_req *req = io_take_done(&rig->io); req; req = req->next)
		n++;
	rig->done += n;
	return n;
}

void io_rig_turn(struct io_rig *rig, bool wait)
{
	struct __kernel_timespec limit = { .tv_sec = 20 };
	struct io_uring_cqe *cqe;
	int rc;

	if (io_rig_collect(rig))
		wait = false;
	io_uring_submit(&rig->ring);
	if (wait) {
		rc = io_uring_wait_cqe_timeout(&rig->ring, &cqe, &limit);
		if (rc == -ETIME)
			fail_msg("nothing happens");
	}
	while (io_uring_peek_cqe(&rig->ring, &cqe) == 0) {
		struct blk_cqe *target = io_uring_cqe_get_data(cqe);
		int res = cqe->res;

		io_uring_cqe_seen(&rig->ring, cqe);
		if (target && (uintptr_t)target != LIBURING_UDATA_TIMEOUT)
			target->fn(&rig->pub, target, res);
	}
	io_rig_collect(rig);
	io_uring_submit(&rig->ring);
}

void io_rig_wait(struct io_rig *rig, unsigned n)
{
	while (rig->done < n)
		io_rig_turn(rig, true);
	assert_int_equal(rig->done, n);
}

struct blk_req io_rig_req(enum blk_op op, uint64_t offset, uint64_t length, struct iovec *iov,
	void *memory)
{
	*iov = (struct iovec){ memory, length };
	return (struct blk_req){ .op = op, .offset = offset, .length = length, .iov = iov,
		.niov = memory ? 1 : 0 };
}

int io_rig_do(struct io_rig *rig, enum blk_op op, uint64_t offset, uint64_t length, void *memory)
{
	struct iovec iov;
	struct blk_req req = io_rig_req(op, offset, length, &iov, memory);
	unsigned n = rig->done;

	io_queue_submit(&rig->io, &req);
	io_kick(&rig->io);
	io_rig_wait(rig, n + 1);
	return req.error;
}
