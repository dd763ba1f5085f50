/* SPDX-License-Identifier: MIT */
/* The Internet checksum (RFC 1071). Sums are in the byte order of the wire. Pure. */
#ifndef SLUICE_BACKENDS_NET_CHECKSUM_H
#define SLUICE_BACKENDS_NET_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/**
 * checksum_add() - @sum and the 16-bit words of @len bytes at any address.
 *
 * An odd last byte counts as if a zero followed it: only the last part of what is summed may
 * be odd.
 */
uint64_t checksum_add(uint64_t sum, const void *data, size_t len);

/** checksum_fold() - the 16-bit sum, not complemented, as it is to be stored. */
static inline uint16_t checksum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/** checksum_word() - a 16-bit number of the host as it is summed. */
static inline uint64_t checksum_word(uint16_t value)
{
	return __builtin_bswap16(value);
}

/** checksum_store() - a folded sum or its complement into a field at any address. */
static inline void checksum_store(uint8_t *field, uint16_t value)
{
	memcpy(field, &value, sizeof(value));
}

#endif
