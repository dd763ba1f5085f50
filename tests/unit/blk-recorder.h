/* SPDX-License-Identifier: MIT */
/*
 * A storage driver that stores nothing and writes down what it saw, from several queues
 * at once; each queue's requests can be kept until the test lets them go.
 */
#ifndef SLUICE_TESTS_UNIT_BLK_RECORDER_H
#define SLUICE_TESTS_UNIT_BLK_RECORDER_H

#include <pthread.h>

#include "tests/unit/blk-rig.h"

#define RECORDER_QUEUES 4u
#define RECORDER_EVENTS 65536u

struct recorder_event {
	unsigned queue;
	enum blk_op op;
	bool done; /* false: submitted */
	uint64_t sector, bytes;
	uint32_t flags;
};

struct recorder_queue {
	struct recorder *recorder;
	struct blk_queue *pub;
	unsigned index;
	bool hold;
	struct blk_req *held[512];
	unsigned nheld;
	int wake_fd;
	struct blk_cqe wake;
};

struct recorder {
	pthread_mutex_t lock;
	struct recorder_event event[RECORDER_EVENTS];
	unsigned events, submitted;
	int fail[BLK_ZEROES + 1]; /* -errno for each operation */
	struct recorder_queue queue[RECORDER_QUEUES];
	unsigned queues;
};

extern const struct blk_driver recorder_driver;
void recorder_init(struct recorder *r);
void recorder_fini(struct recorder *r);
/** recorder_hold() - keep what queue @i gets from now on. */
void recorder_hold(struct recorder *r, unsigned i);
/** recorder_release() - complete it, and what comes. */
void recorder_release(struct recorder *r, unsigned i);
/** recorder_fail() - what operations of this kind return from now on. */
void recorder_fail(struct recorder *r, enum blk_op op, int error);
/** recorder_submitted() - how many requests the storage was given so far. */
unsigned recorder_submitted(struct recorder *r);
/** recorder_wait() - until it was given @n. */
void recorder_wait(struct recorder *r, unsigned n);

#endif
