// SPDX-License-Identifier: MIT
#include "config.h"
#include "tools/bench-verify.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tools/crc32c.h"
#include "tools/prng.h"

#define VERIFY_MAGIC 0x4b43534cu /* "LSCK" */
#define VERIFY_CRC_FROM offsetof(struct verify_header, offset)

_Static_assert(sizeof(struct verify_header) == 48, "the header is a format");

uint32_t verify_unit(uint32_t bs)
{
	if (bs <= 4096)
		return bs;
	return bs % 4096 ? 512 : 4096;
}

static uint32_t unit_crc(const void *unit, uint32_t size)
{
	return crc32c(0, (const char *)unit + VERIFY_CRC_FROM, size - VERIFY_CRC_FROM);
}

static void fill_payload(char *unit, uint32_t size, uint64_t seed)
{
	/* Units are multiples of 512 bytes and the header one of 8. */
	for (uint32_t at = sizeof(struct verify_header); at < size; at += 8) {
		uint64_t word = htole64(prng_next(&seed));

		memcpy(unit + at, &word, sizeof(word));
	}
}

void verify_fill(void *data, uint32_t length, const struct verify_write *w, uint32_t skip)
{
	uint32_t unit = verify_unit(w->length);

	for (uint32_t at = 0; at < length; at += unit) {
		char *p = (char *)data + at;
		struct verify_header h = {
			.magic = htole32(VERIFY_MAGIC),
			.offset = htole64(w->start + skip + at),
			.start = htole64(w->start),
			.length = htole32(w->length),
			.unit = htole32(unit),
			.sequence = htole64(w->sequence),
			.run = htole64(w->run),
		};

		fill_payload(p, unit, w->run ^ w->sequence << 20 ^ (w->start + skip + at));
		memcpy(p, &h, sizeof(h));
		h.crc = htole32(unit_crc(p, unit));
		memcpy(p, &h, sizeof(h));
	}
}

static bool is_zero(const char *p, uint32_t n)
{
	return p[0] == 0 && memcmp(p, p + 1, n - 1) == 0;
}

/* What is wrong with one unit at @offset, in words, or NULL. */
static const char *unit_fault(const char *p, uint32_t unit, uint64_t offset,
	const struct verify_write *w, char *text, size_t room)
{
	struct verify_header h;
	uint32_t crc;

	memcpy(&h, p, sizeof(h));
	if (le32toh(h.magic) != VERIFY_MAGIC) {
		if (is_zero(p, unit))
			snprintf(text, room, "expected data of this benchmark, found zeroes");
		else
			snprintf(text, room, "expected a header with magic %08x, found %08x", VERIFY_MAGIC,
				le32toh(h.magic));
		return text;
	}
	crc = unit_crc(p, unit);
	if (crc != le32toh(h.crc))
		snprintf(text, room, "expected crc32c %08x, found data with %08x: damaged",
			le32toh(h.crc), crc);
	else if (le64toh(h.offset) != offset)
		snprintf(text, room, "found the data of offset %" PRIu64 ": misplaced", le64toh(h.offset));
	else if (w->run && le64toh(h.run) != w->run)
		snprintf(text, room, "expected run %016" PRIx64 ", found %016" PRIx64 ": old data", w->run,
			le64toh(h.run));
	else if (le64toh(h.start) != w->start || le32toh(h.length) != w->length)
		snprintf(text, room, "expected a write of %u bytes at %" PRIu64 ", found one of %u at %" PRIu64,
			w->length, w->start, le32toh(h.length), le64toh(h.start));
	else if (w->sequence && le64toh(h.sequence) != w->sequence)
		snprintf(text, room, "expected write number %" PRIu64 ", found number %" PRIu64 ": %s",
			w->sequence, le64toh(h.sequence),
			le64toh(h.sequence) < w->sequence ? "old or torn" : "torn");
	else
		return NULL;
	return text;
}

int verify_check(const void *data, uint32_t length, struct verify_write *w, uint32_t skip, char *why,
	size_t why_room)
{
	uint32_t unit = verify_unit(w->length);

	for (uint32_t at = 0; at < length; at += unit) {
		const char *p = (const char *)data + at;
		uint64_t offset = w->start + skip + at;
		struct verify_header h;
		char text[160];

		if (unit_fault(p, unit, offset, w, text, sizeof(text))) {
			snprintf(why, why_room, "offset %" PRIu64 ": %s", offset, text);
			return -EILSEQ;
		}
		memcpy(&h, p, sizeof(h));
		w->sequence = le64toh(h.sequence);
		w->run = le64toh(h.run);
	}
	return 0;
}
