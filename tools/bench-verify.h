/* SPDX-License-Identifier: MIT */
/*
 * Blocks that prove where and when they were written. A write is cut into units of at
 * most 4 KiB; each begins with a header that names the unit's place, the write that it
 * belongs to and a checksum, so that data that are misplaced, old, torn or damaged are
 * told from good ones. Pure.
 */
#ifndef SLUICE_TOOLS_BENCH_VERIFY_H
#define SLUICE_TOOLS_BENCH_VERIFY_H

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

/** struct verify_header - little endian, at the start of each unit. */
struct verify_header {
	uint32_t magic;
	uint32_t crc;       /* CRC-32C of the unit from here on: all that follows this field */
	uint64_t offset;    /* of this unit on the disk, bytes */
	uint64_t start;     /* of the write that it belongs to, bytes */
	uint32_t length;    /* of that write, bytes */
	uint32_t unit;      /* bytes */
	uint64_t sequence;  /* of that write */
	uint64_t run;       /* random, one per run */
};

/** struct verify_write - a write, and what is to be expected of a read. */
struct verify_write {
	uint64_t start;
	uint32_t length;
	uint64_t sequence;  /* 0 in an expectation: any, but one for all units of the block */
	uint64_t run;       /* 0 in an expectation: any */
};

/** verify_unit() - the size of units for writes of @bs bytes (a multiple of 512). */
uint32_t verify_unit(uint32_t bs);

/**
 * verify_fill() - make the data of a part of a write.
 * @skip: bytes of the write before @data; a multiple of the unit
 * @length: bytes; a multiple of the unit
 */
void verify_fill(void *data, uint32_t length, const struct verify_write *w, uint32_t skip);

/**
 * verify_check() - check what was read where @w was written.
 * @w: what is expected; a sequence of 0 becomes the first one found, a run too
 * @skip, @length: as for verify_fill()
 * @why: names offset, what was expected and what was found
 *
 * Return: 0 or -EILSEQ.
 */
int verify_check(const void *data, uint32_t length, struct verify_write *w, uint32_t skip, char *why,
	size_t why_room) must_check;

#endif
