/* SPDX-License-Identifier: MIT */
/*
 * An Ethernet frame in memory of ours and what is left to be done to it. Frames are linear:
 * headers of a guest's packet are parsed in one piece, however it was cut up (XSA-423).
 */
#ifndef SLUICE_BACKENDS_NET_FRAME_H
#define SLUICE_BACKENDS_NET_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/netif.h"

/** FRAME_HEADROOM - writable bytes before data: ports put their own header there. */
#define FRAME_HEADROOM 64u
/** FRAME_MAX - bytes of the largest frame. */
#define FRAME_MAX NETIF_PACKET_MAX

/** struct frame - does not own its memory. */
struct frame {
	uint8_t *data;
	uint32_t len;           /* bytes */
	uint32_t room;          /* bytes from data on that may be written: for frames to be received */
	bool csum_blank;        /* the transport's checksum is to be made, from csum_start on; the field has the pseudo header's sum */
	bool csum_valid;        /* it is known to be right */
	uint16_t csum_start;    /* with csum_blank: offset in data */
	uint16_t csum_offset;   /* from csum_start */
	enum netif_gso gso;
	uint16_t gso_size;      /* with gso: payload per segment */
	uint16_t headers;       /* with gso: bytes of all headers, the transport's included */
	enum netif_hash hash_type;
	uint32_t hash;
};

/** struct frame_offload - what a receiver of frames leaves to itself. */
struct frame_offload {
	bool csum_ipv4, csum_ipv6; /* takes a blank checksum */
	bool tso4, tso6;
	uint32_t max_len;       /* bytes of a frame that is not to be segmented; without sg a page */
};

#endif
