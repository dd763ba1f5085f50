// SPDX-License-Identifier: MIT
/* Where the headers of frames are: plain ones, tagged ones, and ones that lie. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/array.h"
#include "protocol/packet.h"

static uint8_t frame[512];
static struct packet p;

/* Ethernet with @tags VLAN tags before @type; where its payload begins. */
static unsigned ether(unsigned tags, uint16_t type)
{
	static const uint16_t tag[] = { 0x8100, 0x88a8, 0x9100 };
	unsigned at = 12;

	memset(frame, 0, sizeof(frame));
	for (unsigned i = 0; i < tags; i++, at += 4)
		packet_set_u16(frame + at, tag[i % ARRAY_SIZE(tag)]);
	packet_set_u16(frame + at, type);
	return at + 2;
}

static unsigned ipv4(unsigned at, unsigned words, uint8_t protocol, uint16_t length)
{
	frame[at] = 0x40 | words;
	packet_set_u16(frame + at + 2, length);
	frame[at + 9] = protocol;
	return at + words * 4;
}

static unsigned ipv6(unsigned at, uint8_t next, uint16_t payload)
{
	frame[at] = 0x60;
	packet_set_u16(frame + at + 4, payload);
	frame[at + 6] = next;
	return at + 40;
}

/* The first @len bytes in memory that ends there. */
static void parse(unsigned len)
{
	uint8_t *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, frame, len);
	memset(&p, 0xa5, sizeof(p));
	packet_parse(copy, len, &p);
	free(copy);
}

static void want(uint8_t version, uint32_t network, uint8_t protocol, uint32_t transport)
{
	assert_int_equal(p.version, version);
	if (version)
		assert_int_equal(p.network, network);
	assert_int_equal(p.transport, transport);
	if (transport)
		assert_int_equal(p.protocol, protocol);
	assert_false(p.fragment);
}

static void plain_ipv4(void **state)
{
	unsigned end = ipv4(ether(0, 0x800), 5, 6, 60);

	parse(end + 20);
	want(4, 14, 6, 34);
	assert_int_equal(p.length, 60);
}

static void plain_ipv6(void **state)
{
	unsigned end = ipv6(ether(0, 0x86dd), 17, 8);

	parse(end + 8);
	want(6, 14, 17, 54);
	assert_int_equal(p.length, 48);
}

static void vlan_tags(void **state)
{
	for (unsigned tags = 0; tags <= 6; tags++) {
		unsigned end = ipv4(ether(tags, 0x800), 5, 17, 40);

		parse(end + 20);
		if (tags <= PACKET_VLAN_TAGS)
			want(4, 14 + 4 * tags, 17, end);
		else
			want(0, 0, 0, 0);
	}
}

static void ipv4_options(void **state)
{
	for (unsigned words = 0; words < 16; words++) {
		unsigned end = ipv4(ether(0, 0x800), words, 6, 100);

		parse(100);
		if (words < 5)
			want(0, 0, 0, 0);
		else
			want(4, 14, 6, end);
		parse(end); /* nothing follows */
		assert_int_equal(p.transport, 0);
		if (words > 5) {
			parse(end - 1);
			want(0, 0, 0, 0);
		}
	}
}

static void the_version_must_be_the_types(void **state)
{
	ipv4(ether(0, 0x86dd), 5, 6, 100);
	parse(100);
	want(0, 0, 0, 0);
	for (unsigned version = 0; version < 16; version++) {
		ipv4(ether(0, 0x800), 5, 6, 100);
		frame[14] = version << 4 | 5;
		parse(100);
		want(version == 4 ? 4 : 0, 14, 6, version == 4 ? 34 : 0);
	}
}

static void other_types(void **state)
{
	static const uint16_t type[] = { 0x0806, 0x8847, 0, 46, 0xffff };

	for (unsigned i = 0; i < ARRAY_SIZE(type); i++) {
		ipv4(ether(0, type[i]), 5, 6, 100);
		parse(100);
		want(0, 0, 0, 0);
	}
}

static void fragments(void **state)
{
	static const struct {
		uint16_t field;
		bool fragment;
	} rows[] = { { 0, false }, { 0x4000, false }, { 0x8000, false }, { 0x2000, true },
		{ 1, true }, { 0x1fff, true }, { 0x6000, true } };

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		ipv4(ether(0, 0x800), 5, 6, 100);
		packet_set_u16(frame + 20, rows[i].field);
		parse(100);
		assert_int_equal(p.version, 4);
		assert_int_equal(p.fragment, rows[i].fragment);
		assert_int_equal(p.transport, rows[i].fragment ? 0 : 34);
	}
	ipv6(ether(0, 0x86dd), 44, 100);
	frame[54] = 6;
	parse(100);
	assert_int_equal(p.version, 6);
	assert_true(p.fragment);
	assert_int_equal(p.transport, 0);
}

static void ipv6_extensions(void **state)
{
	static const struct {
		uint8_t next;
		uint8_t length;
		unsigned bytes;
	} rows[] = { { 0, 0, 8 }, { 0, 3, 32 }, { 43, 2, 24 }, { 60, 1, 16 }, { 51, 4, 24 },
		{ 51, 1, 12 }, { 135, 0, 8 } };

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		unsigned at = ipv6(ether(0, 0x86dd), rows[i].next, 200);

		frame[at] = 6;
		frame[at + 1] = rows[i].length;
		parse(at + rows[i].bytes + 20);
		want(6, 14, 6, at + rows[i].bytes);
		parse(at + rows[i].bytes);
		want(6, 14, 0, 0);
		parse(at + rows[i].bytes - 1);
		want(6, 14, 0, 0);
		parse(at + 7);
		want(6, 14, 0, 0);
	}
}

static void a_chain_of_extensions(void **state)
{
	for (unsigned n = 0; n < 12; n++) {
		unsigned at = ipv6(ether(0, 0x86dd), n ? 60 : 6, 200);

		for (unsigned i = 1; i <= n; i++, at += 8)
			frame[at] = i < n ? 60 : 6;
		parse(at + 20);
		if (n <= PACKET_IPV6_EXTENSIONS)
			want(6, 14, 6, at);
		else
			want(6, 14, 0, 0);
	}
}

/* What a header says of its length is held against the frame's before the next one is read. */
static void extensions_beyond_the_frame(void **state)
{
	for (unsigned words = 1; words < 256; words++) {
		unsigned at = ipv6(ether(0, 0x86dd), 60, 200);

		frame[at] = 60;
		frame[at + 1] = words;
		parse(at + 8 + words * 8 - 1 < 400 ? at + 8 + words * 8 - 1 : 100);
		want(6, 14, 0, 0);
	}
}

/* ESP and "no next header" are protocols as any: where they begin is known, and no more. */
static void what_is_no_extension(void **state)
{
	static const uint8_t next[] = { 50, 59, 58, 132, 139, 255 };

	for (unsigned i = 0; i < ARRAY_SIZE(next); i++) {
		unsigned at = ipv6(ether(0, 0x86dd), next[i], 200);

		parse(at + 20);
		want(6, 14, next[i], at);
	}
}

static void frames_cut_off_anywhere(void **state)
{
	unsigned end = ipv4(ether(2, 0x800), 7, 6, 100);

	for (unsigned len = 0; len < end; len++) {
		parse(len);
		want(0, 0, 0, 0);
	}
	end = ipv6(ether(1, 0x86dd), 6, 100);
	for (unsigned len = 0; len < end; len++) {
		parse(len);
		want(0, 0, 0, 0);
	}
}

static void numbers_of_the_wire(void **state)
{
	uint8_t b[5] = { 0 };

	packet_set_u16(b + 1, 0xfffe1234);
	assert_int_equal(b[1], 0x12);
	assert_int_equal(b[2], 0x34);
	assert_int_equal(packet_u16(b + 1), 0x1234);
	packet_set_u32(b + 1, 0x89abcdef);
	assert_int_equal(b[1], 0x89);
	assert_int_equal(packet_u32(b + 1), 0x89abcdef);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_ipv4),
		cmocka_unit_test(plain_ipv6),
		cmocka_unit_test(vlan_tags),
		cmocka_unit_test(ipv4_options),
		cmocka_unit_test(the_version_must_be_the_types),
		cmocka_unit_test(other_types),
		cmocka_unit_test(fragments),
		cmocka_unit_test(ipv6_extensions),
		cmocka_unit_test(a_chain_of_extensions),
		cmocka_unit_test(extensions_beyond_the_frame),
		cmocka_unit_test(what_is_no_extension),
		cmocka_unit_test(frames_cut_off_anywhere),
		cmocka_unit_test(numbers_of_the_wire),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
