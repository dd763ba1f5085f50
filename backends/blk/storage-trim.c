// SPDX-License-Identifier: MIT
/*
 * Discards and zeroes of local storage. Probing changes nothing: it asks for what lies
 * behind the end, which is refused for its range where the operation exists, and with
 * EOPNOTSUPP where it does not.
 */
#include "config.h"
#include "backends/blk/storage.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/array.h"
#include "common/confine.h"

CONFINE_RULES(storage_trim, CONFINE_CALL(fallocate), CONFINE_CALL(fdatasync),
	CONFINE_CALL_IF(ioctl, 1, BLKDISCARD), CONFINE_CALL_IF(ioctl, 1, BLKSECDISCARD),
	CONFINE_CALL_IF(ioctl, 1, BLKZEROOUT));

#define TRIM_SECTOR 512u

/* --- probing --------------------------------------------------------------------------- */

/* Behind the end: EINVAL from those that can. A length of 0 would not do: it drops the cache. */
static bool trim_ioctl_exists(const struct storage *st, unsigned long request)
{
	uint64_t range[2] = { st->size, TRIM_SECTOR };

	return ioctl(st->fd, request, range) < 0 && errno == EINVAL;
}

/* Behind the end there is nothing to punch, and file systems say so by success. */
static bool trim_punch_works(const struct storage *st)
{
	off_t behind = (st->size + 0xfffffu) & ~(uint64_t)0xfffffu;

	return fallocate(st->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, behind, 4096) == 0;
}

static uint32_t trim_device_granularity(const struct storage *st, const struct stat *sb)
{
	/* A partition's queue is its disk's. */
	static const char *const places[] = { "queue", "../queue" };
	unsigned n = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(places) && !n; i++) {
		char name[96];
		FILE *f;

		snprintf(name, sizeof(name), "/sys/dev/block/%u:%u/%s/discard_granularity",
			major(sb->st_rdev), minor(sb->st_rdev), places[i]);
		f = fopen(name, "re");
		if (!f)
			continue;
		if (fscanf(f, "%u", &n) != 1)
			n = 0;
		fclose(f);
	}
	return n >= st->block_size ? n : st->block_size;
}

void storage_probe_trim(struct storage *st, bool readonly)
{
	struct stat sb;

	if (readonly || fstat(st->fd, &sb) < 0)
		return;
	if (st->is_device) {
		st->discard = trim_ioctl_exists(st, BLKDISCARD);
		st->secure_discard = st->discard && trim_ioctl_exists(st, BLKSECDISCARD);
		st->granularity = trim_device_granularity(st, &sb);
	} else {
		st->discard = trim_punch_works(st);
		st->granularity = sb.st_blksize;
		/* st_blksize can be a network's preferred size, or a huge page. */
		if (sb.st_blksize < 512 || sb.st_blksize > 65536 ||
			(sb.st_blksize & (sb.st_blksize - 1)))
			st->granularity = 4096;
	}
	if (!st->discard)
		st->granularity = 0;
}

/* --- doing it ----------------------------------------------------------------------------- */

int storage_trim_mode(enum blk_op op)
{
	return FALLOC_FL_KEEP_SIZE |
	       (op == BLK_ZEROES ? FALLOC_FL_ZERO_RANGE : FALLOC_FL_PUNCH_HOLE);
}

static int trim_device(const struct storage *st, const struct blk_req *req)
{
	uint64_t range[2] = { req->offset, req->length };
	unsigned long request = BLKDISCARD;

	if (req->op == BLK_ZEROES)
		request = BLKZEROOUT;
	else if (req->flags & BLK_REQ_SECURE)
		request = BLKSECDISCARD;
	return ioctl(st->fd, request, range) < 0 ? -errno : 0;
}

static int trim_file(const struct storage *st, const struct blk_req *req)
{
	int mode = storage_trim_mode(req->op);

	return fallocate(st->fd, mode, req->offset, req->length) < 0 ? -errno : 0;
}

static int trim_execute(const struct storage *st, const struct blk_req *req)
{
	int rc;

	do {
		if (req->op == BLK_FLUSH)
			rc = fdatasync(st->fd) < 0 ? -errno : 0;
		else
			rc = st->is_device ? trim_device(st, req) : trim_file(st, req);
	} while (rc == -EINTR);
	return rc;
}

static struct blk_req *trim_req(struct storage_job *sj)
{
	return container_of((void *)sj, struct blk_req, driver_private);
}

/* In the queue's thread. */
static void trim_posted(struct blk_queue *queue, struct blk_post *post)
{
	struct storage_job *sj = container_of(post, struct storage_job, post);

	blk_req_done(queue, trim_req(sj), sj->error);
}

/* In the worker's. */
static void trim_run(struct worker_job *job)
{
	struct storage_job *sj = container_of(job, struct storage_job, job);

	sj->error = trim_execute(sj->st, trim_req(sj));
	blk_queue_post(sj->queue, &sj->post);
}

void storage_work(struct storage *st, struct blk_queue *queue, struct blk_req *req)
{
	struct storage_job *sj = (struct storage_job *)req->driver_private;
	int rc;

	*sj = (struct storage_job){
		.job.run = trim_run,
		.post.fn = trim_posted,
		.queue = queue,
		.st = st,
	};
	rc = worker_submit(&st->worker, &sj->job);
	if (rc < 0)
		blk_req_done(queue, req, rc);
}
