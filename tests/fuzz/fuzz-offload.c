// SPDX-License-Identifier: MIT
/*
 * A hostile guest's frames: the input is what it says of a frame, and the frame. A checksum
 * that was made must be right, and segments must have the frame's payload once, in order, in
 * packets of their own; both are computed again here, another way.
 */
#include "config.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backends/net/offload.h"
#include "protocol/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FLAG_FIN_PSH 0x09
#define FLAG_CWR 0x80

static void check(int property)
{
	if (!property)
		abort();
}

/*
 * Random bytes are no packets. By @how frames are given headers that fit each other, of which
 * the input's own bytes then still spoil some.
 */
static void bend(uint8_t *f, uint32_t len, uint8_t how, uint8_t more)
{
	uint32_t at = 14, left;
	static const uint8_t extension[] = { 60, 60, 60, 0, 43, 51, 44, 135 };
	bool v6 = how & 2, tcp = how & 4;

	for (uint32_t i = 12; !(how & 1) && how & 8 && i + 4 <= len; i += 4)
		packet_set_u16(f + i, 0x8100); /* tags to the end */
	if (!(how & 1) || len < 14 + 4 * 4 + 40 + 16 + 20)
		return;
	for (unsigned tags = more & 3; tags; tags--, at += 4)
		packet_set_u16(f + at - 2, 0x8100);
	packet_set_u16(f + at - 2, v6 ? 0x86dd : 0x800);
	left = len - at;
	if (how & 128 && more & 32)
		left = v6 ? 40 : 0; /* left to who segments */
	if (v6) {
		f[at] = 0x60;
		packet_set_u16(f + at + 4, left - 40 - (how & 128 && left > 40 ? f[at + 4] % 8 - 2u : 0));
		f[at + 6] = how & 64 ? extension[more >> 2 & 7] : tcp ? 6 : 17;
		if (how & 64) {
			f[at + 40] = how & 32 && more & 2 ? 60 : tcp ? 6 : 17;
			f[at + 41] = more & 64 && more & 32 ? f[at + 41] : more >> 7;
		}
		at += 40 + (how & 64 ? 8 + (more >> 7) * 8 : 0);
	} else {
		f[at] = 0x45 + (how & 64 ? more >> 6 : 0);
		packet_set_u16(f + at + 2, left - (how & 128 && left ? f[at + 2] % 8 - 2u : 0));
		packet_set_u16(f + at + 6, how & 32 ? 0x4000 : f[at + 6] << 14);
		f[at + 9] = tcp ? 6 : 17;
		at += (f[at] & 15u) * 4;
	}
	if (tcp && at + 13 <= len)
		f[at + 12] = (how & 16 ? 0x50 : f[at + 12]);
	else if (!tcp && at + 6 <= len)
		packet_set_u16(f + at + 4, len - at - (how & 16 ? 0 : f[at + 4] % 4));
}

static uint32_t slow_sum(uint32_t sum, const uint8_t *p, uint32_t len)
{
	for (uint32_t i = 0; i < len; i += 2) {
		sum += p[i] << 8 | (i + 1 < len ? p[i + 1] : 0);
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

/* The transport's checksum, and IPv4's where it was made, as a receiver sees them. */
static void check_sums(const struct frame *f, bool ip_made)
{
	struct packet p;
	uint8_t tail[4];
	uint32_t sum, len;

	packet_parse(f->data, f->len, &p);
	check(p.transport != 0 && p.network + p.length == f->len);
	len = f->len - p.transport;
	tail[0] = 0;
	tail[1] = p.protocol;
	packet_set_u16(tail + 2, len);
	sum = p.version == 4 ? slow_sum(0, f->data + p.network + 12, 8) :
			       slow_sum(0, f->data + p.network + 8, 32);
	sum = slow_sum(slow_sum(sum, tail, 4), f->data + p.transport, len);
	check(sum == 0xffff);
	if (p.protocol == PACKET_PROTO_UDP)
		check(packet_u16(f->data + p.transport + 6) != 0);
	if (ip_made && p.version == 4)
		check(slow_sum(0, f->data + p.network, (f->data[p.network] & 15u) * 4) == 0xffff);
}

static void check_segment(const struct frame *f, const struct frame *s, unsigned i, unsigned n)
{
	uint32_t from = i * f->gso_size, start = f->csum_start;
	const uint8_t *tcp = s->data + start, *all = f->data + start;
	uint8_t flags = all[13];
	struct packet p;

	check(s->gso == NETIF_GSO_NONE && s->csum_valid && !s->csum_blank);
	check(s->len <= (uint32_t)f->headers + f->gso_size && s->len > f->headers);
	check(memcmp(s->data + f->headers, f->data + f->headers + from, s->len - f->headers) == 0);
	check(packet_u32(tcp + 4) == packet_u32(all + 4) + from);
	if (i + 1 < n)
		flags &= ~FLAG_FIN_PSH;
	if (i > 0)
		flags &= ~FLAG_CWR;
	check(tcp[13] == flags);
	check(memcmp(tcp, all, 4) == 0 && memcmp(tcp + 8, all + 8, 5) == 0);
	packet_parse(s->data, s->len, &p);
	if (p.version == 4)
		check(packet_u16(s->data + p.network + 4) ==
			(uint16_t)(packet_u16(f->data + p.network + 4) + i));
	check_sums(s, true);
}

/* Each in an allocation of just its size, so that a sanitizer sees overruns. */
static void check_segments(const struct frame *f)
{
	unsigned n = offload_segments(f), step = n > 40 ? n / 40 : 1;
	uint32_t last = f->len - f->headers - (n - 1) * f->gso_size;

	check(n >= 2 && last >= 1 && last <= f->gso_size);
	for (unsigned i = 0; i < n; i = i + 1 == n || i + step < n ? i + step : n - 1) {
		uint32_t len = f->headers + (i + 1 < n ? f->gso_size : last);
		uint8_t *room = malloc(len);
		struct frame s = { .data = room, .room = len };

		check(room && offload_segment(f, i, &s) == 0 && s.len == len);
		check_segment(f, &s, i, n);
		s = (struct frame){ .data = room, .room = len - 1 };
		check(offload_segment(f, i, &s) < 0);
		free(room);
	}
}

static void run(struct frame *f, const struct frame_offload *by)
{
	uint32_t len = f->len;

	if (offload_parse(f) < 0)
		return;
	check(f->len <= len);
	(void)offload_is_taken(f, by);
	if (!f->csum_blank)
		return;
	check((uint32_t)f->csum_start + f->csum_offset + 2 <= f->len);
	if (f->gso != NETIF_GSO_NONE) {
		check_segments(f);
		return;
	}
	offload_finish_checksum(f);
	check(f->csum_valid && offload_is_taken(f, &(struct frame_offload){ .max_len = f->len }));
	check_sums(f, false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t said[5] = { 0 };
	struct frame f = { 0 };
	uint8_t *copy;

	if (size < sizeof(said) || size > FRAME_MAX)
		return 0;
	memcpy(said, data, sizeof(said));
	f.len = size - sizeof(said);
	copy = malloc(f.len ? f.len : 1);
	check(copy != NULL);
	memcpy(copy, data + sizeof(said), f.len);
	bend(copy, f.len, said[0], said[1]);
	f.data = copy;
	f.room = f.len;
	f.csum_blank = said[2] & 1;
	f.gso = said[2] & 2 ? said[0] & 2 ? NETIF_GSO_TCPV6 : NETIF_GSO_TCPV4 : NETIF_GSO_NONE;
	f.gso_size = said[3] | (said[4] & 15) << 8;
	run(&f, &(struct frame_offload){ said[4] & 16, said[4] & 32, said[4] & 64, said[4] & 128, 1514 });
	free(copy);
	return 0;
}
