/* SPDX-License-Identifier: MIT */
/* The drivers of this build. */
#ifndef SLUICE_BACKENDS_BLK_DRIVERS_H
#define SLUICE_BACKENDS_BLK_DRIVERS_H

#include "backends/blk/driver.h"

extern const struct blk_driver blk_driver_null;
extern const struct blk_driver blk_driver_uring;
extern const struct blk_driver blk_driver_aio;

/** blk_driver_at() - the @i-th driver, the default first; NULL after the last. */
const struct blk_driver *blk_driver_at(unsigned i);

#endif
