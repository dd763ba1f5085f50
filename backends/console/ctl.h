/* SPDX-License-Identifier: MIT */
/*
 * What is asked for on a console's control socket: one line, answered by one that begins with
 * "ok" or says what is wrong. Pure.
 *
 *	attach [read|write|force] [COLSxROWS]	"ok write" or "ok read"; the connection is the
 *						console's from then on
 *	window COLSxROWS			the size of the writer's window
 *	status					"ok", then lines of a name and a value
 */
#ifndef SLUICE_BACKENDS_CONSOLE_CTL_H
#define SLUICE_BACKENDS_CONSOLE_CTL_H

#include <stdbool.h>

#include "common/cleanup.h"

/** CTL_LINE_MAX - the longest request, with its end. */
#define CTL_LINE_MAX 64u

enum ctl_verb { CTL_ATTACH, CTL_WINDOW, CTL_STATUS };

/** struct ctl_request - a request, checked. */
struct ctl_request {
	enum ctl_verb verb;
	bool read_only, force;     /* attach */
	unsigned short cols, rows; /* 0: not said */
};

/** ctl_parse() - @line without its end. 0 or -EINVAL. */
int ctl_parse(const char *line, struct ctl_request *request) must_check;

#endif
