// SPDX-License-Identifier: MIT
/* Headers of the kernel, and such as only a hostile peer of a macvtap makes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backends/net/link.h"
#include "backends/net/port-vnet.h"

#define TCP4_AT 34u
#define TCP6_AT 54u

static uint8_t memory[FRAME_HEADROOM + FRAME_MAX + 100];
static struct frame frame;

static void put_header(struct virtio_net_hdr hdr)
{
	memcpy(frame.data - VNET_BYTES, &hdr, VNET_BYTES);
}

static struct virtio_net_hdr taken_header(void)
{
	struct virtio_net_hdr hdr;

	memcpy(&hdr, frame.data - VNET_BYTES, VNET_BYTES);
	return hdr;
}

/* A frame with @len bytes; protocol and version of IP; the payload counts up. */
static void make(uint32_t len, bool ipv6, uint8_t protocol)
{
	uint8_t *ip;

	memset(memory, 0xee, sizeof(memory));
	frame = (struct frame){ .data = memory + FRAME_HEADROOM, .len = len };
	for (uint32_t i = 0; i < len; i++)
		frame.data[i] = (uint8_t)i;
	frame.data[12] = ipv6 ? 0x86 : 0x08;
	frame.data[13] = ipv6 ? 0xdd : 0x00;
	ip = frame.data + 14;
	ip[0] = ipv6 ? 0x60 : 0x45;
	if (ipv6) {
		ip[4] = (uint8_t)((len - 54) >> 8);
		ip[5] = (uint8_t)(len - 54);
		ip[6] = protocol;
	} else {
		ip[2] = (uint8_t)((len - 14) >> 8);
		ip[3] = (uint8_t)(len - 14);
		ip[6] = ip[7] = 0;
		ip[9] = protocol;
	}
	frame.data[(ipv6 ? TCP6_AT : TCP4_AT) + 12] = 0x80; /* 32 bytes of a TCP header */
}

static struct virtio_net_hdr tso4(void)
{
	return (struct virtio_net_hdr){ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .gso_size = 1448, .hdr_len = 66,
		.csum_start = TCP4_AT, .csum_offset = 16 };
}

static void test_plain(void **state)
{
	make(60, false, 6);
	put_header((struct virtio_net_hdr){ 0 });
	frame.csum_blank = frame.csum_valid = true;
	frame.gso = NETIF_GSO_TCPV4;
	frame.hash_type = NETIF_HASH_IPV4;
	assert_int_equal(vnet_get(&frame), 0);
	assert_false(frame.csum_blank || frame.csum_valid);
	assert_int_equal(frame.gso, NETIF_GSO_NONE);
	assert_int_equal(frame.hash_type, NETIF_HASH_NONE);
}

static void test_valid(void **state)
{
	make(60, false, 6);
	put_header((struct virtio_net_hdr){ .flags = VIRTIO_NET_HDR_F_DATA_VALID });
	assert_int_equal(vnet_get(&frame), 0);
	assert_true(frame.csum_valid);
}

static void test_blank_checksums(void **state)
{
	static const struct {
		bool ipv6;
		uint8_t protocol;
		uint16_t offset;
	} kinds[] = { { false, 6, 16 }, { false, 17, 6 }, { true, 6, 16 }, { true, 17, 6 } };

	for (unsigned i = 0; i < 4; i++) {
		uint16_t at = kinds[i].ipv6 ? TCP6_AT : TCP4_AT;

		make(100, kinds[i].ipv6, kinds[i].protocol);
		put_header((struct virtio_net_hdr){ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
			.csum_start = at, .csum_offset = kinds[i].offset });
		assert_int_equal(vnet_get(&frame), 0);
		assert_true(frame.csum_blank);
		assert_int_equal(frame.csum_start, at);
		assert_int_equal(frame.csum_offset, kinds[i].offset);
	}
}

static void test_blank_checksum_behind_a_vlan_tag(void **state)
{
	make(100, false, 17);
	memmove(frame.data + 16, frame.data + 12, 84);
	memcpy(frame.data + 12, "\x81\x00\x00\x07", 4);
	put_header((struct virtio_net_hdr){ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.csum_start = TCP4_AT + 4, .csum_offset = 6 });
	assert_int_equal(vnet_get(&frame), 0);
	assert_true(frame.csum_blank);
}

static uint16_t sum_of(uint32_t from)
{
	uint32_t sum = 0;

	for (uint32_t i = from; i < frame.len; i++)
		sum += (i - from) % 2 ? frame.data[i] : (uint32_t)frame.data[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* What is blank inside of a tunnel is none of the guest's business. */
static void test_inner_checksum_is_made(void **state)
{
	for (uint32_t len = 119; len < 121; len++) {
		make(len, false, 17);
		put_header((struct virtio_net_hdr){ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
			.csum_start = 84, .csum_offset = 16 });
		assert_int_equal(vnet_get(&frame), 0);
		assert_false(frame.csum_blank);
		/* What the field had stands for the pseudo header: with that all adds up to -0. */
		assert_int_equal(sum_of(84) + (100 << 8 | 101), 0xffff);
		assert_int_equal(memory[FRAME_HEADROOM + len], 0xee);
	}
}

static void test_checksum_of_a_fragment_is_made(void **state)
{
	make(100, false, 17);
	frame.data[14 + 6] = 0x20; /* more of it follow */
	put_header((struct virtio_net_hdr){ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.csum_start = TCP4_AT, .csum_offset = 6 });
	assert_int_equal(vnet_get(&frame), 0);
	assert_false(frame.csum_blank);
}

static void test_checksum_outside_is_dropped(void **state)
{
	static const struct {
		uint16_t start, offset;
	} bad[] = { { 99, 0 }, { 98, 1 }, { 34, 65 }, { 65535, 65535 }, { 0, 65535 }, { 0, 0 },
		{ 13, 16 }, { 100, 0 }, { 65535, 1 } };

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		make(100, false, 6);
		put_header((struct virtio_net_hdr){ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
			.csum_start = bad[i].start, .csum_offset = bad[i].offset });
		assert_int_equal(vnet_get(&frame), -EINVAL);
		assert_int_equal(memory[FRAME_HEADROOM + 100], 0xee);
	}
}

static void test_gso(void **state)
{
	make(10000, false, 6);
	put_header(tso4());
	assert_int_equal(vnet_get(&frame), 0);
	assert_int_equal(frame.gso, NETIF_GSO_TCPV4);
	assert_int_equal(frame.gso_size, 1448);
	assert_int_equal(frame.headers, TCP4_AT + 32);
	assert_true(frame.csum_blank);
	make(10000, true, 6);
	put_header((struct virtio_net_hdr){ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV6 | VIRTIO_NET_HDR_GSO_ECN, .gso_size = 1428,
		.csum_start = TCP6_AT, .csum_offset = 16 });
	assert_int_equal(vnet_get(&frame), 0);
	assert_int_equal(frame.gso, NETIF_GSO_TCPV6);
	assert_int_equal(frame.headers, TCP6_AT + 32);
}

static void test_gso_of_one_segment_is_none(void **state)
{
	make(TCP4_AT + 32 + 1448, false, 6);
	put_header(tso4());
	assert_int_equal(vnet_get(&frame), 0);
	assert_int_equal(frame.gso, NETIF_GSO_NONE);
	assert_true(frame.csum_blank);
}

static void test_bad_gso_is_dropped(void **state)
{
	for (unsigned i = 0; i < 9; i++) {
		struct virtio_net_hdr hdr = tso4();

		make(10000, false, 6);
		switch (i) {
		case 0: hdr.gso_size = 0; break;
		case 1: hdr.gso_size = 1; break;
		case 2: hdr.flags = 0; break;
		case 3: hdr.gso_type = VIRTIO_NET_HDR_GSO_TCPV6; break;
		case 4: hdr.gso_type = VIRTIO_NET_HDR_GSO_UDP; break;
		case 5: hdr.gso_type = 5; break; /* datagrams of one size */
		case 6: hdr.csum_offset = 6; break;
		case 7: hdr.csum_start = 84; break;
		case 8: frame.data[TCP4_AT + 12] = 0x40; break; /* a TCP header of 16 bytes */
		}
		put_header(hdr);
		assert_int_equal(vnet_get(&frame), -EINVAL);
	}
}

static void test_gso_with_headers_beyond_the_end(void **state)
{
	make(TCP4_AT + 31, false, 6);
	put_header(tso4());
	assert_int_equal(vnet_get(&frame), -EINVAL);
}

static void test_short_and_long_frames(void **state)
{
	make(13, false, 6);
	put_header((struct virtio_net_hdr){ 0 });
	assert_int_equal(vnet_get(&frame), -EINVAL);
	make(FRAME_MAX + 1, false, 6);
	put_header((struct virtio_net_hdr){ 0 });
	assert_int_equal(vnet_get(&frame), -EINVAL);
	make(FRAME_MAX, false, 6);
	put_header((struct virtio_net_hdr){ 0 });
	assert_int_equal(vnet_get(&frame), 0);
}

/* Whatever header and frame: no read or write outside, and what is taken is consistent. */
static void test_random(void **state)
{
	srandom(1);
	for (unsigned i = 0; i < 200000; i++) {
		uint32_t len = 80 + (uint32_t)random() % 200;
		struct virtio_net_hdr hdr = {
			.flags = (uint8_t)random(), .gso_type = (uint8_t)random() & 0x87,
			.gso_size = (uint16_t)random() % 100, .hdr_len = (uint16_t)random(),
			.csum_start = (uint16_t)random() % 90, .csum_offset = (uint16_t)random() % 20 };

		make(len, random() % 2, random() % 2 ? 6 : 17);
		for (unsigned j = random() % 4; j > 0; j--)
			frame.data[12 + random() % 60] = (uint8_t)random();
		put_header(hdr);
		if (vnet_get(&frame) == 0 && frame.gso != NETIF_GSO_NONE) {
			assert_true(frame.csum_blank);
			assert_in_range(frame.headers, frame.csum_start + 20, frame.len - 1);
		}
		if (frame.csum_blank)
			assert_in_range(frame.csum_start + frame.csum_offset, 30, frame.len - 2);
		assert_int_equal(frame.len, len);
		assert_int_equal(memory[FRAME_HEADROOM + len], 0xee);
		assert_int_equal(memory[FRAME_HEADROOM - VNET_BYTES - 1], 0xee);
	}
}

static void test_put(void **state)
{
	struct virtio_net_hdr hdr;

	make(10000, false, 6);
	put_header(tso4());
	assert_int_equal(vnet_get(&frame), 0);
	memset(frame.data - VNET_BYTES, 0xff, VNET_BYTES);
	vnet_put(&frame);
	hdr = taken_header();
	assert_int_equal(hdr.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	assert_int_equal(hdr.gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
	assert_int_equal(hdr.gso_size, 1448);
	assert_int_equal(hdr.hdr_len, TCP4_AT + 32);
	assert_int_equal(hdr.csum_start, TCP4_AT);
	assert_int_equal(hdr.csum_offset, 16);
	frame.gso = NETIF_GSO_TCPV6;
	vnet_put(&frame);
	assert_int_equal(taken_header().gso_type, VIRTIO_NET_HDR_GSO_TCPV6);
	/* Fields of frames without the flags are not for the kernel. */
	frame.gso = NETIF_GSO_NONE;
	frame.csum_blank = false;
	vnet_put(&frame);
	hdr = taken_header();
	assert_memory_equal(&hdr, &(struct virtio_net_hdr){ 0 }, sizeof(hdr));
}

static void test_names(void **state)
{
	assert_null(link_name_why("vif1.0"));
	assert_null(link_name_why("fifteen-bytes15"));
	assert_non_null(link_name_why("sixteen-bytes-16"));
	assert_non_null(link_name_why(""));
	assert_non_null(link_name_why(NULL));
	assert_non_null(link_name_why("."));
	assert_non_null(link_name_why(".."));
	assert_non_null(link_name_why("a/b"));
	assert_non_null(link_name_why("vif%d"));
	assert_non_null(link_name_why("a b"));
	assert_non_null(link_name_why("eth0:1"));
	assert_non_null(link_name_why("a\n"));
	assert_non_null(link_name_why("\xff"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_valid),
		cmocka_unit_test(test_blank_checksums),
		cmocka_unit_test(test_blank_checksum_behind_a_vlan_tag),
		cmocka_unit_test(test_inner_checksum_is_made),
		cmocka_unit_test(test_checksum_of_a_fragment_is_made),
		cmocka_unit_test(test_checksum_outside_is_dropped),
		cmocka_unit_test(test_gso),
		cmocka_unit_test(test_gso_of_one_segment_is_none),
		cmocka_unit_test(test_bad_gso_is_dropped),
		cmocka_unit_test(test_gso_with_headers_beyond_the_end),
		cmocka_unit_test(test_short_and_long_frames),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_put),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
