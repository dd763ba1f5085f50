// SPDX-License-Identifier: MIT
/* Transmit slots and received packets of a network frontend; see netif-front.h. */
#include "config.h"
#include "protocol/netif-front.h"

#include <string.h>

/* ---- sending ------------------------------------------------------------------ */

unsigned netif_front_extras(const struct netif_rx_meta *meta, const struct netif_mcast *mcast)
{
	return (meta->gso != NETIF_GSO_NONE) + (meta->hash_type != NETIF_HASH_NONE) + (mcast != NULL);
}

static void extra_gso(const struct netif_rx_meta *meta, struct netif_extra_info *extra)
{
	extra->type = XEN_NETIF_EXTRA_TYPE_GSO;
	extra->u.gso.size = meta->gso_size;
	extra->u.gso.type = meta->gso == NETIF_GSO_TCPV4 ? XEN_NETIF_GSO_TYPE_TCPV4
							 : XEN_NETIF_GSO_TYPE_TCPV6;
}

static void extra_mcast(const struct netif_mcast *mcast, struct netif_extra_info *extra)
{
	extra->type = mcast->add ? XEN_NETIF_EXTRA_TYPE_MCAST_ADD : XEN_NETIF_EXTRA_TYPE_MCAST_DEL;
	memcpy(extra->u.mcast.addr, mcast->addr, sizeof(extra->u.mcast.addr));
}

static void extra_hash(const struct netif_rx_meta *meta, struct netif_extra_info *extra)
{
	extra->type = XEN_NETIF_EXTRA_TYPE_HASH;
	extra->u.hash.type = meta->hash_type - NETIF_HASH_IPV4 + _XEN_NETIF_CTRL_HASH_TYPE_IPV4;
	extra->u.hash.algorithm = XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ;
	memcpy(extra->u.hash.value, &meta->hash, sizeof(extra->u.hash.value));
}

static unsigned put_extras(const struct netif_rx_meta *meta, const struct netif_mcast *mcast,
	union netif_tx_wire *wire)
{
	unsigned n = 0;

	memset(wire, 0, netif_front_extras(meta, mcast) * sizeof(*wire));
	if (meta->gso != NETIF_GSO_NONE)
		extra_gso(meta, &wire[n++].extra);
	if (mcast)
		extra_mcast(mcast, &wire[n++].extra);
	if (meta->hash_type != NETIF_HASH_NONE)
		extra_hash(meta, &wire[n++].extra);
	for (unsigned i = 0; i + 1 < n; i++)
		wire[i].extra.flags = XEN_NETIF_EXTRA_FLAG_MORE;
	return n;
}

unsigned netif_front_encode(const struct netif_rx_meta *meta, const struct netif_mcast *mcast,
	const struct netif_tx_slot *slot, const uint16_t *id, unsigned n, union netif_tx_wire *wire)
{
	unsigned extras = put_extras(meta, mcast, wire + 1);
	uint16_t flags = extras ? NETTXF_extra_info : 0;

	if (meta->csum_blank)
		flags |= NETTXF_csum_blank | NETTXF_data_validated;
	else if (meta->csum_valid)
		flags |= NETTXF_data_validated;
	for (unsigned i = 0; i < n; i++) {
		wire[i ? extras + i : 0].req = (struct netif_tx_request){
			.gref = slot[i].gref,
			.offset = slot[i].offset,
			.flags = (i ? 0 : flags) | (i + 1 < n ? NETTXF_more_data : 0),
			.id = id[i],
			/* The first one says how large all of the packet is. */
			.size = i ? slot[i].size : meta->size,
		};
	}
	return n + extras;
}

/* ---- receiving ---------------------------------------------------------------- */

const char *netif_front_text(enum netif_front_verdict verdict)
{
	switch (verdict) {
	case NETIF_FRONT_MORE:
	case NETIF_FRONT_PACKET:
		return "fine";
	case NETIF_FRONT_DROP:
		return "a packet that is not taken";
	case NETIF_FRONT_BAD_ID:
		return "a response for another buffer than the one at its place";
	case NETIF_FRONT_BAD_LENGTH:
		return "a response that is longer than its page";
	case NETIF_FRONT_BAD_SLOTS:
		return "a packet of more slots than there may be";
	case NETIF_FRONT_BAD_EXTRA:
		return "an extra segment that makes no sense";
	}
	return "?";
}

/* The packet so far is whole: what is it? */
static enum netif_front_verdict finish(struct netif_front_rx *rx)
{
	rx->next = NETIF_NEXT_PACKET;
	return rx->drop || rx->meta.size < NETIF_PACKET_MIN ? NETIF_FRONT_DROP : NETIF_FRONT_PACKET;
}

static enum netif_front_verdict take_data(struct netif_front_rx *rx,
	const struct netif_rx_response *rsp, uint16_t id, bool *is_data)
{
	if (rsp->id != id)
		return NETIF_FRONT_BAD_ID;
	if (++rx->nslots > NETIF_SLOTS_MAX)
		return NETIF_FRONT_BAD_SLOTS;
	if (rsp->status < 0) {
		rx->drop = true;
	} else if (rsp->offset > NETIF_PAGE_SIZE || rsp->status > (int)NETIF_PAGE_SIZE - rsp->offset) {
		return NETIF_FRONT_BAD_LENGTH;
	} else if (rsp->status > 0) {
		*is_data = true;
		rx->meta.size += rsp->status;
		rx->piece[rx->npieces++] = (struct netif_front_piece){ id, rsp->offset, rsp->status };
	}
	return NETIF_FRONT_MORE;
}

static void begin(struct netif_front_rx *rx, const struct netif_rx_response *rsp,
	const struct netif_front_limits *limits)
{
	memset(rx, 0, offsetof(struct netif_front_rx, piece));
	rx->more = rsp->flags & NETRXF_more_data;
	rx->meta.csum_blank = rsp->flags & NETRXF_csum_blank;
	rx->meta.csum_valid = rsp->flags & NETRXF_data_validated;
	rx->drop = rsp->flags & NETRXF_gso_prefix || (rx->more && !limits->sg) ||
		   (rx->meta.csum_blank && limits->no_csum);
}

static enum netif_front_verdict take_gso(struct netif_front_rx *rx,
	const struct netif_extra_info *extra, const struct netif_front_limits *limits)
{
	if (extra->u.gso.size == 0)
		return NETIF_FRONT_BAD_EXTRA;
	rx->meta.gso_size = extra->u.gso.size;
	switch (extra->u.gso.type) {
	case XEN_NETIF_GSO_TYPE_TCPV4:
		rx->meta.gso = NETIF_GSO_TCPV4;
		rx->drop |= !limits->gso_tcpv4;
		return NETIF_FRONT_MORE;
	case XEN_NETIF_GSO_TYPE_TCPV6:
		rx->meta.gso = NETIF_GSO_TCPV6;
		rx->drop |= !limits->gso_tcpv6;
		return NETIF_FRONT_MORE;
	}
	return NETIF_FRONT_BAD_EXTRA;
}

static enum netif_front_verdict take_extra(struct netif_front_rx *rx,
	const struct netif_extra_info *extra, const struct netif_front_limits *limits)
{
	switch (extra->type) {
	case XEN_NETIF_EXTRA_TYPE_GSO:
		return take_gso(rx, extra, limits);
	case XEN_NETIF_EXTRA_TYPE_HASH:
		if (extra->u.hash.type > _XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP)
			return NETIF_FRONT_BAD_EXTRA;
		rx->meta.hash_type = NETIF_HASH_IPV4 + extra->u.hash.type;
		memcpy(&rx->meta.hash, extra->u.hash.value, sizeof(rx->meta.hash));
		return NETIF_FRONT_MORE;
	case NETIF_EXTRA_XDP:
		return NETIF_FRONT_MORE; /* the first response's offset says as much */
	}
	return NETIF_FRONT_BAD_EXTRA;
}

static enum netif_front_verdict take(struct netif_front_rx *rx, const union netif_rx_slot *slot,
	uint16_t id, const struct netif_front_limits *limits, bool *is_data)
{
	enum netif_front_verdict v;

	switch (rx->next) {
	case NETIF_NEXT_PACKET:
		begin(rx, &slot->rsp, limits);
		v = take_data(rx, &slot->rsp, id, is_data);
		rx->next = slot->rsp.flags & NETRXF_extra_info ? NETIF_NEXT_EXTRA : NETIF_NEXT_DATA;
		break;
	case NETIF_NEXT_EXTRA:
		v = take_extra(rx, &slot->extra, limits);
		/* A chain without end is one of more slots than there may be. */
		if (++rx->nextras > NETIF_EXTRAS_MAX)
			return NETIF_FRONT_BAD_EXTRA;
		rx->next = slot->extra.flags & XEN_NETIF_EXTRA_FLAG_MORE ? NETIF_NEXT_EXTRA : NETIF_NEXT_DATA;
		break;
	default:
		v = take_data(rx, &slot->rsp, id, is_data);
		rx->more = slot->rsp.flags & NETRXF_more_data;
	}
	if (v != NETIF_FRONT_MORE)
		return v;
	return rx->next == NETIF_NEXT_DATA && !rx->more ? finish(rx) : NETIF_FRONT_MORE;
}

enum netif_front_verdict netif_front_take(struct netif_front_rx *rx, const union netif_rx_slot *slot,
	uint16_t id, const struct netif_front_limits *limits, bool *is_data)
{
	*is_data = false;
	return take(rx, slot, id, limits, is_data);
}
