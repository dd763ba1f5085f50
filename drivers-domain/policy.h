/* SPDX-License-Identifier: MIT */
/* How often a backend is started: back-off after failures, a budget for all. Pure. */
#ifndef SLUICE_DRIVERS_DOMAIN_POLICY_H
#define SLUICE_DRIVERS_DOMAIN_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#define BACKOFF_FIRST_MS 100u
#define BACKOFF_MAX_MS 30000u
/** BACKOFF_RESET_MS - a run this long was a good one: no wait, and the next failure begins anew. */
#define BACKOFF_RESET_MS 250u

/** struct backoff - all zero to begin with. */
struct backoff {
	unsigned last_ms;
};

/**
 * backoff_next() - how long to wait before the next start, milliseconds.
 *
 * A guest's disk stands still meanwhile: what had served for a while is started at once, and
 * what dies sooner, of the guest's own requests perhaps, ever later.
 * @ran_ms: how long the backend that failed had run; 0 if it never became ready
 */
unsigned backoff_next(struct backoff *backoff, uint64_t ran_ms);

#define BUDGET_BURST 256u
#define BUDGET_REFILL_MS 50u

/**
 * struct budget - BUDGET_BURST starts at once, then one per BUDGET_REFILL_MS.
 *
 * Bounds what a toolstack that makes and removes devices in a loop costs. All zero
 * to begin with.
 */
struct budget {
	bool begun;
	unsigned tokens;
	uint64_t filled_ms;
};

/** budget_take() - true when one more start is allowed at @now_ms (monotonic). */
bool budget_take(struct budget *budget, uint64_t now_ms);

#endif
