// SPDX-License-Identifier: MIT
/* The control ring's requests and the hash that they choose. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define XEN_NETIF_DEFINE_TOEPLITZ
#include "protocol/netif-ctrl.h"

#include "common/array.h"

static struct netif_hash_state state;

/* The guest's page, and how it was asked for. */
static struct {
	uint8_t bytes[NETIF_PAGE_SIZE];
	unsigned copies;
	int rc;
} guest;

static int copy(void *opaque, uint32_t gref, uint32_t offset, void *to, uint32_t len)
{
	assert_ptr_equal(opaque, &guest);
	assert_int_equal(gref, 4242);
	assert_true(len > 0 && offset + len <= sizeof(guest.bytes));
	guest.copies++;
	if (guest.rc == 0)
		memcpy(to, guest.bytes + offset, len);
	else
		memset(to, 0xff, len); /* half done */
	return guest.rc;
}

#define QUEUES 4u

static struct xen_netif_ctrl_response ask(uint16_t type, uint32_t a, uint32_t b, uint32_t c)
{
	const struct xen_netif_ctrl_request req = { .id = 17, .type = type, .data = { a, b, c } };
	struct xen_netif_ctrl_response rsp;

	memset(&rsp, 0xa5, sizeof(rsp));
	guest.copies = 0;
	netif_ctrl_do(&state, QUEUES, &req, copy, &guest, &rsp);
	assert_int_equal(rsp.id, 17);
	assert_int_equal(rsp.type, type);
	return rsp;
}

#define ASK(type, ...) ask(XEN_NETIF_CTRL_TYPE_##type, __VA_ARGS__).status
#define SUCCESS XEN_NETIF_CTRL_STATUS_SUCCESS
#define NOT_SUPPORTED XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED
#define INVALID XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER
#define OVERFLOWS XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW

static int fresh(void **unused)
{
	memset(&state, 0, sizeof(state));
	memset(&guest, 0, sizeof(guest));
	return 0;
}

static void set_mapping(unsigned n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t queue = i % QUEUES;

		memcpy(guest.bytes + i * 4, &queue, 4);
	}
	assert_int_equal(ASK(SET_HASH_MAPPING_SIZE, n, 0, 0), SUCCESS);
	assert_int_equal(ASK(SET_HASH_MAPPING, 4242, n, 0), SUCCESS);
}

/* --- requests --- */

static void the_order_that_windows_asks_in(void **unused)
{
	struct xen_netif_ctrl_response rsp;

	assert_int_equal(ASK(SET_HASH_ALGORITHM, 1, 0, 0), SUCCESS);
	rsp = ask(XEN_NETIF_CTRL_TYPE_GET_HASH_FLAGS, 0, 0, 0);
	assert_int_equal(rsp.status, SUCCESS);
	assert_int_equal(rsp.data, 15);
	rsp = ask(XEN_NETIF_CTRL_TYPE_GET_HASH_MAPPING_SIZE, 0, 0, 0);
	assert_int_equal(rsp.status, SUCCESS);
	assert_int_equal(rsp.data, 128);
	memset(guest.bytes, 0x6d, 40);
	assert_int_equal(ASK(SET_HASH_KEY, 4242, 40, 0), SUCCESS);
	assert_int_equal(guest.copies, 1);
	assert_int_equal(state.key_len, 40);
	assert_int_equal(state.key[39], 0x6d);
	set_mapping(128);
	assert_int_equal(state.mapping[127], 3);
	assert_int_equal(ASK(SET_HASH_FLAGS, 15, 0, 0), SUCCESS);
	assert_int_equal(state.flags, 15);
}

static void algorithms(void **unused)
{
	assert_int_equal(ASK(SET_HASH_ALGORITHM, 2, 0, 0), INVALID);
	assert_int_equal(ASK(SET_HASH_ALGORITHM, UINT32_MAX, 0, 0), INVALID);
	assert_int_equal(ASK(GET_HASH_FLAGS, 0, 0, 0), NOT_SUPPORTED);
	assert_int_equal(ASK(SET_HASH_FLAGS, 1, 0, 0), INVALID);
	assert_int_equal(ASK(SET_HASH_ALGORITHM, 1, 0, 0), SUCCESS);
	for (unsigned bit = 0; bit < 32; bit++)
		assert_int_equal(ASK(SET_HASH_FLAGS, 1u << bit, 0, 0), bit < 4 ? SUCCESS : INVALID);
	assert_int_equal(state.flags, 8);
	assert_int_equal(ASK(SET_HASH_ALGORITHM, 0, 0, 0), SUCCESS);
	assert_int_equal(state.algorithm, 0);
}

static void unknown_requests(void **unused)
{
	struct netif_hash_state before;

	set_mapping(5);
	before = state;
	for (unsigned type = 0; type < 65536; type++) {
		struct xen_netif_ctrl_response rsp;

		if (type >= 1 && type <= 7)
			continue;
		rsp = ask(type, 4242, 1, 0);
		assert_int_equal(rsp.status, NOT_SUPPORTED);
		assert_int_equal(rsp.data, 0);
	}
	assert_memory_equal(&before, &state, sizeof(state));
}

static void a_shorter_key_replaces_all_of_the_old_one(void **unused)
{
	memset(guest.bytes, 0xff, 40);
	assert_int_equal(ASK(SET_HASH_KEY, 4242, 40, 0), SUCCESS);
	guest.bytes[0] = 0x80;
	assert_int_equal(ASK(SET_HASH_KEY, 4242, 1, 0), SUCCESS);
	for (unsigned i = 1; i < 40; i++)
		assert_int_equal(state.key[i], 0);
	assert_int_equal(ASK(SET_HASH_KEY, 1, 0, 0), SUCCESS); /* no key, and no page either */
	assert_int_equal(guest.copies, 0);
	assert_int_equal(state.key[0], 0);
}

static void a_new_size_forgets_the_mapping(void **unused)
{
	set_mapping(128);
	assert_int_equal(ASK(SET_HASH_MAPPING_SIZE, 128, 0, 0), SUCCESS);
	for (unsigned i = 0; i < 128; i++)
		assert_int_equal(state.mapping[i], 0);
}

static void part_of_a_mapping(void **unused)
{
	static const uint32_t part[] = { 3, 2 };

	assert_int_equal(ASK(SET_HASH_MAPPING_SIZE, 10, 0, 0), SUCCESS);
	memcpy(guest.bytes, part, sizeof(part));
	assert_int_equal(ASK(SET_HASH_MAPPING, 4242, 2, 8), SUCCESS);
	assert_int_equal(state.mapping[7], 0);
	assert_int_equal(state.mapping[8], 3);
	assert_int_equal(state.mapping[9], 2);
}

/* --- rule 16: all is checked before a page is looked at, and kept only as a whole --- */

static void rule16_xsa270_key_length(void **unused)
{
	static const uint32_t bad[] = { 41, 64, 4096, 4097, 0x80000000, UINT32_MAX };
	struct netif_hash_state before;

	memset(guest.bytes, 1, 40);
	assert_int_equal(ASK(SET_HASH_KEY, 4242, 40, 0), SUCCESS);
	before = state;
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(ASK(SET_HASH_KEY, 4242, bad[i], 0), OVERFLOWS);
		assert_int_equal(guest.copies, 0);
	}
	assert_memory_equal(&before, &state, sizeof(state));
}

static void rule16_xsa270_mapping_size(void **unused)
{
	static const uint32_t bad[] = { 129, 1024, 0x40000000, UINT32_MAX };

	assert_int_equal(ASK(SET_HASH_MAPPING_SIZE, 128, 0, 0), SUCCESS);
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(ASK(SET_HASH_MAPPING_SIZE, bad[i], 0, 0), INVALID);
	assert_int_equal(state.mapping_size, 128);
	assert_int_equal(ASK(SET_HASH_MAPPING_SIZE, 0, 0, 0), SUCCESS);
}

static void rule16_xsa270_mapping_beyond_its_size(void **unused)
{
	static const struct {
		uint32_t len, offset, status;
	} rows[] = { { 10, 0, SUCCESS }, { 11, 0, INVALID }, { 1, 9, SUCCESS }, { 1, 10, INVALID },
		{ 2, 9, INVALID }, { 0, 10, SUCCESS }, { 0, 11, INVALID }, { 1, UINT32_MAX, INVALID },
		{ 2, UINT32_MAX, INVALID }, { 10, 0xfffffff6, INVALID }, { 128, 0, INVALID },
		{ 129, 0, OVERFLOWS }, { UINT32_MAX, 1, OVERFLOWS }, { 0x40000001, 0, OVERFLOWS },
		{ UINT32_MAX, UINT32_MAX, OVERFLOWS } };

	assert_int_equal(ASK(SET_HASH_MAPPING_SIZE, 10, 0, 0), SUCCESS);
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(ASK(SET_HASH_MAPPING, 4242, rows[i].len, rows[i].offset),
			rows[i].status);
		assert_int_equal(guest.copies, rows[i].status == SUCCESS && rows[i].len);
	}
}

static void rule16_xsa270_mapping_to_no_queue(void **unused)
{
	static const uint32_t bad[] = { QUEUES, QUEUES + 1, UINT32_MAX };
	struct netif_hash_state before;

	set_mapping(128);
	before = state;
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		for (unsigned at = 0; at < 128; at += 127) {
			memset(guest.bytes, 0, 512);
			memcpy(guest.bytes + at * 4, &bad[i], 4);
			assert_int_equal(ASK(SET_HASH_MAPPING, 4242, 128, 0), INVALID);
			assert_memory_equal(&before, &state, sizeof(state));
		}
	}
}

static void rule16_a_copy_that_fails(void **unused)
{
	struct netif_hash_state before;

	set_mapping(128);
	memset(guest.bytes, 1, 40);
	assert_int_equal(ASK(SET_HASH_KEY, 4242, 40, 0), SUCCESS);
	before = state;
	guest.rc = -EFAULT;
	assert_int_equal(ASK(SET_HASH_KEY, 4242, 40, 0), INVALID);
	assert_int_equal(ASK(SET_HASH_MAPPING, 4242, 128, 0), INVALID);
	assert_memory_equal(&before, &state, sizeof(state));
}

/* --- the hash --- */

static const uint8_t ms_key[40] = { 0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
	0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb,
	0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa };

/* The vectors of Microsoft's RSS specification: source, destination, ports, both hashes. */
static const struct {
	uint8_t source[4], destination[4];
	uint16_t source_port, destination_port;
	uint32_t ip, tcp;
} vectors[] = {
	{ { 66, 9, 149, 187 }, { 161, 142, 100, 80 }, 2794, 1766, 0x323e8fc2, 0x51ccc178 },
	{ { 199, 92, 111, 2 }, { 65, 69, 140, 83 }, 14230, 4739, 0xd718262a, 0xc626b0ea },
	{ { 24, 19, 198, 95 }, { 12, 22, 207, 184 }, 12898, 38024, 0xd2d0a5de, 0x5c2b394a },
	{ { 38, 27, 205, 30 }, { 209, 142, 163, 6 }, 48228, 2217, 0x82989176, 0xafc7327f },
	{ { 153, 39, 163, 191 }, { 202, 188, 127, 2 }, 44251, 1303, 0x5d1809c5, 0x10e828a2 },
};

static void put_u16(uint8_t *at, uint16_t v)
{
	at[0] = v >> 8;
	at[1] = v;
}

/* An Ethernet frame of TCP over IPv4. */
static unsigned tcp4(uint8_t *f, unsigned v)
{
	memset(f, 0, 54);
	put_u16(f + 12, 0x800);
	f[14] = 0x45;
	put_u16(f + 16, 40);
	f[23] = 6;
	memcpy(f + 26, vectors[v].source, 4);
	memcpy(f + 30, vectors[v].destination, 4);
	put_u16(f + 34, vectors[v].source_port);
	put_u16(f + 36, vectors[v].destination_port);
	f[46] = 0x50;
	return 54;
}

static void want(unsigned flags, const uint8_t *frame, unsigned len, enum netif_hash type,
	uint32_t value)
{
	uint32_t hash = 0;

	state.algorithm = 1;
	state.flags = flags;
	assert_int_equal(netif_hash_packet(&state, frame, len, &hash), type);
	assert_int_equal(hash, value);
}

#define IPV4 XEN_NETIF_CTRL_HASH_TYPE_IPV4
#define IPV4_TCP XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP
#define IPV6 XEN_NETIF_CTRL_HASH_TYPE_IPV6
#define IPV6_TCP XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP

static void known_hashes(void **unused)
{
	uint8_t f[54];

	netif_hash_set_key(&state, ms_key, sizeof(ms_key));
	for (unsigned i = 0; i < ARRAY_SIZE(vectors); i++) {
		tcp4(f, i);
		want(IPV4, f, 54, NETIF_HASH_IPV4, vectors[i].ip);
		want(IPV4 | IPV4_TCP, f, 54, NETIF_HASH_IPV4_TCP, vectors[i].tcp);
		want(IPV4_TCP, f, 54, NETIF_HASH_IPV4_TCP, vectors[i].tcp);
		want(IPV6 | IPV6_TCP, f, 54, NETIF_HASH_NONE, 0);
		want(0, f, 54, NETIF_HASH_NONE, 0);
		f[23] = 17; /* UDP has ports, too, but no hash of its own */
		want(15, f, 54, NETIF_HASH_IPV4, vectors[i].ip);
		want(IPV4_TCP, f, 54, NETIF_HASH_NONE, 0);
	}
}

/* 3ffe:2501:200:1fff::7 to 3ffe:2501:200:3::1, ports 2794 and 1766. */
static void known_hashes_of_ipv6(void **unused)
{
	static const uint8_t addresses[32] = { 0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0x1f, 0xff, 0, 0,
		0, 0, 0, 0, 0, 7, 0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1 };
	uint8_t f[90] = { 0 };

	netif_hash_set_key(&state, ms_key, sizeof(ms_key));
	put_u16(f + 12, 0x86dd);
	f[14] = 0x60;
	put_u16(f + 18, 20);
	f[20] = 6;
	memcpy(f + 22, addresses, 32);
	put_u16(f + 54, 2794);
	put_u16(f + 56, 1766);
	want(IPV6, f, 74, NETIF_HASH_IPV6, 0x2cc18cd5);
	want(15, f, 74, NETIF_HASH_IPV6_TCP, 0x40207d3d);
	want(IPV4 | IPV4_TCP, f, 74, NETIF_HASH_NONE, 0);
	/* behind an extension header */
	memmove(f + 62, f + 54, 20);
	memset(f + 54, 0, 8);
	f[20] = 0;
	f[54] = 6;
	want(15, f, 82, NETIF_HASH_IPV6_TCP, 0x40207d3d);
}

static void hashes_behind_vlan_tags_and_options(void **unused)
{
	uint8_t f[80];

	netif_hash_set_key(&state, ms_key, sizeof(ms_key));
	tcp4(f, 0);
	memmove(f + 20, f + 12, 42);
	put_u16(f + 12, 0x88a8);
	put_u16(f + 16, 0x8100);
	want(15, f, 62, NETIF_HASH_IPV4_TCP, vectors[0].tcp);
	tcp4(f, 0);
	memmove(f + 42, f + 34, 20);
	f[14] = 0x47;
	want(15, f, 62, NETIF_HASH_IPV4_TCP, vectors[0].tcp);
}

static void a_fragment_has_the_hash_of_its_addresses(void **unused)
{
	uint8_t f[54];

	netif_hash_set_key(&state, ms_key, sizeof(ms_key));
	tcp4(f, 1);
	f[20] = 0x20; /* the first, which has ports: the others have not */
	want(15, f, 54, NETIF_HASH_IPV4, vectors[1].ip);
	f[20] = 0;
	f[21] = 1;
	want(15, f, 54, NETIF_HASH_IPV4, vectors[1].ip);
	f[20] = 0x40; /* "do not fragment" is none */
	f[21] = 0;
	want(15, f, 54, NETIF_HASH_IPV4_TCP, vectors[1].tcp);
}

static void frames_cut_off_anywhere(void **unused)
{
	uint8_t f[54];

	netif_hash_set_key(&state, ms_key, sizeof(ms_key));
	tcp4(f, 2);
	for (unsigned len = 0; len < 34; len++)
		want(15, f, len, NETIF_HASH_NONE, 0);
	for (unsigned len = 34; len < 38; len++)
		want(15, f, len, NETIF_HASH_IPV4, vectors[2].ip);
	want(15, f, 38, NETIF_HASH_IPV4_TCP, vectors[2].tcp);
}

/* The table, the plain function and the header's own code, with keys of all lengths. */
static void table_and_function_agree(void **unused)
{
	uint8_t key[40], f[54];
	uint32_t seed = 1;

	for (unsigned len = 0; len <= sizeof(key); len++) {
		for (unsigned i = 0; i < sizeof(key); i++)
			key[i] = (seed = seed * 1664525 + 1013904223) >> 24;
		for (unsigned i = 0; i < ARRAY_SIZE(vectors); i++) {
			uint32_t hash = netif_toeplitz(key, len, (tcp4(f, i), f + 26), 12);

			assert_int_equal(hash, xen_netif_toeplitz_hash(key, len, f + 26, 12));
			netif_hash_set_key(&state, key, len);
			want(15, f, 54, NETIF_HASH_IPV4_TCP, hash);
		}
	}
}

static void no_key_hashes_to_zero(void **unused)
{
	uint8_t f[54];

	tcp4(f, 0);
	want(15, f, 54, NETIF_HASH_IPV4_TCP, 0);
}

static void queues(void **unused)
{
	for (uint32_t hash = 0; hash < 1000; hash++)
		assert_int_equal(netif_hash_queue(&state, hash * 7919, 3), hash * 7919 % 3);
	set_mapping(100);
	for (uint32_t hash = 0; hash < 1000; hash++)
		assert_int_equal(netif_hash_queue(&state, hash, QUEUES), hash % 100 % QUEUES);
	/* fewer queues than the mapping was checked against */
	for (uint32_t hash = 0; hash < 1000; hash++)
		assert_true(netif_hash_queue(&state, hash, 2) < 2);
}

#define CASE(f) cmocka_unit_test_setup(f, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_order_that_windows_asks_in),
		CASE(algorithms),
		CASE(unknown_requests),
		CASE(a_shorter_key_replaces_all_of_the_old_one),
		CASE(a_new_size_forgets_the_mapping),
		CASE(part_of_a_mapping),
		CASE(rule16_xsa270_key_length),
		CASE(rule16_xsa270_mapping_size),
		CASE(rule16_xsa270_mapping_beyond_its_size),
		CASE(rule16_xsa270_mapping_to_no_queue),
		CASE(rule16_a_copy_that_fails),
		CASE(known_hashes),
		CASE(known_hashes_of_ipv6),
		CASE(hashes_behind_vlan_tags_and_options),
		CASE(a_fragment_has_the_hash_of_its_addresses),
		CASE(frames_cut_off_anywhere),
		CASE(table_and_function_agree),
		CASE(no_key_hashes_to_zero),
		CASE(queues),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
