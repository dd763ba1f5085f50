/* SPDX-License-Identifier: MIT */
/*
 * One thread for calls that block and have no asynchronous form, started by the first
 * of them: discards of block devices. First come, first served.
 */
#ifndef SLUICE_BACKENDS_BLK_WORKER_H
#define SLUICE_BACKENDS_BLK_WORKER_H

#include <pthread.h>
#include <stdbool.h>

#include "common/cleanup.h"

/** struct worker_job - a call to make; the worker's until run() is called, in its thread. */
struct worker_job {
	void (*run)(struct worker_job *job);
	struct worker_job *next;
};

struct worker {
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	pthread_t thread;
	struct worker_job *first, **tail;
	bool has_thread, ending;
};

void worker_init(struct worker *w);
/** worker_submit() - any thread. 0, or -errno if there is no thread and none can be started. */
int worker_submit(struct worker *w, struct worker_job *job) must_check;
/** worker_dispose() - run what was submitted, then end. */
void worker_dispose(struct worker *w);

#endif
