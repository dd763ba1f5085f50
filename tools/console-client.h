/* SPDX-License-Identifier: MIT */
/* A terminal on a console's socket. */
#ifndef SLUICE_TOOLS_CONSOLE_CLIENT_H
#define SLUICE_TOOLS_CONSOLE_CLIENT_H

#include <stdbool.h>

/** CONSOLE_NO_ESCAPE - no key leaves. */
#define CONSOLE_NO_ESCAPE (-1)

/** struct console_client - what the user wants. */
struct console_client {
	bool read_only; /* never type */
	bool force;     /* take the keyboard from whoever has it */
	int escape;     /* the key that leaves, or CONSOLE_NO_ESCAPE */
};

/** console_client_default - Ctrl-] leaves; type if nobody else does. */
extern const struct console_client console_client_default;

/** console_client_escape() - "^]", a single character, or "none": the key, or -EINVAL. */
int console_client_escape(const char *text, int *key);

/**
 * console_client_run() - connect the terminal to the console at @path, the socket of a
 * sluice-console or a pty, until the user leaves or the console ends. The terminal is put back at any
 * end but SIGKILL.
 * @how: NULL: console_client_default
 *
 * Return: the exit status, said.
 */
int console_client_run(const char *path, const struct console_client *how);

#endif
