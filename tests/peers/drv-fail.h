/* SPDX-License-Identifier: MIT */
/*
 * A storage driver for tests: a disk in memory that checks what the core promises to
 * drivers, records, and whose "system calls" fail or are short where the test says so.
 * Completions come in kick(), or later through a descriptor by poll() and reap().
 */
#ifndef SLUICE_TESTS_PEERS_DRV_FAIL_H
#define SLUICE_TESTS_PEERS_DRV_FAIL_H

#include <pthread.h>
#include <sys/types.h>

#include "backends/blk/driver.h"

#define FAIL_RULES 8u
#define FAIL_LOG 512u

/** struct fail_rule - what a call returns that touches a range. */
struct fail_rule {
	enum blk_op op;
	uint64_t start, end; /* bytes of the disk; end 0: anywhere */
	unsigned skip;       /* first leave so many alone */
	unsigned times;      /* then so many, 0: each */
	ssize_t result;      /* -errno, or how many bytes are done at most */
};

struct fail_disk {
	struct blk_info info;
	uint8_t *data;
	struct fail_rule rule[FAIL_RULES];
	unsigned rules;
	bool later;          /* complete from reap() */
	bool ticks;          /* ... which nothing but the time asked for brings about */
	bool moves;          /* the descriptor is another one after each reap() */
	bool hold;           /* atomic: not even then */
	bool lies;           /* says that it read, and did not */
	pthread_mutex_t mutex; /* for what follows */
	unsigned submitted, completed, calls, kicks, reaps;
	unsigned in_flight, most_in_flight, broken_promises;
	struct fail_event {
		enum blk_op op;
		uint32_t flags;
		uint64_t offset, length;
		unsigned niov;
	} log[FAIL_LOG];
	unsigned logged;
};

extern const struct blk_driver fail_driver;
/** fail_disk_init() - @info.size bytes, each the number of its sector. */
void fail_disk_init(struct fail_disk *disk, const struct blk_info *info);
void fail_disk_fini(struct fail_disk *disk);
/** fail_disk_release() - let a queue go on that was told to hold. */
void fail_disk_release(struct fail_disk *disk, struct blk_queue *queue);

#endif
