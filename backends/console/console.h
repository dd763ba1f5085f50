/* SPDX-License-Identifier: MIT */
/* One console: its device, its tape, and its users. */
#ifndef SLUICE_BACKENDS_CONSOLE_CONSOLE_H
#define SLUICE_BACKENDS_CONSOLE_CONSOLE_H

#include <stdbool.h>
#include <stdint.h>

#include "backends/console/device.h"
#include "backends/console/users.h"
#include "common/cleanup.h"
#include "common/loop.h"

/** CONSOLE_TAPE_MIN - what waits for a slow reader, however little is to be shown to late ones. */
#define CONSOLE_TAPE_MIN 65536u

/** enum console_status - sluice-console's exit status. */
enum console_status {
	CONSOLE_OK,     /* the domain went, the user left, or we were asked to end */
	CONSOLE_START,  /* could not start */
	CONSOLE_BROKEN, /* the frontend broke its ring, or what is configured cannot be served */
	CONSOLE_LOST,   /* the hypervisor or the store is gone */
};

/** struct console_options - what to serve, and to whom. Strings are the caller's, and stay. */
struct console_options {
	const char *backend;  /* a secondary console's directory; NULL: the primary one of @domid */
	uint32_t domid;
	uint32_t ring_ref;    /* the grant of the primary one's ring */
	const char *tape;     /* where it is kept: path, "fd:N", or NULL: in memory */
	struct users_options users;
	struct device_limits limits;
	int ready_fd;         /* -1: none */
	bool confine;         /* give up what serving does not take */
};

struct console;

/**
 * console_start() - open everything; the loop ends with enum console_status.
 * @status: what to end with if it fails
 * Return: NULL; the cause is logged.
 */
struct console *console_start(struct loop *loop, const struct console_options *options, int *status);
/** console_reopen_log() - the log was moved away. */
void console_reopen_log(struct console *c);
/** console_stop() - take what the guest has written until now, and end the loop. */
void console_stop(struct console *c);
/** console_free() - gives readers a moment to take what waits. NULL is fine. */
void console_free(struct console *c);

#endif
