/* SPDX-License-Identifier: MIT */
/* What a disk offers to its frontend, from what the toolstack and the storage say. Pure. */
#ifndef SLUICE_BACKENDS_BLK_OFFER_H
#define SLUICE_BACKENDS_BLK_OFFER_H

#include <stdbool.h>
#include <stddef.h>

#include "backends/blk/driver.h"
#include "common/cleanup.h"
#include "protocol/blkif-nodes.h"

/**
 * offer_make() - the nodes that we advertise.
 * @max_queues: rings, where the storage can serve several
 *
 * Return: 0, or -EINVAL with @why: what the toolstack wants does not fit the storage.
 */
int offer_make(const struct blkif_toolstack_nodes *toolstack, const struct blk_info *info,
	unsigned max_queues, struct blkif_backend_nodes *offer, char *why, size_t room) must_check;

/** offer_sectors() - the size to tell, in 512-byte units: whole sectors of the offer's size. */
uint64_t offer_sectors(const struct blkif_backend_nodes *offer, const struct blk_info *info);

/** offer_is_readonly() - changes are refused. */
bool offer_is_readonly(const struct blkif_backend_nodes *offer);

/** offer_limits() - what requests are checked against. */
struct blkif_limits offer_limits(const struct blkif_backend_nodes *offer);

#endif
