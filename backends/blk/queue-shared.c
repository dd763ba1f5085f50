// SPDX-License-Identifier: MIT
/* What the queues of a device share. Control thread. */
#include "config.h"
#include "backends/blk/queue.h"

#include <string.h>

#include "backends/blk/queue-private.h"

static void queue_wake(void *opaque)
{
	queue_poke(opaque);
}

void queue_shared_init(struct queue_shared *shared)
{
	memset(shared, 0, sizeof(*shared));
	pthread_mutex_init(&shared->flush.lock, NULL);
	barrier_init(&shared->barrier, queue_wake);
	limit_init(&shared->limit);
}

/*
 * Where the storage's own lock is no fence (disks that are only read, file systems without
 * locks) the journal's is made one, if all I/O is the io_uring's.
 */
int queue_shared_make_slot(struct queue_shared *shared, unsigned index, char *why, size_t room)
{
	struct uring_slot *slot = &shared->slot[index];
	uint32_t flags = shared->journal ? io_info(shared->io)->flags : 0;

	if ((flags & BLK_INFO_IN_RING) && !(flags & BLK_INFO_FENCED))
		slot->witness = journal_fd(shared->journal);
	return uring_slot_make(slot, why, room);
}

int queue_shared_prepare(struct queue_shared *shared, unsigned queues, char *why, size_t room)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < queues; i++)
		rc = queue_shared_make_slot(shared, i, why, room);
	return rc;
}

void queue_shared_dispose(struct queue_shared *shared)
{
	for (unsigned i = 0; i < BLKIF_MAX_QUEUES; i++)
		uring_slot_dispose(&shared->slot[i]);
	pthread_mutex_destroy(&shared->flush.lock);
	barrier_dispose(&shared->barrier);
	limit_dispose(&shared->limit);
}
