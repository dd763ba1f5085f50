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

#include <xen/io/protocols.h>

#include "common/log.h"
#include "protocol/blkif-nodes.h"
#include "protocol/xenbus.h"
#include "xenstore/xsnode.h"

#define VBD_DIR "device/vbd"
#define WATCH_TOKEN "blkfront"
#define STATE_BIT(state) (1u << (state))
#define NS_PER_MS UINT64_C(1000000)
/* Where "sectors" stops making sense: the size in bytes must fit a signed 64-bit offset. */
#define MAX_SECTORS ((uint64_t)INT64_MAX / BLKIF_SECTOR_SIZE)

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

/* XenbusStateUnknown when the node is gone or no state; else -errno. */
static int read_state(struct blkfront *bf, xs_transaction_t t, const char *dir, XenbusState *state)
{
	int rc = xsn_read_state(bf->xs, t, dir, "state", state);

	if (rc == 0)
		return 0;
	*state = XenbusStateUnknown;
	return rc == -ENOENT || rc == -EINVAL || rc == -ERANGE ? 0 : rc;
}

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
		rc = read_state(bf, XBT_NULL, bf->backend, state);
		if (rc < 0 || states & STATE_BIT(*state))
			return rc;
		now = spin_now_ns();
		if (now >= end)
			return -ETIMEDOUT;
		(void)poll(&fd, 1, (end - now + NS_PER_MS - 1) / NS_PER_MS); /* looked again anyway */
	}
}

static uint64_t deadline(const struct blkfront *bf)
{
	return spin_now_ns() + bf->config.timeout_ms * NS_PER_MS;
}

/* Text that the backend wrote, for one line of our own. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

/* What the backend says went wrong; NULL: nothing that we may read. */
static char *backend_error(struct blkfront *bf)
{
	char *text = xsn_read(bf->xs, XBT_NULL, bf->backend, "error");
	const char *relative;
	char path[256];

	if (!text)
		text = xsn_read(bf->xs, XBT_NULL, bf->backend, "hotplug-error");
	relative = strstr(bf->backend, "/backend/");
	if (!text && relative) {
		/* where Linux's backends put it */
		snprintf(path, sizeof(path), "/local/domain/%u/error%s", bf->backend_id, relative);
		text = xsn_read(bf->xs, XBT_NULL, path, "error");
	}
	if (text)
		make_printable(text);
	return text;
}

static int not_connected(struct blkfront *bf, int rc, XenbusState state)
{
	CLEANUP_FREE char *error = backend_error(bf);

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
	int rc = read_state(bf, t, bf->dir, ours);

	if (rc == 0)
		rc = read_state(bf, t, bf->backend, &theirs);
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
	char path[XENSTORE_ABS_PATH_MAX];
	XenbusState state;
	int rc;

	snprintf(path, sizeof(path), "%s/state", bf->backend);
	if (!xs_watch(bf->xs, path, WATCH_TOKEN))
		return bf_why(bf, -errno, "cannot watch %s: %m", path);
	rc = leave_old_connection(bf);
	if (rc < 0)
		return rc;
	rc = wait_backend(bf, STATE_BIT(XenbusStateInitWait), deadline(bf), &state);
	return rc < 0 ? not_connected(bf, rc, state) : 0;
}

/* ---- the handshake ------------------------------------------------------ */

/* The ring's size must be known before anything else the backend offers. */
static int choose_ring(struct blkfront *bf)
{
	uint32_t max_order = 0;
	int rc = xsn_read_u32(bf->xs, XBT_NULL, bf->backend, "max-ring-page-order", &max_order);

	if (rc < 0 && rc != -ENOENT)
		return bf_why(bf, -EPROTO, "the backend's max-ring-page-order is bad: %s",
			strerror(-rc));
	bf->multi_ref = rc == 0;
	bf->ring_order = bf->config.ring_order;
	if (bf->ring_order > max_order)
		bf->ring_order = max_order;
	if (bf->ring_order > BLKIF_MAX_RING_ORDER)
		bf->ring_order = BLKIF_MAX_RING_ORDER;
	rc = bf_share_ring(bf);
	if (rc < 0)
		return rc;
	bf->port = xenevtchn_bind_unbound_port(bf->xce, bf->backend_id);
	if (bf->port < 0)
		return bf_why(bf, -errno, "cannot allocate an event channel to domain %u: %m",
			bf->backend_id);
	return 0;
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

static int write_ring(struct blkfront *bf, xs_transaction_t t)
{
	char name[32];
	int rc;

	if (bf->ring_order == 0)
		return xsn_writef(bf->xs, t, bf->dir, "ring-ref", "%u", bf->ring_refs[0]);
	rc = xsn_writef(bf->xs, t, bf->dir, "ring-page-order", "%u", bf->ring_order);
	for (unsigned i = 0; rc == 0 && i < 1u << bf->ring_order; i++) {
		snprintf(name, sizeof(name), "ring-ref%u", i);
		rc = xsn_writef(bf->xs, t, bf->dir, name, "%u", bf->ring_refs[i]);
	}
	return rc;
}

static int write_nodes(struct xs_handle *xs, xs_transaction_t t, void *opaque)
{
	struct blkfront *bf = opaque;
	const char *abi = bf->abi == BLKIF_ABI_NATIVE ? XEN_IO_PROTO_ABI_NATIVE
						      : blkif_abi_name(bf->abi);
	XenbusState ours;
	int rc = read_state(bf, t, bf->dir, &ours);

	/* Somebody else may have found the backend waiting, too, and come first. */
	if (rc == 0 && ours != XenbusStateInitialising)
		rc = -EBUSY;
	if (rc == 0)
		rc = remove_old_nodes(bf, t);
	if (rc == 0)
		rc = write_ring(bf, t);
	if (rc == 0)
		rc = xsn_writef(xs, t, bf->dir, "event-channel", "%d", bf->port);
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
	int rc = wait_backend(bf, ends, deadline(bf), &state);

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

	if (nodes->sectors > MAX_SECTORS)
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
		make_printable(error.text);
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
	int rc;

	bf->nr_slots = bf->ring.nr;
	if (bf->config.depth && bf->config.depth < bf->nr_slots)
		bf->nr_slots = bf->config.depth;
	rc = bf_share_pool(bf);
	if (rc < 0)
		return rc;
	bf->info.depth = bf->nr_slots;
	bf->info.max_io = bf->info.max_segments * BLKIF_PAGE_SIZE;
	rc = set_state(bf, XenbusStateConnected);
	return rc < 0 ? bf_why(bf, rc, "cannot write %s/state: %s", bf->dir, strerror(-rc)) : 0;
}

int bf_connect(struct blkfront *bf)
{
	static int (*const steps[])(struct blkfront *) = { find_device, wait_initwait, choose_ring,
		publish, wait_connected, read_features, make_buffers };
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < sizeof(steps) / sizeof(steps[0]); i++)
		rc = steps[i](bf);
	return rc;
}

/* ---- while connected, and the end --------------------------------------- */

/* An online resize: the backend wrote sectors, then Connected again. */
static void check_size(struct blkfront *bf)
{
	uint64_t sectors;

	if (xsn_read_u64(bf->xs, XBT_NULL, bf->backend, "sectors", &sectors) < 0 ||
		sectors > MAX_SECTORS || sectors * BLKIF_SECTOR_SIZE == bf->info.size)
		return;
	bf->info.size = sectors * BLKIF_SECTOR_SIZE;
	log_info("%s: now %llu sectors", bf->dir, (unsigned long long)sectors);
}

/*
 * A backend that closes in order still answers what it has, until our Closed. One
 * that gave up, or a successor of one that died, says why in its error node and will
 * not answer; nor does one that stays silent.
 */
static void check_closing(struct blkfront *bf)
{
	CLEANUP_FREE char *error = backend_error(bf);

	if (error)
		(void)bf_fail(bf, -ENOTCONN, "the backend gave up: %s", error);
	else if (!bf->closing)
		bf->closing_end = deadline(bf);
	else if (bf->in_flight && spin_now_ns() > bf->closing_end)
		(void)bf_fail(bf, -ENOTCONN, "the backend closes and does not answer");
	bf->closing = true;
}

void bf_check_backend(struct blkfront *bf)
{
	XenbusState state;
	int rc = read_state(bf, XBT_NULL, bf->backend, &state);

	if (rc < 0) {
		(void)bf_fail(bf, -ENOTCONN, "cannot read the backend's state: %s", strerror(-rc));
		return;
	}
	switch (state) {
	case XenbusStateConnected:
		check_size(bf);
		break;
	case XenbusStateReconfiguring:
	case XenbusStateReconfigured:
		break;
	case XenbusStateClosing:
		check_closing(bf);
		break;
	default:
		(void)bf_fail(bf, -ENOTCONN, "the backend left: it is in state %s",
			state == XenbusStateUnknown ? "none" : xenbus_state_name(state));
	}
}

/* Each step is allowed to fail: the backend, or the store, may be gone. */
void bf_disconnect(struct blkfront *bf)
{
	unsigned gone = STATE_BIT(XenbusStateUnknown) | STATE_BIT(XenbusStateClosed) |
			STATE_BIT(XenbusStateInitialising) | STATE_BIT(XenbusStateInitWait);
	uint64_t end = deadline(bf);
	XenbusState state;
	int rc;

	if (!bf->published)
		return;
	bf->published = false;
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
