/* SPDX-License-Identifier: MIT */
/*
 * A console's log, written by a process of its own: it waits for the disk and moves files, and
 * whoever serves the guest does neither. What goes between them is a pipe's worth.
 */
#ifndef SLUICE_BACKENDS_CONSOLE_LOG_WRITER_H
#define SLUICE_BACKENDS_CONSOLE_LOG_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"

/** struct log_options - what to write. */
struct log_options {
	const char *path;  /* NULL: no log */
	uint64_t limit;    /* bytes of a file; 0: none */
	unsigned keep;     /* older files */
	bool stamp, escape;
};

/** struct log_writer - the way to it. */
struct log_writer {
	int data_fd;    /* write the guest's output there; -1: none */
	int control_fd;
};

/**
 * log_writer_start() - open the log and start its process. Call before there are threads.
 * @confine: it gives up what that does not take
 *
 * Return: 0 or -errno of the file's opening or of the process.
 */
int log_writer_start(struct log_writer *w, const struct log_options *options, bool confine) must_check;
/** log_writer_reopen() - somebody moved the file away. */
void log_writer_reopen(struct log_writer *w);
/** log_writer_end() - no more comes: give it up to @ms to write what it has. */
void log_writer_end(struct log_writer *w, unsigned ms);

#endif
