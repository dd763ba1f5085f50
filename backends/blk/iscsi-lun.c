// SPDX-License-Identifier: MIT
/* SPC-4 and SBC-3: what a unit says, and the commands. What its answers mean is in iscsi-sense.c. */
#include "config.h"
#include "backends/blk/iscsi-lun.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LUN_MAX_TRANSFER (16u << 20) /* bytes, where it says no limit */
#define LUN_MAX_IOV 1024u            /* writev()'s */
#define LUN_MAX_BLOCK (64u << 10)

void lun_put(uint8_t *at, uint64_t value, unsigned bytes)
{
	for (unsigned i = bytes; i-- > 0; value >>= 8)
		at[i] = (uint8_t)value;
}

uint64_t lun_get(const uint8_t *at, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes; i++)
		value = value << 8 | at[i];
	return value;
}

uint64_t lun_hash(uint64_t seed, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t h = UINT64_C(0xcbf29ce484222325) ^ seed * UINT64_C(0x9e3779b97f4a7c15);

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001b3);
	/* The last bytes reach few bits by themselves. */
	h = (h ^ h >> 32) * UINT64_C(0xd6e8feb86659fd93);
	return h ^ h >> 32;
}

/* --- what it says ------------------------------------------------------------------------- */

int lun_parse_inquiry(const uint8_t *data, size_t len, char *why, size_t room)
{
	if (len < 36)
		snprintf(why, room, "what it says about itself is cut off");
	else if (data[0] >> 5)
		snprintf(why, room, "the target has no such unit; iscsi-ls -s lists them");
	else if ((data[0] & 0x1f) != 0)
		snprintf(why, room, "it is no disk but a device of type %u", data[0] & 0x1f);
	else
		return 0;
	return -ENXIO;
}

int lun_parse_capacity(const uint8_t *data, size_t len, struct lun *lun, char *why, size_t room)
{
	uint64_t last;
	uint32_t size;

	if (len < 16) {
		snprintf(why, room, "what it says of its size is cut off");
		return -EINVAL;
	}
	last = lun_get(data, 8);
	size = (uint32_t)lun_get(data + 8, 4);
	if (size < 512 || size > LUN_MAX_BLOCK || (size & (size - 1))) {
		snprintf(why, room, "its blocks have %u bytes; only powers of two from 512 to 65536 are served", size);
		return -EINVAL;
	}
	if (last >= INT64_MAX / size) {
		snprintf(why, room, "it says that it has 2^63 bytes or more");
		return -EINVAL;
	}
	lun->blocks = last + 1;
	lun->block_size = size;
	lun->physical_size = size;
	if ((data[13] & 0xf) <= 8 && size << (data[13] & 0xf) <= LUN_MAX_BLOCK)
		lun->physical_size = size << (data[13] & 0xf);
	lun->provisioned = data[14] & 0x80;
	lun->zeroes = data[14] & 0x40;
	return 0;
}

int lun_parse_mode(const uint8_t *data, size_t len, struct lun *lun)
{
	size_t at;

	if (len < 4)
		return -EINVAL;
	lun->write_protected = data[2] & 0x80;
	at = 4u + data[3]; /* behind the block descriptors */
	if (at + 3 > len || (data[at] & 0x3f) != 0x08 || data[at + 1] < 1)
		return 0;
	lun->cache_known = true;
	lun->cache = data[at + 2] & 0x04;
	return 0;
}

bool lun_page_listed(const uint8_t *data, size_t len, uint8_t page)
{
	size_t n = len >= 4 ? (size_t)lun_get(data + 2, 2) : 0;

	for (size_t i = 0; i < n && 4 + i < len; i++)
		if (data[4 + i] == page)
			return true;
	return false;
}

/* Block limits. */
static void lun_parse_limits(const uint8_t *data, size_t len, struct lun *lun)
{
	if (len >= 12)
		lun->max_transfer = (uint32_t)lun_get(data + 8, 4);
	if (len >= 32) {
		lun->max_unmap = (uint32_t)lun_get(data + 20, 4);
		/* No descriptor at all: no UNMAP, whatever page B2 says. */
		if (lun_get(data + 24, 4) == 0)
			lun->can_unmap = false;
		lun->unmap_granularity = (uint32_t)lun_get(data + 28, 4);
	}
	if (len >= 44)
		lun->max_write_same = lun_get(data + 36, 8);
}

/* Of the designators of the unit itself the kind that is unique by rule comes first. */
static unsigned lun_designator_rank(unsigned type)
{
	switch (type) {
	case 3: /* NAA */
		return 4;
	case 2: /* EUI-64 */
		return 3;
	case 8: /* SCSI name */
		return 2;
	case 1: /* T10 vendor */
		return 1;
	default:
		return 0;
	}
}

static void lun_parse_designators(const uint8_t *data, size_t len, struct lun *lun)
{
	unsigned best = 0;

	for (size_t at = 4; at + 4 <= len && at + 4 + data[at + 3] <= len; at += 4u + data[at + 3]) {
		unsigned rank = lun_designator_rank(data[at + 1] & 0x0f);

		if ((data[at + 1] >> 4 & 3) != 0 || rank <= best || data[at + 3] == 0)
			continue; /* of the port or the target, or not better */
		best = rank;
		lun->identity[0] = lun_hash(1, data + at + 4, data[at + 3]);
		lun->identity[1] = lun_hash(2, data + at + 4, data[at + 3]);
	}
}

void lun_parse_page(const uint8_t *data, size_t len, struct lun *lun)
{
	size_t says = len >= 4 ? 4u + (size_t)lun_get(data + 2, 2) : 0;

	if (says == 0)
		return;
	if (len > says)
		len = says;
	switch (data[1]) {
	case 0x83:
		lun_parse_designators(data, len, lun);
		break;
	case 0xb0:
		lun_parse_limits(data, len, lun);
		break;
	case 0xb1:
		/* 1: it does not rotate; 0: it does not say */
		lun->rotational = len >= 6 && lun_get(data + 4, 2) > 1;
		break;
	case 0xb2:
		lun->can_unmap = len >= 6 && (data[5] & 0x80);
		lun->can_write_same_unmap = len >= 6 && (data[5] & 0x40);
		/* LBPRZ is a number here: 1 is zeroes, 2 and more a pattern of its own. */
		if (len >= 6 && (data[5] >> 2 & 7) > 1)
			lun->zeroes = false;
		break;
	}
}

void lun_identify(struct lun *lun, const char *target, unsigned number)
{
	for (unsigned i = 0; i < 2; i++) {
		lun->identity[i] ^= lun_hash(3 + i, target, strlen(target)) + number * UINT64_C(0x9e3779b97f4a7c15);
		if (!lun->identity[i])
			lun->identity[i] = 1; /* 0 is none */
	}
}

/* --- what is offered --------------------------------------------------------------------------- */

enum lun_trim lun_trim_for(const struct lun *lun, enum blk_op op)
{
	bool same = lun->provisioned && lun->can_write_same_unmap;

	if (op == BLK_ZEROES)
		return LUN_TRIM_WRITE_SAME; /* not all have it, and they say so when asked */
	if (lun->provisioned && lun->can_unmap)
		return LUN_TRIM_UNMAP;
	return same ? LUN_TRIM_WRITE_SAME : LUN_TRIM_NONE;
}

static uint64_t lun_least(uint64_t a, uint64_t b)
{
	if (a == 0 || b == 0)
		return a | b;
	return a < b ? a : b;
}

/* Bytes per discard or zeroes: the commands' fields have 32 bits. */
static uint64_t lun_max_trim(const struct lun *lun)
{
	uint64_t most = lun_least(lun->max_write_same, UINT32_MAX);

	if (lun_trim_for(lun, BLK_DISCARD) == LUN_TRIM_UNMAP)
		most = lun_least(most, lun->max_unmap);
	return most * lun->block_size;
}

void lun_describe(const struct lun *lun, bool readonly, struct blk_info *info)
{
	uint64_t transfer = (uint64_t)lun->max_transfer * lun->block_size;
	bool discard = !readonly && lun_trim_for(lun, BLK_DISCARD) != LUN_TRIM_NONE;
	uint64_t granule = (uint64_t)lun->unmap_granularity * lun->block_size;

	*info = (struct blk_info){
		.size = lun->blocks * lun->block_size,
		.block_size = lun->block_size,
		.physical_size = lun->physical_size,
		.max_iov = LUN_MAX_IOV,
		.max_length = lun_least(transfer, LUN_MAX_TRANSFER),
		.max_discard = lun_max_trim(lun),
		.discard_granularity = granule && granule <= UINT32_MAX ? (uint32_t)granule : lun->block_size,
		.identity = { lun->identity[0], lun->identity[1] },
		.flags = BLK_INFO_SERVED | (readonly ? BLK_INFO_READONLY : BLK_INFO_ZEROES) |
			 (lun->cache ? BLK_INFO_FLUSH : 0) | (discard ? BLK_INFO_DISCARD : 0) |
			 (lun->rotational ? BLK_INFO_ROTATIONAL : 0),
	};
}

/* --- commands ------------------------------------------------------------------------------------ */

static void lun_write_same(const struct lun *lun, enum blk_op op, uint8_t *cdb)
{
	/*
	 * With UNMAP the unit may give the blocks back if they read as zeroes then, else it writes
	 * zeroes; for a discard without that promise nothing is lost either.
	 */
	bool unmap = lun->provisioned && lun->can_write_same_unmap && (op == BLK_DISCARD || lun->zeroes);

	cdb[0] = 0x93;
	cdb[1] = unmap ? 0x08 : 0;
}

void lun_command(const struct lun *lun, enum blk_op op, uint64_t block, uint32_t blocks,
	uint8_t cdb[LUN_CDB])
{
	memset(cdb, 0, LUN_CDB);
	switch (op) {
	case BLK_READ:
		cdb[0] = 0x88;
		break;
	case BLK_WRITE:
		cdb[0] = 0x8a;
		break;
	case BLK_FLUSH:
		cdb[0] = 0x91;
		break;
	case BLK_DISCARD:
		if (lun_trim_for(lun, op) == LUN_TRIM_UNMAP) {
			cdb[0] = 0x42; /* the range is in its parameters */
			lun_put(cdb + 7, LUN_UNMAP_LIST, 2);
			return;
		}
		lun_write_same(lun, op, cdb);
		break;
	case BLK_ZEROES:
		lun_write_same(lun, op, cdb);
		break;
	}
	lun_put(cdb + 2, block, 8);
	lun_put(cdb + 10, blocks, 4);
}

void lun_unmap_list(uint64_t block, uint32_t blocks, uint8_t list[LUN_UNMAP_LIST])
{
	memset(list, 0, LUN_UNMAP_LIST);
	lun_put(list, LUN_UNMAP_LIST - 2, 2);
	lun_put(list + 2, 16, 2);
	lun_put(list + 8, block, 8);
	lun_put(list + 16, blocks, 4);
}
