/* SPDX-License-Identifier: MIT */
/* Options of sluice-bench blk, with fio's names. Pure. */
#ifndef SLUICE_TOOLS_BENCH_OPTIONS_H
#define SLUICE_TOOLS_BENCH_OPTIONS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/cleanup.h"

/** BENCH_RW_ - what --rw= means; bits. */
#define BENCH_RW_READ 1u
#define BENCH_RW_WRITE 2u
#define BENCH_RW_RANDOM 4u
#define BENCH_RW_TRIM 8u

/** BENCH_JOBS_MAX - a job has a queue of the disk to itself. */
#define BENCH_JOBS_MAX 8u

enum bench_format { BENCH_NORMAL, BENCH_JSON };
enum bench_eta { BENCH_ETA_AUTO, BENCH_ETA_ALWAYS, BENCH_ETA_NEVER };
enum bench_verify { BENCH_VERIFY_NONE, BENCH_VERIFY_CRC32C };

#define BENCH_RING_AUTO 99u
#define BENCH_TIME_BASED_AUTO 2u

/** struct bench_options - plain data: it is sent to the load's process as it is. */
struct bench_options {
	char filename[PATH_MAX];
	char output[PATH_MAX];
	char name[64];
	char driver[32];
	uint32_t vdev;          /* a disk of the domain we are in; 0: one of a private stack */
	uint32_t rw;            /* BENCH_RW_ bits */
	uint32_t bs;            /* bytes */
	uint32_t iodepth;
	uint32_t rwmixread;     /* per cent */
	uint32_t segments;
	uint32_t ring_order;    /* or BENCH_RING_AUTO */
	uint32_t poll_us;
	uint32_t direct;
	uint32_t verify;        /* enum bench_verify */
	uint32_t format;        /* enum bench_format */
	uint32_t eta;           /* enum bench_eta */
	uint32_t time_based;    /* or BENCH_TIME_BASED_AUTO */
	uint32_t numjobs;
	uint32_t rate_iops;     /* per job; 0: as fast as it goes */
	uint32_t fsync;         /* a flush after so many writes of a job; 0: never */
	uint32_t group_reporting;
	uint32_t ignored;       /* where options go that only fio needs */
	uint64_t loops;
	uint64_t size;          /* bytes; 0: all of the disk */
	uint64_t offset;        /* bytes */
	uint64_t runtime_us;    /* 0: until size is done */
	uint64_t ramp_us;
	uint64_t randseed;
};

#define BENCH_OPTIONS_MAX 48

/** struct bench_given - what was said, for the output's "job options". */
struct bench_given {
	const char *name[BENCH_OPTIONS_MAX];
	const char *value[BENCH_OPTIONS_MAX];
	unsigned count;
};

enum bench_parsed { BENCH_PARSED, BENCH_HELP, BENCH_WRONG };

/**
 * bench_options_parse() - "--name=value" and "--name value"; '_' and '-' are the same.
 * @argv: argv[0] is skipped; @given points into it and into static text
 * @why: what is wrong, naming the option
 */
enum bench_parsed bench_options_parse(int argc, char **argv, struct bench_options *o,
	struct bench_given *given, char *why, size_t why_room) must_check;

/** bench_options_help() - one line per option. */
void bench_options_help(FILE *to);
/**
 * bench_storage_name() - --driver=partition and lvm are names of storage, not of drivers: the name gets
 * their prefix, and the driver is its own.
 * Return: false: the name has no room for it.
 */
bool bench_storage_name(struct bench_options *o) must_check;
/** bench_rw_name() - "randread"; for BENCH_RW_ bits. */
const char *bench_rw_name(uint32_t rw);
/** bench_is_time_based() - it runs for runtime however little the size is. */
bool bench_is_time_based(const struct bench_options *o);

/** size_parse() - fio's sizes: "4k", "1G", "512"; k, m, g, t, p are powers of 1024. */
int size_parse(const char *text, uint64_t *bytes) must_check;
/** time_parse() - fio's times in microseconds: "5" (seconds), "100ms", "2m". */
int time_parse(const char *text, uint64_t *us) must_check;

#endif
