// SPDX-License-Identifier: MIT
/* What each sector of a disk must hold: its own number and the write that it is from. */
#include "config.h"
#include "tests/peers/conform.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS (SECTOR / sizeof(uint64_t))
#define MARK UINT64_C(0x6e6f74206b6e6f77) /* in a dump: this sector may hold anything */

bool model_init(struct conform *c)
{
	c->tag = calloc(c->sectors, sizeof(*c->tag));
	c->state = calloc(c->sectors, sizeof(*c->state));
	c->busy = calloc(c->sectors, sizeof(*c->busy));
	if (!c->tag || !c->state || !c->busy)
		conform_wrong(c, "no memory");
	return !c->failed;
}

void model_free(struct conform *c)
{
	free(c->tag);
	free(c->state);
	free(c->busy);
	c->tag = NULL;
	c->state = NULL;
	c->busy = NULL;
}

void model_fill(void *data, uint64_t sector, uint64_t sectors, uint64_t tag)
{
	uint64_t *words = data;

	for (uint64_t s = sector; s < sector + sectors; s++)
		for (unsigned i = 0; i < WORDS; i += 2) {
			*words++ = s;
			*words++ = tag;
		}
}

void model_written(struct conform *c, uint64_t sector, uint64_t sectors, uint64_t tag)
{
	for (uint64_t s = sector; s < sector + sectors; s++) {
		c->tag[s] = tag;
		c->state[s] = SECTOR_WRITTEN;
	}
}

/* Only whole granules are promised to be gone. */
void model_discarded(struct conform *c, uint64_t sector, uint64_t sectors)
{
	uint64_t granule = c->info->discard_granularity / SECTOR;
	uint64_t shift = c->info->discard_alignment / SECTOR;

	granule = granule ? granule : 1;
	for (uint64_t s = sector; s < sector + sectors; s++) {
		uint64_t start = s < shift ? 0 : s - (s - shift) % granule;
		bool whole = start >= sector && start + granule <= sector + sectors;

		if (c->state[s] == SECTOR_ZERO)
			continue;
		if (whole && c->o.zeroes)
			c->state[s] = SECTOR_ZERO;
		else if (c->state[s] == SECTOR_WRITTEN)
			c->state[s] = SECTOR_DISCARDED;
	}
}

void model_unknown(struct conform *c, uint64_t sector, uint64_t sectors)
{
	memset(c->state + sector, SECTOR_UNKNOWN, sectors);
}

static bool is_zero(const uint64_t *words)
{
	for (unsigned i = 0; i < WORDS; i++)
		if (words[i])
			return false;
	return true;
}

static bool is_write(const uint64_t *words, uint64_t sector, uint64_t tag)
{
	for (unsigned i = 0; i < WORDS; i += 2)
		if (words[i] != sector || words[i + 1] != tag)
			return false;
	return true;
}

static const char *mismatch(const uint64_t *words, uint64_t sector, uint64_t tag, enum sector_state state)
{
	switch (state) {
	case SECTOR_UNKNOWN:
		return NULL;
	case SECTOR_ZERO:
		return is_zero(words) ? NULL : "is not zero although it was discarded";
	case SECTOR_DISCARDED:
		if (is_zero(words))
			return NULL;
		break;
	case SECTOR_WRITTEN:
		break;
	}
	if (is_write(words, sector, tag))
		return NULL;
	if (is_zero(words))
		return "is zero";
	if (words[0] == sector && is_write(words, sector, words[1]))
		return "holds another write";
	return words[0] == sector ? "is torn" : "holds something else";
}

bool model_check(struct conform *c, const void *data, uint64_t sector, uint64_t sectors, const char *what)
{
	const uint64_t *words = data;

	for (uint64_t s = sector; s < sector + sectors; s++, words += WORDS) {
		const char *bad = mismatch(words, s, c->tag[s], c->state[s]);

		if (!bad)
			continue;
		conform_wrong(c, "%s: sector %" PRIu64 " %s: write %" PRIu64 " expected, found %" PRIu64
			" of sector %" PRIu64 " (read %" PRIu64 "+%" PRIu64 ")", what, s, bad, c->tag[s],
			words[1], words[0], sector, sectors);
		return false;
	}
	return true;
}

static void expected(const struct conform *c, uint64_t s, uint64_t *words)
{
	memset(words, 0, SECTOR);
	if (c->state[s] == SECTOR_WRITTEN)
		model_fill(words, s, 1, c->tag[s]);
	else if (c->state[s] != SECTOR_ZERO)
		words[0] = MARK;
}

bool model_dump(struct conform *c, const char *path)
{
	FILE *f = fopen(path, "we");
	uint64_t words[WORDS];

	for (uint64_t s = 0; f && s < c->sectors; s++) {
		expected(c, s, words);
		if (fwrite(words, SECTOR, 1, f) != 1)
			conform_wrong(c, "%s: cannot be written", path);
	}
	if (!f || fclose(f) != 0)
		conform_wrong(c, "%s: cannot be written", path);
	return !c->failed;
}

bool model_load(struct conform *c, const char *path)
{
	FILE *f = fopen(path, "re");
	uint64_t words[WORDS], s;

	for (s = 0; f && s < c->sectors && fread(words, SECTOR, 1, f) == 1; s++) {
		c->tag[s] = words[1];
		if (words[1] && words[0] == s)
			c->state[s] = SECTOR_WRITTEN;
		else if (!words[0] && !words[1])
			c->state[s] = SECTOR_ZERO;
	}
	if (f)
		fclose(f);
	if (!f || s < c->sectors)
		conform_wrong(c, "%s is not about this disk", path);
	return !c->failed;
}

int model_compare(const char *expect, const char *actual)
{
	FILE *e = fopen(expect, "re"), *a = fopen(actual, "re");
	uint64_t want[WORDS], have[WORDS], s = 0, checked = 0;
	int status = e && a ? 0 : 1;

	for (; status == 0 && fread(want, SECTOR, 1, e) == 1; s++) {
		if (fread(have, SECTOR, 1, a) != 1 || (want[0] != MARK && memcmp(want, have, SECTOR) != 0)) {
			conform_say("FAILED: sector %" PRIu64 ": write %" PRIu64 " expected, found %" PRIu64,
				s, want[1], have[1]);
			status = 1;
		}
		checked += want[0] != MARK;
	}
	if (e)
		fclose(e);
	if (a)
		fclose(a);
	if (status == 0 && !checked)
		status = 1;
	conform_say("%s: %" PRIu64 " of %" PRIu64 " sectors compared", status ? "FAILED" : "same", checked, s);
	return status;
}
