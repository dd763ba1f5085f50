/* SPDX-License-Identifier: MIT */
/* The drivers of this build. */
#ifndef SLUICE_BACKENDS_BLK_DRIVERS_H
#define SLUICE_BACKENDS_BLK_DRIVERS_H

#include <stddef.h>

#include "backends/blk/driver.h"

extern const struct blk_driver blk_driver_null;
extern const struct blk_driver blk_driver_uring;
extern const struct blk_driver blk_driver_aio;

/** blk_scheme_in() - whether @scheme, @len bytes, is one of @schemes, which has blanks between; NULL is none. */
bool blk_scheme_in(const char *schemes, const char *scheme, size_t len);
/**
 * blk_scheme_missing() - why URIs of a scheme cannot be served by this build; NULL: unknown scheme.
 * @scheme: @len bytes of it
 */
const char *blk_scheme_missing(const char *scheme, size_t len);
/** blk_driver_at() - the @i-th driver, the default first; NULL after the last. */
const struct blk_driver *blk_driver_at(unsigned i);

#endif
