/* SPDX-License-Identifier: MIT */
/*
 * Between the queues and a storage driver; knows nothing of blkif. Checks each request
 * against what the storage is, and makes of those that the driver cannot take as they
 * are several that it can. Requests that it can take go straight through.
 *
 * Threads: what takes a struct io in the control thread, what takes a struct io_queue
 * in that queue's, unless it says otherwise.
 */
#ifndef SLUICE_BACKENDS_BLK_IO_H
#define SLUICE_BACKENDS_BLK_IO_H

#include <liburing.h>

#include "backends/blk/driver.h"
#include "backends/blk/range-lock.h"

/* What io_queue.count counts; monotonic, written by the queue's thread only. */
enum io_counter {
	IO_SPLIT,     /* requests that were too large for the driver */
	IO_BOUNCED,   /* requests that were not aligned */
	IO_RMW_READS, /* blocks read to be written back modified */
	IO_WAITS,     /* requests that waited for another one's range */
	IO_COUNTERS
};

struct io_op;

/** struct io - an open storage and its driver, for the life of the device. */
struct io;

/** struct io_queue - one queue's side of it; a member of the queue, not to be moved. */
struct io_queue {
	struct blk_queue *pub;
	const struct blk_driver *driver;
	void *state;         /* the driver's */
	struct io *io;
	/* what a request must fit to go straight through */
	uint64_t max_length;
	uint32_t max_iov;
	uint32_t block_mask; /* block_size - 1 */
	bool check_iov;      /* elements need more than 512-byte alignment */
	bool locking;        /* somebody may need a range for himself */
	bool served;         /* BLK_INFO_SERVED */
	bool staged;         /* submitted and not kicked, outside of a sweep */
	bool cancelled;
	struct range_user writers;
	uint32_t in_flight;  /* taken by io_queue_submit() or io_finish(), not yet given back */
	/* read-modify-write */
	size_t buffer_bytes;
	struct io_op *waiting, **waiting_tail; /* for buffers */
	/* poll and reap */
	struct blk_cqe poll_cqe, timeout_cqe, cancel_cqe;
	struct blk_poll poll;
	bool poll_armed, timeout_armed;
	struct __kernel_timespec timeout;
	int64_t deadline_ms;
	uint64_t count[IO_COUNTERS];
};

/**
 * io_open() - open the storage with @driver; before confinement.
 *
 * With a range in @conf the disk is that part of it, whatever the driver does: requests' offsets are
 * checked against its length, and moved by its start only then.
 * Return: 0, or -errno with @why, which names the storage and the remedy.
 */
int io_open(const struct blk_driver *driver, const struct blk_conf *conf, struct io **io, char *why,
	size_t why_room) must_check;
/** io_attaches_later() - its io_info() says nothing before io_attach(). */
bool io_attaches_later(const struct io *io);
/**
 * io_attach() - have the driver connect, if it does that after confinement. May be repeated after -EBUSY.
 * Return: as io_open(); io_close() is still due.
 */
int io_attach(struct io *io, char *why, size_t why_room) must_check;
/** io_adopt() - for tests: a storage that is open. 0, -ENOMEM or -EINVAL. */
int io_adopt(const struct blk_driver *driver, void *state, const struct blk_info *info,
	struct io **io) must_check;
/** io_close() - when no queue runs. NULL is fine. */
void io_close(struct io *io);
/** io_info() - what the storage is; its size as of the last io_refresh(). */
const struct blk_info *io_info(const struct io *io);
/** io_servers() - what the driver connects to while it serves; see struct blk_driver. 0 or -errno. */
int io_servers(struct io *io, struct servers *list, char *why, size_t room) must_check;

/**
 * io_refresh() - look whether the storage's size changed; queues may run.
 *
 * A request that was checked against a larger size ends with an error of the storage.
 * Return: 1 if it changed, 0 if not, or -errno.
 */
int io_refresh(struct io *io) must_check;

/** io_queue_start() - before the first request. 0 or -errno: then nothing is to be stopped. */
int io_queue_start(struct io *io, struct io_queue *q, struct blk_queue *pub) must_check;
/** io_queue_stop() - when nothing is in flight. */
void io_queue_stop(struct io_queue *q);

/** io_queue_cancel() - what can be left undone, the rest of large discards, ends with -ECANCELED. */
void io_queue_cancel(struct io_queue *q);

/** io_queue_submit() - start @req, which io_take_done() will give back; at latest at io_kick(). */
void io_queue_submit(struct io_queue *q, struct blk_req *req);
/** io_finish() - give @req back without asking the storage. */
void io_finish(struct io_queue *q, struct blk_req *req, int error);
/** io_kick() - after the io_queue_submit() of a sweep. */
void io_kick(struct io_queue *q);
/** io_is_served() - a server has requests of this queue: who waits should sleep. */
static inline bool io_is_served(const struct io_queue *q)
{
	return q->served && q->in_flight;
}
/** io_counters() - IO_COUNTERS of them. */
const uint64_t *io_counters(const struct io_queue *q);
/** io_take_done() - requests that are over, oldest first, linked by next; NULL: none. */
struct blk_req *io_take_done(struct io_queue *q);

#endif
