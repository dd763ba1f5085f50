// SPDX-License-Identifier: MIT
/*
 * Requests in sectors of 512 bytes, or in memory aligned so, on storage that needs
 * more: whole blocks go through an aligned buffer. A write of part of a block reads the
 * block, changes it and writes it back, and has the range for itself meanwhile.
 *
 * Data of a write are copied from the guest's memory once. A sector that is written
 * together with its block's others is as safe as the block: what was there before is
 * written again, by a storage that needs whole blocks anyway.
 */
#include "config.h"
#include "backends/blk/io-private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RMW_PIECE_SIZE (256u << 10)   /* one buffer, at most */
#define RMW_BUFFERS (8u << 20)        /* of a queue at a time; more have to wait */
#define RMW_PAGE 4096u

/* --- buffers -------------------------------------------------------------------------- */

static bool rmw_take_buffer(struct io_op *op)
{
	struct io_queue *q = op->q;

	/* Not past others that wait, unless it is this one's turn. */
	if ((q->waiting && !op->waited) || q->buffer_bytes + op->buffer_size > RMW_BUFFERS) {
		op->waited = true;
		op->next = NULL;
		*q->waiting_tail = op;
		q->waiting_tail = &op->next;
		return false;
	}
	q->buffer_bytes += op->buffer_size;
	if (posix_memalign((void **)&op->buffer, q->block_mask + 1 > RMW_PAGE ? q->block_mask + 1 : RMW_PAGE,
		    op->buffer_size))
		op->buffer = NULL; /* rmw_step() sees it */
	/* A server may say that it filled it, and did not: what was here before is neither its nor the guest's. */
	if (op->buffer)
		memset(op->buffer, 0, op->buffer_size);
	return true;
}

static void rmw_finish(struct io_op *op, int error)
{
	struct io_queue *q = op->q;

	free(op->buffer);
	q->buffer_bytes -= op->buffer_size;
	io_op_finish(op, error);
	while (q->waiting && q->buffer_bytes + q->waiting->buffer_size <= RMW_BUFFERS) {
		struct io_op *next = q->waiting;

		q->waiting = next->next;
		if (!q->waiting)
			q->waiting_tail = &q->waiting;
		next->step(next);
	}
}

/* --- data ------------------------------------------------------------------------------ */

/* What of the piece the request is about: offset in the buffer, and length. */
static size_t rmw_data_start(const struct io_op *op)
{
	return op->parent->offset > op->at ? op->parent->offset - op->at : 0;
}

static size_t rmw_data_length(const struct io_op *op)
{
	uint64_t end = op->parent->offset + op->parent->length;

	return (end < op->piece_end ? end : op->piece_end) - op->at - rmw_data_start(op);
}

/* Between the buffer and the request's memory, from where the last call left off. */
static void rmw_copy(struct io_op *op)
{
	uint8_t *at = op->buffer + rmw_data_start(op);
	size_t left = rmw_data_length(op);

	if (op->parent->op == BLK_ZEROES) {
		memset(at, 0, left);
		return;
	}
	while (left) {
		struct iovec *v = &op->parent->iov[op->index];
		uint8_t *theirs = (uint8_t *)v->iov_base + op->skip;
		size_t n = v->iov_len - op->skip < left ? v->iov_len - op->skip : left;

		if (op->parent->op == BLK_READ)
			memcpy(theirs, at, n);
		else
			memcpy(at, theirs, n);
		at += n;
		left -= n;
		op->skip += n;
		if (op->skip == v->iov_len) {
			op->skip = 0;
			op->index++;
		}
	}
}

/* --- steps -------------------------------------------------------------------------------- */

static void rmw_io(struct io_op *op, enum blk_op what, uint64_t offset, uint64_t length)
{
	op->iov = (struct iovec){ op->buffer + (offset - op->at), length };
	io_op_child(op, what, offset, length, &op->iov, 1);
}

static bool rmw_head_is_partial(const struct io_op *op)
{
	return op->at < op->parent->offset;
}

static bool rmw_tail_is_partial(const struct io_op *op)
{
	return op->piece_end > op->parent->offset + op->parent->length;
}

static uint64_t rmw_block(const struct io_op *op)
{
	return (uint64_t)op->q->block_mask + 1;
}

/* Whether head and tail are one block: then it is read once. */
static bool rmw_is_one_block(const struct io_op *op)
{
	return op->piece_end - op->at == rmw_block(op);
}

static void rmw_read_block(struct io_op *op, uint64_t offset)
{
	op->q->count[IO_RMW_READS]++;
	rmw_io(op, BLK_READ, offset, rmw_block(op));
}

static void rmw_begin_piece(struct io_op *op)
{
	uint64_t left = op->end - op->at;

	op->piece_end = op->at + (left < op->buffer_size ? left : op->buffer_size);
	op->phase = op->parent->op == BLK_READ ? RMW_DATA : RMW_HEAD;
}

static void rmw_end_piece(struct io_op *op)
{
	if (op->parent->op == BLK_READ)
		rmw_copy(op);
	op->at = op->piece_end;
	op->phase = RMW_PIECE;
}

/* Go on until the driver has something to do. False: the request is over. */
static bool rmw_advance(struct io_op *op)
{
	for (;;) {
		switch (op->phase) {
		case RMW_PIECE:
			if (op->at == op->end)
				return false;
			rmw_begin_piece(op);
			break;
		case RMW_HEAD:
			op->phase = RMW_TAIL;
			if (!rmw_head_is_partial(op))
				break;
			rmw_read_block(op, op->at);
			return true;
		case RMW_TAIL:
			op->phase = RMW_DATA;
			if (!rmw_tail_is_partial(op) ||
				(rmw_head_is_partial(op) && rmw_is_one_block(op)))
				break;
			rmw_read_block(op, op->piece_end - rmw_block(op));
			return true;
		case RMW_DATA:
			op->phase = RMW_DONE;
			if (op->parent->op != BLK_READ)
				rmw_copy(op);
			rmw_io(op, op->parent->op == BLK_READ ? BLK_READ : BLK_WRITE, op->at,
				op->piece_end - op->at);
			return true;
		case RMW_DONE:
			rmw_end_piece(op);
			break;
		}
	}
}

static void rmw_step(struct io_op *op)
{
	if (op->child.error)
		rmw_finish(op, op->child.error);
	else if (!op->buffer && !rmw_take_buffer(op))
		return;
	else if (!op->buffer)
		rmw_finish(op, -ENOMEM);
	else if (op->parent->op == BLK_ZEROES && op->q->cancelled && op->phase == RMW_PIECE)
		rmw_finish(op, -ECANCELED);
	else if (!rmw_advance(op))
		rmw_finish(op, 0);
}

static void rmw_set_buffer_size(struct io_op *op)
{
	uint64_t most = op->q->max_length < RMW_PIECE_SIZE ? op->q->max_length : RMW_PIECE_SIZE;
	uint64_t span = op->end - op->at;

	op->buffer_size = span < most ? span : most;
}

void rmw_submit(struct io_queue *q, struct blk_req *req)
{
	uint64_t mask = q->block_mask;
	bool partial = (req->offset | req->length) & mask;
	struct io_op *op = io_op_new(q, req, rmw_step);

	if (!op)
		return;
	q->count[IO_BOUNCED]++;
	op->at = req->offset & ~mask;
	op->end = (op->end + mask) & ~mask;
	rmw_set_buffer_size(op);
	io_begin(q, req, op, req->op == BLK_READ ? IO_NO_RANGE : partial ? IO_EXCLUSIVE : IO_SHARED,
		op->at, op->end);
}

void rmw_take_over(struct io_op *op)
{
	op->child.error = 0;
	op->step = rmw_step;
	op->phase = RMW_PIECE;
	rmw_set_buffer_size(op);
	rmw_step(op);
}
