// SPDX-License-Identifier: MIT
/*
 * Checksums and segmentation in software. A frame is a stranger's: where its headers are and
 * how long they are is checked against its length before a byte of them is used. Pure; the
 * thread of the frame's queue.
 */
#include "config.h"
#include "backends/net/offload.h"

#include <errno.h>
#include <string.h>

#include "backends/net/checksum.h"
#include "protocol/packet.h"

#define IPV4_LENGTH_AT 2u
#define IPV4_ID_AT 4u
#define IPV4_CHECKSUM_AT 10u
#define IPV4_ADDRESSES_AT 12u
#define IPV6_LENGTH_AT 4u
#define IPV6_ADDRESSES_AT 8u
#define TCP_SEQUENCE_AT 4u
#define TCP_OFFSET_AT 12u
#define TCP_FLAGS_AT 13u
#define TCP_CHECKSUM_AT 16u
#define UDP_LENGTH_AT 4u
#define UDP_CHECKSUM_AT 6u

#define TCP_FIN 0x01u
#define TCP_PSH 0x08u
#define TCP_CWR 0x80u

/* Bytes of the transport's header; 0: it has none that is whole, or that we know. */
static uint32_t transport_header(const struct packet *p, const uint8_t *data, uint32_t len)
{
	const uint8_t *h = data + p->transport;
	uint32_t room = len - p->transport, size;

	if (p->transport == 0)
		return 0;
	if (p->protocol == PACKET_PROTO_UDP && room >= PACKET_UDP_HEADER)
		return PACKET_UDP_HEADER;
	if (p->protocol != PACKET_PROTO_TCP || room < PACKET_TCP_HEADER)
		return 0;
	size = (h[TCP_OFFSET_AT] >> 4) * 4u;
	return size >= PACKET_TCP_HEADER && size <= room ? size : 0;
}

static void set_ipv4_checksum(uint8_t *ip)
{
	checksum_store(ip + IPV4_CHECKSUM_AT, 0);
	checksum_store(ip + IPV4_CHECKSUM_AT,
		~checksum_fold(checksum_add(0, ip, (ip[0] & 15u) * 4)));
}

/* The length in IP's header, for @len bytes from there on. */
static void set_ip_length(uint8_t *ip, uint8_t version, uint32_t len)
{
	if (version == 6) {
		packet_set_u16(ip + IPV6_LENGTH_AT, len - PACKET_IPV6_HEADER);
		return;
	}
	packet_set_u16(ip + IPV4_LENGTH_AT, len);
	set_ipv4_checksum(ip);
}

/*
 * Make the frame end where its IP packet does: behind it there may be Ethernet's padding, and
 * whoever finishes a checksum sums up to the frame's end. Some senders leave the length out
 * of what is to be segmented.
 */
static int fit_length(struct frame *frame, struct packet *p)
{
	uint32_t left = frame->len - p->network;
	uint32_t none = p->version == 6 ? PACKET_IPV6_HEADER : 0;

	if (p->length == none && frame->gso != NETIF_GSO_NONE) {
		set_ip_length(frame->data + p->network, p->version, left);
		p->length = left;
	}
	if (p->length > left || p->length <= p->transport - p->network)
		return -EINVAL;
	frame->len = p->network + p->length;
	return 0;
}

/* The pseudo header's sum, RFC 9293 3.1 and RFC 8200 8.1; @len: of transport header and payload. */
static uint64_t pseudo_sum(const uint8_t *ip, uint8_t version, uint8_t protocol, uint32_t len)
{
	uint64_t sum = checksum_word(protocol) + checksum_word(len);

	if (version == 6)
		return checksum_add(sum, ip + IPV6_ADDRESSES_AT, 32);
	return checksum_add(sum, ip + IPV4_ADDRESSES_AT, 8);
}

static void set_pseudo_checksum(struct frame *frame, const struct packet *p)
{
	uint64_t sum = pseudo_sum(frame->data + p->network, p->version, p->protocol,
		frame->len - p->transport);

	frame->csum_start = p->transport;
	frame->csum_offset =
		p->protocol == PACKET_PROTO_TCP ? TCP_CHECKSUM_AT : UDP_CHECKSUM_AT;
	checksum_store(frame->data + frame->csum_start + frame->csum_offset, checksum_fold(sum));
}

/* @headers: bytes before the payload. What fits one segment is none to be segmented. */
static int check_gso(struct frame *frame, const struct packet *p, uint32_t headers)
{
	uint8_t version = frame->gso == NETIF_GSO_TCPV6 ? 6 : 4;

	if (p->protocol != PACKET_PROTO_TCP || p->version != version ||
			frame->gso_size < OFFLOAD_GSO_MIN)
		return -EINVAL;
	frame->headers = headers;
	if (frame->len - headers <= frame->gso_size) {
		frame->gso = NETIF_GSO_NONE;
		frame->gso_size = 0;
	}
	return 0;
}

/* What is behind a datagram would be in the sum of the frame, and not in its own. */
static bool is_whole_datagram(const struct frame *frame, const struct packet *p)
{
	return packet_u16(frame->data + p->transport + UDP_LENGTH_AT) ==
		frame->len - p->transport;
}

int offload_parse(struct frame *frame)
{
	struct packet p;
	uint32_t header;

	if (frame->gso != NETIF_GSO_NONE)
		frame->csum_blank = true;
	if (!frame->csum_blank)
		return 0;
	packet_parse(frame->data, frame->len, &p);
	if (p.transport == 0 || fit_length(frame, &p) < 0)
		return -EINVAL;
	header = transport_header(&p, frame->data, frame->len);
	if (header == 0)
		return -EINVAL;
	if (p.protocol == PACKET_PROTO_UDP && !is_whole_datagram(frame, &p))
		return -EINVAL;
	if (frame->gso != NETIF_GSO_NONE && check_gso(frame, &p, p.transport + header) < 0)
		return -EINVAL;
	frame->csum_valid = false;
	set_pseudo_checksum(frame, &p);
	return 0;
}

/* The field has the pseudo header's sum: the sum over all is the checksum. */
static void finish_sum(uint8_t *data, uint32_t len, uint32_t start, uint32_t offset)
{
	uint16_t sum = ~checksum_fold(checksum_add(0, data + start, len - start));

	/* UDP's 0 says that there is none (RFC 768, RFC 8200). */
	if (sum == 0 && offset == UDP_CHECKSUM_AT)
		sum = 0xffff;
	checksum_store(data + start + offset, sum);
}

void offload_finish_checksum(struct frame *frame)
{
	if (!frame->csum_blank)
		return;
	frame->csum_blank = false;
	if ((uint32_t)frame->csum_start + frame->csum_offset + 2 > frame->len)
		return; /* not from offload_parse() */
	finish_sum(frame->data, frame->len, frame->csum_start, frame->csum_offset);
	frame->csum_valid = true;
}

unsigned offload_segments(const struct frame *frame)
{
	if (frame->gso == NETIF_GSO_NONE)
		return 1;
	return (frame->len - frame->headers + frame->gso_size - 1) / frame->gso_size;
}

/* Headers of segment @i as RFC 9293, RFC 791 and, for CWR, RFC 3168 6.1.2 have them. */
static int segment_headers(const struct frame *frame, unsigned i, bool last, struct frame *out)
{
	uint8_t *tcp = out->data + frame->csum_start;
	uint8_t *ip;
	struct packet p;

	packet_parse(out->data, out->len, &p);
	if (p.transport == 0 || p.transport != frame->csum_start ||
			frame->headers < p.transport + PACKET_TCP_HEADER)
		return -EINVAL;
	ip = out->data + p.network;
	if (p.version == 4)
		packet_set_u16(ip + IPV4_ID_AT, packet_u16(ip + IPV4_ID_AT) + i);
	set_ip_length(ip, p.version, out->len - p.network);
	packet_set_u32(tcp + TCP_SEQUENCE_AT,
		packet_u32(tcp + TCP_SEQUENCE_AT) + i * frame->gso_size);
	if (!last)
		tcp[TCP_FLAGS_AT] &= ~(TCP_FIN | TCP_PSH);
	if (i > 0)
		tcp[TCP_FLAGS_AT] &= ~TCP_CWR;
	checksum_store(tcp + TCP_CHECKSUM_AT,
		checksum_fold(pseudo_sum(ip, p.version, PACKET_PROTO_TCP,
			out->len - frame->csum_start)));
	return 0;
}

int offload_segment(const struct frame *frame, unsigned i, struct frame *out)
{
	uint64_t from = frame->headers + (uint64_t)i * frame->gso_size;
	uint8_t *data = out->data;
	uint32_t room = out->room;
	uint32_t payload;
	bool last;

	if (from >= frame->len)
		return -EINVAL;
	last = frame->len - from <= frame->gso_size;
	payload = last ? frame->len - from : frame->gso_size;
	if (room < frame->headers + payload)
		return -ENOSPC;
	*out = *frame;
	out->data = data;
	out->room = room;
	out->len = frame->headers + payload;
	out->gso = NETIF_GSO_NONE;
	out->gso_size = 0;
	memcpy(data, frame->data, frame->headers);
	memcpy(data + frame->headers, frame->data + from, payload);
	if (segment_headers(frame, i, last, out) < 0)
		return -EINVAL;
	offload_finish_checksum(out);
	return 0;
}

bool offload_is_taken(const struct frame *frame, const struct frame_offload *by)
{
	struct packet p;

	if (frame->gso == NETIF_GSO_NONE && frame->len > by->max_len)
		return false;
	if (frame->gso != NETIF_GSO_NONE)
		return frame->gso == NETIF_GSO_TCPV6 ? by->tso6 && by->csum_ipv6 :
						       by->tso4 && by->csum_ipv4;
	if (!frame->csum_blank || (by->csum_ipv4 && by->csum_ipv6))
		return true;
	packet_parse(frame->data, frame->len, &p);
	return p.version == 6 ? by->csum_ipv6 : by->csum_ipv4;
}
