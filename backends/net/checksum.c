// SPDX-License-Identifier: MIT
/*
 * The Internet checksum. A ones' complement sum does not care how wide the words are that it
 * is made of: 64 bits at a time, with the carry added back. The machine is little-endian, and
 * the sum of swapped bytes is the swapped sum. Any thread.
 */
#include "config.h"
#include "backends/net/checksum.h"

#define BLOCK 64u

struct block {
	uint8_t bytes[BLOCK];
};

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

#ifdef __x86_64__
/*
 * One chain of additions with carry, which compilers do not make of C: one load and one
 * addition for each eight bytes.
 */
static inline uint64_t add_block(uint64_t sum, const struct block *b)
{
	__asm__("addq (%[at]), %[sum]\n\t"
		"adcq 8(%[at]), %[sum]\n\t"
		"adcq 16(%[at]), %[sum]\n\t"
		"adcq 24(%[at]), %[sum]\n\t"
		"adcq 32(%[at]), %[sum]\n\t"
		"adcq 40(%[at]), %[sum]\n\t"
		"adcq 48(%[at]), %[sum]\n\t"
		"adcq 56(%[at]), %[sum]\n\t"
		"adcq $0, %[sum]"
		: [sum] "+r"(sum)
		: [at] "r"(b), "m"(*b)
		: "cc");
	return sum;
}
#else
/* The carries are counted above, and added at the end. */
static inline uint64_t add_block(uint64_t sum, const struct block *b)
{
	unsigned __int128 wide = sum;

	for (unsigned i = 0; i < BLOCK; i += 8)
		wide += word_at(b->bytes + i);
	return add_carry((uint64_t)wide, (uint64_t)(wide >> 64));
}
#endif
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words in memory are little-endian");

/* Less than eight bytes, without reading beyond them. */
static uint64_t tail_at(const uint8_t *p, size_t len)
{
	uint64_t w = 0;

	for (size_t i = 0; i < len; i++)
		w |= (uint64_t)p[i] << 8 * i;
	return w;
}

uint64_t checksum_add(uint64_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (; len >= BLOCK; len -= BLOCK, p += BLOCK)
		sum = add_block(sum, (const struct block *)p);
	for (; len >= 8; len -= 8, p += 8)
		sum = add_carry(sum, word_at(p));
	return len ? add_carry(sum, tail_at(p, len)) : sum;
}
