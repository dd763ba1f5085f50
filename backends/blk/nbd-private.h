/* SPDX-License-Identifier: MIT */
/* What the files of the nbd driver share. */
#ifndef SLUICE_BACKENDS_BLK_NBD_PRIVATE_H
#define SLUICE_BACKENDS_BLK_NBD_PRIVATE_H

#include <pthread.h>
#include <sys/queue.h>

#include "backends/blk/driver.h"
#include "backends/blk/nbd-link.h"

/** struct nbd - an open export. */
struct nbd {
	struct nbd_server server;
	struct nbd_export export; /* what guests were told that it is */
	bool strict;             /* one queue: what was not flushed is counted, and its loss fails the disk */
	bool readonly, own_server; /* struct blk_conf's */
	bool errors_last;        /* a write that fails fails the disk */
	uint64_t written, covered; /* strict: writes that are done, those that a flush was done for */
	int failed;              /* atomic: -errno that all requests end with from now on */
	pthread_mutex_t lock;    /* of spare */
	struct nbd_link spare;   /* UP: the one of attach(), or of a queue that ended */
};

TAILQ_HEAD(nbd_ops, nbd_op);

struct nbd_queue;

/** struct nbd_op - in blk_req.driver_private. */
struct nbd_op {
	TAILQ_ENTRY(nbd_op) entry;
	struct nbd_queue *q;
	void *bounce;            /* instead of several elements of memory; or NULL */
	uint64_t mark;           /* a flush: what was written before it */
	int64_t since_ms;
	int result;
	bool answered;           /* the result is the server's, or its connection's */
};
_Static_assert(sizeof(struct nbd_op) <= sizeof(((struct blk_req *)0)->driver_private),
	"nbd_op fits a request's private room");

/** struct nbd_queue - a queue and its connection. */
struct nbd_queue {
	struct nbd *nbd;
	struct blk_queue *pub;
	struct nbd_link link;
	struct nbd_ops staged, flight, finished;
	int64_t retry_ms;        /* DOWN: when to connect again */
	int64_t attempt_ms;      /* CONNECTING, GREETING: when that is given up */
	unsigned pause_ms;       /* between attempts; 0: something was answered since the last one */
	bool leaving;            /* UP, and the server said that it ends: nothing more is sent */
	bool told;               /* that it is lost */
};

/* nbd-queue.c: struct blk_driver's functions of the same names */
int nbd_queue_start(void *state, struct blk_queue *pub);
void nbd_queue_stop(void *state, struct blk_queue *pub);
void nbd_queue_submit(void *state, struct blk_queue *pub, struct blk_req *req);
void nbd_queue_kick(void *state, struct blk_queue *pub);
void nbd_queue_poll(void *state, struct blk_queue *pub, struct blk_poll *poll);
void nbd_queue_reap(void *state, struct blk_queue *pub, uint32_t revents);

#endif
