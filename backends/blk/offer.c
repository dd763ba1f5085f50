// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/blk/offer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define OFFER_4KN 4096u

static uint32_t offer_max(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static uint32_t offer_info_bits(const struct blkif_toolstack_nodes *t, const struct blk_info *info)
{
	bool cdrom = t->device_type && strcmp(t->device_type, "cdrom") == 0;
	bool readonly = (t->mode && t->mode[0] == 'r') || (info->flags & BLK_INFO_READONLY);

	return (cdrom ? VDISK_CDROM : 0) | (t->removable ? VDISK_REMOVABLE : 0) |
	       (readonly ? VDISK_READONLY : 0);
}

bool offer_is_readonly(const struct blkif_backend_nodes *offer)
{
	return offer->info & VDISK_READONLY;
}

uint64_t offer_sectors(const struct blkif_backend_nodes *offer, const struct blk_info *info)
{
	return info->size / offer->sector_size * (offer->sector_size / BLKIF_SECTOR_SIZE);
}

/* Granularity and alignment go together; where there is no discard both are absent. */
static void offer_discard(const struct blkif_toolstack_nodes *t, const struct blk_info *info,
	struct blkif_backend_nodes *offer)
{
	offer->discard = (info->flags & BLK_INFO_DISCARD) && t->discard_enable &&
			 !offer_is_readonly(offer);
	if (!offer->discard)
		return;
	offer->discard_granularity = offer_max(info->discard_granularity, offer->sector_size);
	offer->discard_alignment = info->discard_alignment;
	offer->discard_secure = info->flags & BLK_INFO_SECURE_DISCARD;
}

int offer_make(const struct blkif_toolstack_nodes *t, const struct blk_info *info,
	unsigned max_queues, struct blkif_backend_nodes *offer, char *why, size_t room)
{
	uint32_t block = t->logical_block_size;

	if (block != BLKIF_SECTOR_SIZE && block != OFFER_4KN) {
		snprintf(why, room, "logical-block-size is %" PRIu32 "; it can be 512 or 4096", block);
		return -EINVAL;
	}
	*offer = (struct blkif_backend_nodes){
		.max_indirect_segments = BLKIF_INDIRECT_SEGMENTS,
		.max_queues = info->flags & BLK_INFO_MULTI_QUEUE ? max_queues : 1,
		.max_ring_page_order = BLKIF_MAX_RING_ORDER,
		.persistent = !(info->flags & BLK_INFO_OWN_MEMORY),
		.sector_size = block,
		.physical_sector_size = offer_max(info->physical_size, block),
		.info = offer_info_bits(t, info),
	};
	/* On a read-only disk there is nothing to flush or to order. */
	offer->flush_cache = (info->flags & BLK_INFO_FLUSH) && !offer_is_readonly(offer);
	offer->barrier = !offer_is_readonly(offer);
	offer_discard(t, info, offer);
	offer->sectors = offer_sectors(offer, info);
	if (offer->sectors == 0) {
		snprintf(why, room, "the storage has %" PRIu64 " bytes, not even one sector of %" PRIu32,
			info->size, block);
		return -EINVAL;
	}
	return 0;
}

struct blkif_limits offer_limits(const struct blkif_backend_nodes *offer)
{
	return (struct blkif_limits){
		.sectors = offer->sectors,
		.logical_sectors = offer->sector_size / BLKIF_SECTOR_SIZE,
		.max_indirect = offer->max_indirect_segments,
		.readonly = offer_is_readonly(offer),
		.flush = offer->flush_cache,
		.barrier = offer->barrier,
		.discard = offer->discard,
		.secure_discard = offer->discard_secure,
	};
}
