// SPDX-License-Identifier: MIT
/* Cases that need nothing but the disk: sizes, request types, discards, load. */
#include "config.h"
#include "tests/peers/conform.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/array.h"

#define PROGRESS_MS 200u

/* --- sizes -------------------------------------------------------------- */

/* Write it, and read it with its neighbours, which must not have changed. */
static void try_size(struct conform *c, uint64_t sector, uint64_t sectors)
{
	uint64_t before = sector >= c->unit ? c->unit : 0;
	uint64_t after = sector + sectors + c->unit <= c->sectors ? c->unit : 0;

	conform_do(c, BLKFRONT_WRITE, sector, sectors);
	if (before + sectors + after <= c->max)
		conform_do(c, BLKFRONT_READ, sector - before, before + sectors + after);
	else
		conform_do(c, BLKFRONT_READ, sector, sectors);
	if (!c->failed && before)
		conform_do(c, BLKFRONT_READ, sector - before, before);
	if (!c->failed && after)
		conform_do(c, BLKFRONT_READ, sector + sectors, after);
}

/* One size at the start, at the end, at an odd place and across what storage may be divided at. */
static void try_places(struct conform *c, uint64_t n)
{
	uint64_t middle = c->sectors / 2;
	const uint64_t places[] = { 0, c->unit, c->sectors - n, c->sectors - n - c->unit,
		middle - n / 2 / c->unit * c->unit, middle + 7 * c->unit,
		conform_random(c, (c->sectors - n) / c->unit) * c->unit };

	for (unsigned i = 0; i < ARRAY_SIZE(places) && !c->failed; i++)
		if (places[i] + n <= c->sectors)
			try_size(c, places[i], n);
}

void case_sizes(struct conform *c)
{
	/* All while they are small; then by a step that has nothing in common with pages and blocks. */
	uint64_t all = (c->o.full ? 256 : 20) * c->unit, step = (c->o.full ? 7 : 61) * c->unit;
	unsigned sizes = 0;

	conform_write_all(c, 0, c->sectors);
	for (uint64_t n = c->unit; n <= c->max && !c->failed; n += n < all ? c->unit : step, sizes++)
		try_places(c, n);
	try_places(c, c->max);
	conform_read_all(c, 0, c->sectors);
	conform_say("%u sizes of %u to %u sectors", sizes, c->unit, c->max);
}

/* --- types -------------------------------------------------------------- */

static void offered(struct conform *c, enum blkfront_op op, bool is, const char *name)
{
	uint64_t n = op == BLKFRONT_FLUSH ? 0 : c->unit;
	struct blkfront_io *io;

	if (is) {
		if (!conform_do(c, op, n, n) && !c->failed)
			conform_wrong(c, "%s is offered and fails", name);
		return;
	}
	io = blkfront_get(c->bf);
	if (!io)
		return;
	io->op = op;
	io->offset = n * SECTOR;
	io->length = n * SECTOR;
	if (blkfront_submit(c->bf, io) != -EOPNOTSUPP)
		conform_wrong(c, "%s is not offered and not refused", name);
	blkfront_put(c->bf, io);
}

void case_types(struct conform *c)
{
	const struct blkfront_info *i = c->info;

	conform_write_all(c, 0, c->sectors);
	offered(c, BLKFRONT_FLUSH, i->flush, "flush");
	offered(c, BLKFRONT_BARRIER, i->barrier, "barrier");
	if (i->barrier && !c->failed)
		conform_do(c, BLKFRONT_BARRIER, 0, 0);
	offered(c, BLKFRONT_DISCARD, i->discard, "discard");
	conform_do(c, BLKFRONT_WRITE, 0, c->unit);
	/* All in a row with nothing waited for, on places of their own. */
	for (unsigned n = 0; n < 8 && !c->failed; n++) {
		uint64_t at = (16 + n * 4) * c->unit;

		conform_start(c, BLKFRONT_WRITE, at, c->unit);
		if (i->flush)
			conform_start(c, BLKFRONT_FLUSH, 0, 0);
		if (i->barrier)
			conform_start(c, BLKFRONT_BARRIER, at + c->unit, c->unit);
		if (i->discard)
			conform_start(c, BLKFRONT_DISCARD, at + 2 * c->unit, c->unit);
		conform_start(c, BLKFRONT_READ, at + 3 * c->unit, c->unit);
		conform_drain(c);
	}
	conform_read_all(c, 0, c->sectors);
	conform_say("offered: flush %d, barrier %d, discard %d of %u at %u, secure discard %d, sectors %u of %u",
		i->flush, i->barrier, i->discard, i->discard_granularity, i->discard_alignment, i->secure_discard,
		i->sector_size, i->physical_sector_size);
}

/* --- discard ------------------------------------------------------------ */

static void try_discard(struct conform *c, uint64_t sector, uint64_t sectors)
{
	if (c->failed || !sectors || sector + sectors > c->sectors)
		return;
	conform_do(c, BLKFRONT_DISCARD, sector, sectors);
	conform_read_all(c, 0, c->sectors);
	/* What is written after is there, also in part. */
	conform_do(c, BLKFRONT_WRITE, sector, c->unit);
	conform_do(c, BLKFRONT_WRITE, sector + sectors - c->unit, c->unit);
	conform_read_all(c, 0, c->sectors);
	conform_write_all(c, sector, sectors);
}

void case_discard(struct conform *c)
{
	uint64_t granule = c->info->discard_granularity / SECTOR;
	uint64_t shift = c->info->discard_alignment / SECTOR;

	if (granule < c->unit)
		granule = c->unit;
	conform_write_all(c, 0, c->sectors);
	try_discard(c, shift, granule);                          /* one granule */
	try_discard(c, shift + 4 * granule, 3 * granule);        /* several */
	try_discard(c, shift + granule + c->unit, 3 * granule);  /* both ends in the middle of one */
	try_discard(c, shift + 2 * granule, c->unit);            /* less than one */
	try_discard(c, c->sectors - c->unit, c->unit);           /* the end */
	try_discard(c, 0, c->sectors);                           /* all */
	conform_say("granules of %" PRIu64 " sectors at %" PRIu64, granule, shift);
}

/* --- load --------------------------------------------------------------- */

static enum blkfront_op choose(struct conform *c)
{
	unsigned r = conform_random(c, 100);

	if (r < 50)
		return BLKFRONT_WRITE;
	if (r < 88)
		return BLKFRONT_READ;
	if (r < 93)
		return c->info->discard ? BLKFRONT_DISCARD : BLKFRONT_READ;
	if (r < 97)
		return c->info->flush ? BLKFRONT_FLUSH : BLKFRONT_READ;
	return c->info->barrier ? BLKFRONT_BARRIER : BLKFRONT_WRITE;
}

/* False: no I/O is free. Sectors that are busy are left alone. */
static bool start_one(struct conform *c)
{
	enum blkfront_op op = choose(c);
	uint64_t most = op == BLKFRONT_BARRIER && c->max > 11 * 8 ? 11 * 8 : c->max;
	uint64_t n = (1 + conform_random(c, most / c->unit)) * c->unit;
	uint64_t at = conform_random(c, (c->sectors - n) / c->unit + 1) * c->unit;

	if (op == BLKFRONT_FLUSH)
		at = n = 0;
	/* Most are small. */
	else if (conform_random(c, 4))
		n = (n - 1) % (8 * c->unit) / c->unit * c->unit + c->unit;
	return conform_start(c, op, at, n);
}

/* Full, but never without end where all that is left is busy. */
static void fill_up(struct conform *c)
{
	for (unsigned tries = 0; c->in_flight < c->info->depth && tries < 2 * c->info->depth && !c->failed;)
		if (!start_one(c))
			tries++;
}

void case_load(struct conform *c)
{
	uint64_t said = conform_now(), heard = said, done = 0;
	unsigned most = 0;

	conform_write_all(c, 0, c->sectors);
	conform_say("loaded");
	while (!c->failed && !conform_exists(c->o.stop) && (!c->o.ops || c->done < c->o.ops)) {
		fill_up(c);
		most = c->in_flight > most ? c->in_flight : most;
		if (!conform_wait(c, 100))
			break;
		if (c->done != done)
			heard = conform_now();
		done = c->done;
		if (conform_now() - heard > 120000)
			conform_wrong(c, "nothing is answered any more");
		if (conform_now() - said >= PROGRESS_MS) {
			said = conform_now();
			conform_say("progress %" PRIu64, c->done);
		}
	}
	conform_drain(c);
	conform_read_all(c, 0, c->sectors);
	conform_say("at most %u in flight", most);
}
