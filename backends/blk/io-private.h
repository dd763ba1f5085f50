/* SPDX-License-Identifier: MIT */
/* What io.c, parts.c and rmw.c share; nobody else. */
#ifndef SLUICE_BACKENDS_BLK_IO_PRIVATE_H
#define SLUICE_BACKENDS_BLK_IO_PRIVATE_H

#include "backends/blk/io.h"
#include "common/array.h"

/* A sector of blkif, in which all lengths are counted. */
#define IO_SECTOR 512u

struct io {
	const struct blk_driver *driver;
	void *state;
	struct blk_conf conf;   /* its strings are the device's */
	struct blk_info info;   /* its size is atomic: queues check against it */
	uint64_t base;          /* where the disk begins in the storage, bytes */
	uint64_t length;        /* of the part that the disk is; 0: to the storage's end */
	struct range_lock lock;
};

/** enum io_hold_kind - blk_req.hold: what a request has of the range lock. */
enum io_hold_kind { IO_HOLD_NONE, IO_HOLD_ENTERED, IO_HOLD_RANGE };

/** struct io_hold - blk_req.core_private of a request that may have to wait for its range. */
struct io_hold {
	struct range_entry range;
	struct blk_post post;
	struct io_queue *q;
	struct io_op *op;       /* NULL: the request is the driver's as it is */
};
_Static_assert(sizeof(struct io_hold) <= sizeof(((struct blk_req *)0)->core_private),
	"io_hold fits a request's private room");

enum rmw_phase { RMW_PIECE, RMW_HEAD, RMW_TAIL, RMW_DATA, RMW_DONE };

/**
 * struct io_op - a request of which the driver sees something else: child, once or
 * several times, one after the other.
 */
struct io_op {
	struct blk_req child;
	struct blk_req *parent;
	struct io_queue *q;
	/* step - begin, then go on each time that child is done: look at child.error first. */
	void (*step)(struct io_op *op);
	uint64_t at, end;       /* what is not begun yet, bytes of the storage */
	unsigned index;         /* the element of parent->iov that comes next */
	/* parts.c */
	struct iovec rest;      /* of element index, what the last cut left; iov_len 0: all */
	/* rmw.c */
	size_t skip;            /* bytes of element index that are copied */
	uint8_t *buffer;
	size_t buffer_size;
	uint64_t piece_end;
	enum rmw_phase phase;
	struct iovec iov;
	struct io_op *next;     /* that waits for a buffer */
	bool waited;            /* this one did */
};

static inline struct io_hold *io_hold(struct blk_req *req)
{
	return (struct io_hold *)req->core_private;
}

/** io_to_driver() - outside of a sweep's submissions: a kick follows. */
void io_to_driver(struct io_queue *q, struct blk_req *req);

enum io_sharing { IO_NO_RANGE, IO_SHARED, IO_EXCLUSIVE };
/** io_begin() - start @req, or @op that stands for it, once it has its range. */
void io_begin(struct io_queue *q, struct blk_req *req, struct io_op *op, enum io_sharing sharing,
	uint64_t start, uint64_t end);

/** io_op_new() - NULL: no memory, and @req is finished with that. */
struct io_op *io_op_new(struct io_queue *q, struct blk_req *req, void (*step)(struct io_op *op));
/** io_op_finish() - give the request back and free @op. */
void io_op_finish(struct io_op *op, int error);
/** io_op_child() - send the driver a request for a part. */
void io_op_child(struct io_op *op, enum blk_op what, uint64_t offset, uint64_t length,
	struct iovec *iov, unsigned niov);

/** parts_submit() - an aligned read or write that is too large for the driver. */
void parts_submit(struct io_queue *q, struct blk_req *req);
/** parts_submit_range() - a discard, or zeroes that the driver can write. */
void parts_submit_range(struct io_queue *q, struct blk_req *req);

/** rmw_submit() - a read, write or zeroes of any alignment, through buffers of ours. */
void rmw_submit(struct io_queue *q, struct blk_req *req);
/** rmw_take_over() - write the zeroes that are left of @op, which has its range. */
void rmw_take_over(struct io_op *op);

#endif
