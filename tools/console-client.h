/* SPDX-License-Identifier: MIT */
/* A terminal on a console's socket. */
#ifndef SLUICE_TOOLS_CONSOLE_CLIENT_H
#define SLUICE_TOOLS_CONSOLE_CLIENT_H

/**
 * console_client_run() - connect the terminal to the console at @path until Ctrl-] or the
 * console's end. Return: the exit status, said.
 */
int console_client_run(const char *path);

#endif
