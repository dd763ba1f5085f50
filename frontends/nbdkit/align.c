// SPDX-License-Identifier: MIT
/*
 * Requests that begin or end inside a sector, by way of a copy of the sectors around
 * them. Whole-sector writes take the lock shared and cost nothing more; the others are
 * rare and take it alone, or two of them in one sector could undo each other.
 */
#include "config.h"
#include "frontends/nbdkit/align.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The sectors around a request. */
struct cover {
	uint64_t offset;
	uint64_t length;
	uint32_t sector;
	uint8_t *data;
};

void align_init(struct align *a, struct worker *worker)
{
	a->worker = worker;
	pthread_rwlock_init(&a->lock, NULL);
}

void align_dispose(struct align *a)
{
	pthread_rwlock_destroy(&a->lock);
}

static bool is_aligned(const struct align *a, uint32_t count, uint64_t offset)
{
	return ((count | offset) & (worker_info(a->worker)->sector_size - 1)) == 0;
}

static int cover_init(const struct align *a, struct cover *c, uint32_t count, uint64_t offset)
{
	uint64_t mask;

	c->sector = worker_info(a->worker)->sector_size;
	mask = c->sector - 1;
	c->offset = offset & ~mask;
	c->length = ((offset + count + mask) & ~mask) - c->offset;
	c->data = malloc(c->length);
	return c->data ? 0 : -ENOMEM;
}

static int cover_read(const struct align *a, const struct cover *c, uint64_t at, uint64_t length)
{
	return worker_run(a->worker, BLKFRONT_READ, c->offset + at, length, c->data + at);
}

int align_read(struct align *a, void *buf, uint32_t count, uint64_t offset)
{
	struct cover c;
	int rc;

	if (is_aligned(a, count, offset))
		return worker_run(a->worker, BLKFRONT_READ, offset, count, buf);
	rc = cover_init(a, &c, count, offset);
	if (rc < 0)
		return rc;
	rc = cover_read(a, &c, 0, c.length);
	if (rc == 0)
		memcpy(buf, c.data + (offset - c.offset), count);
	free(c.data);
	return rc;
}

/* First and last sector as they are, the new bytes over them, all back. */
static int cover_write(const struct align *a, const struct cover *c, const void *buf, uint32_t count,
	uint64_t offset)
{
	int rc = cover_read(a, c, 0, c->sector);

	if (rc == 0 && c->length > c->sector)
		rc = cover_read(a, c, c->length - c->sector, c->sector);
	if (rc < 0)
		return rc;
	memcpy(c->data + (offset - c->offset), buf, count);
	return worker_run(a->worker, BLKFRONT_WRITE, c->offset, c->length, c->data);
}

int align_write(struct align *a, const void *buf, uint32_t count, uint64_t offset)
{
	struct cover c;
	int rc;

	if (is_aligned(a, count, offset)) {
		pthread_rwlock_rdlock(&a->lock);
		/* Only read from: the worker's buffer pointer serves both directions. */
		rc = worker_run(a->worker, BLKFRONT_WRITE, offset, count, (void *)(uintptr_t)buf);
		pthread_rwlock_unlock(&a->lock);
		return rc;
	}
	rc = cover_init(a, &c, count, offset);
	if (rc < 0)
		return rc;
	pthread_rwlock_wrlock(&a->lock);
	rc = cover_write(a, &c, buf, count, offset);
	pthread_rwlock_unlock(&a->lock);
	free(c.data);
	return rc;
}
