/* SPDX-License-Identifier: MIT */
/*
 * Frames of TCP and UDP for tests, and a slow reference for their checksums: it sums one pair
 * of bytes after the other and knows where it put the headers.
 */
#ifndef SLUICE_TESTS_UNIT_NET_FRAMES_H
#define SLUICE_TESTS_UNIT_NET_FRAMES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "backends/net/frame.h"
#include "protocol/packet.h"

/* --- a frame of our own making --- */

struct shape {
	unsigned version, tags, options; /* VLAN tags; 4-byte words of IP options or 8-byte extensions */
	unsigned tcp_words;              /* of the TCP header; 0: UDP */
	uint32_t payload;
	uint8_t flags;
};

struct made {
	uint8_t bytes[FRAME_MAX + 64];
	struct frame frame;
	uint32_t network, transport, payload; /* offsets */
};
static struct made made;

static inline uint8_t byte_at(uint32_t i)
{
	return i * 31 + (i >> 8) * 7;
}

static inline uint32_t put_ip(struct made *m, const struct shape *s, uint32_t after)
{
	uint8_t *ip = m->bytes + m->network;
	uint32_t header = s->version == 4 ? 20 + s->options * 4 : 40 + s->options * 8;
	uint8_t protocol = s->tcp_words ? 6 : 17;

	for (uint32_t i = 0; i < header; i++)
		ip[i] = byte_at(i + 100);
	if (s->version == 4) {
		ip[0] = 0x40 | header / 4;
		packet_set_u16(ip + 2, header + after);
		packet_set_u16(ip + 4, 0xfffe);
		packet_set_u16(ip + 6, 0x4000);
		ip[9] = protocol;
		return header;
	}
	ip[0] = 0x60;
	packet_set_u16(ip + 4, header - 40 + after);
	ip[6] = s->options ? 60 : protocol;
	for (unsigned i = 0; i < s->options; i++) {
		ip[40 + i * 8] = i + 1 < s->options ? 60 : protocol;
		ip[41 + i * 8] = 0;
	}
	return header;
}

static inline void put_transport(struct made *m, const struct shape *s)
{
	uint8_t *t = m->bytes + m->transport;
	uint32_t header = s->tcp_words ? s->tcp_words * 4 : 8;

	for (uint32_t i = 0; i < header; i++)
		t[i] = byte_at(i + 200);
	if (s->tcp_words) {
		packet_set_u32(t + 4, 0xfffffc00);
		t[12] = s->tcp_words << 4;
		t[13] = s->flags;
	} else {
		packet_set_u16(t + 4, 8 + s->payload);
	}
	m->payload = m->transport + header;
}

static inline struct frame *make(const struct shape *s)
{
	uint32_t header = s->tcp_words ? s->tcp_words * 4 : 8;

	memset(&made, 0, sizeof(made));
	for (unsigned i = 0; i < s->tags; i++)
		packet_set_u16(made.bytes + 12 + i * 4, i ? 0x8100 : 0x88a8);
	packet_set_u16(made.bytes + 12 + s->tags * 4, s->version == 4 ? 0x800 : 0x86dd);
	made.network = 14 + s->tags * 4;
	made.transport = made.network + put_ip(&made, s, header + s->payload);
	put_transport(&made, s);
	for (uint32_t i = 0; i < s->payload; i++)
		made.bytes[made.payload + i] = byte_at(i);
	made.frame = (struct frame){ .data = made.bytes, .len = made.payload + s->payload,
		.room = sizeof(made.bytes), .csum_blank = true };
	return &made.frame;
}

/* --- the reference --- */

static inline uint32_t slow_sum(uint32_t sum, const uint8_t *p, uint32_t len)
{
	for (uint32_t i = 0; i < len; i += 2) {
		sum += p[i] << 8 | (i + 1 < len ? p[i + 1] : 0);
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

static inline uint32_t slow_pseudo(const uint8_t *ip, bool tcp, uint32_t len)
{
	uint8_t tail[4] = { 0, tcp ? 6 : 17, len >> 8, len };

	return slow_sum(ip[0] >> 4 == 4 ? slow_sum(0, ip + 12, 8) : slow_sum(0, ip + 8, 32), tail, 4);
}

/* A receiver's view: the sum over pseudo header and all is 0xffff. */
static inline bool is_right(const struct frame *f, uint32_t network, uint32_t transport, bool tcp)
{
	uint32_t len = f->len - transport;
	const uint8_t *ip = f->data + network;

	if (ip[0] >> 4 == 4 && slow_sum(0, ip, (ip[0] & 15) * 4) != 0xffff)
		return false;
	return slow_sum(slow_pseudo(ip, tcp, len), f->data + transport, len) == 0xffff;
}

/* The IP header of a frame as made has no checksum yet. */
static inline void seal_ip(void)
{
	uint8_t *ip = made.bytes + made.network;

	if (ip[0] >> 4 != 4)
		return;
	packet_set_u16(ip + 10, 0);
	packet_set_u16(ip + 10, ~slow_sum(0, ip, (ip[0] & 15) * 4));
}

#endif
