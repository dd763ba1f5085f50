// SPDX-License-Identifier: MIT
/*
 * The block frontend's data path: I/Os to requests, responses to I/Os.
 *
 * Every response is suspect: it must name a request that is in flight, by an id
 * that was never used before, with that request's operation and a known status.
 * One that does not ends the device, as in Linux's blkfront: a backend that
 * mixes up ids may have mixed up data.
 */
#include "config.h"
#include "frontends/blkfront-internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/array.h"
#include "common/log.h"
#include "xenstore/xsnode.h"

#define ID_INDEX_BITS 16

#define DEFAULT_SEGMENTS BLKIF_INDIRECT_SEGMENTS
#define DEFAULT_TIMEOUT_MS 10000
#define DEFAULT_POLL_US 50

/* ---- why ---------------------------------------------------------------- */

static void why_set(struct blkfront *bf, const char *fmt, va_list ap)
{
	vsnprintf(bf->why, sizeof(bf->why), fmt, ap);
}

int bf_why(struct blkfront *bf, int rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	why_set(bf, fmt, ap);
	va_end(ap);
	return rc;
}

int bf_fail(struct blkfront *bf, int rc, const char *fmt, ...)
{
	va_list ap;

	if (bf->failed)
		return bf->failed;
	va_start(ap, fmt);
	why_set(bf, fmt, ap);
	va_end(ap);
	bf->failed = rc;
	log_err("%s: %s", bf->dir ? bf->dir : "block device", bf->why);
	return rc;
}

const char *blkfront_why(const struct blkfront *bf)
{
	return bf->failed ? bf->why : "";
}

/* ---- open and close ----------------------------------------------------- */

static int config_init(struct blkfront *bf, const struct blkfront_config *config)
{
	struct blkfront_config *c = &bf->config;

	if (config)
		*c = *config;
	if (!c->max_segments || c->max_segments > BLKIF_INDIRECT_SEGMENTS)
		c->max_segments = DEFAULT_SEGMENTS;
	if (!c->timeout_ms)
		c->timeout_ms = DEFAULT_TIMEOUT_MS;
	if (!c->poll_us)
		c->poll_us = DEFAULT_POLL_US;
	spin_init(&bf->spin, c->poll_us == BLKFRONT_NO_POLL ? 0 : c->poll_us * UINT64_C(1000));
	if (blkif_abi_parse(c->protocol, &bf->abi) < 0)
		return bf_why(bf, -EPROTONOSUPPORT,
			"no ABI is named \"%s\"; use x86_32-abi or x86_64-abi", c->protocol);
	return 0;
}

static int libs_open(struct blkfront *bf)
{
	bf->xs = xs_open(0);
	if (!bf->xs)
		return bf_why(bf, -errno, "cannot reach the store: %m; is this a domain?");
	bf->xce = xenevtchn_open(NULL, 0);
	if (!bf->xce)
		return bf_why(bf, -errno, "cannot open event channels: %m; is this a domain?");
	bf->xgs = xengntshr_open(NULL, 0);
	if (!bf->xgs)
		return bf_why(bf, -errno, "cannot open the grant allocator: %m; on Xen: modprobe xen-gntalloc");
	return 0;
}

static void bf_free(struct blkfront *bf)
{
	if (bf->epoll_fd >= 0)
		close(bf->epoll_fd);
	if (bf->port >= 0)
		xenevtchn_unbind(bf->xce, bf->port);
	bf_unshare(bf);
	if (bf->xgs)
		xengntshr_close(bf->xgs);
	if (bf->xce)
		xenevtchn_close(bf->xce);
	xs_close(bf->xs);
	free(bf->dir);
	free(bf->backend);
	free(bf);
}

struct blkfront *blkfront_open(const struct blkfront_config *config, char *why, size_t why_room)
{
	struct blkfront *bf = calloc(1, sizeof(*bf));
	int rc;

	if (!bf) {
		snprintf(why, why_room, "no memory for a block device");
		errno = ENOMEM;
		return NULL;
	}
	bf->port = -1;
	bf->epoll_fd = -1;
	rc = config_init(bf, config);
	if (rc == 0)
		rc = libs_open(bf);
	if (rc == 0)
		rc = bf_connect(bf);
	if (rc == 0)
		return bf;
	snprintf(why, why_room, "%s", bf->why);
	bf_disconnect(bf);
	bf_free(bf);
	errno = -rc;
	return NULL;
}

void blkfront_close(struct blkfront *bf)
{
	uint64_t end;

	if (!bf)
		return;
	end = spin_now_ns() + bf->config.timeout_ms * UINT64_C(1000000);
	while (bf->in_flight && !bf->failed && spin_now_ns() < end)
		if (blkfront_wait(bf, 100) < 0)
			break;
	if (bf->in_flight) {
		(void)bf_fail(bf, -ENOTCONN, "%u requests were not answered before closing",
			bf->in_flight);
		(void)bf_fail_all(bf);
	}
	bf_disconnect(bf);
	bf_free(bf);
}

const struct blkfront_info *blkfront_get_info(const struct blkfront *bf)
{
	return &bf->info;
}

/* ---- I/Os --------------------------------------------------------------- */

static struct bf_slot *slot_of(struct blkfront_io *io)
{
	return container_of(io, struct bf_slot, io);
}

struct blkfront_io *blkfront_get(struct blkfront *bf)
{
	struct bf_slot *slot;

	if (!bf->nr_idle)
		return NULL;
	slot = bf->idle[--bf->nr_idle];
	slot->state = BF_HELD;
	return &slot->io;
}

void blkfront_put(struct blkfront *bf, struct blkfront_io *io)
{
	struct bf_slot *slot = slot_of(io);

	/* A buffer that the backend may still write to is never given out again. */
	if (slot->state != BF_HELD)
		return;
	slot->state = BF_IDLE;
	bf->idle[bf->nr_idle++] = slot;
}

/* Where an I/O that moves data or discards must lie. */
static int io_check_range(const struct blkfront_info *info, const struct blkfront_io *io)
{
	if ((io->offset | io->length) & (info->sector_size - 1))
		return -EINVAL;
	return io->length > info->size || io->offset > info->size - io->length ? -EINVAL : 0;
}

static int io_check(const struct blkfront_info *info, const struct blkfront_io *io)
{
	bool supported = io->op == BLKFRONT_READ || io->op == BLKFRONT_WRITE ||
			 (io->op == BLKFRONT_FLUSH && info->flush) ||
			 (io->op == BLKFRONT_BARRIER && info->barrier) ||
			 (io->op == BLKFRONT_DISCARD && info->discard);
	bool writes = io->op == BLKFRONT_WRITE || io->op == BLKFRONT_DISCARD ||
		      io->op == BLKFRONT_BARRIER;
	bool empty = io->op == BLKFRONT_FLUSH || io->op == BLKFRONT_BARRIER;

	if (!supported)
		return -EOPNOTSUPP;
	if (writes && info->readonly)
		return -EROFS;
	if (empty != (io->length == 0))
		return -EINVAL;
	if (io->op != BLKFRONT_DISCARD && io->length > info->max_io)
		return -EINVAL;
	return empty ? 0 : io_check_range(info, io);
}

static const uint8_t wire_ops[] = {
	[BLKFRONT_READ] = BLKIF_OP_READ,
	[BLKFRONT_WRITE] = BLKIF_OP_WRITE,
	[BLKFRONT_FLUSH] = BLKIF_OP_FLUSH_DISKCACHE,
	[BLKFRONT_DISCARD] = BLKIF_OP_DISCARD,
	[BLKFRONT_BARRIER] = BLKIF_OP_WRITE_BARRIER,
};

static void req_set_segments(struct blkif_req *req, const struct bf_slot *slot, uint32_t sectors)
{
	unsigned i = 0;

	for (; sectors; i++) {
		uint32_t n = sectors < BLKIF_PAGE_SECTORS ? sectors : BLKIF_PAGE_SECTORS;

		req->seg[i] = (struct blkif_segment){
			.gref = slot->refs[i],
			.last_sect = n - 1,
		};
		sectors -= n;
	}
	req->nr_segments = i;
	req->indirect = i > BLKIF_MAX_SEGMENTS_PER_REQUEST;
	if (req->indirect) {
		req->indirect_gref[0] = slot->indirect_ref;
		blkif_encode_segments(req, 0, slot->indirect_page);
	}
}

/* All of bf->req that its operation uses; the rest of it is old. */
static void req_build(struct blkfront *bf, struct bf_slot *slot)
{
	struct blkif_req *req = &bf->req;
	const struct blkfront_io *io = &slot->io;

	req->id = slot->id;
	req->operation = slot->wire_op;
	req->flag = 0;
	req->indirect = false;
	req->nr_segments = 0;
	req->nr_sectors = 0;
	req->sector = io->offset / BLKIF_SECTOR_SIZE;
	if (io->op == BLKFRONT_READ || io->op == BLKFRONT_WRITE)
		req_set_segments(req, slot, io->length / BLKIF_SECTOR_SIZE);
	else if (io->op == BLKFRONT_DISCARD)
		req->nr_sectors = io->length / BLKIF_SECTOR_SIZE;
	else
		req->sector = 0;
}

int blkfront_submit(struct blkfront *bf, struct blkfront_io *io)
{
	struct bf_slot *slot = slot_of(io);
	uint8_t wire[BLKIF_SLOT_MAX];
	int rc;

	if (bf->failed)
		return bf->failed;
	if (bf->closing)
		return -ENOTCONN;
	rc = io_check(&bf->info, io);
	if (rc < 0)
		return rc;
	if (slot->state != BF_HELD)
		return -EINVAL;
	slot->state = BF_IN_FLIGHT;
	slot->wire_op = wire_ops[io->op];
	slot->id = bf->generation++ << ID_INDEX_BITS | (uint64_t)(slot - bf->slots);
	req_build(bf, slot);
	blkif_encode(bf->abi, &bf->req, wire);
	ring_front_put(&bf->ring, wire, bf->ring.slot_size);
	bf->in_flight++;
	bf->unpushed = true;
	return 0;
}

int blkfront_kick(struct blkfront *bf)
{
	if (!bf->unpushed)
		return 0;
	bf->unpushed = false;
	if (!ring_front_push(&bf->ring))
		return 0;
	if (xenevtchn_notify(bf->xce, bf->port) < 0)
		return bf_fail(bf, -ENOTCONN, "cannot notify the backend: %m");
	return 0;
}

/* ---- responses ---------------------------------------------------------- */

static void slot_done(struct blkfront *bf, struct bf_slot *slot, int error)
{
	slot->state = BF_HELD;
	slot->io.error = error;
	bf->in_flight--;
	if (slot->io.done)
		slot->io.done(&slot->io);
}

int bf_fail_all(struct blkfront *bf)
{
	for (unsigned i = 0; i < bf->nr_slots && bf->in_flight; i++)
		if (bf->slots[i].state == BF_IN_FLIGHT)
			slot_done(bf, &bf->slots[i], bf->failed);
	return bf->failed;
}

static int status_error(int16_t status, int *error)
{
	switch (status) {
	case BLKIF_RSP_OKAY:
		*error = 0;
		return 0;
	case BLKIF_RSP_ERROR:
		*error = -EIO;
		return 0;
	case BLKIF_RSP_EOPNOTSUPP:
		*error = -EOPNOTSUPP;
		return 0;
	}
	return -EPROTO;
}

/* Take one response. 0, or bf->failed: the backend broke the rules. */
static int rsp_take(struct blkfront *bf)
{
	uint8_t wire[BLKIF_SLOT_MAX];
	struct blkif_rsp rsp;
	struct bf_slot *slot;
	uint64_t index;
	int error;

	ring_front_get(&bf->ring, wire, blkif_rsp_size(bf->abi));
	blkif_decode_rsp(bf->abi, wire, &rsp);
	index = rsp.id & ((1u << ID_INDEX_BITS) - 1);
	if (index >= bf->nr_slots)
		return bf_fail(bf, -EIO, "the backend answered an unknown request (id %#llx)",
			(unsigned long long)rsp.id);
	slot = &bf->slots[index];
	if (slot->state != BF_IN_FLIGHT || slot->id != rsp.id)
		return bf_fail(bf, -EIO, "the backend answered a request that is not in flight (id %#llx)",
			(unsigned long long)rsp.id);
	if (slot->wire_op != rsp.operation)
		return bf_fail(bf, -EIO, "the backend answered operation %u with %u",
			slot->wire_op, rsp.operation);
	if (status_error(rsp.status, &error) < 0)
		return bf_fail(bf, -EIO, "the backend answered with an unknown status (%d)", rsp.status);
	slot_done(bf, slot, error);
	return 0;
}

int blkfront_poll(struct blkfront *bf)
{
	int n;

	if (bf->failed)
		return bf_fail_all(bf);
	n = ring_front_pending(&bf->ring);
	if (n < 0)
		(void)bf_fail(bf, -EIO, "the backend answered more requests than there are");
	for (int i = 0; i < n; i++)
		if (rsp_take(bf) < 0)
			break;
	return bf->failed ? bf_fail_all(bf) : n;
}
