/* SPDX-License-Identifier: MIT */
/*
 * Reads and writes of any alignment on a disk that has sectors: e2fsck, for one,
 * writes single words of a superblock.
 */
#ifndef SLUICE_FRONTENDS_NBDKIT_ALIGN_H
#define SLUICE_FRONTENDS_NBDKIT_ALIGN_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "frontends/nbdkit/worker.h"

/** struct align - one per disk: writes of whole sectors run together, others alone. */
struct align {
	struct worker *worker;
	pthread_rwlock_t lock;
};

void align_init(struct align *a, struct worker *worker);
void align_dispose(struct align *a);

/** align_read() - any thread. 0 or -errno, as worker_run(). */
int align_read(struct align *a, void *buf, uint32_t count, uint64_t offset) must_check;
/**
 * align_write() - any thread. 0 or -errno.
 *
 * The part of a sector that is not written keeps what it has: it is read and written
 * back while no other write of this process runs.
 */
int align_write(struct align *a, const void *buf, uint32_t count, uint64_t offset) must_check;

#endif
