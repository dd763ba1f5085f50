// SPDX-License-Identifier: MIT
/*
 * A hostile frontend's ring: the input is limits, an ABI, a ring page and descriptor
 * pages. Whatever is decoded and passes the checks must be safe to act on; that is
 * computed again here, another way. A violated property aborts.
 */
#include "config.h"

#include <stdint.h>
#include <string.h>

#include "protocol/blkif.h"
#include "protocol/ring.h"
#include "tests/fuzz/input.h"

static struct blkif_limits take_limits(struct input *in)
{
	uint8_t flags, shift;
	struct blkif_limits l;

	take(in, &flags, 1);
	take(in, &shift, 1);
	memset(&l, 0, sizeof(l));
	l.readonly = flags & 1;
	l.flush = flags & 2;
	l.barrier = flags & 4;
	l.discard = flags & 8;
	l.secure_discard = flags & 16;
	l.logical_sectors = flags & 32 ? 8 : 1;
	l.max_indirect = flags & 64 ? 256 : flags & 128 ? 32 : 0;
	l.sectors = (UINT64_MAX >> (shift & 63)) & ~(uint64_t)(l.logical_sectors - 1);
	return l;
}

static int is_change(const struct blkif_req *req)
{
	return req->operation != BLKIF_OP_READ && req->operation != BLKIF_OP_FLUSH_DISKCACHE;
}

/* What a backend relies on when a request has passed. */
static void check_accepted(const struct blkif_req *req, const struct blkif_limits *l,
	uint32_t total)
{
	unsigned __int128 end = (unsigned __int128)req->sector + total;
	uint32_t sum = 0;

	check(!(l->readonly && is_change(req)));
	check(req->nr_segments <= (req->indirect ? l->max_indirect : 11));
	check(!req->indirect || blkif_indirect_pages(req) <= 8);
	for (unsigned i = 0; i < req->nr_segments; i++) {
		const struct blkif_segment *s = &req->seg[i];

		check(s->first_sect <= s->last_sect && s->last_sect < 8);
		check((s->first_sect % l->logical_sectors) == 0);
		sum += s->last_sect - s->first_sect + 1;
	}
	check(sum == total && total % l->logical_sectors == 0);
	check(total == 0 || (end <= l->sectors && req->sector % l->logical_sectors == 0));
	if (req->operation == BLKIF_OP_DISCARD) {
		end = (unsigned __int128)req->sector + req->nr_sectors;
		check(l->discard && end <= l->sectors);
		check(l->secure_discard || !(req->flag & BLKIF_DISCARD_SECURE));
	}
}

static void check_round_trip(enum blkif_abi abi, const struct blkif_req *req)
{
	uint8_t slot[BLKIF_SLOT_MAX], page[BLKIF_PAGE_SIZE]; /* 256 descriptors: one page */
	static struct blkif_req again;

	blkif_encode(abi, req, slot);
	blkif_decode(abi, slot, &again);
	if (req->indirect) {
		blkif_encode_segments(req, 0, page);
		blkif_decode_segments(&again, 0, page);
	}
	check(again.id == req->id && again.sector == req->sector);
	check(again.operation == req->operation && again.indirect == req->indirect);
	check(again.nr_segments == req->nr_segments && again.flag == req->flag);
	for (unsigned i = 0; i < req->nr_segments; i++)
		check(again.seg[i].gref == req->seg[i].gref &&
			again.seg[i].last_sect == req->seg[i].last_sect);
}

/*
 * Random bytes are refused at once. Depending on their own id, slots are bent towards
 * what a frontend sends: fields near their bounds on both sides, few segments, low
 * sectors. The other half stays as it came.
 */
static void bend_segments(uint8_t *at, unsigned count, uint8_t how)
{
	for (unsigned i = 0; i < count; i++, at += 8) {
		at[4] = how & 16 ? 0 : at[4] % 9;
		at[5] = how & 16 ? 7 : at[4] + at[5] % (10 - at[4]);
	}
}

static void bend(enum blkif_abi abi, uint8_t *slot)
{
	const struct blkif_layout *l = blkif_layout(abi);
	uint8_t how = slot[l->id];

	if (!(how & 1))
		return;
	slot[0] %= BLKIF_OP_INDIRECT + 2;
	slot[1] %= slot[0] == BLKIF_OP_INDIRECT ? 3 : slot[0] == BLKIF_OP_DISCARD ? 4 : 13;
	if (slot[0] == BLKIF_OP_INDIRECT)
		slot[3] = how & 4 ? 0 : slot[3] & 1;
	else if (slot[0] == BLKIF_OP_DISCARD)
		memset(slot + l->nr_sectors + 2, 0, 6);
	else
		bend_segments(slot + l->seg, 11, how);
	if (how & 2)
		memset(slot + l->sector + 1, how & 32 ? 0xff : 0, 7);
	if (how & 8)
		slot[l->sector] &= ~7;
}

static void serve(enum blkif_abi abi, const void *slot, const struct blkif_limits *l,
	struct input *in, struct blkif_rsp *rsp)
{
	static struct blkif_req req;
	enum blkif_verdict v;
	uint32_t total;

	blkif_decode(abi, slot, &req);
	v = blkif_check_header(&req, l);
	for (unsigned i = 0; v == BLKIF_OK && req.indirect && i < blkif_indirect_pages(&req); i++) {
		uint8_t page[BLKIF_PAGE_SIZE];

		take(in, page, sizeof(page));
		if (req.id & 1)
			bend_segments(page, 512, req.id);
		blkif_decode_segments(&req, i, page);
	}
	if (v == BLKIF_OK)
		v = blkif_check_segments(&req, l, &total);
	if (v == BLKIF_OK) {
		check_accepted(&req, l, total);
		check_round_trip(abi, &req);
	}
	check(blkif_verdict_text(v)[0] != '?');
	rsp->id = req.id;
	rsp->operation = req.operation;
	rsp->status = blkif_verdict_status(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct blkif_limits l = take_limits(&in);
	_Alignas(8) uint8_t page[BLKIF_PAGE_SIZE];
	uint8_t slot[BLKIF_SLOT_MAX], out[16], abi;
	struct ring_back ring;
	int n;

	take(&in, &abi, 1);
	abi %= 3;
	take(&in, page, sizeof(page));
	if (page[16] & 1) { /* often a plausible producer index, so that slots are looked at */
		uint32_t rsp_prod, req_prod;

		memcpy(&rsp_prod, page + 8, sizeof(rsp_prod));
		req_prod = rsp_prod + page[17] % 33;
		memcpy(page, &req_prod, sizeof(req_prod));
	}
	check(ring_back_init(&ring, page, sizeof(page), blkif_slot_size(abi)) == 0);
	while ((n = ring_back_pending(&ring)) > 0) {
		check(n <= 32);
		for (int i = 0; i < n; i++) {
			struct blkif_rsp rsp;

			ring_back_get(&ring, slot);
			bend(abi, slot);
			serve(abi, slot, &l, &in, &rsp);
			blkif_encode_rsp(abi, &rsp, out);
			ring_back_put(&ring, out, blkif_rsp_size(abi));
		}
		ring_back_push(&ring);
		take(&in, page, 16); /* the frontend goes on writing */
	}
	check(n >= 0 || ring.broken);
	check(ring_back_unanswered(&ring) == 0);
	return 0;
}
