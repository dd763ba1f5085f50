/* SPDX-License-Identifier: MIT */
/*
 * A guest's output as its log has it: a time before each line, and nothing in it that does something
 * to the terminal of whoever reads it, if that is wanted. What comes out at once is always
 * whole characters, so that a log can be cut between any two pieces of it. Pure.
 */
#ifndef SLUICE_BACKENDS_CONSOLE_LOG_FORMAT_H
#define SLUICE_BACKENDS_CONSOLE_LOG_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

/** LOG_FORMAT_GROWTH - a byte becomes at most so many: a time, and four bytes of an escape each. */
#define LOG_FORMAT_GROWTH 48u

/** struct log_format - all zero but the wishes to begin with. */
struct log_format {
	bool stamp, escape;
	bool in_line;    /* something of the line is out */
	bool carriage;   /* a \r waits: before \n it is no wonder */
	char part[4];    /* of a character that is not there as a whole */
	unsigned used, wanted;
};

/**
 * log_format_add() - the next bytes.
 * @to: room for LOG_FORMAT_GROWTH times @len bytes
 * @now: the time of the lines that begin in it, UTC
 *
 * Return: how many bytes came of it.
 */
size_t log_format_add(struct log_format *f, const char *from, size_t len, time_t now, char *to);
/** log_format_end() - what waited for more. At most LOG_FORMAT_GROWTH bytes. */
size_t log_format_end(struct log_format *f, time_t now, char *to);

#endif
