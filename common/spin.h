/* SPDX-License-Identifier: MIT */
/*
 * How long a thread may look for work before it sleeps. Spinning pays when work
 * comes sooner than a sleep and a wake-up cost, and only on a CPU that nobody else
 * wants. One thread per struct.
 */
#ifndef SLUICE_COMMON_SPIN_H
#define SLUICE_COMMON_SPIN_H

#include <stdbool.h>
#include <stdint.h>

/** SPIN_MOST_SKIPPED - after failures at most so many sleeps go without a spin. */
#define SPIN_MOST_SKIPPED 64u

struct spin {
	uint64_t max_ns;     /* per spin; 0: never spin */
	unsigned backoff;    /* sleeps without a spin after the next failure */
	unsigned skip;       /* how many of them are still to come */
	uint64_t unchecked_ns; /* spun since we last asked whether the CPU is wanted */
	long preempted;      /* involuntary context switches seen by then */
};

void spin_init(struct spin *s, uint64_t max_ns);

/** spin_budget() - before each sleep: how long to spin first, in ns; 0: sleep at once. */
uint64_t spin_budget(struct spin *s);

/**
 * spin_result() - what a spin brought.
 * @spent_ns: how long it was
 * @found: work came
 *
 * Failures in a row double the number of sleeps before the next try. A thread that
 * was preempted backs off as far as it goes: somebody wants its CPU.
 */
void spin_result(struct spin *s, uint64_t spent_ns, bool found);

/** spin_now_ns() - CLOCK_MONOTONIC. */
uint64_t spin_now_ns(void);

/** spin_relax() - between two looks: tells the CPU that this is a spin. */
static inline void spin_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield" ::: "memory");
#else
	__asm__ volatile("" ::: "memory");
#endif
}

#endif
