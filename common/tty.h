/* SPDX-License-Identifier: MIT */
/* The user's terminal, handed to a guest and always given back. One per process. */
#ifndef SLUICE_COMMON_TTY_H
#define SLUICE_COMMON_TTY_H

#include "common/cleanup.h"

/** TTY_ESCAPE - Ctrl-], the key that leaves a guest's console. */
#define TTY_ESCAPE '\x1d'

/**
 * tty_raw() - keys go through as they are, Ctrl-C included; output is still processed, so
 * that our own messages look right. tty_restore() runs at exit(), too.
 * Return: 0, -ENOTTY: @fd is no terminal, or -errno.
 */
int tty_raw(int fd) must_check;
/** tty_restore() - as it was before tty_raw(); may be called twice, and in signal handlers. */
void tty_restore(void);

#endif
