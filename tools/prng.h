/* SPDX-License-Identifier: MIT */
/* Cheap, good pseudo-random numbers: SplitMix64 (Steele, Lea, Flood 2014). Pure. */
#ifndef SLUICE_TOOLS_PRNG_H
#define SLUICE_TOOLS_PRNG_H

#include <stdint.h>

static inline uint64_t prng_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/** prng_below() - uniform in [0, n); the bias is below n / 2^64. */
static inline uint64_t prng_below(uint64_t *state, uint64_t n)
{
	return (uint64_t)((unsigned __int128)prng_next(state) * n >> 64);
}

#endif
