// SPDX-License-Identifier: MIT
/* How a packet for the guest lies in the receive ring, as its frontend walks it. */
#include "config.h"

#include "netif-rig.h"

#include "common/array.h"

static struct rig rig;
static struct netif_rx_layout layout;

/* @n buffers with ids from @id and grants from 500. */
static void post(struct rig *r, unsigned n, uint16_t id)
{
	for (unsigned i = 0; i < n; i++) {
		const struct netif_rx_request req = { .id = id + i, .gref = 500 + id + i };

		ring_front_put(&r->front, &req, sizeof(req));
	}
	ring_front_push(&r->front);
}

/* The packet that the guest has after walking the responses as netfront does. */
struct received {
	unsigned nextras, ndata;
	uint32_t size;
	struct netif_extra_info extra[6];
	struct netif_rx_response data[32];
	uint8_t bytes[NETIF_PACKET_MAX + 4096];
};

static uint8_t guest_page[64][NETIF_PAGE_SIZE];
static uint8_t sent[NETIF_PACKET_MAX];

static void do_copies(const struct netif_rx_layout *l)
{
	memset(guest_page, 0xee, sizeof(guest_page));
	for (unsigned i = 0; i < l->npieces; i++) {
		const struct netif_rx_piece *p = &l->piece[i];

		assert_true(p->len > 0 && p->to + p->len <= NETIF_PAGE_SIZE);
		assert_true(p->gref >= 500 && p->gref < 564);
		memcpy(guest_page[p->gref - 500] + p->to, sent + p->from, p->len);
	}
}

static void walk_data(struct received *got, const union netif_rx_slot *slot, uint16_t id)
{
	const struct netif_rx_response *rsp = &slot->rsp;

	assert_int_equal(rsp->id, id);
	assert_true(rsp->status >= 0 && rsp->offset + rsp->status <= (int)NETIF_PAGE_SIZE);
	memcpy(got->bytes + got->size, guest_page[id] + rsp->offset, rsp->status);
	got->size += rsp->status;
	got->data[got->ndata++] = *rsp;
}

static void walk(struct received *got)
{
	unsigned id = 0;
	union netif_rx_slot slot;
	bool more;

	memset(got, 0, sizeof(*got));
	do {
		assert_true(ring_front_pending(&rig.front) > 0);
		ring_front_get(&rig.front, &slot, sizeof(slot));
		walk_data(got, &slot, id++);
		more = slot.rsp.flags & NETRXF_more_data;
		if (got->ndata > 1 || !(slot.rsp.flags & NETRXF_extra_info))
			continue;
		do {
			assert_true(ring_front_pending(&rig.front) > 0);
			ring_front_get(&rig.front, &slot, sizeof(slot));
			got->extra[got->nextras++] = slot.extra;
			id++;
		} while (slot.extra.flags & XEN_NETIF_EXTRA_FLAG_MORE);
	} while (more);
	assert_int_equal(ring_front_pending(&rig.front), 0);
}

/* All the way: lay out, copy, answer, and the guest has the packet. */
static void send(const struct netif_rx_meta *meta, struct received *got)
{
	struct netif_rx_buffer buffer[NETIF_RX_SLOTS_MAX];
	unsigned n = netif_rx_slots(meta);

	assert_true(n >= 1 && n <= NETIF_RX_SLOTS_MAX);
	rig_begin(&rig, RX_SLOT, 0xfffffff0);
	post(&rig, n, 0);
	assert_int_equal(ring_back_pending(&rig.back), n);
	for (unsigned i = 0; i < n; i++) {
		netif_rx_take(&rig.back, &buffer[i]);
		assert_int_equal(buffer[i].id, i);
		assert_int_equal(buffer[i].gref, 500 + i);
	}
	memset(&layout, 0xa5, sizeof(layout));
	netif_rx_lay_out(meta, buffer, &layout);
	assert_int_equal(layout.nslots, n);
	do_copies(&layout);
	netif_rx_answer(&rig.back, &layout, true);
	ring_back_push(&rig.back);
	walk(got);
	assert_int_equal(got->size, meta->size);
	assert_memory_equal(got->bytes, sent, meta->size);
}

static struct received got;

static int fill(void **state)
{
	for (unsigned i = 0; i < sizeof(sent); i++)
		sent[i] = i * 7 + i / 251;
	return 0;
}

static void a_small_packet(void **state)
{
	struct netif_rx_meta meta = { .size = 60 };

	send(&meta, &got);
	assert_int_equal(got.ndata, 1);
	assert_int_equal(got.nextras, 0);
	assert_int_equal(got.data[0].flags, 0);
	assert_int_equal(got.data[0].offset, 0);
}

static void checksum_flags(void **state)
{
	struct netif_rx_meta meta = { .size = 60, .csum_blank = true };

	send(&meta, &got);
	assert_int_equal(got.data[0].flags, NETRXF_csum_blank | NETRXF_data_validated);
	meta.csum_blank = false;
	meta.csum_valid = true;
	send(&meta, &got);
	assert_int_equal(got.data[0].flags, NETRXF_data_validated);
}

static void gso_and_hash(void **state)
{
	struct netif_rx_meta meta = { .size = 30000, .csum_blank = true, .gso = NETIF_GSO_TCPV6,
		.gso_size = 1440, .hash_type = NETIF_HASH_IPV6_TCP, .hash = 0x89abcdef };

	send(&meta, &got);
	assert_int_equal(got.nextras, 2);
	assert_int_equal(got.extra[0].type, XEN_NETIF_EXTRA_TYPE_GSO);
	assert_int_equal(got.extra[0].u.gso.size, 1440);
	assert_int_equal(got.extra[0].u.gso.type, XEN_NETIF_GSO_TYPE_TCPV6);
	assert_int_equal(got.extra[0].u.gso.features, 0);
	assert_int_equal(got.extra[1].type, XEN_NETIF_EXTRA_TYPE_HASH);
	assert_int_equal(got.extra[1].u.hash.type, _XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP);
	assert_int_equal(got.extra[1].u.hash.algorithm, XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ);
	assert_int_equal(got.extra[1].u.hash.value[0], 0xef);
	assert_int_equal(got.extra[1].u.hash.value[3], 0x89);
	assert_int_equal(got.ndata, 8);
	assert_int_equal(got.data[0].flags & ~NETRXF_more_data,
		NETRXF_csum_blank | NETRXF_data_validated | NETRXF_extra_info);
	for (unsigned i = 1; i < got.ndata; i++)
		assert_int_equal(got.data[i].flags, i < 7 ? NETRXF_more_data : 0);
}

/* Linux's netfront takes the first slot's offset from the extra; both say the same. */
static void xdp_headroom(void **state)
{
	struct netif_rx_meta meta = { .size = 8000, .xdp_headroom = 256 };
	struct netif_extra_xdp xdp;

	send(&meta, &got);
	assert_int_equal(got.nextras, 1);
	memcpy(&xdp, &got.extra[0], sizeof(xdp));
	assert_int_equal(xdp.type, NETIF_EXTRA_XDP);
	assert_int_equal(xdp.headroom, 256);
	assert_int_equal(got.data[0].offset, 256);
	assert_int_equal(got.data[0].status, 4096 - 256);
	assert_int_equal(got.data[1].offset, 0);
	assert_int_equal(got.ndata, 3);
}

static void xdp_headroom_that_leaves_no_page(void **state)
{
	struct netif_rx_meta meta = { .size = 100, .xdp_headroom = NETIF_XDP_HEADROOM_MAX };
	struct netif_extra_xdp xdp;

	send(&meta, &got);
	memcpy(&xdp, &got.extra[0], sizeof(xdp));
	assert_int_equal(xdp.headroom, 4096 - 14);
	assert_int_equal(got.data[0].offset, 4096 - 14);
	assert_int_equal(got.data[0].status, 14);
}

static const uint32_t sizes[] = { 14, 60, 1514, 4095, 4096, 4097, 8191, 8192, 8193, 9014, 65520,
	65534, 65535 };
static const uint16_t headrooms[] = { 0, 1, 256, 4000, 4082, 4096, 32767 };

static struct netif_rx_meta shape(uint32_t size, uint16_t headroom, unsigned extras)
{
	return (struct netif_rx_meta){ .size = size, .xdp_headroom = headroom,
		.gso = extras & 1 ? NETIF_GSO_TCPV4 : NETIF_GSO_NONE, .gso_size = 1000,
		.hash_type = extras & 2 ? NETIF_HASH_IPV4 : NETIF_HASH_NONE, .hash = 0x89abcdef };
}

/* XSA-392: what a packet needs is what it then takes, headroom and extras included. */
static void rule15_xsa392_slots_that_are_needed(void **state)
{
	for (unsigned s = 0; s < ARRAY_SIZE(sizes); s++)
		for (unsigned h = 0; h < ARRAY_SIZE(headrooms); h++)
			for (unsigned e = 0; e < 4; e++) {
				struct netif_rx_meta meta = shape(sizes[s], headrooms[h], e);

				send(&meta, &got);
				assert_int_equal(got.nextras, (headrooms[h] != 0) + (e & 1) + (e >> 1));
				assert_int_equal(got.ndata + got.nextras, netif_rx_slots(&meta));
			}
}

/* What Linux's netfront checks: 18 data slots at most, none beyond its page, ids in order. */
static void rule21_responses_that_netfront_takes(void **state)
{
	for (uint32_t size = 14; size <= NETIF_PACKET_MAX; size += 211) {
		struct netif_rx_meta meta = shape(size, size % 3 * 128, size % 4);
		uint32_t sum = 0;

		send(&meta, &got);
		assert_true(got.ndata <= 18);
		for (unsigned i = 0; i < got.ndata; i++) {
			assert_true(got.data[i].status > 0 && got.data[i].status <= 4096);
			sum += got.data[i].status;
		}
		assert_int_equal(sum, size);
	}
}

static void rule21_the_largest_packet(void **state)
{
	struct netif_rx_meta meta = shape(NETIF_PACKET_MAX, NETIF_XDP_HEADROOM_MAX, 3);

	send(&meta, &got);
	assert_int_equal(got.ndata, 17);
	assert_true(layout.nslots <= NETIF_RX_SLOTS_MAX);
}

/* Responses are where their requests were, whatever number of slots came before. */
static void rule21_responses_at_the_place_of_their_requests(void **state)
{
	struct netif_rx_meta meta = shape(5000, 0, 1);
	unsigned n = netif_rx_slots(&meta);

	rig_begin(&rig, RX_SLOT, 0);
	post(&rig, 3 * n, 0);
	for (unsigned round = 0; round < 3; round++) {
		struct netif_rx_buffer buffer[NETIF_RX_SLOTS_MAX];

		assert_true(ring_back_pending(&rig.back) >= (int)n);
		for (unsigned i = 0; i < n; i++)
			netif_rx_take(&rig.back, &buffer[i]);
		netif_rx_lay_out(&meta, buffer, &layout);
		netif_rx_answer(&rig.back, &layout, true);
	}
	for (unsigned i = 0; i < 3 * n; i++) {
		struct netif_rx_response rsp;

		memcpy(&rsp, rig.page + RING_HEADER_SIZE + i * RX_SLOT, sizeof(rsp));
		if (!layout.is_extra[i % n])
			assert_int_equal(rsp.id, i);
	}
}

/* Each copy has one page as its target, and no two overlap. */
static void rule22_copies_stay_in_their_page(void **state)
{
	for (unsigned s = 0; s < ARRAY_SIZE(sizes); s++)
		for (unsigned h = 0; h < ARRAY_SIZE(headrooms); h++) {
			struct netif_rx_meta meta = shape(sizes[s], headrooms[h], 3);
			uint32_t from = 0;

			send(&meta, &got);
			for (unsigned i = 0; i < layout.npieces; i++) {
				assert_true(layout.piece[i].to + layout.piece[i].len <= 4096);
				assert_int_equal(layout.piece[i].from, from);
				from += layout.piece[i].len;
				for (unsigned j = 0; j < i; j++)
					assert_int_not_equal(layout.piece[i].gref,
						layout.piece[j].gref);
			}
			assert_int_equal(from, sizes[s]);
		}
}

/* Rule 12: a copy failed: the guest walks the same slots, and drops the packet. */
static void rule12_a_failed_copy(void **state)
{
	struct netif_rx_meta meta = shape(9000, 0, 3);
	struct netif_rx_buffer buffer[NETIF_RX_SLOTS_MAX];
	unsigned n = netif_rx_slots(&meta);
	union netif_rx_slot slot;

	rig_begin(&rig, RX_SLOT, 0);
	post(&rig, n, 0);
	for (unsigned i = 0; i < n; i++)
		netif_rx_take(&rig.back, &buffer[i]);
	netif_rx_lay_out(&meta, buffer, &layout);
	netif_rx_answer(&rig.back, &layout, false);
	ring_back_push(&rig.back);
	assert_int_equal(ring_front_pending(&rig.front), n);
	for (unsigned i = 0; i < n; i++) {
		ring_front_get(&rig.front, &slot, sizeof(slot));
		if (i == 1 || i == 2) {
			assert_int_equal(slot.extra.type, i == 1 ? 1 : 4);
			if (i == 2)
				assert_int_equal(slot.extra.u.hash.value[3], 0x89);
			continue;
		}
		assert_int_equal(slot.rsp.id, i);
		assert_int_equal(slot.rsp.status, i ? 0 : NETIF_RSP_ERROR);
		assert_int_equal(!!(slot.rsp.flags & NETRXF_more_data), i + 1 < n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_small_packet),
		cmocka_unit_test(checksum_flags),
		cmocka_unit_test(gso_and_hash),
		cmocka_unit_test(xdp_headroom),
		cmocka_unit_test(xdp_headroom_that_leaves_no_page),
		cmocka_unit_test(rule12_a_failed_copy),
		cmocka_unit_test(rule15_xsa392_slots_that_are_needed),
		cmocka_unit_test(rule21_responses_that_netfront_takes),
		cmocka_unit_test(rule21_the_largest_packet),
		cmocka_unit_test(rule21_responses_at_the_place_of_their_requests),
		cmocka_unit_test(rule22_copies_stay_in_their_page),
	};

	return cmocka_run_group_tests(tests, fill, NULL);
}
