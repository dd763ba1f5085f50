/* SPDX-License-Identifier: MIT */
/* The moment at which a backend has opened all that it serves from, and gives up the rest. */
#ifndef SLUICE_BACKENDS_COMMON_CONFINED_H
#define SLUICE_BACKENDS_COMMON_CONFINED_H

#include <stdbool.h>

#include "common/cleanup.h"
#include "common/confine.h"

/**
 * confined_begin() - confine_self(), with the calls of Xen's libraries, and say what came of it.
 * ready_notify() says it to the daemon, too.
 *
 * Return: 0, or -errno after a message: then the backend must end.
 */
int confined_begin(const struct confine_options *options) must_check;

#endif
