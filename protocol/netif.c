// SPDX-License-Identifier: MIT
/*
 * The network protocol without I/O: pure functions on private copies of hostile bytes. A
 * queue's thread. The rules are those of xen/io/netif.h and of the advisories that the
 * checks name; docs/rules.md has them in a table.
 */
#include "config.h"
#include "protocol/netif.h"

#include <string.h>

_Static_assert(sizeof(struct netif_tx_request) == 12, "transmit slot");
_Static_assert(sizeof(struct netif_rx_request) == 8, "receive slot");
_Static_assert(sizeof(union netif_rx_slot) == 8, "receive response");
_Static_assert(sizeof(struct netif_extra_info) == 8, "extra segment");
_Static_assert(sizeof(struct netif_extra_xdp) == 8, "extra segment of XDP");
_Static_assert(NETIF_EXTRA_XDP == XEN_NETIF_EXTRA_TYPE_MAX, "XDP's type follows Xen's");
_Static_assert(NETIF_GSO_TCPV4 == XEN_NETIF_GSO_TYPE_TCPV4, "GSO type");
_Static_assert(NETIF_GSO_TCPV6 == XEN_NETIF_GSO_TYPE_TCPV6, "GSO type");
/* enum netif_hash is the wire's hash type plus one. */
_Static_assert(NETIF_HASH_IPV4 == _XEN_NETIF_CTRL_HASH_TYPE_IPV4 + 1, "hash type");
_Static_assert(NETIF_HASH_IPV6_TCP == _XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP + 1, "hash type");

/* A slot of the transmit ring is either; which one the slot before it says. */
union tx_slot {
	struct netif_tx_request req;
	struct netif_extra_info extra;
};

/* A packet while it is taken. */
struct tx_taking {
	struct ring_back *ring;
	unsigned left;        /* requests that may be taken */
	struct netif_tx_packet *packet;
	unsigned types;       /* 1 << type of the extras that were seen */
	uint32_t rest;        /* bytes that the first slot's size leaves to it */
};

static void packet_reset(struct netif_tx_packet *p)
{
	p->size = 0;
	p->nslots = 0;
	p->nanswers = 0;
	p->csum_blank = false;
	p->csum_valid = false;
	p->gso = NETIF_GSO_NONE;
	p->gso_size = 0;
	p->hash_type = NETIF_HASH_NONE;
	p->hash = 0;
	p->nmcast = 0;
}

/*
 * The next slot's copy (XSA-155); false: none is left. What was consumed is to be answered
 * whatever it turns out to be.
 */
static bool tx_next(struct tx_taking *t, bool extra, union tx_slot *slot)
{
	struct netif_answer *a = &t->packet->answer[t->packet->nanswers];

	if (t->left == 0)
		return false;
	t->left--;
	ring_back_get(t->ring, slot);
	t->packet->nanswers++;
	a->id = extra ? 0 : slot->req.id;
	a->extra = extra;
	return true;
}

static enum netif_verdict tx_extra_gso(const struct netif_extra_info *extra,
	struct netif_tx_packet *p)
{
	if (extra->u.gso.size == 0)
		return NETIF_FATAL_GSO;
	if (extra->u.gso.type != NETIF_GSO_TCPV4 && extra->u.gso.type != NETIF_GSO_TCPV6)
		return NETIF_FATAL_GSO;
	p->gso = extra->u.gso.type;
	p->gso_size = extra->u.gso.size;
	return NETIF_OK;
}

/* A hash that is none of ours is no hash: it is a hint. */
static void tx_extra_hash(const struct netif_extra_info *extra, struct netif_tx_packet *p)
{
	const uint8_t *v = extra->u.hash.value;

	if (extra->u.hash.algorithm != XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ ||
			extra->u.hash.type > _XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP)
		return;
	p->hash_type = extra->u.hash.type + 1;
	p->hash = v[0] | v[1] << 8 | v[2] << 16 | (uint32_t)v[3] << 24;
}

static void tx_extra_mcast(const struct netif_extra_info *extra, struct netif_tx_packet *p)
{
	struct netif_mcast *m = &p->mcast[p->nmcast++];

	m->add = extra->type == XEN_NETIF_EXTRA_TYPE_MCAST_ADD;
	memcpy(m->addr, extra->u.mcast.addr, sizeof(m->addr));
}

static enum netif_verdict tx_extra(struct tx_taking *t, const struct netif_tx_limits *limits,
	const struct netif_extra_info *extra)
{
	switch (extra->type) {
	case XEN_NETIF_EXTRA_TYPE_GSO:
		return tx_extra_gso(extra, t->packet);
	case XEN_NETIF_EXTRA_TYPE_HASH:
		tx_extra_hash(extra, t->packet);
		return NETIF_OK;
	case XEN_NETIF_EXTRA_TYPE_MCAST_ADD:
	case XEN_NETIF_EXTRA_TYPE_MCAST_DEL:
		if (limits->mcast)
			tx_extra_mcast(extra, t->packet);
		return NETIF_OK;
	default: /* XDP's says something about received packets only */
		return NETIF_OK;
	}
}

/* The chain of extras ends because no type comes twice (XSA-39). */
static enum netif_verdict tx_extras(struct tx_taking *t, const struct netif_tx_limits *limits)
{
	enum netif_verdict v = NETIF_OK;
	union tx_slot slot;

	do {
		if (!tx_next(t, true, &slot))
			return NETIF_FATAL_INCOMPLETE;
		if (slot.extra.type == XEN_NETIF_EXTRA_TYPE_NONE ||
				slot.extra.type > NETIF_EXTRA_XDP ||
				(t->types & 1u << slot.extra.type))
			return NETIF_FATAL_EXTRA;
		t->types |= 1u << slot.extra.type;
		v = tx_extra(t, limits, &slot.extra);
	} while (v == NETIF_OK && (slot.extra.flags & XEN_NETIF_EXTRA_FLAG_MORE));
	return v;
}

/* A slot after the first. @drop has why the packet is dropped once all of it is taken. */
static enum netif_verdict tx_later_slot(struct tx_taking *t, const struct netif_tx_request *req,
	unsigned nslots, enum netif_verdict *drop)
{
	struct netif_tx_packet *p = t->packet;

	if (nslots > NETIF_SLOTS_FATAL)
		return NETIF_FATAL_SLOTS;
	if ((uint32_t)req->offset + req->size > NETIF_PAGE_SIZE)
		return NETIF_FATAL_PAGE;
	if (*drop != NETIF_OK)
		return NETIF_OK;
	/* Not fatal: a packet of 64 KiB and more of a buggy frontend has wrapped its size. */
	if (req->size > t->rest)
		*drop = NETIF_DROP_SIZE;
	else if (nslots > NETIF_SLOTS_MAX)
		*drop = NETIF_DROP_SLOTS;
	if (*drop != NETIF_OK)
		return NETIF_OK;
	t->rest -= req->size;
	p->slot[p->nslots++] =
		(struct netif_tx_slot){ .gref = req->gref, .offset = req->offset, .size = req->size };
	return NETIF_OK;
}

static enum netif_verdict tx_later_slots(struct tx_taking *t, enum netif_verdict *drop)
{
	enum netif_verdict v = NETIF_OK;
	unsigned nslots = 1;
	union tx_slot slot;

	do {
		if (!tx_next(t, false, &slot))
			return NETIF_FATAL_INCOMPLETE;
		v = tx_later_slot(t, &slot.req, ++nslots, drop);
	} while (v == NETIF_OK && (slot.req.flags & NETTXF_more_data));
	return v;
}

/* What the packet as a whole must be, after all of its slots. */
static enum netif_verdict tx_whole(struct netif_tx_packet *p, const struct netif_tx_limits *limits)
{
	if ((uint32_t)p->slot[0].offset + p->slot[0].size > NETIF_PAGE_SIZE)
		return NETIF_FATAL_PAGE;
	if (p->nmcast)
		return NETIF_OK; /* a dummy: it need not be a packet */
	if (p->size < NETIF_PACKET_MIN)
		return NETIF_DROP_SHORT;
	if ((p->gso == NETIF_GSO_TCPV4 && !limits->gso_tcpv4) ||
			(p->gso == NETIF_GSO_TCPV6 && !limits->gso_tcpv6))
		return NETIF_DROP_GSO;
	return NETIF_OK;
}

static enum netif_verdict tx_take(struct tx_taking *t, const struct netif_tx_limits *limits)
{
	enum netif_verdict v = NETIF_OK, drop = NETIF_OK;
	struct netif_tx_packet *p = t->packet;
	union tx_slot first;

	if (!tx_next(t, false, &first))
		return NETIF_FATAL_RING;
	p->size = first.req.size;
	p->nslots = 1;
	t->rest = first.req.size;
	if (first.req.flags & NETTXF_extra_info)
		v = tx_extras(t, limits);
	if (v == NETIF_OK && (first.req.flags & NETTXF_more_data))
		v = limits->sg ? tx_later_slots(t, &drop) : NETIF_FATAL_SG;
	if (v != NETIF_OK)
		return v;
	if (drop != NETIF_OK)
		return drop; /* how much is in the first slot is not known */
	p->slot[0] = (struct netif_tx_slot){ .gref = first.req.gref,
		.offset = first.req.offset, .size = t->rest };
	/* Segmentation needs the checksum; some frontends forget to say so. */
	p->csum_blank = (first.req.flags & NETTXF_csum_blank) || p->gso != NETIF_GSO_NONE;
	p->csum_valid = (first.req.flags & NETTXF_data_validated) && !p->csum_blank;
	return tx_whole(p, limits);
}

enum netif_verdict netif_tx_take(struct ring_back *ring, unsigned *pending,
	const struct netif_tx_limits *limits, struct netif_tx_packet *packet)
{
	struct tx_taking t = { .ring = ring, .left = *pending, .packet = packet };
	enum netif_verdict v;

	packet_reset(packet);
	v = ring->broken ? NETIF_FATAL_RING : tx_take(&t, limits);
	*pending = t.left;
	return v;
}

void netif_tx_answer(struct ring_back *ring, const struct netif_tx_packet *packet, int16_t status)
{
	for (unsigned i = 0; i < packet->nanswers; i++) {
		const struct netif_answer *a = &packet->answer[i];
		struct netif_tx_response rsp = {
			.id = a->id,
			.status = a->extra ? NETIF_RSP_NULL : status,
		};

		ring_back_put(ring, &rsp, sizeof(rsp));
	}
}

void netif_rx_take(struct ring_back *ring, struct netif_rx_buffer *buffer)
{
	struct netif_rx_request req;

	ring_back_get(ring, &req);
	buffer->id = req.id;
	buffer->gref = req.gref;
}

static uint32_t rx_headroom(const struct netif_rx_meta *meta)
{
	const uint32_t most = NETIF_PAGE_SIZE - NETIF_PACKET_MIN;

	return meta->xdp_headroom < most ? meta->xdp_headroom : most;
}

static unsigned rx_extras(const struct netif_rx_meta *meta)
{
	return (meta->gso != NETIF_GSO_NONE) + (meta->xdp_headroom != 0) +
		(meta->hash_type != NETIF_HASH_NONE);
}

unsigned netif_rx_slots(const struct netif_rx_meta *meta)
{
	uint32_t bytes = rx_headroom(meta) + meta->size;
	unsigned pages = (bytes + NETIF_PAGE_SIZE - 1) / NETIF_PAGE_SIZE;

	return (pages ? pages : 1) + rx_extras(meta);
}

static void rx_lay_extra(struct netif_rx_layout *l, const void *extra, bool more)
{
	unsigned i = l->nslots++;

	memcpy(&l->slot[i].extra, extra, sizeof(l->slot[i].extra));
	l->slot[i].extra.flags = more ? XEN_NETIF_EXTRA_FLAG_MORE : 0;
	l->is_extra[i] = true;
}

static void rx_lay_extras(const struct netif_rx_meta *meta, struct netif_rx_layout *l)
{
	unsigned left = rx_extras(meta);

	if (meta->gso != NETIF_GSO_NONE) {
		struct netif_extra_info gso = { .type = XEN_NETIF_EXTRA_TYPE_GSO,
			.u.gso = { .size = meta->gso_size, .type = meta->gso } };

		rx_lay_extra(l, &gso, --left > 0);
	}
	if (meta->xdp_headroom) {
		struct netif_extra_xdp xdp = { .type = NETIF_EXTRA_XDP,
			.headroom = rx_headroom(meta) };

		rx_lay_extra(l, &xdp, --left > 0);
	}
	if (meta->hash_type != NETIF_HASH_NONE) {
		uint32_t v = meta->hash;
		struct netif_extra_info hash = { .type = XEN_NETIF_EXTRA_TYPE_HASH,
			.u.hash = { .type = meta->hash_type - 1,
				.algorithm = XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ,
				.value = { v, v >> 8, v >> 16, v >> 24 } } };

		rx_lay_extra(l, &hash, --left > 0);
	}
}

static uint16_t rx_flags(const struct netif_rx_meta *meta)
{
	uint16_t flags = rx_extras(meta) ? NETRXF_extra_info : 0;

	if (meta->csum_blank)
		flags |= NETRXF_csum_blank | NETRXF_data_validated;
	else if (meta->csum_valid)
		flags |= NETRXF_data_validated;
	return flags;
}

/* One data slot: @len bytes from @from of the packet to @to of the next buffer. */
static void rx_lay_data(struct netif_rx_layout *l, const struct netif_rx_buffer *buffer,
	uint32_t from, uint32_t to, uint32_t len, uint16_t flags)
{
	unsigned i = l->nslots++;

	if (len)
		l->piece[l->npieces++] = (struct netif_rx_piece){ .gref = buffer[i].gref,
			.to = to, .len = len, .from = from };
	l->slot[i].rsp = (struct netif_rx_response){ .id = buffer[i].id, .offset = to,
		.flags = flags, .status = len };
	l->is_extra[i] = false;
}

void netif_rx_lay_out(const struct netif_rx_meta *meta, const struct netif_rx_buffer *buffer,
	struct netif_rx_layout *layout)
{
	uint32_t to = rx_headroom(meta), from = 0;
	uint16_t flags = rx_flags(meta);

	layout->npieces = 0;
	layout->nslots = 0;
	do {
		uint32_t room = NETIF_PAGE_SIZE - to, left = meta->size - from;
		uint32_t len = left < room ? left : room;

		rx_lay_data(layout, buffer, from, to, len,
			flags | (left > room ? NETRXF_more_data : 0));
		if (from == 0)
			rx_lay_extras(meta, layout);
		from += len;
		to = 0;
		flags = 0;
	} while (from < meta->size);
}

/* Flags stay: the guest walks the whole packet by them, and drops it. */
void netif_rx_spoil(struct netif_rx_layout *layout)
{
	for (unsigned i = 0; i < layout->nslots; i++)
		if (!layout->is_extra[i])
			layout->slot[i].rsp.status = i == 0 ? NETIF_RSP_ERROR : 0;
}

void netif_rx_answer(struct ring_back *ring, struct netif_rx_layout *layout, bool ok)
{
	if (!ok)
		netif_rx_spoil(layout);
	for (unsigned i = 0; i < layout->nslots; i++)
		ring_back_put(ring, &layout->slot[i], sizeof(layout->slot[i]));
}

const char *netif_verdict_text(enum netif_verdict verdict)
{
	switch (verdict) {
	case NETIF_OK:
		return "fine";
	case NETIF_DROP_SLOTS:
		return "more data slots than every backend takes";
	case NETIF_DROP_SIZE:
		return "slots that have more than the packet's size";
	case NETIF_DROP_SHORT:
		return "less than an Ethernet header";
	case NETIF_DROP_GSO:
		return "a segmentation that was not negotiated";
	case NETIF_FATAL_RING:
		return "more requests than the ring has slots";
	case NETIF_FATAL_INCOMPLETE:
		return "a slot that announces another, and none follows";
	case NETIF_FATAL_SLOTS:
		return "far more data slots than every backend takes";
	case NETIF_FATAL_EXTRA:
		return "an extra segment of an unknown type, or two of one type";
	case NETIF_FATAL_PAGE:
		return "a slot that crosses its page";
	case NETIF_FATAL_GSO:
		return "a segmentation of size 0 or of an unknown type";
	case NETIF_FATAL_SG:
		return "several slots, which was not negotiated";
	}
	return "?";
}

int16_t netif_verdict_status(enum netif_verdict verdict)
{
	if (verdict == NETIF_OK)
		return NETIF_RSP_OKAY;
	return verdict == NETIF_DROP_SLOTS ? NETIF_RSP_DROPPED : NETIF_RSP_ERROR;
}
