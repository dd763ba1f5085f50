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

#include "backends/blk/driver.h"

/** struct io - an open storage and its driver, for the life of the device. */
struct io;

/** struct io_queue - one queue's side of it; zero it, then io_queue_start(). */
struct io_queue {
	struct io *io;
	struct blk_queue *pub;
	const struct blk_driver *driver;
	void *state;         /* the driver's */
	uint32_t in_flight;  /* the driver's now: submitted to it and not done */
};

/**
 * io_open() - open the storage with @driver; before confinement.
 *
 * Return: 0, or -errno with @why, which names the storage and the remedy.
 */
int io_open(const struct blk_driver *driver, const struct blk_conf *conf, struct io **io, char *why,
	size_t why_room) must_check;
/** io_adopt() - for tests: a storage that is open. 0 or -ENOMEM. */
int io_adopt(const struct blk_driver *driver, void *state, const struct blk_info *info,
	struct io **io) must_check;
/** io_close() - when no queue runs. NULL is fine. */
void io_close(struct io *io);
/** io_info() - what the storage is. */
const struct blk_info *io_info(const struct io *io);

/** io_queue_start() - before the first request. 0 or -errno: then nothing is to be stopped. */
int io_queue_start(struct io *io, struct io_queue *q, struct blk_queue *pub) must_check;
/** io_queue_stop() - when nothing is in flight. */
void io_queue_stop(struct io_queue *q);

/** io_submit() - start @req, which io_take_done() will give back; at latest at io_kick(). */
void io_submit(struct io_queue *q, struct blk_req *req);
/** io_finish() - give @req back without asking the storage. */
void io_finish(struct io_queue *q, struct blk_req *req, int error);
/** io_kick() - after the io_submit() of a sweep. */
void io_kick(struct io_queue *q);
/** io_take_done() - requests that are over, oldest first, linked by next; NULL: none. */
struct blk_req *io_take_done(struct io_queue *q);

#endif
