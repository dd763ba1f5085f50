// SPDX-License-Identifier: MIT
/*
 * The Internet checksum. A ones' complement sum does not care how wide the words are that it
 * is made of: 64 bits at a time, with the carry added back. x86 is little-endian, and the sum
 * of swapped bytes is the swapped sum. Any thread.
 */
#include "config.h"
#include "backends/net/checksum.h"

static inline uint64_t word_at(const uint8_t *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof(w));
	return w;
}

static inline uint64_t add_carry(uint64_t sum, uint64_t w)
{
	sum += w;
	return sum + (sum < w);
}

/*
 * 64 bytes a round. Sums of halves need no carry: 2^32 rounds fit. Two independent chains
 * keep the adders busy; the compiler makes vectors of them.
 */
static uint64_t add_blocks(uint64_t sum, const uint8_t *p, size_t blocks)
{
	uint64_t low = 0, high = 0;

	for (; blocks; blocks--, p += 64) {
		for (unsigned i = 0; i < 64; i += 8) {
			uint64_t w = word_at(p + i);

			low += w & 0xffffffff;
			high += w >> 32;
		}
	}
	return add_carry(add_carry(sum, low), high);
}

uint64_t checksum_add(uint64_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t tail = 0;

	if (len >= 64) {
		sum = add_blocks(sum, p, len / 64);
		p += len & ~(size_t)63;
		len &= 63;
	}
	for (; len >= 8; len -= 8, p += 8)
		sum = add_carry(sum, word_at(p));
	memcpy(&tail, p, len);
	return add_carry(sum, tail);
}
