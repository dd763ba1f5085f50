// SPDX-License-Identifier: MIT
/*
 * The block frontend's handshake, in Linux blkfront's order: rings and channels are
 * published with Initialised, the backend's features are read once it is Connected.
 *
 * The backend's directory is the backend's and hostile: each value is bounded by the
 * protocol's table and checked again here where two of them must fit together.
 */
#include "config.h"
#include "frontends/blkfront-internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#include <xen/io/protocols.h>

#include "common/fdpass.h"
#include "protocol/blkif-nodes.h"
#include "xenstore/xenlog.h"
#include "xenstore/xsnode.h"

/* ---- the handshake ------------------------------------------------------ */

/* A number that the backend may leave out; cut to what we can use. */
static int read_offer(struct blkfront *bf, const char *name, uint32_t missing, unsigned wanted,
	unsigned *taken)
{
	uint32_t most = missing;
	int rc = xsn_read_u32(bf->xf.xs, XBT_NULL, bf->xf.backend, name, &most);

	if (rc < 0 && rc != -ENOENT)
		return xenfront_why(&bf->xf, -EPROTO, "the backend's %s is bad: %s", name, strerror(-rc));
	if (rc < 0)
		most = missing;
	*taken = wanted < most ? wanted : most;
	return 0;
}

static int make_channel(struct blkfront_queue *q)
{
	struct blkfront *bf = q->bf;

	q->xce = xenevtchn_open(xenlog(), 0);
	if (!q->xce)
		return xenfront_why(&bf->xf, -errno, "cannot open event channels: %m; is this a domain?");
	q->port = xenevtchn_bind_unbound_port(q->xce, bf->xf.backend_id);
	if (q->port < 0)
		return xenfront_why(&bf->xf, -errno, "cannot allocate an event channel to domain %u: %m",
			bf->xf.backend_id);
	if (fd_set_nonblock(xenevtchn_fd(q->xce)) < 0)
		return xenfront_why(&bf->xf, -EIO, "cannot set up the event channel");
	return 0;
}

static int make_channels(struct blkfront *bf)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < bf->nr_queues; i++)
		rc = make_channel(&bf->queues[i]);
	if (rc < 0 || bf->nr_queues == 1)
		return rc;
	bf->broken_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return bf->broken_fd < 0 ? xenfront_why(&bf->xf, -errno, "cannot make an eventfd: %m") : 0;
}

/* How many rings there are and their size must be known before anything else. */
static int choose_rings(struct blkfront *bf)
{
	unsigned order = bf->config.ring_order;
	int rc;

	if (order > BLKIF_MAX_RING_ORDER)
		order = BLKIF_MAX_RING_ORDER;
	rc = read_offer(bf, "max-ring-page-order", 0, order, &bf->ring_order);
	if (rc == 0)
		rc = read_offer(bf, "multi-queue-max-queues", 1, bf->config.queues, &bf->nr_queues);
	if (rc < 0)
		return rc;
	if (bf->nr_queues == 0)
		return xenfront_why(&bf->xf, -EPROTO, "the backend's multi-queue-max-queues is 0");
	bf->info.queues = bf->nr_queues;
	rc = bf_share_rings(bf);
	return rc < 0 ? rc : make_channels(bf);
}

/* Nodes of an earlier driver (GRUB, another kernel) would be taken for ours. */
static int remove_old_nodes(struct blkfront *bf, xs_transaction_t t)
{
	static const char *const old[] = { "ring-ref", "ring-page-order", "num-ring-pages",
		"multi-queue-num-queues", "event-channel", "feature-persistent" };
	char name[32];
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < sizeof(old) / sizeof(old[0]); i++)
		rc = xsn_rm(bf->xf.xs, t, bf->xf.dir, old[i]);
	for (unsigned i = 0; rc == 0 && i < 1u << BLKIF_MAX_RING_ORDER; i++) {
		snprintf(name, sizeof(name), "ring-ref%u", i);
		rc = xsn_rm(bf->xf.xs, t, bf->xf.dir, name);
	}
	for (unsigned i = 0; rc == 0 && i < BLKIF_MAX_QUEUES; i++) {
		snprintf(name, sizeof(name), "queue-%u", i);
		rc = xsn_rm(bf->xf.xs, t, bf->xf.dir, name);
	}
	return rc;
}

/* @prefix: "", or "queue-N/" with several queues. */
static int write_queue(struct blkfront_queue *q, xs_transaction_t t, const char *prefix)
{
	struct blkfront *bf = q->bf;
	char name[48];
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < 1u << bf->ring_order; i++) {
		if (bf->ring_order)
			snprintf(name, sizeof(name), "%sring-ref%u", prefix, i);
		else
			snprintf(name, sizeof(name), "%sring-ref", prefix);
		rc = xsn_writef(bf->xf.xs, t, bf->xf.dir, name, "%u", q->ring_refs[i]);
	}
	if (rc < 0)
		return rc;
	snprintf(name, sizeof(name), "%sevent-channel", prefix);
	return xsn_writef(bf->xf.xs, t, bf->xf.dir, name, "%d", q->port);
}

static int write_queues(struct blkfront *bf, xs_transaction_t t)
{
	char prefix[24] = "";
	int rc = 0;

	/* In the device's directory even where the references are not. */
	if (bf->ring_order)
		rc = xsn_writef(bf->xf.xs, t, bf->xf.dir, "ring-page-order", "%u", bf->ring_order);
	if (rc == 0 && bf->nr_queues > 1)
		rc = xsn_writef(bf->xf.xs, t, bf->xf.dir, "multi-queue-num-queues", "%u", bf->nr_queues);
	for (unsigned i = 0; rc == 0 && i < bf->nr_queues; i++) {
		if (bf->nr_queues > 1)
			snprintf(prefix, sizeof(prefix), "queue-%u/", i);
		rc = write_queue(&bf->queues[i], t, prefix);
	}
	return rc;
}

static int write_nodes(struct xs_handle *xs, xs_transaction_t t, void *opaque)
{
	struct blkfront *bf = opaque;
	const char *abi = bf->abi == BLKIF_ABI_NATIVE ? XEN_IO_PROTO_ABI_NATIVE
						      : blkif_abi_name(bf->abi);
	int rc = remove_old_nodes(bf, t);

	if (rc == 0)
		rc = write_queues(bf, t);
	if (rc == 0)
		rc = xsn_write(xs, t, bf->xf.dir, "protocol", abi);
	return rc < 0 ? rc : xsn_writef(xs, t, bf->xf.dir, "feature-persistent", "%d",
		!bf->config.no_persistent);
}

/* ---- what the backend offers -------------------------------------------- */

static char *read_node(void *opaque, const char *name)
{
	struct blkfront *bf = opaque;

	return xsn_read(bf->xf.xs, XBT_NULL, bf->xf.backend, name);
}

static bool is_block_size(uint32_t size)
{
	return size >= BLKIF_SECTOR_SIZE && size <= (1u << 20) && (size & (size - 1)) == 0;
}

static int take_geometry(struct blkfront *bf, const struct blkif_backend_nodes *nodes)
{
	struct blkfront_info *info = &bf->info;

	if (nodes->sectors > BF_MAX_SECTORS)
		return xenfront_why(&bf->xf, -EPROTO, "the backend's sectors (%llu) are beyond any disk",
			(unsigned long long)nodes->sectors);
	/* A request's buffer begins on a page: more than a page is no alignment we can keep. */
	if (!is_block_size(nodes->sector_size) || nodes->sector_size > BLKIF_PAGE_SIZE)
		return xenfront_why(&bf->xf, -EPROTO, "the backend's sector-size (%u) is not 512 to 4096",
			nodes->sector_size);
	info->size = nodes->sectors * BLKIF_SECTOR_SIZE;
	info->sector_size = nodes->sector_size;
	info->physical_sector_size = nodes->physical_sector_size;
	if (!is_block_size(info->physical_sector_size) ||
		info->physical_sector_size < info->sector_size)
		info->physical_sector_size = info->sector_size;
	return 0;
}

static void take_features(struct blkfront *bf, const struct blkif_backend_nodes *nodes)
{
	struct blkfront_info *info = &bf->info;
	unsigned segments = nodes->max_indirect_segments;

	info->readonly = nodes->info & VDISK_READONLY;
	info->removable = nodes->info & VDISK_REMOVABLE;
	info->cdrom = nodes->info & VDISK_CDROM;
	info->flush = nodes->flush_cache;
	info->barrier = nodes->barrier;
	info->persistent = nodes->persistent && !bf->config.no_persistent;
	info->discard = nodes->discard && !info->readonly;
	info->secure_discard = info->discard && nodes->discard_secure;
	info->discard_granularity = nodes->discard_granularity;
	info->discard_alignment = nodes->discard_alignment;
	if (info->discard_granularity < info->sector_size)
		info->discard_granularity = info->sector_size;
	if (segments < BLKIF_MAX_SEGMENTS_PER_REQUEST)
		segments = BLKIF_MAX_SEGMENTS_PER_REQUEST;
	info->max_segments = bf->config.max_segments < segments ? bf->config.max_segments : segments;
	info->indirect = info->max_segments > BLKIF_MAX_SEGMENTS_PER_REQUEST;
}

static int read_features(struct blkfront *bf)
{
	struct blkif_backend_nodes nodes = { 0 };
	struct nego_error error = { "" };
	CLEANUP_FREE char *sectors = read_node(bf, "sectors");
	int rc;

	/* Optional in the table, since it comes late; but Connected says that it is there. */
	if (!sectors)
		return xenfront_why(&bf->xf, -EPROTO, "the backend has not written sectors, the disk's size");
	rc = nego_read(&blkif_nodes, NEGO_BACKEND, &nodes, read_node, bf, &error);
	if (rc < 0) {
		xenfront_make_printable(error.text);
		rc = xenfront_why(&bf->xf, -EPROTO, "the backend's nodes are bad: %s", error.text);
	} else {
		rc = take_geometry(bf, &nodes);
	}
	if (rc == 0)
		take_features(bf, &nodes);
	nego_clear(&blkif_nodes, NEGO_BACKEND, &nodes);
	return rc;
}

static int make_buffers(struct blkfront *bf)
{
	unsigned depth = bf->queues[0].ring.nr;
	int rc;

	if (bf->config.depth && bf->config.depth < depth)
		depth = bf->config.depth;
	bf->info.depth = depth;
	rc = bf_share_pools(bf);
	if (rc < 0)
		return rc;
	bf->info.max_io = bf->info.max_segments * BLKIF_PAGE_SIZE;
	rc = xenfront_set_state(&bf->xf, XenbusStateConnected);
	return rc < 0 ? xenfront_why(&bf->xf, rc, "cannot write %s/state: %s", bf->xf.dir, strerror(-rc)) : 0;
}

/* ---- the whole ---------------------------------------------------------- */

static int open_device(struct blkfront *bf)
{
	return xenfront_open(&bf->xf, bf->config.vdev ? bf->config.vdev : XENFRONT_FIRST);
}

static int open_grants(struct blkfront *bf)
{
	bf->xgs = xengntshr_open(xenlog(), 0);
	return bf->xgs ? 0 : xenfront_why(&bf->xf, -errno,
				     "cannot open the grant allocator: %m; on Xen: modprobe xen-gntalloc");
}

static int begin(struct blkfront *bf)
{
	return xenfront_begin(&bf->xf, bf->config.takeover);
}

static int publish(struct blkfront *bf)
{
	return xenfront_publish(&bf->xf, XenbusStateInitialised, write_nodes, bf);
}

static int await_connected(struct blkfront *bf)
{
	return xenfront_await_connected(&bf->xf);
}

int bf_connect(struct blkfront *bf)
{
	static int (*const steps[])(struct blkfront *) = { open_device, open_grants, begin, choose_rings,
		publish, await_connected, read_features, make_buffers };
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < sizeof(steps) / sizeof(steps[0]); i++)
		rc = steps[i](bf);
	return rc;
}
