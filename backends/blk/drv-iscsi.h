/* SPDX-License-Identifier: MIT */
/* What drv-iscsi.c (the driver) and iscsi-queue.c (requests) share; nobody else. */
#ifndef SLUICE_BACKENDS_BLK_DRV_ISCSI_H
#define SLUICE_BACKENDS_BLK_DRV_ISCSI_H

#include <pthread.h>

#include "backends/blk/driver.h"
#include "backends/blk/iscsi-link.h"
#include "backends/blk/iscsi-local.h"
#include "backends/blk/iscsi-lun.h"
#include "backends/blk/iscsi-secret.h"
#include "backends/blk/iscsi-uri.h"
#include "common/log.h"

#define ISCSI_PORTALS 8u

/** struct iscsi_op - a request's, in its driver_private. */
struct iscsi_op {
	struct iscsi_op *next, **link; /* in a list of requests */
	struct iscsi_disk *disk;
	struct scsi_task *task;        /* while the target has it */
	int64_t since_ms;              /* that it came */
	int64_t again_ms;              /* that it is to be sent again */
	uint8_t list[LUN_UNMAP_LIST];  /* the parameters of its UNMAP */
	struct scsi_iovec iov;
	int32_t delays;                /* so far */
	bool unsure;                   /* sent in a session that was lost, and not answered */
};
_Static_assert(sizeof(struct iscsi_op) <= sizeof(((struct blk_req *)0)->driver_private),
	"iscsi_op fits a request's private room");

/** struct iscsi_list - requests, oldest first; zero and iscsi_list_init() is empty. */
struct iscsi_list {
	struct iscsi_op *first, **tail;
};

/** struct iscsi_disk - a driver's state. */
struct iscsi_disk {
	struct iscsi_uri uri;
	struct iscsi_secret secret;
	struct iscsi_setup setup;
	struct iscsi_link link;
	struct lun lun;
	char initiator[ISCSI_URI_NAME];
	char portals[ISCSI_PORTALS][ISCSI_LINK_PORTAL];
	unsigned nportals;
	int lock_fd;
	bool readonly, exclusive;

	/* the queue's thread */
	struct iscsi_list queued;   /* to be sent */
	struct iscsi_list flying;   /* the target has them */
	struct iscsi_list delayed;  /* to be sent again later */
	struct blk_queue *queue;
	bool may_change;            /* of a lost session's changes some may still be done: see iscsi_link.fence */
	bool was_ready;
	int64_t ready_ms, lost_ms, retry_ms, nop_ms;
	unsigned tries;             /* since there was a session that lasted */
	bool look, looking;         /* at the unit's size */
	uint8_t capacity[32];
	struct scsi_iovec capacity_iov;
	struct log_limit limit, link_limit;

	/* both threads */
	uint64_t size;              /* atomic */
	pthread_mutex_t mutex;      /* of what follows */
	struct blk_queue *running;
	bool posted;
	struct blk_post post;
};

/* --- iscsi-queue.c: all in the queue's thread ------------------------------------------------------- */

int iscsi_queue_start(void *state, struct blk_queue *queue) must_check;
void iscsi_queue_stop(void *state, struct blk_queue *queue);
void iscsi_queue_submit(void *state, struct blk_queue *queue, struct blk_req *req);
void iscsi_queue_kick(void *state, struct blk_queue *queue);
void iscsi_queue_poll(void *state, struct blk_queue *queue, struct blk_poll *poll);
void iscsi_queue_reap(void *state, struct blk_queue *queue, uint32_t revents);
/** iscsi_queue_refresh() - control thread: the size as it was seen last; it is looked at anew. */
int iscsi_queue_refresh(void *state, struct blk_info *info) must_check;

#endif
