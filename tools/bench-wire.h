/* SPDX-License-Identifier: MIT */
/*
 * What sluice-bench and the load, the same program in the guest domain, tell each
 * other: fixed structures over a SOCK_SEQPACKET pair.
 */
#ifndef SLUICE_TOOLS_BENCH_WIRE_H
#define SLUICE_TOOLS_BENCH_WIRE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "frontends/blkfront.h"
#include "tools/bench-options.h"
#include "tools/histogram.h"

enum bench_message_type {
	BENCH_CONFIG,   /* to the load: struct bench_options */
	BENCH_STOP,     /* to the load: end early and report */
	BENCH_BEGIN,    /* measuring begins: struct blkfront_info */
	BENCH_END,      /* measuring has ended */
	BENCH_PROGRESS, /* struct bench_progress */
	BENCH_RESULT,   /* struct bench_result; one per job, then it is over */
	BENCH_FAILED,   /* a text: the load could not start */
};

enum bench_phase { BENCH_RAMPING, BENCH_RUNNING, BENCH_VERIFYING };

/** enum bench_dir - what an I/O does; the first three are what a job is made of. */
enum bench_dir { BENCH_READS, BENCH_WRITES, BENCH_TRIMS, BENCH_SYNCS, BENCH_DIRS };

/** struct bench_progress - of one job. */
struct bench_progress {
	uint32_t job;
	uint32_t phase;
	double done;            /* 0 to 1 */
	double eta;             /* seconds; below 0: unknown */
	uint64_t ios[BENCH_SYNCS]; /* since the last one: reads, writes, trims */
	uint64_t bytes[BENCH_SYNCS];
	double seconds;         /* since the last one */
};

/** struct bench_samples - of a rate, twice a second. */
struct bench_samples {
	uint64_t count;
	double min, max, sum, sum_squares;
};

/** struct bench_direction - reads, writes, trims or flushes. */
struct bench_direction {
	uint64_t ios;
	uint64_t bytes;
	struct bench_samples bandwidth; /* KiB/s */
	struct bench_samples iops;
	struct histogram latency;       /* ns, from submission to completion */
};

/** struct bench_result - of one job, or of all of them: see bench_merge(). */
struct bench_result {
	uint32_t job;
	struct blkfront_info info;
	struct bench_direction dir[BENCH_DIRS];
	double seconds;                 /* measured */
	double user_seconds, system_seconds;
	uint64_t context_switches, major_faults, minor_faults;
	int32_t error;                  /* errno of the first failed I/O, or 0 */
	uint64_t errors;
	char error_text[256];
	uint64_t verified;              /* blocks that were checked */
	uint64_t verify_errors;
	char verify_text[256];          /* the first one */
	bool stopped;                   /* early, by BENCH_STOP */
};

/** BENCH_MESSAGE_MAX - bytes of the largest message. */
#define BENCH_MESSAGE_MAX (sizeof(struct bench_result) + 16)

/** bench_send() - one message. 0 or -errno. */
int bench_send(int sock, enum bench_message_type type, const void *body, size_t length) must_check;
/**
 * bench_recv() - one message.
 * @room: of @body
 *
 * Return: the body's length, or -errno: -EPIPE the other side is gone, -EAGAIN nothing
 * there (@wait false), -EBADMSG what cannot be.
 */
ssize_t bench_recv(int sock, enum bench_message_type *type, void *body, size_t room,
	bool wait) must_check;

#endif
