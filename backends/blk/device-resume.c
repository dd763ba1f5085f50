// SPDX-License-Identifier: MIT
/*
 * Going on where a predecessor was killed. Control thread. The fence is in two parts: that
 * the journal's lock was free says that no thread of the predecessor runs any more, that the
 * storage's was says that none of its I/O is under way (storage_lock()). Where the storage's
 * says nothing, rings hold the journal open until their last request has ended.
 */
#include "config.h"
#include "backends/blk/device-private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "backends/common/journal-read.h"
#include "common/log.h"
#include "common/spin.h"

/* Shorter than the daemon waits for READY; it starts the next one that waits. */
#define DEVICE_FENCE_MS 8000u
/* Between two tries: the first, and the longest. */
#define DEVICE_FENCE_NS 1000000
#define DEVICE_FENCE_MAX_NS 100000000

bool device_has_predecessor(const struct device *d)
{
	const struct journal_image *image =
		d->shared.journal ? journal_predecessor(d->shared.journal) : NULL;

	for (unsigned i = 0; image && i < JOURNAL_MAX_QUEUES; i++)
		if (journal_image_ring(image, i))
			return true;
	return false;
}

int device_await_fence(struct device *d, int (*open)(struct device *d, char *why, size_t room),
	char *why, size_t room)
{
	uint64_t end_ns = spin_now_ns() + DEVICE_FENCE_MS * UINT64_C(1000000);
	struct timespec pause = { .tv_nsec = DEVICE_FENCE_NS };
	int rc = open(d, why, room);

	while (rc == -EBUSY && spin_now_ns() < end_ns) {
		nanosleep(&pause, NULL);
		/* Often at first, for a predecessor that is just gone; a try may be a login at a server. */
		if (pause.tv_nsec < DEVICE_FENCE_MAX_NS)
			pause.tv_nsec += pause.tv_nsec / 8;
		rc = open(d, why, room);
	}
	return rc;
}

int device_check_sections(struct device *d, uint32_t num_queues, char *why, size_t room)
{
	const struct journal_image *image = journal_predecessor(d->shared.journal);

	for (uint32_t i = 0; i < JOURNAL_MAX_QUEUES; i++) {
		if ((i < num_queues) == !!journal_image_ring(image, i))
			continue;
		snprintf(why, room, "its journal is not about the %" PRIu32 " ring(s) of now",
			num_queues);
		return -EPROTO;
	}
	return 0;
}

/* Whether its requests can be repeated here without harm. */
static int device_may_resume(struct device *d, char *why, size_t room)
{
	const struct blk_info *info = io_info(d->shared.io);

	if (!device_has_predecessor(d))
		snprintf(why, room, "left no journal of its requests");
	else if (memcmp(journal_image_storage(journal_predecessor(d->shared.journal)),
			 info->identity, sizeof(info->identity)) != 0)
		snprintf(why, room, "it served another storage");
	else if (!(info->flags & (BLK_INFO_FENCED | BLK_INFO_IN_RING)))
		snprintf(why, room, "it cannot be known when the last of its I/O ends");
	else
		return 0;
	return -EOPNOTSUPP;
}

/* What was advertised is what holds, whatever this program or the storage would offer now. */
static int device_read_offer(struct device *d, char *why, size_t room)
{
	struct backend_dir dir = backend_own_dir(d->backend);
	struct nego_error error = { "" };
	int rc = nego_read(&blkif_nodes, NEGO_BACKEND, &d->offer, backend_dir_read, &dir, &error);

	if (rc < 0)
		snprintf(why, room, "what it offered cannot be read (%s)", error.text);
	return rc;
}

static void device_log_resumed(const struct device *d)
{
	unsigned requests = 0, answered = 0;

	for (unsigned i = 0; i < d->nqueues; i++) {
		unsigned n;

		requests += queue_resumed(d->queue[i], &n);
		answered += n;
	}
	log_info("took over %u request(s) of an earlier backend, %u of them done already", requests,
		answered);
}

int device_resume(void *opaque, struct backend_dir *frontend, char *why, size_t room)
{
	struct device *d = opaque;
	struct blkif_backend_nodes ours = d->offer;
	int rc = device_may_resume(d, why, room);

	if (rc == 0)
		rc = device_read_offer(d, why, room);
	if (rc == 0) {
		d->resuming = true;
		rc = device_attach(d, frontend, why, room);
		d->resuming = false;
	}
	if (rc < 0) {
		d->offer = ours;
		journal_reset(d->shared.journal, io_info(d->shared.io)->identity);
		return rc;
	}
	journal_settle(d->shared.journal);
	device_log_resumed(d);
	device_tell_size(d);
	return 0;
}
