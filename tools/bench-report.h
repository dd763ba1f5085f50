/* SPDX-License-Identifier: MIT */
/* What sluice-bench prints. */
#ifndef SLUICE_TOOLS_BENCH_REPORT_H
#define SLUICE_TOOLS_BENCH_REPORT_H

#include <stdio.h>

#include "common/cleanup.h"
#include "tools/bench-wire.h"
#include "tools/stack.h"

/** struct bench_report - all that is known at the end. */
struct bench_report {
	const struct bench_options *options;
	const struct bench_given *given;
	const struct bench_result *jobs;
	unsigned njobs;
	const struct bench_result *all; /* the jobs, merged */
	struct stack_cpu cpu;      /* seconds while it was measured */
	unsigned elapsed_seconds;  /* with start-up and verification */
};

/** bench_report_table() - for people. */
void bench_report_table(FILE *to, const struct bench_report *r);
/**
 * bench_report_json() - with fio's names, and ours below "sluice".
 * Return: 0, -EOPNOTSUPP (built without jansson), -ENOMEM, -EIO.
 */
int bench_report_json(FILE *to, const struct bench_report *r) must_check;
/** bench_report_progress() - one line. @terminal: over the one before. */
void bench_report_progress(FILE *to, const struct bench_progress *p, bool terminal);

/** bench_ios() - of all kinds. */
uint64_t bench_ios(const struct bench_result *result);
/** bench_error() - what fio calls error: an errno, EILSEQ for data that do not verify. */
int bench_error(const struct bench_result *result);

/** bench_size_text() - "1.2GiB"; at most 16 bytes. */
void bench_size_text(double bytes, char *text, size_t room);

#endif
