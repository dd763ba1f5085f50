// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/net/stall.h"

void stall_init(struct stall *s, bool rx_notify)
{
	*s = (struct stall){ .quiet = !rx_notify };
}

void stall_progress(struct stall *s)
{
	s->waiting = false;
	s->seen = true;
}

static enum stall_change stall_look_stalled(struct stall *s, uint32_t available)
{
	if (available < s->needed || available == 0)
		return STALL_SAME;
	s->stalled = false;
	s->waiting = false;
	return STALL_ENDS;
}

enum stall_change stall_look(struct stall *s, uint32_t available, uint32_t needed, uint64_t now_ns)
{
	if (available)
		s->seen = true;
	if (s->stalled)
		return stall_look_stalled(s, available);
	if (needed)
		s->needed = needed;
	/* An empty queue is no progress: the frames may have been dropped for their age. */
	if (available >= s->needed && available) {
		s->waiting = false;
		return STALL_SAME;
	}
	if (!s->waiting) {
		s->waiting = needed != 0;
		s->last_ns = now_ns;
		return STALL_SAME;
	}
	if (s->quiet || !s->seen || !needed || now_ns - s->last_ns < STALL_AFTER_NS)
		return STALL_SAME;
	s->stalled = true;
	return STALL_BEGINS;
}

uint64_t stall_drain_ns(const struct stall *s)
{
	return s->quiet ? STALL_DRAIN_QUIET_NS : STALL_DRAIN_NS;
}

uint64_t stall_next_look(const struct stall *s, uint64_t since_ns, uint64_t now_ns)
{
	uint64_t drain = since_ns + stall_drain_ns(s), stall = s->last_ns + STALL_AFTER_NS;

	if (s->quiet)
		return now_ns + STALL_LOOK_NS;
	return s->waiting && s->seen && stall > now_ns && stall < drain ? stall : drain;
}
