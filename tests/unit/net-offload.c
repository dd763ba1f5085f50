// SPDX-License-Identifier: MIT
/* Checksums of frames, held against a slow reference. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "backends/net/checksum.h"
#include "backends/net/offload.h"
#include "common/array.h"
#include "net-frames.h"

/* --- the sum itself --- */

static void sums_of_all_lengths_and_places(void **state)
{
	static uint8_t bytes[600];

	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = byte_at(i);
	for (unsigned at = 0; at < 9; at++)
		for (unsigned len = 0; len + at <= sizeof(bytes); len++)
			assert_int_equal(__builtin_bswap16(checksum_fold(
						 checksum_add(0, bytes + at, len))),
				slow_sum(0, bytes + at, len));
}

/* Carries everywhere: what overflows a word must come back in. */
static void sums_that_carry(void **state)
{
	static uint8_t bytes[65536];

	memset(bytes, 0xff, sizeof(bytes));
	for (unsigned len = 0; len < 300; len += 2)
		assert_int_equal(checksum_fold(checksum_add(0, bytes, len)), len ? 0xffff : 0);
	assert_int_equal(checksum_fold(checksum_add(0, bytes, sizeof(bytes))), 0xffff);
	assert_int_equal(checksum_fold(checksum_add(UINT64_MAX, bytes, sizeof(bytes))), 0xffff);
	assert_int_equal(checksum_fold(UINT64_MAX), 0xffff);
	assert_int_equal(checksum_fold(0x1fffe0001ffffull), slow_sum(0, (uint8_t[]){ 0, 1, 0xff, 0xfe,
		0, 1, 0xff, 0xff }, 8));
	bytes[1234] = 0;
	assert_int_equal(checksum_fold(checksum_add(0, bytes, sizeof(bytes))),
		__builtin_bswap16(slow_sum(0, bytes, sizeof(bytes))));
}

/* The example of RFC 1071, 3. */
static void the_sum_of_rfc_1071(void **state)
{
	static const uint8_t bytes[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };

	assert_int_equal(__builtin_bswap16(checksum_fold(checksum_add(0, bytes, 8))), 0xddf2);
}

/* --- blank checksums --- */

static const struct shape shapes[] = {
	{ 4, 0, 0, 5, 100, 0x18 }, { 4, 0, 0, 0, 100, 0 }, { 4, 1, 0, 5, 1, 0 },
	{ 4, 2, 10, 15, 1460, 0x10 }, { 4, 0, 3, 0, 0, 0 }, { 6, 0, 0, 5, 1440, 0x10 },
	{ 6, 0, 0, 0, 33, 0 }, { 6, 2, 0, 8, 0, 0x02 }, { 6, 1, 3, 5, 999, 0 }, { 6, 0, 8, 0, 5, 0 },
	{ 4, 4, 0, 5, 64001, 0 }, { 6, 0, 0, 0, 65000, 0 },
};

static void blank_checksums_are_made(void **state)
{
	for (unsigned i = 0; i < ARRAY_SIZE(shapes); i++) {
		struct frame *f = make(&shapes[i]);
		bool tcp = shapes[i].tcp_words;
		uint32_t len = f->len;

		seal_ip();
		assert_int_equal(offload_parse(f), 0);
		assert_int_equal(f->csum_start, made.transport);
		assert_int_equal(f->csum_offset, tcp ? 16 : 6);
		assert_int_equal(f->len, len);
		assert_int_equal(packet_u16(f->data + made.transport + f->csum_offset),
			slow_pseudo(f->data + made.network, tcp, len - made.transport));
		offload_finish_checksum(f);
		assert_true(is_right(f, made.network, made.transport, tcp));
		assert_false(f->csum_blank);
		assert_true(f->csum_valid);
		for (uint32_t b = 0; b < shapes[i].payload; b++)
			assert_int_equal(f->data[made.payload + b], byte_at(b));
	}
}

/* What was in the field before means nothing. */
static void the_field_is_not_believed(void **state)
{
	struct frame *f = make(&shapes[0]);

	seal_ip();
	memset(f->data + made.transport + 16, 0xff, 2);
	f->csum_start = 3;
	f->csum_offset = 60000;
	assert_int_equal(offload_parse(f), 0);
	offload_finish_checksum(f);
	assert_true(is_right(f, made.network, made.transport, true));
}

/* RFC 768: a UDP checksum that comes out as 0 is sent as 0xffff; TCP's stays 0. */
static void a_sum_of_zero(void **state)
{
	static const struct shape both[] = { { 4, 0, 0, 0, 10, 0 }, { 6, 0, 0, 0, 10, 0 },
		{ 4, 0, 0, 5, 10, 0 } };

	for (unsigned i = 0; i < ARRAY_SIZE(both); i++) {
		struct frame *f = make(&both[i]);
		uint8_t *field;

		seal_ip();
		assert_int_equal(offload_parse(f), 0);
		offload_finish_checksum(f);
		field = f->data + made.transport + f->csum_offset;
		/* a payload that has the checksum in it brings the sum to 0 */
		make(&both[i]);
		memset(f->data + made.payload, 0, 10);
		seal_ip();
		assert_int_equal(offload_parse(f), 0);
		offload_finish_checksum(f);
		memcpy(f->data + made.payload, field, 2);
		f->csum_blank = true;
		assert_int_equal(offload_parse(f), 0);
		offload_finish_checksum(f);
		assert_int_equal(packet_u16(field), i < 2 ? 0xffff : 0);
		assert_true(is_right(f, made.network, made.transport, i == 2));
	}
}

/* Ethernet's padding is no part of the packet, whatever is in it. */
static void padding_is_cut_off(void **state)
{
	for (unsigned i = 0; i < 2; i++) {
		struct shape s = { i ? 6 : 4, 0, 0, i ? 0 : 5, 3, 0 };
		struct frame *f = make(&s);
		uint32_t len = f->len;

		seal_ip();
		memset(f->data + len, 0xff, 40);
		f->len += 37;
		assert_int_equal(offload_parse(f), 0);
		assert_int_equal(f->len, len);
		offload_finish_checksum(f);
		assert_true(is_right(f, made.network, made.transport, i == 0));
	}
}

static void without_a_request_nothing_is_touched(void **state)
{
	static uint8_t before[200];
	struct frame *f = make(&shapes[0]);

	f->csum_blank = false;
	f->len += 30;
	memcpy(before, f->data, sizeof(before));
	assert_int_equal(offload_parse(f), 0);
	offload_finish_checksum(f);
	assert_memory_equal(before, f->data, sizeof(before));
	assert_false(f->csum_valid);
	memset(f->data, 0xff, 20); /* no IP at all: nobody asked */
	assert_int_equal(offload_parse(f), 0);
}

/* XSA-423 and rule 17: what a sender says must be possible with what it sent. */
static void rule17_blank_checksums_of_what_has_none(void **state)
{
	struct frame *f;

	f = make(&shapes[0]);
	f->data[made.network + 9] = 1; /* ICMP */
	assert_int_equal(offload_parse(f), -EINVAL);
	f = make(&shapes[0]);
	f->data[made.network + 6] = 0x20; /* a fragment */
	assert_int_equal(offload_parse(f), -EINVAL);
	f = make(&shapes[0]);
	packet_set_u16(f->data + 12, 0x806); /* ARP */
	assert_int_equal(offload_parse(f), -EINVAL);
	f = make(&shapes[5]);
	f->data[made.network + 6] = 44; /* a fragment header, where TCP's is */
	assert_int_equal(offload_parse(f), -EINVAL);
	f = make(&shapes[5]);
	f->data[made.network + 6] = 58; /* ICMPv6 */
	assert_int_equal(offload_parse(f), -EINVAL);
	f = make(&shapes[0]);
	f->data[made.network] = 0x44; /* IPv4 with four words */
	assert_int_equal(offload_parse(f), -EINVAL);
}

static void rule10_headers_that_are_cut_off(void **state)
{
	for (unsigned i = 0; i < ARRAY_SIZE(shapes); i++) {
		struct frame *f = make(&shapes[i]);
		uint32_t whole = f->len;

		for (uint32_t len = 0; len < made.payload; len++) {
			f->len = len;
			f->csum_blank = true;
			assert_int_equal(offload_parse(f), -EINVAL);
		}
		f->len = whole - 1; /* less than IP's header says */
		assert_int_equal(offload_parse(f), -EINVAL);
	}
}

static void rule10_ip_lengths_that_lie(void **state)
{
	static const struct shape s = { 4, 0, 0, 5, 100, 0 }, s6 = { 6, 0, 0, 5, 100, 0 };
	static const uint16_t bad4[] = { 0, 19, 20, 39, 141, 0xffff }, bad6[] = { 0, 19, 121, 0xffff };

	for (unsigned i = 0; i < ARRAY_SIZE(bad4); i++) {
		struct frame *f = make(&s);

		packet_set_u16(f->data + made.network + 2, bad4[i]);
		assert_int_equal(offload_parse(f), -EINVAL);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(bad6); i++) {
		struct frame *f = make(&s6);

		packet_set_u16(f->data + made.network + 4, bad6[i]);
		assert_int_equal(offload_parse(f), -EINVAL);
	}
}

static void rule10_tcp_headers_that_lie(void **state)
{
	static const struct shape s = { 4, 0, 0, 5, 8, 0 };

	for (unsigned words = 0; words < 16; words++) {
		struct frame *f = make(&s);

		f->data[made.transport + 12] = words << 4;
		assert_int_equal(offload_parse(f), words < 5 || words > 7 ? -EINVAL : 0);
	}
}

static void rule10_udp_lengths_that_lie(void **state)
{
	static const struct shape s = { 6, 0, 0, 0, 50, 0 };
	static const uint16_t bad[] = { 0, 7, 8, 57, 59, 0xffff };

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		struct frame *f = make(&s);

		packet_set_u16(f->data + made.transport + 4, bad[i]);
		assert_int_equal(offload_parse(f), -EINVAL);
	}
}

static void a_checksum_that_nobody_placed(void **state)
{
	struct frame *f = make(&shapes[0]);

	f->csum_start = f->len - 16;
	f->csum_offset = 15;
	offload_finish_checksum(f);
	assert_false(f->csum_blank);
	assert_false(f->csum_valid);
}

/* --- who takes what --- */

static void what_is_taken(void **state)
{
	const struct frame_offload none = { .max_len = 2000 }, all = { true, true, true, true, 2000 },
				   both = { true, true, true, false, 2000 }, four = { .csum_ipv4 = true, .tso4 = true, .max_len = 2000 };
	static const struct shape s4 = { 4, 1, 0, 5, 1000, 0 }, s6 = { 6, 1, 0, 5, 1000, 0 };
	struct frame *f = make(&s4);

	assert_true(offload_is_taken(f, &all) && offload_is_taken(f, &four));
	assert_false(offload_is_taken(f, &none));
	f->csum_blank = false;
	assert_true(offload_is_taken(f, &none));
	f->len = 2001;
	assert_false(offload_is_taken(f, &none) || offload_is_taken(f, &all));
	f->len = 2000;
	assert_true(offload_is_taken(f, &none));
	f = make(&s6);
	assert_true(offload_is_taken(f, &all));
	assert_false(offload_is_taken(f, &four) || offload_is_taken(f, &none));
	f->gso = NETIF_GSO_TCPV6;
	f->len = 60000;
	assert_true(offload_is_taken(f, &all));
	assert_false(offload_is_taken(f, &four) || offload_is_taken(f, &both));
	f->gso = NETIF_GSO_TCPV4;
	assert_true(offload_is_taken(f, &four));
	assert_false(offload_is_taken(f, &none));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_of_all_lengths_and_places),
		cmocka_unit_test(sums_that_carry),
		cmocka_unit_test(the_sum_of_rfc_1071),
		cmocka_unit_test(blank_checksums_are_made),
		cmocka_unit_test(the_field_is_not_believed),
		cmocka_unit_test(a_sum_of_zero),
		cmocka_unit_test(padding_is_cut_off),
		cmocka_unit_test(without_a_request_nothing_is_touched),
		cmocka_unit_test(rule17_blank_checksums_of_what_has_none),
		cmocka_unit_test(rule10_headers_that_are_cut_off),
		cmocka_unit_test(rule10_ip_lengths_that_lie),
		cmocka_unit_test(rule10_tcp_headers_that_lie),
		cmocka_unit_test(rule10_udp_lengths_that_lie),
		cmocka_unit_test(a_checksum_that_nobody_placed),
		cmocka_unit_test(what_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
