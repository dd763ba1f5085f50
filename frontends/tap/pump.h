/* SPDX-License-Identifier: MIT */
/* Packets between a queue of a network frontend and one of a TAP: a thread. */
#ifndef SLUICE_FRONTENDS_TAP_PUMP_H
#define SLUICE_FRONTENDS_TAP_PUMP_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "frontends/netfront.h"

/** struct pump - one queue's. */
struct pump {
	struct netfront *nf;
	struct netfront_queue *q;
	int tap_fd;
	int stop_fd;             /* readable: end */
	int failed_fd;           /* an eventfd to be told by that the frontend failed */
	uint32_t max_len;        /* of what the TAP gives */
	uint64_t tap_dropped;    /* the kernel did not take them */
	pthread_t thread;
};

/** pump_start() - everything but @thread and the counter is set. 0 or -errno. */
int pump_start(struct pump *pump) must_check;
/** pump_join() - stop_fd is readable, or the frontend failed. */
void pump_join(struct pump *pump);

#endif
