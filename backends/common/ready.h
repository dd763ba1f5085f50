/* SPDX-License-Identifier: MIT */
/* Tell whoever started a backend that the device can be connected to. */
#ifndef SLUICE_BACKENDS_COMMON_READY_H
#define SLUICE_BACKENDS_COMMON_READY_H

/** ready_note() - a line for ready_notify() to write behind its own; kept until then, not copied. */
void ready_note(const char *line);
/**
 * ready_notify() - write "READY=1\n" and close.
 * @fd: the descriptor given on the command line; closed and set to -1; -1 does nothing
 *
 * A reader that is gone already is no error: nobody waits then. SIGPIPE must be ignored.
 */
void ready_notify(int *fd);

#endif
