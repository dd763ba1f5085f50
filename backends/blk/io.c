// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/blk/io.h"

#include <errno.h>
#include <stdlib.h>

struct io {
	const struct blk_driver *driver;
	void *state;
	struct blk_info info;
};

int io_adopt(const struct blk_driver *driver, void *state, const struct blk_info *info,
	struct io **io)
{
	struct io *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	*n = (struct io){ driver, state, *info };
	*io = n;
	return 0;
}

int io_open(const struct blk_driver *driver, const struct blk_conf *conf, struct io **io, char *why,
	size_t why_room)
{
	struct blk_info info = { 0 };
	void *state = NULL;
	int rc = driver->open(conf, &info, &state, why, why_room);

	if (rc < 0)
		return rc;
	rc = io_adopt(driver, state, &info, io);
	if (rc < 0 && driver->close)
		driver->close(state);
	return rc;
}

void io_close(struct io *io)
{
	if (!io)
		return;
	if (io->driver->close)
		io->driver->close(io->state);
	free(io);
}

const struct blk_info *io_info(const struct io *io)
{
	return &io->info;
}

int io_queue_start(struct io *io, struct io_queue *q, struct blk_queue *pub)
{
	*q = (struct io_queue){
		.io = io, .pub = pub, .driver = io->driver, .state = io->state
	};
	return io->driver->queue_start ? io->driver->queue_start(io->state, pub) : 0;
}

void io_queue_stop(struct io_queue *q)
{
	if (q->driver->queue_stop)
		q->driver->queue_stop(q->state, q->pub);
}

void io_submit(struct io_queue *q, struct blk_req *req)
{
	q->in_flight++;
	q->driver->submit(q->state, q->pub, req);
}

void io_finish(struct io_queue *q, struct blk_req *req, int error)
{
	q->in_flight++;
	blk_req_done(q->pub, req, error);
}

void io_kick(struct io_queue *q)
{
	q->driver->kick(q->state, q->pub);
}

/* The driver's list is newest first. */
struct blk_req *io_take_done(struct io_queue *q)
{
	struct blk_req *req = q->pub->done, *list = NULL;

	q->pub->done = NULL;
	while (req) {
		struct blk_req *next = req->next;

		q->in_flight--;
		req->next = list;
		list = req;
		req = next;
	}
	return list;
}
