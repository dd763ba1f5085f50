// SPDX-License-Identifier: MIT
/*
 * The frontend's side of the store: finding the disk, the handshake of the
 * xenbus states in Linux blkfront's order, and the way back.
 *
 * Our own directory is written by the toolstack and by us; the backend's
 * directory is the backend's and hostile: each value is bounded by the protocol's
 * table and checked again here where two of them must fit together.
 */
#include "config.h"
#include "frontends/blkfront-internal.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#include <xen/io/protocols.h>

#include "common/fdpass.h"
#include "common/log.h"
#include "protocol/blkif-nodes.h"
#include "xenstore/xsnode.h"

#define VBD_DIR "device/vbd"
#define STATE_BIT(state) (1u << (state))
#define NS_PER_MS UINT64_C(1000000)

/* ---- finding the disk --------------------------------------------------- */

/* The lowest-numbered disk of this domain. */
static int find_first(struct blkfront *bf, uint32_t *vdev)
{
	unsigned num = 0;
	CLEANUP_FREE char **names = xs_directory(bf->xs, XBT_NULL, VBD_DIR, &num);
	bool found = false;

	for (unsigned i = 0; names && i < num; i++) {
		uint64_t n;

		if (xsn_parse_u64(names[i], UINT32_MAX, &n) < 0 || (found && n >= *vdev))
			continue;
		*vdev = n;
		found = true;
	}
	return found ? 0 : bf_why(bf, -ENODEV, "this domain has no disk (nothing in %s)", VBD_DIR);
}

static int find_device(struct blkfront *bf)
{
	uint32_t vdev = bf->config.vdev;
	int rc = 0;

	if (!vdev)
		rc = find_first(bf, &vdev);
	if (rc < 0)
		return rc;
	if (asprintf(&bf->dir, VBD_DIR "/%u", vdev) < 0) {
		bf->dir = NULL;
		return bf_why(bf, -ENOMEM, "no memory");
	}
	bf->backend = xsn_read(bf->xs, XBT_NULL, bf->dir, "backend");
	if (!bf->backend)
		return bf_why(bf, errno == ENOENT ? -ENODEV : -errno,
			"this domain has no disk %u (%s/backend: %m)", vdev, bf->dir);
	rc = xsn_read_u32(bf->xs, XBT_NULL, bf->dir, "backend-id", &bf->backend_id);
	if (rc == 0 && bf->backend_id >= DOMID_FIRST_RESERVED)
		rc = -ERANGE;
	return rc < 0 ? bf_why(bf, rc, "%s/backend-id: %s", bf->dir, strerror(-rc)) : 0;
}

/* ---- states ------------------------------------------------------------- */

static int set_state(struct blkfront *bf, XenbusState state)
{
	return xsn_write_state(bf->xs, XBT_NULL, bf->dir, "state", state);
}

static void drain_watch(struct blkfront *bf)
{
	char **event;

	while ((event = xs_check_watch(bf->xs)) != NULL)
		free(event);
}

/* Until the backend is in one of @states (bits). 0, -ETIMEDOUT or the store's error. */
static int wait_backend(struct blkfront *bf, unsigned states, uint64_t end, XenbusState *state)
{
	for (;;) {
		struct pollfd fd = { .fd = xs_fileno(bf->xs), .events = POLLIN };
		uint64_t now;
		int rc;

		drain_watch(bf);
		rc = bf_read_state(bf, XBT_NULL, bf->backend, state);
		if (rc < 0 || states & STATE_BIT(*state))
			return rc;
		now = spin_now_ns();
		if (now >= end)
			return -ETIMEDOUT;
		(void)poll(&fd, 1, (end - now + NS_PER_MS - 1) / NS_PER_MS); /* looked again anyway */
	}
}

static int not_connected(struct blkfront *bf, int rc, XenbusState state)
{
	CLEANUP_FREE char *error = bf_backend_error(bf);

	if (error)
		return bf_why(bf, rc, "the backend of %s reports: %s", bf->dir, error);
	return bf_why(bf, rc, "the backend of %s did not connect: it is in state %s; see its log",
		bf->dir, state == XenbusStateUnknown ? "none (no backend runs)"
						     : xenbus_state_name(state));
}

/* ---- before the handshake ----------------------------------------------- */

static bool in_use(XenbusState state)
{
	return state >= XenbusStateInitialised && state <= XenbusStateClosing;
}

static int cannot_use(struct blkfront *bf, int rc)
{
	if (rc == -EBUSY)
		return bf_why(bf, rc, "%s is in use in this domain; if its user died, ask for a takeover",
			bf->dir);
	return bf_why(bf, rc, "cannot read and write the nodes of %s: %s", bf->dir, strerror(-rc));
}

/* Both states in one view: another process may be at the same point. */
static int check_use(struct blkfront *bf, xs_transaction_t t, XenbusState *ours)
{
	XenbusState theirs;
	int rc = bf_read_state(bf, t, bf->dir, ours);

	if (rc == 0)
		rc = bf_read_state(bf, t, bf->backend, &theirs);
	if (rc == 0 && in_use(*ours) && in_use(theirs))
		rc = -EBUSY;
	return rc;
}

static int begin_fn(struct xs_handle *xs, xs_transaction_t t, void *opaque)
{
	struct blkfront *bf = opaque;
	XenbusState ours;
	int rc = check_use(bf, t, &ours);

	if (rc < 0 || ours == XenbusStateInitialising)
		return rc;
	return xsn_write_state(xs, t, bf->dir, "state", XenbusStateInitialising);
}

/*
 * Leave what an earlier user of the disk left. Our state may say Connected because the
 * kernel's driver or another process uses it, which nothing but a takeover may end.
 */
static int leave_old_connection(struct blkfront *bf)
{
	int rc = xsn_transaction(bf->xs, begin_fn, bf);

	if (rc == -EBUSY && bf->config.takeover) {
		bf->published = true;
		bf_disconnect(bf);
		rc = xsn_transaction(bf->xs, begin_fn, bf);
	}
	return rc < 0 ? cannot_use(bf, rc) : 0;
}

static int wait_initwait(struct blkfront *bf)
{
	XenbusState state;
	int rc = bf_store_watch(bf);

	if (rc == 0)
		rc = leave_old_connection(bf);
	if (rc < 0)
		return rc;
	rc = wait_backend(bf, STATE_BIT(XenbusStateInitWait), bf_deadline(bf), &state);
	return rc < 0 ? not_connected(bf, rc, state) : 0;
}

/* ---- the handshake ------------------------------------------------------ */

/* A number that the backend may leave out; cut to what we can use. */
static int read_offer(struct blkfront *bf, const char *name, uint32_t missing, unsigned wanted,
	unsigned *taken)
{
	uint32_t most = missing;
	int rc = xsn_read_u32(bf->xs, XBT_NULL, bf->backend, name, &most);

	if (rc < 0 && rc != -ENOENT)
		return bf_why(bf, -EPROTO, "the backend's %s is bad: %s", name, strerror(-rc));
	if (rc < 0)
		most = missing;
	*taken = wanted < most ? wanted : most;
	return 0;
}

static int make_channel(struct blkfront_queue *q)
{
	struct blkfront *bf = q->bf;

	q->xce = xenevtchn_open(NULL, 0);
	if (!q->xce)
		return bf_why(bf, -errno, "cannot open event channels: %m; is this a domain?");
	q->port = xenevtchn_bind_unbound_port(q->xce, bf->backend_id);
	if (q->port < 0)
		return bf_why(bf, -errno, "cannot allocate an event channel to domain %u: %m",
			bf->backend_id);
	if (fd_set_nonblock(xenevtchn_fd(q->xce)) < 0)
		return bf_why(bf, -EIO, "cannot set up the event channel");
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
	return bf->broken_fd < 0 ? bf_why(bf, -errno, "cannot make an eventfd: %m") : 0;
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
		return bf_why(bf, -EPROTO, "the backend's multi-queue-max-queues is 0");
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
		rc = xsn_rm(bf->xs, t, bf->dir, old[i]);
	for (unsigned i = 0; rc == 0 && i < 1u << BLKIF_MAX_RING_ORDER; i++) {
		snprintf(name, sizeof(name), "ring-ref%u", i);
		rc = xsn_rm(bf->xs, t, bf->dir, name);
	}
	for (unsigned i = 0; rc == 0 && i < BLKIF_MAX_QUEUES; i++) {
		snprintf(name, sizeof(name), "queue-%u", i);
		rc = xsn_rm(bf->xs, t, bf->dir, name);
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
		rc = xsn_writef(bf->xs, t, bf->dir, name, "%u", q->ring_refs[i]);
	}
	if (rc < 0)
		return rc;
	snprintf(name, sizeof(name), "%sevent-channel", prefix);
	return xsn_writef(bf->xs, t, bf->dir, name, "%d", q->port);
}

static int write_queues(struct blkfront *bf, xs_transaction_t t)
{
	char prefix[24] = "";
	int rc = 0;

	/* In the device's directory even where the references are not. */
	if (bf->ring_order)
		rc = xsn_writef(bf->xs, t, bf->dir, "ring-page-order", "%u", bf->ring_order);
	if (rc == 0 && bf->nr_queues > 1)
		rc = xsn_writef(bf->xs, t, bf->dir, "multi-queue-num-queues", "%u", bf->nr_queues);
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
	XenbusState ours;
	int rc = bf_read_state(bf, t, bf->dir, &ours);

	/* Somebody else may have found the backend waiting, too, and come first. */
	if (rc == 0 && ours != XenbusStateInitialising)
		rc = -EBUSY;
	if (rc == 0)
		rc = remove_old_nodes(bf, t);
	if (rc == 0)
		rc = write_queues(bf, t);
	if (rc == 0)
		rc = xsn_write(xs, t, bf->dir, "protocol", abi);
	if (rc == 0)
		rc = xsn_writef(xs, t, bf->dir, "feature-persistent", "%d",
			!bf->config.no_persistent);
	if (rc == 0)
		rc = xsn_write_state(xs, t, bf->dir, "state", XenbusStateInitialised);
	return rc;
}

static int publish(struct blkfront *bf)
{
	int rc = xsn_transaction(bf->xs, write_nodes, bf);

	if (rc < 0)
		return cannot_use(bf, rc);
	bf->published = true;
	return 0;
}

static int wait_connected(struct blkfront *bf)
{
	unsigned ends = STATE_BIT(XenbusStateConnected) | STATE_BIT(XenbusStateClosing) |
			STATE_BIT(XenbusStateClosed) | STATE_BIT(XenbusStateUnknown);
	XenbusState state;
	int rc = wait_backend(bf, ends, bf_deadline(bf), &state);

	if (rc == 0 && state != XenbusStateConnected)
		rc = -EPROTO;
	return rc < 0 ? not_connected(bf, rc, state) : 0;
}

/* ---- what the backend offers -------------------------------------------- */

static char *read_node(void *opaque, const char *name)
{
	struct blkfront *bf = opaque;

	return xsn_read(bf->xs, XBT_NULL, bf->backend, name);
}

static bool is_block_size(uint32_t size)
{
	return size >= BLKIF_SECTOR_SIZE && size <= (1u << 20) && (size & (size - 1)) == 0;
}

static int take_geometry(struct blkfront *bf, const struct blkif_backend_nodes *nodes)
{
	struct blkfront_info *info = &bf->info;

	if (nodes->sectors > BF_MAX_SECTORS)
		return bf_why(bf, -EPROTO, "the backend's sectors (%llu) are beyond any disk",
			(unsigned long long)nodes->sectors);
	/* A request's buffer begins on a page: more than a page is no alignment we can keep. */
	if (!is_block_size(nodes->sector_size) || nodes->sector_size > BLKIF_PAGE_SIZE)
		return bf_why(bf, -EPROTO, "the backend's sector-size (%u) is not 512 to 4096",
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
		return bf_why(bf, -EPROTO, "the backend has not written sectors, the disk's size");
	rc = nego_read(&blkif_nodes, NEGO_BACKEND, &nodes, read_node, bf, &error);
	if (rc < 0) {
		bf_make_printable(error.text);
		rc = bf_why(bf, -EPROTO, "the backend's nodes are bad: %s", error.text);
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
	rc = set_state(bf, XenbusStateConnected);
	return rc < 0 ? bf_why(bf, rc, "cannot write %s/state: %s", bf->dir, strerror(-rc)) : 0;
}

int bf_connect(struct blkfront *bf)
{
	static int (*const steps[])(struct blkfront *) = { find_device, wait_initwait, choose_rings,
		publish, wait_connected, read_features, make_buffers };
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < sizeof(steps) / sizeof(steps[0]); i++)
		rc = steps[i](bf);
	return rc;
}

/* ---- the end -------------------------------------------------------------- */

/* Each step is allowed to fail: the backend, or the store, may be gone. */
void bf_disconnect(struct blkfront *bf)
{
	unsigned gone = STATE_BIT(XenbusStateUnknown) | STATE_BIT(XenbusStateClosed) |
			STATE_BIT(XenbusStateInitialising) | STATE_BIT(XenbusStateInitWait);
	uint64_t end = bf_deadline(bf);
	XenbusState state;
	int rc;

	if (!bf->published)
		return;
	bf->published = false;
	/* It may have been restarted since we last asked it. */
	(void)bf_store_is_there(bf);
	rc = set_state(bf, XenbusStateClosing);
	if (rc == 0)
		rc = wait_backend(bf, gone | STATE_BIT(XenbusStateClosing), end, &state);
	if (rc < 0 && rc != -ETIMEDOUT)
		return;
	rc = set_state(bf, XenbusStateClosed);
	if (rc == 0)
		rc = wait_backend(bf, gone, end, &state);
	if (rc == -ETIMEDOUT)
		log_warn("%s: the backend did not close in time", bf->dir);
}
