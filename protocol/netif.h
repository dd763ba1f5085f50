/* SPDX-License-Identifier: MIT */
/*
 * The network protocol (xen/io/netif.h) without I/O, from the backend's side: what a packet
 * is in the transmit ring and the rules that it must pass, how a packet is laid out in the
 * receive ring, responses. Transmit and receive are the guest's words: transmit is what the
 * guest sends.
 *
 * One packet of the guest is one or more slots: the first has the size of the whole packet,
 * the later ones their own; extra segments follow the first slot and have none of the data.
 */
#ifndef SLUICE_PROTOCOL_NETIF_H
#define SLUICE_PROTOCOL_NETIF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/io/netif.h>

#include "common/cleanup.h"
#include "protocol/ring.h"

#define NETIF_PAGE_SIZE 4096u
/** NETIF_SLOTS_MAX - data slots of a packet that is taken: every backend must (netif.h). */
#define NETIF_SLOTS_MAX ((unsigned)XEN_NETIF_NR_SLOTS_MIN)
/** NETIF_SLOTS_FATAL - more than so many end the device; those between are dropped (XSA-39's regression fix). */
#define NETIF_SLOTS_FATAL 20u
/** NETIF_PACKET_MAX - bytes of a packet: the wire's size field. */
#define NETIF_PACKET_MAX 65535u
/** NETIF_PACKET_MIN - an Ethernet header. */
#define NETIF_PACKET_MIN 14u
/** NETIF_EXTRAS_MAX - extra segments of a packet: one of each type. */
#define NETIF_EXTRAS_MAX 5u
/** NETIF_EXTRA_XDP - Linux's own extra type, which Xen's header lacks: room before the data. */
#define NETIF_EXTRA_XDP 5u
/** NETIF_XDP_HEADROOM_MAX - bytes. */
#define NETIF_XDP_HEADROOM_MAX 0x7fffu

/** enum netif_gso - segmentation that is left to who gets the packet. */
enum netif_gso { NETIF_GSO_NONE, NETIF_GSO_TCPV4, NETIF_GSO_TCPV6 };

/** enum netif_hash - what a hash was made of; 0: there is none. */
enum netif_hash { NETIF_HASH_NONE, NETIF_HASH_IPV4, NETIF_HASH_IPV4_TCP, NETIF_HASH_IPV6, NETIF_HASH_IPV6_TCP };

/** struct netif_tx_slot - a data slot: a piece of one granted page. */
struct netif_tx_slot {
	uint32_t gref;
	uint16_t offset;
	uint16_t size; /* bytes in this slot, also of the first; may be 0 (XSA-448) */
};

/** struct netif_answer - what a consumed ring slot is answered with, in ring order. */
struct netif_answer {
	uint16_t id;
	bool extra;  /* answered NETIF_RSP_NULL whatever became of the packet */
};

/** struct netif_mcast - a change of the multicast filter that came with a packet. */
struct netif_mcast {
	bool add;
	uint8_t addr[6];
};

/** struct netif_tx_packet - a packet of the guest, from copies of its slots. */
struct netif_tx_packet {
	uint32_t size;     /* bytes of the whole packet */
	unsigned nslots;   /* data slots, at most NETIF_SLOTS_MAX */
	struct netif_tx_slot slot[NETIF_SLOTS_MAX];
	unsigned nanswers; /* ring slots consumed: data and extras */
	struct netif_answer answer[NETIF_SLOTS_FATAL + NETIF_EXTRAS_MAX + 1];
	bool csum_blank;   /* the transport's checksum is still to be made; always so with gso */
	bool csum_valid;   /* the guest vouches for it; never with csum_blank */
	enum netif_gso gso;
	uint16_t gso_size; /* payload bytes per segment, not 0 with gso */
	enum netif_hash hash_type;
	uint32_t hash;     /* host byte order, when hash_type is not NONE */
	unsigned nmcast;   /* with it the packet has no data of interest (netif.h): it is not sent */
	struct netif_mcast mcast[2];
};

/** struct netif_tx_limits - what was negotiated: what a packet may have. */
struct netif_tx_limits {
	bool sg, gso_tcpv4, gso_tcpv6;
	bool mcast; /* without it changes of the filter are ignored, and their packets are data */
};

/** enum netif_verdict - what became of a packet; netif_verdict_text() says why. */
enum netif_verdict {
	NETIF_OK,
	/* dropped: answered with NETIF_RSP_ERROR (or DROPPED for NETIF_DROP_SLOTS), the ring goes on */
	NETIF_DROP_SLOTS,     /* 19 or 20 data slots */
	NETIF_DROP_SIZE,      /* slots that have more than the packet's size */
	NETIF_DROP_SHORT,     /* less than an Ethernet header */
	NETIF_DROP_GSO,       /* a GSO that was not negotiated */
	/* fatal: the ring is not served any more until the guest closes (XSA-39, XSA-374) */
	NETIF_FATAL_RING,     /* more requests than slots */
	NETIF_FATAL_INCOMPLETE, /* more_data or extra_info, and nothing follows */
	NETIF_FATAL_SLOTS,    /* more than NETIF_SLOTS_FATAL */
	NETIF_FATAL_EXTRA,    /* a type of 0 or beyond the known ones, or one type twice */
	NETIF_FATAL_PAGE,     /* a slot that crosses its page */
	NETIF_FATAL_GSO,      /* size 0, or a type that there is not */
	NETIF_FATAL_SG,       /* several slots, and scatter-gather was not negotiated */
};
#define NETIF_FATAL_FIRST NETIF_FATAL_RING

static inline bool netif_is_fatal(enum netif_verdict v)
{
	return v >= NETIF_FATAL_FIRST;
}
const char *netif_verdict_text(enum netif_verdict verdict);
/** netif_verdict_status() - the NETIF_RSP_* to answer with. */
int16_t netif_verdict_status(enum netif_verdict verdict);

/** struct netif_extra_xdp - what netif_extra_info has with NETIF_EXTRA_XDP. */
struct netif_extra_xdp {
	uint8_t type;
	uint8_t flags;
	uint16_t headroom; /* bytes */
	uint16_t pad[2];
};

/**
 * netif_tx_take() - take the next packet from the transmit ring.
 * @pending: what ring_back_pending() said, less what was consumed since; at least 1.
 *	Lessened by what is consumed here
 *
 * Each slot is copied once (XSA-155). In all cases @packet->answer tells what was consumed:
 * these are to be answered in this order, with a fatal verdict, too. The rest of the packet
 * is there with NETIF_OK: its slots have exactly its size. Total: any bytes give some verdict.
 */
enum netif_verdict netif_tx_take(struct ring_back *ring, unsigned *pending,
	const struct netif_tx_limits *limits, struct netif_tx_packet *packet) must_check;

/**
 * netif_tx_answer() - put the responses of a packet; ring_back_push() shows them.
 * @status: NETIF_RSP_OKAY, NETIF_RSP_ERROR or NETIF_RSP_DROPPED, for its data slots
 */
void netif_tx_answer(struct ring_back *ring, const struct netif_tx_packet *packet, int16_t status);

/** struct netif_rx_buffer - a buffer of the guest, from one copy of its slot. */
struct netif_rx_buffer {
	uint16_t id;
	uint32_t gref;
};
/** netif_rx_take() - the next buffer; only as often as ring_back_pending() allowed. */
void netif_rx_take(struct ring_back *ring, struct netif_rx_buffer *buffer);

/** struct netif_rx_meta - what a packet for the guest says beside its data. */
struct netif_rx_meta {
	uint32_t size;           /* bytes */
	bool csum_blank, csum_valid;
	enum netif_gso gso;
	uint16_t gso_size;
	enum netif_hash hash_type;
	uint32_t hash;
	/*
	 * bytes left free before the data in the first page; 0: none. More than leaves room for
	 * NETIF_PACKET_MIN in it is cut to that, and the guest is told so.
	 */
	uint16_t xdp_headroom;
};
/**
 * netif_rx_slots() - how many receive slots a packet takes, extras and headroom included: what
 * must be pending before it is begun (XSA-392: needed, not "at least one").
 */
unsigned netif_rx_slots(const struct netif_rx_meta *meta);

/** struct netif_rx_piece - a copy to be done: bytes of the packet to a buffer's page. */
struct netif_rx_piece {
	uint32_t gref;
	uint16_t to;     /* offset in the page */
	uint16_t len;
	uint32_t from;   /* offset in the packet */
};
/** union netif_rx_slot - one of a packet's responses; extras are in the same slots. */
union netif_rx_slot {
	struct netif_rx_response rsp;
	struct netif_extra_info extra;
};
/** NETIF_RX_SLOTS_MAX - slots of the largest packet with all extras and headroom. */
#define NETIF_RX_SLOTS_MAX (NETIF_SLOTS_MAX + 3u)

/** struct netif_rx_layout - a packet as it will be in the receive ring. */
struct netif_rx_layout {
	unsigned npieces, nslots;
	struct netif_rx_piece piece[NETIF_RX_SLOTS_MAX];
	union netif_rx_slot slot[NETIF_RX_SLOTS_MAX];
	bool is_extra[NETIF_RX_SLOTS_MAX];
};
/**
 * netif_rx_lay_out() - where a packet's data and responses go.
 * @buffer: netif_rx_slots(meta) buffers in ring order
 *
 * Every copy stays in one page (rule 22 of net), each response is at its request's index.
 */
void netif_rx_lay_out(const struct netif_rx_meta *meta, const struct netif_rx_buffer *buffer,
	struct netif_rx_layout *layout);
/**
 * netif_rx_spoil() - a copy failed: the first slot says NETIF_RSP_ERROR, the others are of
 * length 0, and the guest drops the packet.
 */
void netif_rx_spoil(struct netif_rx_layout *layout);
/** netif_rx_answer() - put them. @ok: false: spoil them first. */
void netif_rx_answer(struct ring_back *ring, struct netif_rx_layout *layout, bool ok);

#endif
