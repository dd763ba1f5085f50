// SPDX-License-Identifier: MIT
/*
 * The store nodes of the block protocol. The rows are in the order of
 * docs/protocol.md, which is made from them.
 */
#include "config.h"
#include "protocol/blkif-nodes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/array.h"
#include "protocol/node-rows.h"

#define T_FIELD(f) offsetof(struct blkif_toolstack_nodes, f)
#define B_FIELD(f) offsetof(struct blkif_backend_nodes, f)
#define F_FIELD(f) offsetof(struct blkif_frontend_nodes, f)
#define Q_FIELD(f) offsetof(struct blkif_queue_nodes, f)

/* A rate and its burst: limits of the whole disk, which may change while it is connected. */
#define LIMIT(what, kind, meaning)                                                         \
	{ .name = "limit-" what, TOOLSTACK(NEGO_BACKEND_DIR), U64(0, LIMIT_MAX),           \
		.fallback = "0", .offset = T_FIELD(limit[BLKIF_RATE_##kind]),              \
		.since = "Sluice 0.1",                                                     \
		.text = "Sluice's own: most " meaning "; 0: no limit. May change at any time." }, \
	{ .name = "limit-" what "-burst", TOOLSTACK(NEGO_BACKEND_DIR), U64(0, LIMIT_MAX),  \
		.fallback = "0", .offset = T_FIELD(limit_burst[BLKIF_RATE_##kind]),        \
		.since = "Sluice 0.1",                                                     \
		.text = "Sluice's own: how much of limit-" what                            \
			" may be used at once after idling; 0: what a tenth of a second allows." }
#define LIMIT_MAX (UINT64_C(1) << 50)

static const struct nego_node nodes[] = {
	/* --- the toolstack, in the backend's directory --- */
	{ .name = "frontend", TOOLSTACK(NEGO_BACKEND_DIR), STRING, .required = true,
		.offset = T_FIELD(frontend),
		.text = "Path of the frontend's directory." },
	{ .name = "frontend-id", TOOLSTACK(NEGO_BACKEND_DIR), U32(0, DOMID_FIRST_RESERVED - 1), .required = true,
		.offset = T_FIELD(frontend_id),
		.text = "The frontend's domain." },
	{ .name = "params", TOOLSTACK(NEGO_BACKEND_DIR), STRING,
		.offset = T_FIELD(params),
		.since = "4.2 or earlier",
		.text = "Names the storage: a path or what the storage driver understands; "
			"some toolstacks put \"aio:\" or a format before it." },
	{ .name = "mode", TOOLSTACK(NEGO_BACKEND_DIR), STRING, .values = "r w", .required = true,
		.offset = T_FIELD(mode),
		.since = "4.2 or earlier",
		.text = "Whether the frontend may write; Mini-OS reads it, too." },
	{ .name = "dev", TOOLSTACK(NEGO_BACKEND_DIR), STRING,
		.offset = T_FIELD(dev),
		.text = "The disk's name in the guest's configuration, such as xvda." },
	{ .name = "type", TOOLSTACK(NEGO_BACKEND_DIR), STRING,
		.offset = T_FIELD(type),
		.since = "4.2 or earlier",
		.text = "Kind of storage or backend that the toolstack chose: phy, file, qdisk, tap." },
	{ .name = "device-type", TOOLSTACK(NEGO_BACKEND_DIR), STRING, .fallback = "disk",
		.offset = T_FIELD(device_type),
		.text = "What the guest shows: disk or cdrom." },
	{ .name = "online", TOOLSTACK(NEGO_BACKEND_DIR), BOOL, .fallback = "0",
		.offset = T_FIELD(online),
		.text = "1 while the device is wanted: a closed frontend may connect again; "
			"0: a closed device is removed." },
	{ .name = "removable", TOOLSTACK(NEGO_BACKEND_DIR), BOOL, .fallback = "0",
		.offset = T_FIELD(removable),
		.text = "Medium can be changed; Windows reads it at InitWait." },
	{ .name = "discard-enable", TOOLSTACK(NEGO_BACKEND_DIR), BOOL, .fallback = "1",
		.offset = T_FIELD(discard_enable),
		.since = "4.3 to 4.17",
		.text = "0: do not offer discard even where the storage can; libxl writes 0 for "
			"read-only disks." },
	{ .name = "direct-io-safe", TOOLSTACK(NEGO_BACKEND_DIR), BOOL, .fallback = "0",
		.offset = T_FIELD(direct_io_safe),
		.since = "4.3 to 4.17",
		.text = "The storage reads no page after its write completed, so the guest's pages "
			"may be given to it directly." },
	{ .name = "driver", TOOLSTACK(NEGO_BACKEND_DIR), STRING, .fallback = "",
		.offset = T_FIELD(driver),
		.since = "Sluice 0.1",
		.text = "Sluice's own: storage driver by name; the default is chosen from params." },
	{ .name = "buffered", TOOLSTACK(NEGO_BACKEND_DIR), BOOL, .fallback = "0",
		.offset = T_FIELD(buffered),
		.since = "Sluice 0.1",
		.text = "Sluice's own: 1 goes through the host's page cache instead of O_DIRECT." },
	{ .name = "shared", TOOLSTACK(NEGO_BACKEND_DIR), BOOL, .fallback = "0",
		.offset = T_FIELD(shared),
		.since = "Sluice 0.1",
		.text = "Sluice's own: 1 lets others write the same storage; else a second writer is refused." },
	{ .name = "logical-block-size", TOOLSTACK(NEGO_BACKEND_DIR), U32(512, 4096), .fallback = "512",
		.offset = T_FIELD(logical_block_size),
		.since = "Sluice 0.1",
		.text = "Sluice's own: 4096 makes a disk with sector-size 4096, which takes no smaller "
			"requests; many firmwares and old guests cannot use one." },
	{ .name = "resize", TOOLSTACK(NEGO_BACKEND_DIR), STRING, .fallback = "",
		.offset = T_FIELD(resize),
		.since = "Sluice 0.1",
		.text = "Sluice's own: written after the storage was grown or shrunk, with any value that "
			"differs from the last; the backend then looks at the size and tells the guest." },
	LIMIT("iops", IOPS, "operations per second, reads and writes together"),
	LIMIT("read-iops", READ_IOPS, "reads per second"),
	LIMIT("write-iops", WRITE_IOPS, "writes per second"),
	LIMIT("bps", BPS, "bytes per second, reads and writes together"),
	LIMIT("read-bps", READ_BPS, "bytes read per second"),
	LIMIT("write-bps", WRITE_BPS, "bytes written per second"),
	{ .name = "bootable", TOOLSTACK(NEGO_BACKEND_DIR), BOOL, NOWHERE,
		.text = "The toolstack may boot the guest from it; backends ignore it." },
	{ .name = "specification", TOOLSTACK(NEGO_BACKEND_DIR), STRING, .fallback = "xen", NOWHERE,
		.text = "Protocol of the device, xen or virtio; this table is about xen." },
	{ .name = "script", TOOLSTACK(NEGO_BACKEND_DIR), STRING, NOWHERE,
		.text = "Hotplug script that prepares the storage." },
	{ .name = "physical-device", TOOLSTACK(NEGO_BACKEND_DIR), STRING, NOWHERE,
		.since = "4.3 to 4.17",
		.text = "MAJOR:MINOR in hexadecimal, written by the hotplug script; Linux's blkback "
			"opens it as soon as it appears." },
	{ .name = "physical-device-path", TOOLSTACK(NEGO_BACKEND_DIR), STRING,
		.offset = T_FIELD(device_path),
		.since = "4.3 to 4.17",
		.text = "Absolute path of the storage, written by the hotplug script." },
	{ .name = "hotplug-status", TOOLSTACK(NEGO_BACKEND_DIR), STRING, NOWHERE,
		.text = "\"connected\" or \"error\", written by the hotplug script." },
	/* --- the toolstack, in the frontend's directory --- */
	{ .name = "backend", TOOLSTACK(NEGO_FRONTEND_DIR), STRING, NOWHERE,
		.text = "Path of the backend's directory." },
	{ .name = "backend-id", TOOLSTACK(NEGO_FRONTEND_DIR), U32(0, DOMID_FIRST_RESERVED - 1), NOWHERE,
		.text = "The backend's domain." },
	{ .name = "virtual-device", TOOLSTACK(NEGO_FRONTEND_DIR), U32(0, U32_MAX), NOWHERE,
		.since = "4.2 or earlier",
		.text = "Number of the disk in the guest, as Xen's vbd-interface(7) encodes it." },
	{ .name = "device-type", TOOLSTACK(NEGO_FRONTEND_DIR), STRING, NOWHERE,
		.since = "4.2 or earlier",
		.text = "As in the backend's directory." },
	{ .name = "trusted", TOOLSTACK(NEGO_FRONTEND_DIR), BOOL, .fallback = "1", NOWHERE,
		.since = "4.3 to 4.17",
		.text = "0: the frontend should not trust its backend; Linux's then copies all data." },
	/* --- the backend, before InitWait --- */
	{ .name = "feature-max-indirect-segments", BACKEND(INITWAIT), U32(0, 4096), .fallback = "0",
		.omit_zero = true, .offset = B_FIELD(max_indirect_segments),
		.since = "4.3 to 4.17",
		.text = "Most segments of an indirect request; absent: there are none. Windows reads "
			"it at InitWait." },
	{ .name = "feature-persistent", BACKEND(INITWAIT), BOOL, .fallback = "0",
		.offset = B_FIELD(persistent),
		.since = "4.3 to 4.17",
		.text = "Backend keeps grants mapped that the frontend uses again. Windows reads it at "
			"InitWait, Linux when connected." },
	{ .name = "max-ring-page-order", BACKEND(INITWAIT), U32(0, 31), .fallback = "0",
		.offset = B_FIELD(max_ring_page_order),
		.since = "4.2 or earlier",
		.text = "Logarithm to base 2 of the most ring pages." },
	{ .name = "max-ring-pages", BACKEND(INITWAIT), U32(1, 1u << 31), .fallback = "1",
		.deprecated = true, .alias_of = "max-ring-page-order", NOWHERE,
		.since = "4.2 or earlier",
		.text = "The most ring pages, a power of two: the older spelling of "
			"max-ring-page-order, which FreeBSD reads, too." },
	{ .name = "multi-queue-max-queues", BACKEND(INITWAIT), U32(1, U32_MAX), .fallback = "1",
		.omit_zero = true, .offset = B_FIELD(max_queues),
		.since = "4.3 to 4.17",
		.text = "Most rings that one device may have." },
	{ .name = "feature-flush-cache", BACKEND(INITWAIT), BOOL, .fallback = "0",
		.offset = B_FIELD(flush_cache),
		.since = "4.1 or earlier",
		.text = "FLUSH_DISKCACHE is served: what was acknowledged before it is on stable "
			"storage when it completes." },
	{ .name = "feature-barrier", BACKEND(INITWAIT), BOOL, .fallback = "0",
		.offset = B_FIELD(barrier),
		.since = "4.1 or earlier",
		.text = "WRITE_BARRIER is served: ordered against all other writes." },
	/* --- the backend, before Connected --- */
	{ .name = "feature-discard", BACKEND(CONNECTED), BOOL, .fallback = "0",
		.offset = B_FIELD(discard),
		.since = "4.2 or earlier",
		.text = "DISCARD is served." },
	{ .name = "discard-granularity", BACKEND(CONNECTED), U32(0, U32_MAX),
		.fallback = "sector-size", .omit_zero = true, .offset = B_FIELD(discard_granularity),
		.since = "4.2 or earlier",
		.text = "Bytes of one discardable extent; always together with discard-alignment." },
	{ .name = "discard-alignment", BACKEND(CONNECTED), U32(0, U32_MAX), .fallback = "0",
		.offset = B_FIELD(discard_alignment),
		.since = "4.2 or earlier",
		.text = "Bytes from the start of the disk to the first discardable extent." },
	{ .name = "discard-secure", BACKEND(CONNECTED), BOOL, .fallback = "0",
		.offset = B_FIELD(discard_secure),
		.since = "4.2 or earlier",
		.text = "BLKIF_DISCARD_SECURE is served: all copies of the data become unreadable." },
	{ .name = "sectors", BACKEND(CONNECTED), U64(0, UINT64_MAX / BLKIF_SECTOR_SIZE),
		.offset = B_FIELD(sectors),
		.since = "4.1 or earlier",
		.text = "Size in units of 512 bytes, whatever sector-size says; older headers say units "
			"of sector-size, and the two agree while that is 512. Rewritten together with "
			"state when the disk is resized." },
	{ .name = "sector-size", BACKEND(CONNECTED), U32(512, 65536), .fallback = "512",
		.offset = B_FIELD(sector_size),
		.since = "4.1 or earlier",
		.text = "Logical block size in bytes, a power of two: requests are multiples of it." },
	{ .name = "physical-sector-size", BACKEND(CONNECTED), U32(0, U32_MAX),
		.fallback = "sector-size", .omit_zero = true, .offset = B_FIELD(physical_sector_size),
		.since = "4.3 to 4.17",
		.text = "Bytes that the storage writes at once, a multiple of sector-size." },
	{ .name = "info", BACKEND(CONNECTED), U32(0, U32_MAX), .fallback = "0",
		.offset = B_FIELD(info),
		.since = "4.2 or earlier",
		.text = "Bits: 1 VDISK_CDROM, 2 VDISK_REMOVABLE, 4 VDISK_READONLY." },
	/* --- the frontend, before Initialised (or straight Connected) --- */
	{ .name = "protocol", FRONTEND, STRING, .fallback = "", .offset = F_FIELD(protocol),
		.since = "4.2 or earlier",
		.text = "ABI of the ring: x86_32-abi or x86_64-abi; absent means native, although "
			"Linux's blkback takes it for x86_32-abi. Toolstacks write it for PV guests." },
	{ .name = "feature-persistent", FRONTEND, BOOL, .fallback = "0",
		.offset = F_FIELD(persistent),
		.since = "4.3 to 4.17",
		.text = "Frontend uses the same grants again and grants them for writing even where "
			"it only reads." },
	{ .name = "multi-queue-num-queues", FRONTEND, U32(1, BLKIF_MAX_QUEUES), .fallback = "1",
		.omit_zero = true, .offset = F_FIELD(num_queues),
		.since = "4.3 to 4.17",
		.text = "Rings in use, at most what the backend offered; from two on the nodes of each "
			"are below queue-N/." },
	{ .name = "ring-page-order", FRONTEND, U32(0, BLKIF_MAX_RING_ORDER), .fallback = "0", NOWHERE,
		.since = "4.2 or earlier",
		.text = "Logarithm to base 2 of the pages of each ring; its presence, even as 0, says "
			"that the references are in ring-ref%u." },
	{ .name = "num-ring-pages", FRONTEND, U32(1, BLKIF_MAX_RING_PAGES), .fallback = "1",
		.deprecated = true, .alias_of = "ring-page-order", NOWHERE,
		.since = "4.2 or earlier",
		.text = "Pages of each ring, a power of two: the older spelling of ring-page-order, "
			"read where that is absent." },
	{ .name = "ring-ref", FRONTEND, U32(1, U32_MAX), .per_queue = true, NOWHERE,
		.since = "4.2 or earlier",
		.text = "Grant of the ring's only page, where ring-page-order is absent." },
	{ .name = "ring-ref%u", FRONTEND, U32(1, U32_MAX), .per_queue = true, NOWHERE,
		.since = "4.2 or earlier",
		.text = "Grant of each page of the ring, counted from 0." },
	{ .name = "event-channel", FRONTEND, U32(1, PORT_MAX), .per_queue = true, .required = true,
		.offset = Q_FIELD(event_channel),
		.since = "4.2 or earlier",
		.text = "Port for the ring's notifications, in both directions." },
	{ .name = "feature-large-sector-size", FRONTEND, BOOL, .fallback = "0", .deprecated = true,
		NOWHERE,
		.since = "4.3 to 4.17",
		.text = "Meant to say that the frontend counts in units of sector-size; frontends "
			"disagree about it, so nothing may depend on it." },
};

const struct nego_table blkif_nodes = {
	.protocol = "blkif",
	.title = "Block devices",
	.nodes = nodes,
	.count = ARRAY_SIZE(nodes),
};

static const struct nego_node *frontend_node(const char *name)
{
	return nego_find(&blkif_nodes, NEGO_FRONTEND, name);
}

/* Pages as num-ring-pages has them (old FreeBSD), one if it is absent, too. */
static int read_pages(struct blkif_queue_nodes *queue, nego_read_fn fn, void *opaque,
	struct nego_error *error)
{
	uint32_t pages = 1;
	int rc = nego_read_u32(frontend_node("num-ring-pages"), "", "num-ring-pages", &pages, fn,
		opaque, error);

	if (rc < 0 && rc != -ENOENT)
		return rc;
	if ((pages & (pages - 1)) != 0) {
		nego_fail(error, "num-ring-pages is %" PRIu32 ": must be a power of two", pages);
		return -ERANGE;
	}
	queue->ring_order = __builtin_ctz(pages);
	queue->multi_ref = pages > 1;
	return 0;
}

static int read_order(uint32_t max_order, struct blkif_queue_nodes *queue, nego_read_fn fn,
	void *opaque, struct nego_error *error)
{
	int rc = nego_read_u32(frontend_node("ring-page-order"), "", "ring-page-order",
		&queue->ring_order, fn, opaque, error);

	queue->multi_ref = rc == 0;
	if (rc == -ENOENT)
		rc = read_pages(queue, fn, opaque, error);
	if (rc == 0 && queue->ring_order > max_order) {
		nego_fail(error, "the ring has %u pages: the backend offered at most %u",
			1u << queue->ring_order, 1u << max_order);
		return -ERANGE;
	}
	return rc;
}

static int read_refs(const char *prefix, struct blkif_queue_nodes *queue, nego_read_fn fn,
	void *opaque, struct nego_error *error)
{
	const struct nego_node *row = frontend_node("ring-ref%u");
	unsigned pages = 1u << queue->ring_order;
	char base[24] = "ring-ref";
	int rc = 0;

	for (unsigned i = 0; queue->multi_ref && rc == 0 && i < pages; i++) {
		snprintf(base, sizeof(base), "ring-ref%u", i);
		rc = nego_read_u32(row, prefix, base, &queue->ring_ref[i], fn, opaque, error);
	}
	/* With ring-page-order 0 Linux writes ring-ref0, and blkif.h (note 6) says ring-ref. */
	if (!queue->multi_ref || (rc == -ENOENT && pages == 1)) {
		queue->multi_ref = false;
		strcpy(base, "ring-ref");
		rc = nego_read_u32(frontend_node(base), prefix, base, &queue->ring_ref[0], fn, opaque,
			error);
	}
	if (rc == -ENOENT)
		nego_fail(error, "%s%s is missing", prefix, base);
	return rc;
}

int blkif_read_queue(const char *prefix, uint32_t max_order, struct blkif_queue_nodes *queue,
	nego_read_fn fn, void *opaque, struct nego_error *error)
{
	int rc;

	memset(queue, 0, sizeof(*queue));
	if (max_order > BLKIF_MAX_RING_ORDER)
		max_order = BLKIF_MAX_RING_ORDER;
	rc = read_order(max_order, queue, fn, opaque, error);
	if (rc == 0)
		rc = read_refs(prefix, queue, fn, opaque, error);
	if (rc == 0)
		rc = nego_read_queue(&blkif_nodes, NEGO_FRONTEND, prefix, queue, fn, opaque, error);
	return rc;
}
