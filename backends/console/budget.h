/* SPDX-License-Identifier: MIT */
/* What a guest may make its console's backend do in a second. Pure: the time is the caller's. */
#ifndef SLUICE_BACKENDS_CONSOLE_BUDGET_H
#define SLUICE_BACKENDS_CONSOLE_BUDGET_H

#include <stdint.h>

#include "backends/common/bucket.h"

/** struct budget - all zero: no limits. */
struct budget {
	struct bucket bytes, events;
};

/** budget_init() - @bytes, @events: per second, 0: no limit; a second's worth may come at once. */
void budget_init(struct budget *b, uint64_t bytes, uint64_t events);
/** budget_event() - one came. @now: in nanoseconds, of a clock that does not go back. */
void budget_event(struct budget *b, uint64_t now);
/** budget_output() - @n bytes were taken. */
void budget_output(struct budget *b, uint64_t n, uint64_t now);
/** budget_wait() - milliseconds until the guest is served again, at least 1; 0: now. */
unsigned budget_wait(const struct budget *b, uint64_t now);

#endif
