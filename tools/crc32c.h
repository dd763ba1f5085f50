/* SPDX-License-Identifier: MIT */
/* CRC-32C (Castagnoli, RFC 3720 B.4), by the CPU's instruction where it has one. Pure. */
#ifndef SLUICE_TOOLS_CRC32C_H
#define SLUICE_TOOLS_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/** crc32c() - of @data, going on from @crc (0 to begin with). */
uint32_t crc32c(uint32_t crc, const void *data, size_t length);
/** crc32c_table() - the same without the CPU's help, for tests of one against the other. */
uint32_t crc32c_table(uint32_t crc, const void *data, size_t length);

#endif
