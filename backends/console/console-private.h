/* SPDX-License-Identifier: MIT */
/* Inside of a console: console.c has what both kinds share. */
#ifndef SLUICE_BACKENDS_CONSOLE_CONSOLE_PRIVATE_H
#define SLUICE_BACKENDS_CONSOLE_CONSOLE_PRIVATE_H

#include <xenstore.h>

#include "backends/common/backend.h"
#include "backends/console/console.h"
#include "backends/console/tape-file.h"

#define CONSOLE_WHY 256

/** struct console_kind - where a console's nodes are, and what becomes of it; each 0 or -errno, logged. */
struct console_kind {
	/** @open: find it in the store, and what is configured there. */
	int (*open)(struct console *c);
	/** @begin: serve; everything is open and nothing more will be. */
	int (*begin)(struct console *c);
	/** @write: a node that the guest may read. Not there: no matter. */
	void (*write)(struct console *c, const char *node, const char *value);
	/** @broken: the guest broke its ring. */
	void (*broken)(struct console *c, const char *why);
	/** @stop: as console_stop(). */
	void (*stop)(struct console *c);
	/** @close: what it opened, if it did. */
	void (*close)(struct console *c);
};

extern const struct console_kind console_primary, console_secondary;

struct console {
	struct loop *loop;
	struct console_options o;
	const struct console_kind *kind;
	struct tape_file *tape;
	struct device *device;
	struct users *users;
	int status; /* if it cannot be started */
	bool stopping;
	/* primary: */
	char dir[48]; /* in the store */
	struct xs_handle *xs;
	struct loop_source *xs_source;
	uint32_t port;
	/* secondary: */
	struct backend *backend;
	char *frontend, *path, *log;
};

/**
 * console_connect() - to the guest's ring. @resume: after a predecessor, where it was.
 * Return: 0, or -errno with @why.
 */
int console_connect(struct console *c, uint32_t ref, uint32_t port, bool resume, char *why,
	size_t why_room) must_check;

#endif
