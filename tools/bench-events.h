/* SPDX-License-Identifier: MIT */
/* sluice-bench events: what an event costs, by the number of channels that are bound. */
#ifndef SLUICE_TOOLS_BENCH_EVENTS_H
#define SLUICE_TOOLS_BENCH_EVENTS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "common/cleanup.h"

/* Events sent before the receiver is asked for them; no more than there are channels. */
#define EVENTS_BATCH 64u
#define EVENTS_PROCESS_BATCH 16u

/** enum events_kind - how events are delivered. */
enum events_kind {
	EVENTS_FIFO,      /* the state machine and the FIFO ABI, in this process */
	EVENTS_TWO_LEVEL, /* the same with the 2-level ABI */
	EVENTS_PROCESS,   /* between two process domains of a private hypervisor */
	EVENTS_KINDS,
};

/** struct events_direct - domains in this process. */
struct events_direct;
/**
 * events_direct_new() - two domains with @channels bound between them; events go from one to
 * the other through the hypervisor's code, and a model of a kernel takes them.
 * NULL with errno set.
 */
struct events_direct *events_direct_new(bool fifo, bool shuffled, uint32_t channels);
void events_direct_free(struct events_direct *e);
/**
 * events_direct_run() - @ns: CPU time of one event, measured for @us of it; one thread does all, so
 * what others do with the CPU meanwhile is not part of it. 0, or -EIO: events were lost.
 */
int events_direct_run(struct events_direct *e, uint32_t batch, uint64_t us, double *ns) must_check;

/** struct events_world - a private hypervisor with two process domains. */
struct events_world;
/** events_world_new() - NULL; then it has been said why. */
struct events_world *events_world_new(void);
void events_world_free(struct events_world *w);
/** events_world_run() - with processes and channels of its own. 0 or -errno, said why. */
int events_world_run(struct events_world *w, bool shuffled, uint32_t channels, uint32_t batch,
	uint64_t us, double *ns) must_check;

/** events_shuffle() - the numbers below @n in an order that no prefetcher knows. */
void events_shuffle(uint32_t *order, uint32_t n);
/** events_now() - ns of a clock. */
uint64_t events_now(clockid_t clock);

#endif
