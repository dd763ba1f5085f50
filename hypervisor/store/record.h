/* SPDX-License-Identifier: MIT */
/*
 * Records of saved state: a type, a length, and numbers and strings in the
 * machine's byte order. Written into a buffer that grows, read from bytes that
 * nobody vouches for. Pure.
 */
#ifndef SLUICE_HYPERVISOR_STORE_RECORD_H
#define SLUICE_HYPERVISOR_STORE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

/** struct record_writer - all zero: empty. */
struct record_writer {
	char *data;
	size_t used, room;
	size_t begun; /* where the record being written starts */
	bool failed;  /* there was no memory: what is in it is not whole */
};

/** record_begin() - start a record; the previous one must have ended. */
void record_begin(struct record_writer *writer, uint32_t type);
void record_put_u32(struct record_writer *writer, uint32_t value);
void record_put_u64(struct record_writer *writer, uint64_t value);
/** record_put_bytes() - a length and that many bytes. */
void record_put_bytes(struct record_writer *writer, const void *data, size_t len);
void record_end(struct record_writer *writer);
/** record_put_raw() - bytes outside of records. */
void record_put_raw(struct record_writer *writer, const void *data, size_t len);
/** record_clear() - empty again, its memory kept. */
void record_clear(struct record_writer *writer);
/** record_dispose() - frees. */
void record_dispose(struct record_writer *writer);

/** struct record_reader - bytes that are left. */
struct record_reader {
	const char *at;
	size_t left;
	bool bad; /* something was asked for that is not there */
};

/**
 * record_next() - the next record of @reader as a reader of its own.
 * Return: 1, 0 at the end, -EINVAL: it is longer than what is left.
 */
int record_next(struct record_reader *reader, uint32_t *type,
	struct record_reader *record) must_check;
/** record_u32() - 0 and @reader->bad when it is not there. */
uint32_t record_u32(struct record_reader *reader);
uint64_t record_u64(struct record_reader *reader);
/** record_bytes() - borrowed; NULL and @reader->bad when they are not there. */
const char *record_bytes(struct record_reader *reader, size_t *len);
/** record_string() - bytes whose last is their only NUL; else NULL and @reader->bad. */
const char *record_string(struct record_reader *reader);
/** record_done() - all was there and nothing is left. */
bool record_done(const struct record_reader *reader);

#endif
