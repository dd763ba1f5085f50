// SPDX-License-Identifier: MIT
/* Discards that break a rule, read-only disks, disks with blocks of 4096 bytes. */
#include "config.h"
#include "tests/peers/hostile.h"

#include <string.h>

#define MARK_SECTOR 2048 /* what a refused request would destroy */

static int put_mark(struct peer *p)
{
	memset(p->page[200], 0x5a, 4096);
	memset(p->page[201], 0xa5, 4096);
	return peer_expect(p, peer_rw(p, BLKIF_OP_WRITE, MARK_SECTOR, 200, 2), BLKIF_RSP_OKAY);
}

static int mark_is_there(struct peer *p)
{
	memset(p->page[210], 0, 4096);
	memset(p->page[211], 0, 4096);
	if (peer_expect(p, peer_rw(p, BLKIF_OP_READ, MARK_SECTOR, 210, 2), BLKIF_RSP_OKAY) < 0)
		return -1;
	for (unsigned i = 0; i < 4096; i++)
		if (p->page[210][i] != 0x5a || p->page[211][i] != 0xa5)
			return hostile_fail("a refused request changed the disk");
	return 0;
}

static int discards_are_offered(struct peer *p)
{
	return peer_offered(p, "feature-discard") ? 0 :
						    hostile_fail("this storage does not offer discards");
}

static int discard_range(struct peer *p)
{
	uint64_t end = peer_sectors(p);
	const uint64_t ranges[][2] = { { 0, end + 1 }, { end, 1 }, { end - 8, 9 }, { end + 1, 0 },
		{ UINT64_MAX, 0 }, { UINT64_MAX, 1 }, { 1, end }, { 0, UINT64_MAX / 512 + 1 },
		{ UINT64_C(1) << 55, 8 } };

	if (discards_are_offered(p) < 0 || put_mark(p) < 0)
		return -1;
	for (unsigned i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (peer_expect(p, peer_discard(p, ranges[i][0], ranges[i][1], 0), BLKIF_RSP_ERROR) < 0)
			return -1;
	return mark_is_there(p) < 0 ? -1 : peer_check_works(p);
}

/* Start and length that are good only if their sum wraps. */
static int discard_wraps(struct peer *p)
{
	const uint64_t ranges[][2] = { { 8, UINT64_MAX }, { MARK_SECTOR, UINT64_MAX - MARK_SECTOR + 1 },
		{ MARK_SECTOR, UINT64_MAX - 7 }, { UINT64_MAX - 7, 16 + MARK_SECTOR },
		{ UINT64_C(1) << 63, UINT64_C(1) << 63 },
		/* and in bytes */
		{ MARK_SECTOR, UINT64_C(1) << 55 }, { (UINT64_C(1) << 55) + MARK_SECTOR, 8 } };

	if (discards_are_offered(p) < 0 || put_mark(p) < 0)
		return -1;
	for (unsigned i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (peer_expect(p, peer_discard(p, ranges[i][0], ranges[i][1], 0), BLKIF_RSP_ERROR) < 0)
			return -1;
	return mark_is_there(p) < 0 ? -1 : peer_check_works(p);
}

/* To answer OKAY would promise that no copy of the data is left. */
static int discard_secure(struct peer *p)
{
	if (discards_are_offered(p) < 0 || put_mark(p) < 0)
		return -1;
	if (peer_offered(p, "discard-secure"))
		return hostile_fail("secure discard is offered for a file");
	if (peer_expect(p, peer_discard(p, MARK_SECTOR, 16, BLKIF_DISCARD_SECURE), PEER_ANY_ERROR) < 0)
		return -1;
	return mark_is_there(p) < 0 ? -1 : peer_check_works(p);
}

static int discard_flags(struct peer *p)
{
	static const uint8_t flags[] = { 2, 3, 4, 0x80, 0xff };

	if (discards_are_offered(p) < 0 || put_mark(p) < 0)
		return -1;
	for (unsigned i = 0; i < sizeof(flags); i++)
		if (peer_expect(p, peer_discard(p, MARK_SECTOR, 16, flags[i]), PEER_ANY_ERROR) < 0)
			return -1;
	return mark_is_there(p) < 0 ? -1 : peer_check_works(p);
}

/* All of the disk at once, and nothing of it: both are legal. */
static int discard_all(struct peer *p)
{
	if (discards_are_offered(p) < 0 || put_mark(p) < 0 ||
		peer_expect(p, peer_discard(p, MARK_SECTOR, 0, 0), BLKIF_RSP_OKAY) < 0 ||
		peer_expect(p, peer_discard(p, peer_sectors(p), 0, 0), BLKIF_RSP_OKAY) < 0 ||
		mark_is_there(p) < 0 ||
		peer_expect(p, peer_discard(p, 0, peer_sectors(p), 0), BLKIF_RSP_OKAY) < 0 ||
		peer_expect(p, peer_rw(p, BLKIF_OP_READ, MARK_SECTOR, 210, 2), BLKIF_RSP_OKAY) < 0)
		return -1;
	for (unsigned i = 0; i < 4096; i++)
		if (p->page[210][i] || p->page[211][i])
			return hostile_fail("a hole in a file reads as other than zeroes");
	return peer_check_works(p);
}

/* A ring of discards that overlap, some wrong; then the frontend leaves. */
static int discard_storm(struct peer *p)
{
	uint64_t end = peer_sectors(p);

	if (discards_are_offered(p) < 0)
		return -1;
	for (unsigned round = 0; round < 10; round++) {
		uint64_t first = peer_next_id();

		for (unsigned i = 0; i < p->q->slots; i++)
			peer_put(p, peer_discard(p, i * 8, i % 5 ? end - i * 8 : end + 1, 0));
		peer_push(p);
		if (round < 9 && peer_collect(p, first, p->q->slots, PEER_ANY) < 0)
			return -1;
	}
	if (peer_close(p) < 0 || peer_connect(p) < 0)
		return -1;
	return peer_check_works(p);
}

const struct hostile_case hostile_discard[] = {
	{ "rule11-discard-out-of-range", discard_range, false },
	{ "rule11-discard-range-wraps", discard_wraps, false },
	{ "rule11-secure-discard-not-advertised", discard_secure, false },
	{ "rule11-unknown-discard-flags", discard_flags, false },
	{ "rule11-discard-of-all", discard_all, false },
	{ "rule11-discard-storm-then-close", discard_storm, false },
	{ NULL, NULL, false },
};

/* ---- a read-only disk; the script compares the image --------------------------------- */

static int readonly_write(struct peer *p)
{
	memset(p->page[0], 0xee, 4096);
	if (peer_expect(p, peer_rw(p, BLKIF_OP_READ, 0, 1, 1), BLKIF_RSP_OKAY) < 0)
		return -1;
	return peer_expect(p, peer_rw(p, BLKIF_OP_WRITE, 0, 0, 1), BLKIF_RSP_ERROR);
}

static int readonly_indirect_write(struct peer *p)
{
	memset(p->page[0], 0xee, 4096);
	return peer_expect(p, peer_rw(p, BLKIF_OP_WRITE, 0, 0, 12), BLKIF_RSP_ERROR);
}

static int readonly_barrier(struct peer *p)
{
	memset(p->page[0], 0xee, 4096);
	if (peer_expect(p, peer_rw(p, BLKIF_OP_WRITE_BARRIER, 0, 0, 1), PEER_ANY_ERROR) < 0)
		return -1;
	return peer_expect(p, peer_rw(p, BLKIF_OP_WRITE_BARRIER, 0, 0, 0), PEER_ANY_ERROR);
}

static int readonly_discard(struct peer *p)
{
	if (peer_expect(p, peer_discard(p, 0, 8, 0), PEER_ANY_ERROR) < 0)
		return -1;
	return peer_expect(p, peer_discard(p, 0, peer_sectors(p), 0), PEER_ANY_ERROR);
}

static int readonly_secure_discard(struct peer *p)
{
	return peer_expect(p, peer_discard(p, 0, 8, BLKIF_DISCARD_SECURE), PEER_ANY_ERROR);
}

/* Only what was advertised is supported, and the frontend that tried goes on. */
static int unadvertised(struct peer *p)
{
	if (peer_offered(p, "feature-discard") || peer_offered(p, "feature-barrier") ||
		peer_offered(p, "feature-flush-cache"))
		return hostile_fail("a read-only disk offers what changes it");
	if (peer_expect(p, peer_discard(p, 0, 8, 0), BLKIF_RSP_EOPNOTSUPP) < 0 ||
		peer_expect(p, peer_rw(p, BLKIF_OP_WRITE_BARRIER, 0, 0, 1), BLKIF_RSP_EOPNOTSUPP) < 0 ||
		peer_expect(p, peer_rw(p, BLKIF_OP_FLUSH_DISKCACHE, 0, 0, 0), BLKIF_RSP_EOPNOTSUPP) < 0)
		return -1;
	return peer_expect(p, peer_rw(p, BLKIF_OP_READ, 0, 0, 1), BLKIF_RSP_OKAY);
}

const struct hostile_case hostile_readonly[] = {
	{ "rule04-unadvertised-operations", unadvertised, false },
	{ "rule09-readonly-write", readonly_write, false },
	{ "rule09-readonly-indirect-write", readonly_indirect_write, false },
	{ "rule09-readonly-barrier", readonly_barrier, false },
	{ "rule09-readonly-discard-cve-2013-2140", readonly_discard, false },
	{ "rule09-readonly-secure-discard-cve-2013-2140", readonly_secure_discard, false },
	{ NULL, NULL, false },
};

/* ---- blocks of 4096 bytes: the script asks for them ----------------------------------- */

static int alignment(struct peer *p)
{
	if (peer_offered(p, "sector-size") != 4096)
		return hostile_fail("this disk has no blocks of 4096 bytes");
	if (put_mark(p) < 0)
		return -1;
	for (unsigned op = BLKIF_OP_READ; op <= BLKIF_OP_WRITE; op++)
		for (unsigned off = 1; off < 8; off++) {
			struct blkif_req *req = peer_rw(p, op, MARK_SECTOR + off, 0, 1);

			if (peer_expect(p, req, BLKIF_RSP_ERROR) < 0)
				return -1;
			req = peer_rw(p, op, MARK_SECTOR, 0, 2);
			req->seg[0].first_sect = off;
			if (peer_expect(p, req, BLKIF_RSP_ERROR) < 0)
				return -1;
			req = peer_rw(p, op, MARK_SECTOR, 0, 20);
			req->seg[19].last_sect = off - 1;
			blkif_encode_segments(req, 0, p->page[PEER_PAGES - 1]);
			if (peer_expect(p, req, BLKIF_RSP_ERROR) < 0)
				return -1;
		}
	return mark_is_there(p) < 0 ? -1 : peer_check_works(p);
}

static int discard_alignment(struct peer *p)
{
	if (discards_are_offered(p) < 0 || put_mark(p) < 0)
		return -1;
	for (unsigned off = 1; off < 8; off++)
		if (peer_expect(p, peer_discard(p, MARK_SECTOR + off, 8, 0), BLKIF_RSP_ERROR) < 0 ||
			peer_expect(p, peer_discard(p, MARK_SECTOR, 8 + off, 0), BLKIF_RSP_ERROR) < 0)
			return -1;
	return mark_is_there(p) < 0 ? -1 : peer_check_works(p);
}

const struct hostile_case hostile_blocks[] = {
	{ "rule08-alignment", alignment, false },
	{ "rule08-alignment-of-discards", discard_alignment, false },
	{ NULL, NULL, false },
};
