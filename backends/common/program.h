/* SPDX-License-Identifier: MIT */
/* What the programs of backends do alike from start to end: signals, the loop, the device's life. */
#ifndef SLUICE_BACKENDS_COMMON_PROGRAM_H
#define SLUICE_BACKENDS_COMMON_PROGRAM_H

#include <stdbool.h>

#include "common/loop.h"

/** struct program - a kind of backend; all is called by the thread that runs the loop. */
struct program {
	/* start - NULL: it could not, said why, and @status is the exit status. */
	void *(*start)(struct loop *loop, const void *options, int *status);
	/* look - SIGHUP: look anew at what may have changed. */
	void (*look)(void *device);
	/* stop - SIGTERM, SIGINT: begin to end; the loop's status is the exit status. */
	void (*stop)(void *device);
	/* free - at the end; NULL is fine. */
	void (*free)(void *device);
};

/**
 * program_run() - serve one device until it ends.
 *
 * Signals are blocked before any thread exists: libxenstore starts one, each queue is one.
 * Return: the exit status. What is wrong with the process itself ends it, as die() does.
 */
int program_run(const struct program *program, const void *options);

/**
 * program_may_end() - SIGTERM and SIGINT end the process at once, or are blocked as before.
 *
 * While a device is started, which may wait for storage that does not answer: whoever ends the
 * backend waits for nothing. Threads start by thread_start(), so that this one alone has them.
 * Over with backend_start(), and before what only an end in order takes back.
 */
void program_may_end(bool may);

/** program_name_device() - log lines name the device at @path from here on. */
void program_name_device(const char *path);

/** program_cpus() - CPUs to run on, at most @most: a ring's thread without one of its own only costs. */
unsigned program_cpus(unsigned most);

#endif
