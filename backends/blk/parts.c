// SPDX-License-Identifier: MIT
/*
 * Requests that are too large for the driver, as parts, one after the other: at most
 * one part of each request is the driver's, so that large ones do not starve the rest.
 */
#include "config.h"
#include "backends/blk/io-private.h"

#include <errno.h>

/*
 * A discard can take the storage long. Parts of this size let others in between, and
 * what has not begun can be left undone when the guest is gone.
 */
#define PARTS_DISCARD (UINT64_C(256) << 20)

/* --- reads and writes -------------------------------------------------------------------- */

/* As many elements as fit, the last one cut if need be; drivers consume them. */
static void parts_step(struct io_op *op)
{
	struct io_queue *q = op->q;
	struct iovec *first = op->parent->iov + op->index;
	uint64_t length = 0;
	unsigned n = 0;

	if (op->child.error || op->at == op->end) {
		io_op_finish(op, op->child.error);
		return;
	}
	if (op->rest.iov_len)
		*first = op->rest;
	op->rest.iov_len = 0;
	while (op->at + length < op->end && n < q->max_iov && length < q->max_length) {
		struct iovec *v = first + n++;
		uint64_t room = q->max_length - length;

		if (v->iov_len > room) {
			op->rest.iov_base = (char *)v->iov_base + room;
			op->rest.iov_len = v->iov_len - room;
			v->iov_len = room;
		}
		length += v->iov_len;
	}
	op->index += op->rest.iov_len ? n - 1 : n;
	op->at += length;
	io_op_child(op, op->parent->op, op->at - length, length, first, n);
}

void parts_submit(struct io_queue *q, struct blk_req *req)
{
	struct io_op *op = io_op_new(q, req, parts_step);

	if (!op)
		return;
	q->count[IO_SPLIT]++;
	io_begin(q, req, op, req->op == BLK_WRITE ? IO_SHARED : IO_NO_RANGE, op->at, op->end);
}

/* --- discards and zeroes -------------------------------------------------------------------- */

/* Where the part that begins at op->at ends: on a granule, if there is one. */
static uint64_t parts_range_end(const struct io_op *op)
{
	const struct blk_info *info = &op->q->io->info;
	uint64_t most = info->max_discard && info->max_discard < PARTS_DISCARD ? info->max_discard :
										  PARTS_DISCARD;
	uint32_t granule = info->discard_granularity;
	uint64_t end;

	if (granule < info->block_size)
		granule = info->block_size;
	if (op->end - op->at <= most)
		return op->end;
	end = op->at + most;
	end -= end % granule;
	return end > op->at ? end : op->at + most - most % info->block_size;
}

static void parts_range_step(struct io_op *op)
{
	uint64_t at = op->at;

	if (op->child.error == -EOPNOTSUPP && op->parent->op == BLK_ZEROES) {
		/* The file system cannot: write what is left, with what was just refused. */
		op->at = op->child.offset;
		rmw_take_over(op);
		return;
	}
	if (op->child.error || at == op->end) {
		io_op_finish(op, op->child.error);
		return;
	}
	if (op->q->cancelled) {
		io_op_finish(op, -ECANCELED);
		return;
	}
	op->at = parts_range_end(op);
	io_op_child(op, op->parent->op, at, op->at - at, NULL, 0);
}

void parts_submit_range(struct io_queue *q, struct blk_req *req)
{
	uint64_t mask = q->block_mask;
	uint64_t start = (req->offset + mask) & ~mask;
	uint64_t end = (req->offset + req->length) & ~mask;
	struct io_op *op;

	/* Of a block that is discarded in part nothing is, but that is no erasure. */
	if ((req->flags & BLK_REQ_SECURE) && ((req->offset | req->length) & mask)) {
		blk_req_done(q->pub, req, -EINVAL);
		return;
	}
	if (start >= end) {
		blk_req_done(q->pub, req, 0);
		return;
	}
	op = io_op_new(q, req, parts_range_step);
	if (!op)
		return;
	op->at = start;
	op->end = end;
	io_begin(q, req, op, IO_EXCLUSIVE, start, end);
}
