/* SPDX-License-Identifier: MIT */
/*
 * What conformance runs of storage drivers have in a guest: a disk, and a model of what each of
 * its sectors must hold. conform.c parses and lists the cases, conform-model.c knows the
 * content, conform-io.c moves it, conform-*.c are the cases.
 */
#ifndef SLUICE_TESTS_PEERS_CONFORM_H
#define SLUICE_TESTS_PEERS_CONFORM_H

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "frontends/blkfront.h"

#define SECTOR 512u

/** struct conform_options - NAME=VALUE arguments; 0 and NULL where they are not given. */
struct conform_options {
	unsigned vdev;     /* the disk; 0: the first */
	unsigned depth, segments, no_persistent, seed;
	unsigned zeroes;   /* 1: what was discarded reads as zeroes */
	unsigned ops;      /* of a load; 0: until stop */
	unsigned full;     /* 1: all sizes, not a choice */
	unsigned flush;    /* 1: flush before saying so */
	unsigned reads;    /* 1: reads fail, too */
	unsigned mib;      /* the new size */
	const char *stop;  /* a load ends when this file is there */
	const char *go;    /* wait for this file */
	const char *expect; /* what the disk must hold, written or read */
	const char *actual;
	const char *protocol;
};

/* What is known of a sector. */
enum sector_state {
	SECTOR_UNKNOWN,     /* nothing: a write failed, or none was made */
	SECTOR_WRITTEN,     /* holds the write that its tag names */
	SECTOR_DISCARDED,   /* that, or zeroes */
	SECTOR_ZERO,
};

struct conform {
	struct conform_options o;
	struct blkfront *bf;
	const struct blkfront_info *info;
	uint64_t sectors;      /* of 512 bytes */
	uint32_t unit;         /* sectors that requests are multiples of */
	uint32_t max;          /* sectors per request */
	/* per sector */
	uint64_t *tag;
	uint8_t *state;
	uint8_t *busy;
	uint64_t last_tag;
	unsigned in_flight;
	unsigned errors;       /* I/Os that ended with an error while these were allowed */
	int last_error;
	bool errors_allowed;
	uint64_t done;
	bool failed;
};

/** conform_wrong() - say what failed; the first one is the result. */
void conform_wrong(struct conform *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** conform_say() - a line for the script, at once. */
void conform_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/** conform_now() - milliseconds. */
uint64_t conform_now(void);
/** conform_random() - 0 to @n - 1. */
uint64_t conform_random(struct conform *c, uint64_t n);
bool conform_exists(const char *path);

/* --- the model --- */

/** model_init() - all unknown. */
bool model_init(struct conform *c);
void model_free(struct conform *c);
/** model_fill() - a write's data into @data. */
void model_fill(void *data, uint64_t sector, uint64_t sectors, uint64_t tag);
void model_written(struct conform *c, uint64_t sector, uint64_t sectors, uint64_t tag);
void model_discarded(struct conform *c, uint64_t sector, uint64_t sectors);
void model_unknown(struct conform *c, uint64_t sector, uint64_t sectors);
/** model_check() - what was read is what must be there; else conform_wrong() with @what. */
bool model_check(struct conform *c, const void *data, uint64_t sector, uint64_t sectors, const char *what);
/** model_dump() - what the disk must hold into a file; sectors that are not known are marked. */
bool model_dump(struct conform *c, const char *path);
/** model_load() - what a dump says that the disk must hold. */
bool model_load(struct conform *c, const char *path);
/** model_compare() - two files of which the first one was dumped. Return: the exit status. */
int model_compare(const char *expect, const char *actual);

/* --- I/O --- */

/** conform_open() - connect with the options. */
bool conform_open(struct conform *c);
void conform_close(struct conform *c);
/**
 * conform_start() - one I/O; the model learns of its end. Writes get the next tag.
 * Return: false: no free I/O, its sectors are busy, or it was refused, which is wrong.
 */
bool conform_start(struct conform *c, enum blkfront_op op, uint64_t sector, uint64_t sectors);
/** conform_wait() - for something to end, at most @ms. False: the device failed. */
bool conform_wait(struct conform *c, int ms);
/** conform_drain() - until nothing is in flight; 60 s without any answer are wrong. */
bool conform_drain(struct conform *c);
/** conform_do() - one I/O to its end. True: it did not fail. */
bool conform_do(struct conform *c, enum blkfront_op op, uint64_t sector, uint64_t sectors);
/** conform_write_all() - every sector of @n from @first on known. */
bool conform_write_all(struct conform *c, uint64_t first, uint64_t n);
bool conform_read_all(struct conform *c, uint64_t first, uint64_t n);

/* --- cases: each returns with c->failed set or not --- */

void case_sizes(struct conform *c);
void case_types(struct conform *c);
void case_discard(struct conform *c);
void case_load(struct conform *c);
void case_flushed(struct conform *c);
void case_resize(struct conform *c);
void case_errors(struct conform *c);
void case_readonly(struct conform *c);
void case_verify(struct conform *c);
void case_close(struct conform *c);
void case_left(struct conform *c);

#endif
