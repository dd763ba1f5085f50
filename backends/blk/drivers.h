/* SPDX-License-Identifier: MIT */
/* The storage drivers that there are: built in, or loaded when a disk names them. */
#ifndef SLUICE_BACKENDS_BLK_DRIVERS_H
#define SLUICE_BACKENDS_BLK_DRIVERS_H

#include <stddef.h>

#include "backends/blk/driver.h"

extern const struct blk_driver blk_driver_null;
extern const struct blk_driver blk_driver_uring;
extern const struct blk_driver blk_driver_aio;

/** struct blk_driver_kind - what is known of a driver before it is loaded. */
struct blk_driver_kind {
	const char *name;        /* as in --driver= */
	const char *text;        /* one line for --help and the manual */
	/* what a storage's name begins with, before "://", that is its own; blanks between; or NULL */
	const char *schemes;
	const struct blk_driver *driver; /* built in; NULL: a module */
	const char *absent;      /* why this build has no such module, with the remedy; NULL: it has */
};

/** blk_driver_kind_at() - the @i-th, the default first; NULL after the last. */
const struct blk_driver_kind *blk_driver_kind_at(unsigned i);
/** blk_driver_by_name() - NULL or "" is the default. NULL: there is none of that name. */
const struct blk_driver_kind *blk_driver_by_name(const char *name);
/** blk_driver_by_scheme() - whose URIs begin with @scheme, @len bytes of it. NULL: nobody's. */
const struct blk_driver_kind *blk_driver_by_scheme(const char *scheme, size_t len);
/**
 * blk_driver_load() - the driver itself. Before confinement, of one thread; a module stays.
 * @why: room for the reason that the user reads, naming the remedy
 *
 * Return: NULL: it cannot be had.
 */
const struct blk_driver *blk_driver_load(const struct blk_driver_kind *kind, char *why, size_t why_room);

#endif
