/* SPDX-License-Identifier: MIT */
/* One domain's console: its device, and the readers and writers of it. */
#ifndef SLUICE_BACKENDS_CONSOLE_CONSOLE_H
#define SLUICE_BACKENDS_CONSOLE_CONSOLE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/loop.h"

/** enum console_status - sluice-console's exit status. */
enum console_status {
	CONSOLE_OK,     /* the domain went, the user left, or we were asked to end */
	CONSOLE_START,  /* could not start */
	CONSOLE_BROKEN, /* the frontend broke its ring */
	CONSOLE_LOST,   /* the hypervisor is gone */
};

/** struct console_options - what to serve, and to whom. */
struct console_options {
	uint32_t domid;
	uint32_t ring_ref;  /* the grant of its ring */
	bool stdio;
	bool stay;          /* when the user leaves the terminal: go on without it */
	bool pty;
	const char *socket; /* path, or NULL */
	const char *log;    /* path, or NULL */
	int ready_fd;       /* -1: none */
	bool confine;       /* give up what serving does not take */
};

struct console;

/**
 * console_start() - open everything; the loop ends with enum console_status.
 * Return: NULL; the cause is logged.
 */
struct console *console_start(struct loop *loop, const struct console_options *options);
/** console_stop() - take what the guest has written until now, and end the loop. */
void console_stop(struct console *c);
/** console_free() - gives readers a moment to take what waits. NULL is fine. */
void console_free(struct console *c);

#endif
