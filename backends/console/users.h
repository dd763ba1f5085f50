/* SPDX-License-Identifier: MIT */
/*
 * The users' side of a console: the terminal, the pty, the sockets' clients and the log, all of
 * which read the same tape.
 */
#ifndef SLUICE_BACKENDS_CONSOLE_USERS_H
#define SLUICE_BACKENDS_CONSOLE_USERS_H

#include <stdbool.h>
#include <stddef.h>

#include "backends/console/log-writer.h"
#include "backends/console/tape.h"
#include "common/cleanup.h"
#include "common/loop.h"

/** struct users_options - where the console goes. Strings are the caller's, and stay. */
struct users_options {
	unsigned domid;     /* whose it is, for messages */
	bool stdio;
	bool stay;          /* when the user leaves the terminal: go on without it */
	bool pty;
	const char *socket; /* path, or NULL */
	struct log_options log;
	size_t scrollback;  /* shown to who comes late */
	bool confine;
};

/** struct users_ops - called from the loop. */
struct users_ops {
	/** @room: how many bytes of input the guest takes now. */
	size_t (*room)(void *opaque);
	/** @input: at most as much as room() allowed. */
	void (*input)(void *opaque, const char *data, size_t len);
	/** @left: the user left the terminal, and the console is not to stay. */
	void (*left)(void *opaque);
	/** @window: a writer's window has this size. */
	void (*window)(void *opaque, unsigned short cols, unsigned short rows);
	/** @status: lines for the control socket. */
	void (*status)(void *opaque, char *text, size_t room);
};

struct users;

/** users_open() - NULL with errno set; the cause is logged. */
struct users *users_open(struct loop *loop, const struct users_options *options,
	const struct tape *tape, const struct users_ops *ops, void *opaque);
/** users_open_terminal() - late: messages of a failed start are read in a sane one. 0 or -errno. */
int users_open_terminal(struct users *u) must_check;
/** users_tty() - the pty's name, NULL: there is none. */
const char *users_tty(const struct users *u);
/** users_pump() - there is more on the tape. */
void users_pump(struct users *u);
/** users_resume() - the guest has room for input. */
void users_resume(struct users *u);
/** users_reopen_log() - the log was moved away. */
void users_reopen_log(struct users *u);
/** users_close() - gives readers a moment to take what waits. NULL is fine. */
void users_close(struct users *u);

#endif
