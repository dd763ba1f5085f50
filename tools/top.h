/* SPDX-License-Identifier: MIT */
/* sluice top: rates between two looks at the metrics, and how they are shown. */
#ifndef SLUICE_TOOLS_TOP_H
#define SLUICE_TOOLS_TOP_H

#include <stdio.h>

#include "tools/metrics-find.h"

/** struct top_rate - of one kind of request in an interval. */
struct top_rate {
	double iops;
	double bytes;               /* per second; reads and writes (barriers with them) only */
	uint64_t p50_ns, p99_ns, p999_ns;
};

/** struct top_net - an interface in an interval, per second; directions are the guest's. */
struct top_net {
	double sent, received;      /* packets */
	double sent_bytes, received_bytes;
	double dropped;             /* packets, both ways, for want of room */
	double bad;                 /* packets that could not be, or that could not be read or written */
};

/** struct top_row - a device in an interval. */
struct top_row {
	const struct metrics_device *device;
	struct top_rate op[METRICS_OPS];
	struct top_rate all;
	double depth;               /* requests in flight, on average */
	uint64_t in_flight;         /* now */
	double errors, refused;     /* per second */
	double poll_hits;           /* part of polls that found work, 0 to 1; negative: none */
	unsigned connected;         /* rings */
	uint64_t features;          /* of all of them */
	struct top_net net;         /* of an interface; all but depth, features and polls is 0 then */
};

/**
 * top_rate() - what happened to a device between two looks.
 * @before: NULL: the device is new
 * @seconds: between them
 */
void top_rate(const struct metrics_device *now, const struct metrics_device *before, double seconds,
	struct top_row *row);
/** top_rows() - a row for each device of @now, in its order. NULL: no memory. */
struct top_row *top_rows(const struct metrics_list *now, const struct metrics_list *before,
	double seconds) must_check;

/** struct top_size - of a terminal; zero: no limit. */
struct top_size {
	unsigned columns, lines;
};

/** top_show_table() - as a table; lines end with @eol. */
void top_show_table(const struct metrics_list *list, const struct top_row *rows,
	struct top_size size, const char *eol, FILE *to);
/** top_net_rate() - an interface's part of top_rate(). */
void top_net_rate(const struct metrics_view *now, const struct metrics_view *before, bool anew,
	double seconds, struct top_row *row);
/** top_net_head() - the headings of interfaces. top_net_row() - a line of the table. */
void top_net_head(char *line, size_t room);
void top_net_row(const struct top_row *row, const char *guest, char *line, size_t room);
/** top_net_json() - the members of an interface's object. */
void top_net_json(const struct top_row *row, FILE *to);
/** top_show_number() - four digits and a unit, in powers of @base. */
void top_show_number(double n, double base, char *text, size_t room);
/** top_show_json() - one line, an object. @now: seconds since the epoch */
void top_show_json(const struct metrics_list *list, const struct top_row *rows, double now,
	double seconds, FILE *to);

/** struct top_terminal - a terminal that is being drawn on. */
struct top_terminal;
/** top_terminal_open() - take the terminal of standard input and output. NULL with errno set. */
struct top_terminal *top_terminal_open(void);
/** top_terminal_close() - as it was before. NULL is fine. */
void top_terminal_close(struct top_terminal *terminal);
/** top_terminal_size() - now. */
struct top_size top_terminal_size(void);
/** enum top_event - what the user wants. */
enum top_event { TOP_REFRESH, TOP_QUIT };
/** top_terminal_wait() - up to @seconds, or until a key or a signal. */
enum top_event top_terminal_wait(struct top_terminal *terminal, double seconds);

#endif
