/* SPDX-License-Identifier: MIT */
/* The store nodes of the block protocol as structures; the table is blkif_nodes. */
#ifndef SLUICE_PROTOCOL_BLKIF_NODES_H
#define SLUICE_PROTOCOL_BLKIF_NODES_H

#include "protocol/blkif.h"
#include "protocol/negotiate.h"

extern const struct nego_table blkif_nodes;

#define BLKIF_MAX_QUEUES 8u
#define BLKIF_MAX_RING_PAGES (1u << BLKIF_MAX_RING_ORDER)

/** enum blkif_rate - what a disk's limits count. */
enum blkif_rate {
	BLKIF_RATE_IOPS,
	BLKIF_RATE_READ_IOPS,
	BLKIF_RATE_WRITE_IOPS,
	BLKIF_RATE_BPS,
	BLKIF_RATE_READ_BPS,
	BLKIF_RATE_WRITE_BPS,
	BLKIF_RATES
};

/** struct blkif_toolstack_nodes - what the toolstack wrote into the backend's directory. */
struct blkif_toolstack_nodes {
	char *frontend;      /* path of the frontend's directory */
	uint32_t frontend_id;
	char *params;        /* the storage's name: a path, a URI; maybe "aio:PATH" for qdisk */
	char *device_path;   /* of what a hotplug script made of params; else NULL */
	char *mode;          /* "r" or "w" */
	char *dev;           /* "xvda" */
	char *type;          /* "phy", "qdisk", ... */
	char *device_type;   /* "disk" or "cdrom" */
	bool online;
	bool removable;
	bool discard_enable;
	bool direct_io_safe;
	char *driver;        /* Sluice's own: storage driver by name, "" for the default */
	bool buffered;       /* Sluice's own: through the page cache instead of O_DIRECT */
	bool shared;         /* Sluice's own: others may write it, too */
	uint32_t logical_block_size; /* Sluice's own: 512, or 4096 for a 4Kn disk */
	uint64_t limit[BLKIF_RATES]; /* Sluice's own: operations or bytes per second, 0: none */
	uint64_t limit_burst[BLKIF_RATES];
	char *resize;        /* Sluice's own: a change of it asks to look at the size anew */
};

/** struct blkif_backend_nodes - what a backend advertises. */
struct blkif_backend_nodes {
	uint32_t max_indirect_segments;
	uint32_t max_queues;
	uint32_t max_ring_page_order;
	bool persistent;
	bool flush_cache;
	bool barrier;
	bool discard;
	uint32_t discard_granularity;
	uint32_t discard_alignment;
	bool discard_secure;
	uint64_t sectors;
	uint32_t sector_size;
	uint32_t physical_sector_size;
	uint32_t info;
};

/** struct blkif_frontend_nodes - what a frontend chose. */
struct blkif_frontend_nodes {
	char *protocol;
	bool persistent;
	uint32_t num_queues;
};

/** struct blkif_queue_nodes - one queue's ring. */
struct blkif_queue_nodes {
	uint32_t ring_order;
	bool multi_ref;      /* ring-page-order was present: ring-ref%u is used even for one page */
	uint32_t ring_ref[BLKIF_MAX_RING_PAGES];
	uint32_t event_channel;
};

/**
 * blkif_read_queue() - the ring references and event channel of a queue.
 * @prefix: "" or "queue-N/"
 * @max_order: as advertised: a larger one is refused (a hostile ring-page-order)
 *
 * The ring's size is ring-page-order; without it num-ring-pages, as FreeBSD's older
 * frontends write it. Both are in the device's directory even with several queues.
 * Return: as nego_read().
 */
int blkif_read_queue(const char *prefix, uint32_t max_order, struct blkif_queue_nodes *queue,
	nego_read_fn fn, void *opaque, struct nego_error *error) must_check;

#endif
