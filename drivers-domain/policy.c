// SPDX-License-Identifier: MIT
#include "config.h"
#include "drivers-domain/policy.h"

unsigned backoff_next(struct backoff *b, uint64_t ran_ms)
{
	if (ran_ms >= BACKOFF_RESET_MS) {
		b->last_ms = 0;
		return 0;
	}
	if (b->last_ms == 0)
		b->last_ms = BACKOFF_FIRST_MS;
	else if (b->last_ms >= BACKOFF_MAX_MS / 2)
		b->last_ms = BACKOFF_MAX_MS;
	else
		b->last_ms *= 2;
	return b->last_ms;
}

static void budget_refill(struct budget *b, uint64_t now_ms)
{
	uint64_t gained;

	if (!b->begun) {
		b->begun = true;
		b->tokens = BUDGET_BURST;
		b->filled_ms = now_ms;
	}
	if (now_ms <= b->filled_ms)
		return;
	gained = (now_ms - b->filled_ms) / BUDGET_REFILL_MS;
	b->filled_ms += gained * BUDGET_REFILL_MS;
	if (gained > BUDGET_BURST - b->tokens)
		gained = BUDGET_BURST - b->tokens;
	b->tokens += (unsigned)gained;
}

bool budget_take(struct budget *b, uint64_t now_ms)
{
	budget_refill(b, now_ms);
	if (b->tokens == 0)
		return false;
	b->tokens--;
	return true;
}
