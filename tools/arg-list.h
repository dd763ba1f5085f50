/* SPDX-License-Identifier: MIT */
/* An argument vector that grows. */
#ifndef SLUICE_TOOLS_ARG_LIST_H
#define SLUICE_TOOLS_ARG_LIST_H

#include <stdbool.h>

/** struct arg_list - all zero: empty. */
struct arg_list {
	char **argv; /* NULL-terminated */
	unsigned argc;
	bool failed; /* there was no memory for one of them */
};

/** arg_list_add() - append what @fmt says. */
void arg_list_add(struct arg_list *list, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/** arg_list_free() - leaves it empty. */
void arg_list_free(struct arg_list *list);

#endif
