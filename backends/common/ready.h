/* SPDX-License-Identifier: MIT */
/* Tell whoever started a backend that the device can be connected to. */
#ifndef SLUICE_BACKENDS_COMMON_READY_H
#define SLUICE_BACKENDS_COMMON_READY_H

/** READY_LINES - so many may be noted. */
#define READY_LINES 4u

/** ready_note() - a line for ready_notify() to write behind its own; kept until then, not copied. */
void ready_note(const char *line);
/** ready_journal() - note JOURNAL=@kind-@version; once. */
void ready_journal(const char *kind, unsigned version);
/**
 * ready_notify() - write "READY=1\n" and what was noted, and close.
 *
 * A daemon that replaces a backend asks for JOURNAL=FORMAT (the journal that this one writes, as
 * --journal-version prints it) and RESUMED=1 or =0 (the frontend goes on, or has to connect again).
 * @fd: the descriptor given on the command line; closed and set to -1; -1 does nothing
 *
 * A reader that is gone already is no error: nobody waits then. SIGPIPE must be ignored.
 */
void ready_notify(int *fd);

#endif
