// SPDX-License-Identifier: MIT
/*
 * When I/Os start under --rate_iops. They are due at even distances from the phase's
 * start and are measured from then on, also where the disk fell behind and they
 * started later: a disk that stalls cannot hide the I/Os that it kept waiting.
 */
#include "config.h"
#include "tools/bench-load.h"

void pace_begin(struct load *l)
{
	l->pace_ns = l->opt.rate_iops ? 1000000000u / l->opt.rate_iops : 0;
	if (l->opt.rate_iops && !l->pace_ns)
		l->pace_ns = 1;
	l->due_ns = l->begun_ns;
	l->resting = (struct load_list){ .tail = &l->resting.first };
}

bool pace_admit(struct load *l, struct load_slot *slot)
{
	slot->start_ns = l->now_ns;
	if (!l->pace_ns)
		return true;
	if (l->due_ns > l->now_ns) {
		load_list_add(&l->resting, slot);
		return false;
	}
	slot->start_ns = l->due_ns;
	l->due_ns += l->pace_ns;
	return true;
}

struct load_slot *pace_next(struct load *l)
{
	return l->due_ns <= l->now_ns || l->ending ? load_list_take(&l->resting) : NULL;
}
