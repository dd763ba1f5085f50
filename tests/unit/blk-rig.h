/* SPDX-License-Identifier: MIT */
/*
 * A block ring between a test and the backend's real queue code, over
 * tests/peers/fake-xen.c: the test is the frontend and chooses the storage driver.
 */
#ifndef SLUICE_TESTS_UNIT_BLK_RIG_H
#define SLUICE_TESTS_UNIT_BLK_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backends/blk/drivers.h"
#include "backends/blk/queue.h"
#include "protocol/blkif.h"
#include "protocol/ring.h"
#include "tests/peers/fake-xen.h"

#define RIG_RING_GREF 1u      /* and the next, for larger rings */
#define RIG_INDIRECT_GREF 20u
#define RIG_DATA_GREF 32u     /* up to RIG_DATA_PAGES of them */
#define RIG_DATA_PAGES 1024u
#define RIG_SECTORS 8192u     /* 4 MiB */
/* Further queues of one device have references of their own, and few pages. */
#define RIG_NEXT_GREF 1100u
#define RIG_NEXT_STRIDE 100u
#define RIG_NEXT_PAGES 32u

struct rig;

/** struct rig_options - zero is: native, no persistent grants, order 0, memory driver. */
struct rig_options {
	enum blkif_abi abi;
	bool persistent;
	bool readonly;
	unsigned order;
	unsigned max_indirect; /* 0: 256 */
	bool no_indirect;
	struct journal *journal;
	const struct blk_driver *driver;
	void *driver_state;
	const struct blk_info *info; /* NULL: 512-byte blocks, RIG_SECTORS */
	unsigned poll_us;
	struct rig *first; /* queue 0 of the same device; NULL: this is it */
	unsigned index;    /* of the queue */
	bool barrier, discard, secure_discard;
	uint32_t logical_sectors; /* 0: 1 */
	/* Lives and dies before the queue is made, which then resumes; sets shared.journal. */
	void (*predecessor)(struct rig *rig);
	char *refused;     /* room for 256: the queue cannot be made, this is why */
	bool given_up;     /* its thread is started, and never told to serve */
	bool slow_writes;  /* the disk's limit lets one page be written, and then a byte each second */
};

struct rig {
	struct queue_shared shared; /* of queue 0 */
	struct queue *queue;
	unsigned index;
	uint32_t base;     /* added to the references above */
	struct ring_front ring;
	enum blkif_abi abi;
	int ended_fd;
	uint8_t *data[RIG_DATA_PAGES]; /* the frontend's view */
	uint8_t *indirect;
};

/** rig_start() - grant everything, connect. */
void rig_start(struct rig *rig, const struct rig_options *options);
/** rig_stop() - stop the queue, wait, destroy, close the storage. Return: its failure, malloc'ed, or NULL. */
char *rig_stop(struct rig *rig);
/** rig_lift_limit() - of a disk with slow_writes. */
void rig_lift_limit(struct rig *rig);
/** rig_wait_ended() - wait for the queue's thread to end by itself. */
void rig_wait_ended(struct rig *rig);

/** rig_put() - put a request, unseen until rig_push(). */
void rig_put(struct rig *rig, const struct blkif_req *req);
void rig_push(struct rig *rig);
/** rig_get() - wait for the next response. */
struct blkif_rsp rig_get(struct rig *rig);
/** rig_do() - put, push, get; checks id and operation. Return: the status. */
int rig_do(struct rig *rig, const struct blkif_req *req);
/** rig_request() - a request of @segments whole pages, indirect beyond 11. */
struct blkif_req rig_request(struct rig *rig, uint8_t op, uint64_t sector, unsigned segments);
uint64_t rig_metric(struct rig *rig, enum queue_metric m);

/* --- a driver that keeps its disk in memory, records, delays and fails --- */

struct mem_driver {
	uint8_t disk[RIG_SECTORS * 512];
	/* what the test wants: set with mem_set() while the queue runs */
	int fail_read, fail_write, fail_flush; /* -errno */
	bool hold;     /* keep requests until mem_driver_release() */
	/* what happened */
	unsigned submitted, completed, kicks;
	struct mem_event {
		enum blk_op op;
		bool done; /* false: submitted */
		uint64_t offset;
	} event[256];
	unsigned events;
	struct blk_req *held[64];
	unsigned nheld;
	struct blk_queue *queue;
	int wake_fd;
	struct blk_cqe wake;
};
#define mem_set(field, value) __atomic_store_n(field, value, __ATOMIC_RELEASE)
#define mem_get(field) __atomic_load_n(field, __ATOMIC_ACQUIRE)
extern const struct blk_driver mem_driver;
void mem_driver_init(struct mem_driver *m);
void mem_driver_fini(struct mem_driver *m);
/** mem_driver_release() - complete what was held; the test waits for the answers. */
void mem_driver_release(struct mem_driver *m);

#endif
