// SPDX-License-Identifier: MIT
/*
 * The null driver: every request succeeds at once and no data moves. The floor for
 * benchmarks: what the protocol itself costs. What a read returns is whatever the
 * buffer held, which is the frontend's own.
 */
#include "config.h"
#include "backends/blk/drivers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NULL_DEFAULT_SIZE (64ull << 30)

struct null_queue {
	struct blk_req *staged, **tail;
};

static int null_open(const struct blk_conf *conf, struct blk_info *info, void **state, char *why,
	size_t why_room)
{
	struct stat sb;

	*info = (struct blk_info){
		.size = NULL_DEFAULT_SIZE,
		.block_size = 512,
		.physical_size = 512,
		.max_iov = 1024,
		.discard_granularity = 512,
		.flags = BLK_INFO_FLUSH | BLK_INFO_MULTI_QUEUE | BLK_INFO_DISCARD | BLK_INFO_ZEROES |
			 BLK_INFO_FENCED |
			 (conf->readonly ? BLK_INFO_READONLY : 0),
	};
	*state = NULL;
	if (!conf->filename[0])
		return 0;
	if (stat(conf->filename, &sb) < 0) {
		int rc = -errno;

		snprintf(why, why_room, "%s: %s; the null driver takes its size, or 64 GiB without a name",
			conf->filename, strerror(-rc));
		return rc;
	}
	if (S_ISREG(sb.st_mode) && sb.st_size >= 512)
		info->size = sb.st_size & ~511ull;
	return 0;
}

static int null_queue_start(void *state, struct blk_queue *queue)
{
	struct null_queue *nq = calloc(1, sizeof(*nq));

	if (!nq)
		return -ENOMEM;
	nq->tail = &nq->staged;
	queue->driver_private = nq;
	return 0;
}

static void null_queue_stop(void *state, struct blk_queue *queue)
{
	free(queue->driver_private);
	queue->driver_private = NULL;
}

static void null_submit(void *state, struct blk_queue *queue, struct blk_req *req)
{
	struct null_queue *nq = queue->driver_private;

	req->next = NULL;
	*nq->tail = req;
	nq->tail = &req->next;
}

static void null_kick(void *state, struct blk_queue *queue)
{
	struct null_queue *nq = queue->driver_private;
	struct blk_req *req = nq->staged;

	nq->staged = NULL;
	nq->tail = &nq->staged;
	while (req) {
		struct blk_req *next = req->next;

		blk_req_done(queue, req, 0);
		req = next;
	}
}

static void null_close(void *state)
{
	/* nothing was opened */
}

const struct blk_driver blk_driver_null = {
	.name = "null",
	.open = null_open,
	.queue_start = null_queue_start,
	.queue_stop = null_queue_stop,
	.submit = null_submit,
	.kick = null_kick,
	.close = null_close,
};
