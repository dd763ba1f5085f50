// SPDX-License-Identifier: MIT
#include "config.h"
#include "tools/crc32c.h"

#include <stdbool.h>
#include <string.h>

#define CRC32C_POLYNOMIAL 0x82f63b78u /* reflected */

static uint32_t table[256];

static void fill_table(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;

		for (int k = 0; k < 8; k++)
			c = c >> 1 ^ (c & 1 ? CRC32C_POLYNOMIAL : 0);
		table[i] = c;
	}
}

uint32_t crc32c_table(uint32_t crc, const void *data, size_t length)
{
	const unsigned char *p = data;

	if (!table[1])
		fill_table();
	crc = ~crc;
	while (length--)
		crc = crc >> 8 ^ table[(crc ^ *p++) & 0xff];
	return ~crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc32c_cpu(uint32_t crc, const void *data,
	size_t length)
{
	const unsigned char *p = data;
	uint64_t c = ~crc;

	for (; length >= 8; length -= 8, p += 8) {
		uint64_t word;

		memcpy(&word, p, 8);
		c = __builtin_ia32_crc32di(c, word);
	}
	while (length--)
		c = __builtin_ia32_crc32qi((uint32_t)c, *p++);
	return ~(uint32_t)c;
}

static bool cpu_has_crc32c(void)
{
	return __builtin_cpu_supports("sse4.2");
}
#else
static uint32_t crc32c_cpu(uint32_t crc, const void *data, size_t length)
{
	return crc32c_table(crc, data, length);
}

static bool cpu_has_crc32c(void)
{
	return false;
}
#endif

uint32_t crc32c(uint32_t crc, const void *data, size_t length)
{
	return cpu_has_crc32c() ? crc32c_cpu(crc, data, length) : crc32c_table(crc, data, length);
}
