// SPDX-License-Identifier: MIT
/*
 * A hostile network frontend's rings: the input is limits and a transmit ring's page, or
 * what a packet for the guest is and the buffers that it goes to. What is taken must be safe
 * to act on; that is computed again here, another way. A violated property aborts.
 */
#include "config.h"

#include <stdint.h>
#include <string.h>

#include "protocol/netif.h"
#include "protocol/ring.h"
#include "tests/fuzz/input.h"

static uint8_t take_byte(struct input *in)
{
	uint8_t b;

	take(in, &b, 1);
	return b;
}

/*
 * Random slots are refused at once. By their own last byte many are bent towards what a
 * frontend sends: small offsets, sizes that fit, plausible flags, extras of known types.
 */
static void bend(uint8_t *slot)
{
	struct netif_tx_request req;
	uint8_t how = slot[11];

	memcpy(&req, slot, sizeof(req));
	if (how & 1) {
		req.offset &= how & 2 ? 0x7ff : 0xfff;
		req.size &= how & 4 ? how & 32 ? 7 : 0x1ff : 0x7ff;
		req.flags &= how & 8 ? 0xf : how & 16 ? 4 : 0;
	}
	memcpy(slot, &req, sizeof(req));
	if (!(how & 1) && how & 2) {
		slot[0] = slot[0] % 7;
		slot[1] = how & 4 ? XEN_NETIF_EXTRA_FLAG_MORE : 0;
		slot[4] = slot[4] % 4;
	}
}

/* A long chain of extra segments, of a few types. */
static void bend_extras(uint8_t *slot, unsigned n)
{
	const struct netif_tx_request first = { .size = 100, .flags = NETTXF_extra_info };

	memcpy(slot, &first, sizeof(first));
	for (unsigned i = 1; i < n; i++) {
		slot += sizeof(first);
		slot[0] = XEN_NETIF_EXTRA_TYPE_MCAST_ADD + slot[0] % 4;
		slot[1] = i + 1 < n ? XEN_NETIF_EXTRA_FLAG_MORE : 0;
	}
}

/* A long chain: one packet of small slots behind one large one. */
static void bend_chain(uint8_t *slot, unsigned n)
{
	struct netif_tx_request req;

	for (unsigned i = 0; i < n; i++, slot += sizeof(req)) {
		memcpy(&req, slot, sizeof(req));
		req.offset = 0;
		req.size = i ? req.size % 64 : 1400;
		req.flags = i + 1 < n ? NETTXF_more_data : 0;
		memcpy(slot, &req, sizeof(req));
	}
}

static void bend_ring(uint8_t *page)
{
	uint32_t rsp_prod, req_prod;

	if (page[16] & 1) {
		memcpy(&rsp_prod, page + 8, sizeof(rsp_prod));
		req_prod = rsp_prod + page[17] % 64 + 1;
		memcpy(page, &req_prod, sizeof(req_prod));
	}
	for (unsigned i = 0; (page[16] & 2) && i < 256; i++)
		bend(page + RING_HEADER_SIZE + i * 12);
	memcpy(&rsp_prod, page + 8, sizeof(rsp_prod));
	if (page[16] & 4 && rsp_prod % 256 < 200)
		bend_chain(page + RING_HEADER_SIZE + rsp_prod % 256 * 12, 15 + page[18] % 16);
	if (page[16] & 8 && rsp_prod % 256 < 200)
		bend_extras(page + RING_HEADER_SIZE + rsp_prod % 256 * 12, 2 + page[18] % 30);
}

/* What a backend relies on when a packet has been taken. */
static void check_taken(const struct netif_tx_packet *p, const struct netif_tx_limits *l)
{
	uint32_t sum = 0;

	check(p->nslots >= 1 && p->nslots <= NETIF_SLOTS_MAX);
	check(l->sg || p->nslots == 1);
	for (unsigned i = 0; i < p->nslots; i++) {
		check(p->slot[i].offset + p->slot[i].size <= 4096);
		sum += p->slot[i].size;
	}
	check(sum == p->size && p->size <= NETIF_PACKET_MAX);
	check(p->nmcast <= 2 && (l->mcast || p->nmcast == 0));
	if (p->nmcast)
		return;
	check(p->size >= NETIF_PACKET_MIN);
	check(p->gso == NETIF_GSO_NONE || (p->gso_size && p->csum_blank));
	check(p->gso != NETIF_GSO_TCPV4 || l->gso_tcpv4);
	check(p->gso != NETIF_GSO_TCPV6 || l->gso_tcpv6);
	check(!(p->csum_blank && p->csum_valid));
	check((unsigned)p->hash_type <= NETIF_HASH_IPV6_TCP);
}

static void take_packets(struct ring_back *ring, unsigned pending, const struct netif_tx_limits *l)
{
	while (pending > 0) {
		static struct netif_tx_packet p;
		unsigned before = pending;
		enum netif_verdict v = netif_tx_take(ring, &pending, l, &p);

		check(p.nanswers == before - pending);
		check(p.nanswers >= 1 && p.nanswers <= NETIF_SLOTS_FATAL + NETIF_EXTRAS_MAX + 1);
		check(!p.answer[0].extra);
		check(netif_verdict_text(v)[0] != '?');
		if (v == NETIF_OK)
			check_taken(&p, l);
		netif_tx_answer(ring, &p, netif_verdict_status(v));
	}
}

static void fuzz_tx(struct input *in)
{
	_Alignas(8) uint8_t page[NETIF_PAGE_SIZE];
	uint8_t bits = take_byte(in);
	const struct netif_tx_limits l = { !(bits & 1), !(bits & 2), !(bits & 4), !(bits & 8) };
	struct ring_back ring;
	int n;

	take(in, page, sizeof(page));
	bend_ring(page);
	check(ring_back_init(&ring, page, sizeof(page), 12) == 0);
	for (unsigned rounds = 0; rounds < 100 && (n = ring_back_pending(&ring)) > 0; rounds++) {
		check(n <= 256);
		take_packets(&ring, n, &l);
		check(!ring.broken && ring_back_unanswered(&ring) == 0);
		ring_back_push(&ring);
		take(in, page, 16); /* the frontend goes on writing */
	}
}

static void check_layout(const struct netif_rx_meta *m, const struct netif_rx_layout *l)
{
	uint32_t from = 0, sum = 0;
	bool more = true;

	check(l->nslots == netif_rx_slots(m) && l->nslots <= NETIF_RX_SLOTS_MAX);
	for (unsigned i = 0; i < l->npieces; i++) {
		check(l->piece[i].from == from && l->piece[i].len > 0);
		check(l->piece[i].to + l->piece[i].len <= 4096);
		from += l->piece[i].len;
	}
	check(from == m->size);
	for (unsigned i = 0; i < l->nslots; i++) {
		if (l->is_extra[i])
			continue;
		check(more && l->slot[i].rsp.id == i);
		check(l->slot[i].rsp.status >= 0 &&
			l->slot[i].rsp.offset + l->slot[i].rsp.status <= 4096);
		sum += l->slot[i].rsp.status;
		more = l->slot[i].rsp.flags & NETRXF_more_data;
	}
	check(sum == m->size && !more);
}

static void fuzz_rx(struct input *in)
{
	_Alignas(8) uint8_t page[NETIF_PAGE_SIZE];
	struct netif_rx_buffer buffer[NETIF_RX_SLOTS_MAX];
	static struct netif_rx_layout layout;
	uint8_t bits = take_byte(in);
	struct netif_rx_meta m = { .gso = bits % 3, .hash_type = bits / 3 % 5,
		.csum_blank = bits & 128, .csum_valid = bits & 32 };
	struct ring_back ring;
	uint16_t size;

	take(in, &size, sizeof(size));
	take(in, &m.xdp_headroom, sizeof(m.xdp_headroom));
	take(in, &m.gso_size, sizeof(m.gso_size));
	take(in, page, sizeof(page));
	memset(page, 0, RING_HEADER_SIZE);
	page[0] = 255;
	m.size = size;
	check(netif_rx_slots(&m) <= NETIF_RX_SLOTS_MAX);
	check(ring_back_init(&ring, page, sizeof(page), 8) == 0);
	check(ring_back_pending(&ring) == 255);
	for (unsigned i = 0; i < netif_rx_slots(&m); i++) {
		netif_rx_take(&ring, &buffer[i]);
		buffer[i].id = i;
	}
	netif_rx_lay_out(&m, buffer, &layout);
	check_layout(&m, &layout);
	netif_rx_answer(&ring, &layout, bits & 64);
	check(!ring.broken && ring_back_unanswered(&ring) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };

	if (take_byte(&in) % 8 == 0)
		fuzz_rx(&in);
	else
		fuzz_tx(&in);
	return 0;
}
