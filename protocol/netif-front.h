/* SPDX-License-Identifier: MIT */
/*
 * The network protocol from the frontend's side, without I/O: a packet as transmit slots,
 * and packets from receive responses, which a hostile backend wrote.
 */
#ifndef SLUICE_PROTOCOL_NETIF_FRONT_H
#define SLUICE_PROTOCOL_NETIF_FRONT_H

#include "protocol/netif.h"

/** union netif_tx_wire - a slot of the transmit ring. */
union netif_tx_wire {
	struct netif_tx_request req;
	struct netif_extra_info extra;
};
/** NETIF_TX_WIRE_MAX - slots of the largest packet: data, GSO, hash, one multicast change. */
#define NETIF_TX_WIRE_MAX (NETIF_SLOTS_MAX + 3u)

/** netif_front_extras() - ring slots that a packet takes beside its data. */
unsigned netif_front_extras(const struct netif_rx_meta *meta, const struct netif_mcast *mcast);

/**
 * netif_front_encode() - a packet as ring slots.
 * @meta: its size is that of all slots together; xdp_headroom is not looked at
 * @mcast: a change of the multicast filter, or NULL
 * @slot: 1 to NETIF_SLOTS_MAX pieces, the first one with its own size, too
 * @id: of each piece
 *
 * Return: how many slots of @wire, which has room for NETIF_TX_WIRE_MAX; those at
 * 1 to netif_front_extras() are extra segments.
 */
unsigned netif_front_encode(const struct netif_rx_meta *meta, const struct netif_mcast *mcast,
	const struct netif_tx_slot *slot, const uint16_t *id, unsigned n, union netif_tx_wire *wire);

/** struct netif_front_limits - what we told the backend that we take. */
struct netif_front_limits {
	bool sg, gso_tcpv4, gso_tcpv6, no_csum;
};

/** struct netif_front_piece - received bytes in one of our pages. */
struct netif_front_piece {
	uint16_t id;       /* of the page's request */
	uint16_t offset;
	uint16_t len;      /* not 0 */
};

enum netif_front_next { NETIF_NEXT_PACKET, NETIF_NEXT_EXTRA, NETIF_NEXT_DATA };

/** struct netif_front_rx - a packet that is being received; all zero: none is. */
struct netif_front_rx {
	enum netif_front_next next;
	bool more;         /* data responses follow the extras */
	bool drop;         /* it has something that we cannot take */
	unsigned nslots;   /* data responses so far */
	unsigned nextras;
	struct netif_rx_meta meta;
	unsigned npieces;
	struct netif_front_piece piece[NETIF_SLOTS_MAX];
};

/** enum netif_front_verdict - what a response was. */
enum netif_front_verdict {
	NETIF_FRONT_MORE,    /* the packet goes on: its page is in use, or was */
	NETIF_FRONT_PACKET,  /* it is complete */
	NETIF_FRONT_DROP,    /* it is complete and to be dropped: it failed, is empty or not what we take */
	/* no backend that keeps the rules does this: the device is not used any more */
	NETIF_FRONT_BAD_ID,      /* not the buffer that was at this place of the ring */
	NETIF_FRONT_BAD_LENGTH,  /* more than a page, or beyond its end */
	NETIF_FRONT_BAD_SLOTS,   /* more than any packet has */
	NETIF_FRONT_BAD_EXTRA,   /* an extra segment that there is not, or with values that there are not */
};
static inline bool netif_front_is_broken(enum netif_front_verdict v)
{
	return v >= NETIF_FRONT_BAD_ID;
}
const char *netif_front_text(enum netif_front_verdict verdict);

/**
 * netif_front_take() - the next response.
 * @slot: a private copy
 * @id: of the request that was at this place of the ring
 * @is_data: whether the page at this place is among the packet's pieces; else it is free again
 *
 * After anything but MORE the next response begins a packet. Total.
 */
enum netif_front_verdict netif_front_take(struct netif_front_rx *rx, const union netif_rx_slot *slot,
	uint16_t id, const struct netif_front_limits *limits, bool *is_data) must_check;

#endif
