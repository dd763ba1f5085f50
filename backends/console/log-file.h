/* SPDX-License-Identifier: MIT */
/*
 * A log of bounded size: FILE, and the FILE.1, FILE.2 .. that it was before. Writing may wait for
 * the disk: who may not wait uses log-writer.h.
 */
#ifndef SLUICE_BACKENDS_CONSOLE_LOG_FILE_H
#define SLUICE_BACKENDS_CONSOLE_LOG_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/log.h"

/** LOG_FILE_KEEP_MAX - older ones to keep, at most. */
#define LOG_FILE_KEEP_MAX 99u

/** struct log_file - log_file_open() it. */
struct log_file {
	int dir_fd, fd;
	char name[NAME_MAX + 1];
	uint64_t limit;   /* bytes; 0: none */
	unsigned keep;
	uint64_t size;
	bool in_line;     /* its last line has no end yet */
	uint64_t lost;    /* bytes that found no place since the last that did */
	struct log_limit said;
};

/**
 * log_file_open() - open or make @path (mode 0600), to append to.
 * @limit: never longer than that, 0: no limit; @keep: how many older ones stay
 *
 * Return: 0 or -errno.
 */
int log_file_open(struct log_file *f, const char *path, uint64_t limit, unsigned keep) must_check;
/**
 * log_file_write() - append, in as many files as it takes. Lines stay whole where they can: where a
 * line came in one piece. What cannot be written is counted, said, and marked in the log once it
 * can be written again.
 * @data: whole characters
 */
void log_file_write(struct log_file *f, const char *data, size_t len);
/**
 * log_file_own() - one process at a time writes it and moves it: a predecessor that still
 * writes what it has goes first. False: try again.
 */
bool log_file_own(struct log_file *f);
/** log_file_reopen() - somebody moved it away: begin a new one. */
void log_file_reopen(struct log_file *f);
void log_file_close(struct log_file *f);

#endif
