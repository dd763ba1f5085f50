// SPDX-License-Identifier: MIT
/* I/O whose results the model knows. */
#include "config.h"
#include "tests/peers/conform.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SILENCE_MS 60000u

/* One that is in flight; in io->opaque. */
struct flight {
	struct conform *c;
	uint64_t sector, sectors, tag;
};

static const char *const op_names[] = { "read", "write", "flush", "discard", "barrier" };

bool conform_open(struct conform *c)
{
	struct blkfront_config config = { .vdev = c->o.vdev, .depth = c->o.depth, .queues = 1,
		.max_segments = c->o.segments,
		.no_persistent = c->o.no_persistent, .protocol = c->o.protocol, .timeout_ms = 60000,
		.ring_order = c->o.depth > 32 ? 4 : 0 };
	char why[256] = "";

	c->bf = blkfront_open(&config, why, sizeof(why));
	if (!c->bf) {
		conform_wrong(c, "cannot connect: %s", why);
		return false;
	}
	c->info = blkfront_get_info(c->bf);
	c->sectors = c->info->size / SECTOR;
	c->unit = c->info->sector_size / SECTOR;
	c->max = c->info->max_io / SECTOR;
	return true;
}

void conform_close(struct conform *c)
{
	blkfront_close(c->bf);
	c->bf = NULL;
}

static void learn(struct conform *c, const struct blkfront_io *io, const struct flight *f)
{
	switch (io->op) {
	case BLKFRONT_READ:
		if (io->error == 0)
			(void)!model_check(c, io->data, f->sector, f->sectors, "read");
		break;
	case BLKFRONT_WRITE:
	case BLKFRONT_BARRIER:
		if (io->error == 0)
			model_written(c, f->sector, f->sectors, f->tag);
		else
			model_unknown(c, f->sector, f->sectors);
		break;
	case BLKFRONT_DISCARD:
		if (io->error == 0)
			model_discarded(c, f->sector, f->sectors);
		else
			model_unknown(c, f->sector, f->sectors);
		break;
	case BLKFRONT_FLUSH:
		break;
	}
}

static void on_done(struct blkfront_io *io)
{
	struct flight *f = io->opaque;
	struct conform *c = f->c;

	c->in_flight--;
	c->done++;
	if (io->error) {
		c->errors++;
		c->last_error = io->error;
		if (!c->errors_allowed)
			conform_wrong(c, "%s of %" PRIu64 "+%" PRIu64 ": %s", op_names[io->op], f->sector,
				f->sectors, strerror(-io->error));
	}
	learn(c, io, f);
	memset(c->busy + f->sector, 0, f->sectors);
	free(f);
	blkfront_put(c->bf, io);
}

static bool is_busy(const struct conform *c, uint64_t sector, uint64_t sectors)
{
	return sectors && memchr(c->busy + sector, 1, sectors);
}

bool conform_start(struct conform *c, enum blkfront_op op, uint64_t sector, uint64_t sectors)
{
	struct blkfront_io *io = is_busy(c, sector, sectors) ? NULL : blkfront_get(c->bf);
	struct flight *f = io ? calloc(1, sizeof(*f)) : NULL;
	int rc;

	if (!f) {
		if (io)
			blkfront_put(c->bf, io);
		return false;
	}
	*f = (struct flight){ .c = c, .sector = sector, .sectors = sectors };
	io->op = op;
	io->offset = sector * SECTOR;
	io->length = sectors * SECTOR;
	io->done = on_done;
	io->opaque = f;
	if (op == BLKFRONT_WRITE || op == BLKFRONT_BARRIER) {
		f->tag = ++c->last_tag;
		model_fill(io->data, sector, sectors, f->tag);
	} else if (op == BLKFRONT_READ) {
		memset(io->data, 0xa5, sectors * SECTOR);
	}
	rc = blkfront_submit(c->bf, io);
	if (rc == 0) {
		memset(c->busy + sector, 1, sectors);
		c->in_flight++;
		return true;
	}
	if (rc != -ENOTCONN || !c->errors_allowed)
		conform_wrong(c, "%s of %" PRIu64 "+%" PRIu64 " is refused: %s", op_names[op], sector,
			sectors, strerror(-rc));
	free(f);
	blkfront_put(c->bf, io);
	return false;
}

bool conform_wait(struct conform *c, int ms)
{
	int rc = blkfront_wait(c->bf, ms);

	if (rc < 0 && !c->errors_allowed)
		conform_wrong(c, "the device failed: %s", blkfront_why(c->bf));
	return rc >= 0;
}

bool conform_drain(struct conform *c)
{
	uint64_t end = conform_now() + SILENCE_MS, done = c->done;

	while (c->in_flight && !c->failed) {
		if (!conform_wait(c, 1000))
			return false;
		if (c->done != done) {
			done = c->done;
			end = conform_now() + SILENCE_MS;
		} else if (conform_now() > end) {
			conform_wrong(c, "%u I/Os have no answer", c->in_flight);
		}
	}
	return !c->failed;
}

bool conform_do(struct conform *c, enum blkfront_op op, uint64_t sector, uint64_t sectors)
{
	unsigned errors = c->errors;

	return conform_start(c, op, sector, sectors) && conform_drain(c) && c->errors == errors;
}

static bool do_all(struct conform *c, enum blkfront_op op, uint64_t first, uint64_t n)
{
	for (uint64_t s = first; s < first + n && !c->failed;) {
		uint64_t count = first + n - s < c->max ? first + n - s : c->max;

		if (conform_start(c, op, s, count))
			s += count;
		else if (!conform_wait(c, 1000))
			return false;
	}
	return conform_drain(c);
}

bool conform_write_all(struct conform *c, uint64_t first, uint64_t n)
{
	return do_all(c, BLKFRONT_WRITE, first, n);
}

bool conform_read_all(struct conform *c, uint64_t first, uint64_t n)
{
	return do_all(c, BLKFRONT_READ, first, n);
}
