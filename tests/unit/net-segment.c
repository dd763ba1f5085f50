// SPDX-License-Identifier: MIT
/*
 * Segments of TCP: each is a packet of its own whose headers a receiver finds right, and all
 * together have the payload once.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "backends/net/offload.h"
#include "common/array.h"
#include "net-frames.h"

#define FIN 0x01
#define SYN 0x02
#define PSH 0x08
#define ACK 0x10
#define ECE 0x40
#define CWR 0x80

static uint8_t room[FRAME_MAX + 1];
static struct frame out;

static struct frame *make_gso(const struct shape *s, uint16_t gso_size)
{
	struct frame *f = make(s);

	f->gso = s->version == 4 ? NETIF_GSO_TCPV4 : NETIF_GSO_TCPV6;
	f->gso_size = gso_size;
	seal_ip();
	return f;
}

/* Segment @i in memory with a mark behind what may be written. */
static void segment(const struct frame *f, unsigned i, uint32_t len)
{
	memset(room, 0xa5, sizeof(room));
	memset(&out, 0xa5, sizeof(out));
	out.data = room;
	out.room = len;
	assert_int_equal(offload_segment(f, i, &out), 0);
	assert_int_equal(out.len, len);
	assert_ptr_equal(out.data, room);
	assert_int_equal(room[len], 0xa5);
}

static void check_headers(const struct shape *s, unsigned i, uint16_t gso_size, bool last)
{
	const uint8_t *ip = out.data + made.network, *tcp = out.data + made.transport;
	uint8_t flags = s->flags;

	assert_true(is_right(&out, made.network, made.transport, true));
	if (s->version == 4) {
		assert_int_equal(packet_u16(ip + 2), out.len - made.network);
		assert_int_equal(packet_u16(ip + 4), (0xfffe + i) & 0xffff);
	} else {
		assert_int_equal(packet_u16(ip + 4), out.len - made.network - 40);
	}
	assert_int_equal(packet_u32(tcp + 4), 0xfffffc00 + i * gso_size);
	if (!last)
		flags &= ~(FIN | PSH);
	if (i > 0)
		flags &= ~CWR;
	assert_int_equal(tcp[13], flags);
	assert_false(out.csum_blank);
	assert_true(out.csum_valid);
	assert_int_equal(out.gso, NETIF_GSO_NONE);
}

/* What is neither length, id, sequence, flags nor checksum is as it was in the first place. */
static void check_the_rest(const uint8_t *before)
{
	const struct {
		uint32_t at, len;
	} changed[] = { { made.network + (before[made.network] >> 4 == 4 ? 2 : 4), 2 },
		{ made.network + 4, before[made.network] >> 4 == 4 ? 2 : 0 },
		{ made.network + 10, before[made.network] >> 4 == 4 ? 2 : 0 },
		{ made.transport + 4, 4 }, { made.transport + 13, 1 }, { made.transport + 16, 2 } };
	static uint8_t want[256];

	assert_true(made.payload <= sizeof(want));
	memcpy(want, before, made.payload);
	for (unsigned i = 0; i < ARRAY_SIZE(changed); i++)
		memcpy(want + changed[i].at, out.data + changed[i].at, changed[i].len);
	assert_memory_equal(want, out.data, made.payload);
}

static void check_all(const struct shape *s, uint16_t gso_size)
{
	static uint8_t before[256];
	struct frame *f = make_gso(s, gso_size);
	unsigned n = (s->payload + gso_size - 1) / gso_size;
	uint32_t sum = 0;

	memcpy(before, f->data, made.payload);
	assert_int_equal(offload_parse(f), 0);
	assert_int_equal(f->headers, made.payload);
	assert_int_equal(offload_segments(f), n);
	for (unsigned i = 0; i < n; i++) {
		uint32_t len = i + 1 < n ? gso_size : s->payload - i * gso_size;

		segment(f, i, made.payload + len);
		check_headers(s, i, gso_size, i + 1 == n);
		check_the_rest(before);
		for (uint32_t b = 0; b < len; b++)
			assert_int_equal(out.data[made.payload + b], byte_at(sum + b));
		sum += len;
	}
	assert_int_equal(sum, s->payload);
}

static void segments_are_packets(void **state)
{
	static const struct shape shapes[] = { { 4, 0, 0, 5, 10000, ACK | PSH },
		{ 4, 1, 0, 8, 2897, ACK | FIN | PSH }, { 4, 2, 10, 15, 64000, ACK | CWR | ECE },
		{ 6, 0, 0, 5, 10000, ACK | PSH | CWR }, { 6, 2, 2, 8, 60000, ACK | FIN },
		{ 4, 0, 0, 5, 2001, 0xff }, { 6, 0, 0, 5, 65000, 0 } };
	static const uint16_t sizes[] = { 8, 536, 1000, 1440, 1448, 1460, 2000, 8948 };

	for (unsigned i = 0; i < ARRAY_SIZE(shapes); i++)
		for (unsigned j = 0; j < ARRAY_SIZE(sizes); j++)
			if (shapes[i].payload > sizes[j])
				check_all(&shapes[i], sizes[j]);
}

static void the_last_segment_may_be_full(void **state)
{
	static const struct shape exact = { 4, 0, 0, 5, 14600, ACK | PSH };

	check_all(&exact, 1460);
	assert_int_equal(out.len, made.payload + 1460);
}

/* What fits one segment is a packet as any: receivers refuse to call it a large one. */
static void one_segment_is_none(void **state)
{
	static const struct shape s = { 4, 0, 0, 5, 1000, ACK };
	struct frame *f = make_gso(&s, 1000);

	assert_int_equal(offload_parse(f), 0);
	assert_int_equal(f->gso, NETIF_GSO_NONE);
	assert_int_equal(f->gso_size, 0);
	assert_true(f->csum_blank);
	assert_int_equal(offload_segments(f), 1);
	offload_finish_checksum(f);
	assert_true(is_right(f, made.network, made.transport, true));
	f = make_gso(&s, 999);
	assert_int_equal(offload_parse(f), 0);
	assert_int_equal(f->gso, NETIF_GSO_TCPV4);
	assert_int_equal(offload_segments(f), 2);
}

static void no_payload_at_all(void **state)
{
	static const struct shape s = { 6, 0, 0, 5, 0, ACK };
	struct frame *f = make_gso(&s, 1440);

	assert_int_equal(offload_parse(f), 0);
	assert_int_equal(f->gso, NETIF_GSO_NONE);
	assert_int_equal(offload_segments(f), 1);
}

/* Some senders leave IP's length to who segments. */
static void a_length_that_was_left_out(void **state)
{
	for (unsigned version = 4; version <= 6; version += 2) {
		const struct shape s = { version, 0, 0, 5, 3000, ACK };
		struct frame *f = make_gso(&s, 1000);
		uint32_t len = f->len;

		packet_set_u16(f->data + made.network + (version == 4 ? 2 : 4), 0);
		assert_int_equal(offload_parse(f), 0);
		assert_int_equal(f->len, len);
		assert_int_equal(packet_u16(f->data + made.network + (version == 4 ? 2 : 4)),
			version == 4 ? 3040 : 3020);
		segment(f, 2, made.payload + 1000);
		check_headers(&s, 2, 1000, true);
	}
}

/* A GSO frame always leaves its checksum to others, whatever its sender said. */
static void rule17_gso_makes_the_checksum_blank(void **state)
{
	static const struct shape s = { 4, 0, 0, 5, 3000, ACK };
	struct frame *f = make_gso(&s, 1000);

	f->csum_blank = false;
	f->csum_valid = true;
	assert_int_equal(offload_parse(f), 0);
	assert_true(f->csum_blank);
	assert_false(f->csum_valid);
	assert_int_equal(packet_u16(f->data + made.transport + 16),
		slow_pseudo(f->data + made.network, true, 3020));
}

static void rule17_gso_of_what_is_no_such_packet(void **state)
{
	static const struct shape tcp4 = { 4, 0, 0, 5, 3000, ACK }, tcp6 = { 6, 0, 0, 5, 3000, ACK },
				  udp4 = { 4, 0, 0, 0, 3000, 0 };
	struct frame *f = make_gso(&tcp4, 1000);

	f->gso = NETIF_GSO_TCPV6;
	assert_int_equal(offload_parse(f), -EINVAL);
	f = make_gso(&tcp6, 1000);
	f->gso = NETIF_GSO_TCPV4;
	assert_int_equal(offload_parse(f), -EINVAL);
	f = make_gso(&udp4, 1000);
	assert_int_equal(offload_parse(f), -EINVAL);
	f = make_gso(&tcp4, 1000);
	f->data[made.network + 6] = 0x20;
	assert_int_equal(offload_parse(f), -EINVAL);
	f = make_gso(&tcp6, 1000);
	f->data[made.network + 6] = 44;
	assert_int_equal(offload_parse(f), -EINVAL);
	f = make_gso(&tcp4, 1000);
	f->data[made.transport + 12] = 0x40;
	assert_int_equal(offload_parse(f), -EINVAL);
}

/* One packet must not become tens of thousands. */
static void rule17_segments_of_next_to_nothing(void **state)
{
	static const struct shape s = { 4, 0, 0, 5, 60000, ACK };

	for (uint16_t size = 0; size < 12; size++) {
		struct frame *f = make_gso(&s, size);

		assert_int_equal(offload_parse(f), size < OFFLOAD_GSO_MIN ? -EINVAL : 0);
	}
}

static void no_room(void **state)
{
	static const struct shape s = { 4, 0, 0, 5, 2500, ACK };
	struct frame *f = make_gso(&s, 1000);

	assert_int_equal(offload_parse(f), 0);
	for (uint32_t have = (made.payload + 999) % 53; have < made.payload + 1000; have += 53) {
		memset(room, 0xa5, sizeof(room));
		out = (struct frame){ .data = room, .room = have };
		assert_int_equal(offload_segment(f, 0, &out), -ENOSPC);
		for (unsigned i = 0; i < 1100; i++)
			assert_int_equal(room[i], 0xa5);
	}
	segment(f, 2, made.payload + 500);
}

static void segments_that_there_are_not(void **state)
{
	static const struct shape s = { 4, 0, 0, 5, 3000, ACK };
	struct frame *f = make_gso(&s, 1000);

	assert_int_equal(offload_parse(f), 0);
	out = (struct frame){ .data = room, .room = sizeof(room) };
	assert_int_equal(offload_segment(f, 3, &out), -EINVAL);
	assert_int_equal(offload_segment(f, UINT32_MAX, &out), -EINVAL);
	assert_int_equal(offload_segment(f, 1u << 29, &out), -EINVAL);
	f->csum_start += 2; /* not as it was parsed */
	assert_int_equal(offload_segment(f, 0, &out), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments_are_packets),
		cmocka_unit_test(the_last_segment_may_be_full),
		cmocka_unit_test(one_segment_is_none),
		cmocka_unit_test(no_payload_at_all),
		cmocka_unit_test(a_length_that_was_left_out),
		cmocka_unit_test(rule17_gso_makes_the_checksum_blank),
		cmocka_unit_test(rule17_gso_of_what_is_no_such_packet),
		cmocka_unit_test(rule17_segments_of_next_to_nothing),
		cmocka_unit_test(no_room),
		cmocka_unit_test(segments_that_there_are_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
