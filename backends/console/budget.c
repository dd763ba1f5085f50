// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/console/budget.h"

#define TICKS_PER_MS (BUCKET_TICKS * 1000000)
/* Nobody waits longer in one go: it is looked at again. */
#define WAIT_MAX_MS 1000u

void budget_init(struct budget *b, uint64_t bytes, uint64_t events)
{
	*b = (struct budget){ { .rate = bytes, .burst = bytes }, { .rate = events, .burst = events } };
}

void budget_event(struct budget *b, uint64_t now)
{
	(void)bucket_take(&b->events, 1, now * BUCKET_TICKS);
}

void budget_output(struct budget *b, uint64_t n, uint64_t now)
{
	(void)bucket_take(&b->bytes, n, now * BUCKET_TICKS);
}

unsigned budget_wait(const struct budget *b, uint64_t now)
{
	uint64_t bytes = bucket_is_level_at(&b->bytes), events = bucket_is_level_at(&b->events);
	uint64_t at = bytes > events ? bytes : events, ms;

	now *= BUCKET_TICKS;
	if (at <= now)
		return 0;
	ms = (at - now + TICKS_PER_MS - 1) / TICKS_PER_MS;
	return ms < WAIT_MAX_MS ? (unsigned)ms : WAIT_MAX_MS;
}
