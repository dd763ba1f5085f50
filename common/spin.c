// SPDX-License-Identifier: MIT
#include "config.h"
#include "common/spin.h"

#include <sys/resource.h>
#include <time.h>

#include "common/confine.h"

CONFINE_RULES(spin, CONFINE_CALL(getrusage));

/* Asking costs a system call: once per so much spinning. */
#define SPIN_CHECK_NS 1000000u

uint64_t spin_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * UINT64_C(1000000000) + ts.tv_nsec;
}

void spin_init(struct spin *s, uint64_t max_ns)
{
	*s = (struct spin){ .max_ns = max_ns, .preempted = -1 };
}

uint64_t spin_budget(struct spin *s)
{
	if (!s->max_ns)
		return 0;
	if (s->skip) {
		s->skip--;
		return 0;
	}
	return s->max_ns;
}

static bool cpu_is_wanted(struct spin *s)
{
	struct rusage usage;
	long before = s->preempted;

	s->unchecked_ns = 0;
	if (getrusage(RUSAGE_THREAD, &usage) < 0)
		return false;
	s->preempted = usage.ru_nivcsw;
	return before >= 0 && s->preempted != before;
}

void spin_result(struct spin *s, uint64_t spent_ns, bool found)
{
	s->unchecked_ns += spent_ns;
	if (s->unchecked_ns > SPIN_CHECK_NS && cpu_is_wanted(s)) {
		s->backoff = SPIN_MOST_SKIPPED;
		s->skip = SPIN_MOST_SKIPPED;
		return;
	}
	if (found) {
		s->backoff = 0;
		return;
	}
	s->backoff = s->backoff ? s->backoff * 2 : 1;
	if (s->backoff > SPIN_MOST_SKIPPED)
		s->backoff = SPIN_MOST_SKIPPED;
	s->skip = s->backoff;
}
