// SPDX-License-Identifier: MIT
/* Requests that break a rule: each gets its error response, and the ring goes on. */
#include "config.h"
#include "tests/peers/hostile.h"

#include <stdlib.h>
#include <string.h>

#include "xenstore/xsnode.h"

#define LAYOUT_NR_SEGMENTS 1 /* byte of a direct request's slot, in every ABI */

/* Encode a good request, then spoil its slot before it is published. */
static int expect_spoilt(struct peer *p, const struct blkif_req *req, unsigned byte, uint8_t value,
	int status)
{
	uint8_t *slot = peer_slot(p);

	peer_put(p, req);
	slot[byte] = value;
	peer_push(p);
	return peer_answer(p, req->id, byte == 0 ? value : req->operation, status);
}

/* The answer has the id and the operation that were sent. */
static int unknown_operations(struct peer *p)
{
	static const uint8_t ops[] = { 4, 7, 8, 127, 128, 255 };

	for (unsigned i = 0; i < sizeof(ops); i++)
		if (expect_spoilt(p, peer_rw(p, BLKIF_OP_READ, 0, 0, 1), 0, ops[i],
			    BLKIF_RSP_EOPNOTSUPP) < 0)
			return -1;
	return peer_check_works(p);
}

static int segment_counts(struct peer *p)
{
	static const uint8_t counts[] = { 0, 12, 13, 32, 255 };

	for (unsigned i = 0; i < sizeof(counts); i++)
		for (unsigned op = BLKIF_OP_READ; op <= BLKIF_OP_WRITE; op++)
			if (expect_spoilt(p, peer_rw(p, op, 0, 0, 11), LAYOUT_NR_SEGMENTS,
				    counts[i], BLKIF_RSP_ERROR) < 0)
				return -1;
	return peer_check_works(p);
}

static int bad_segments(struct peer *p)
{
	static const uint8_t pairs[][2] = { { 5, 2 }, { 7, 0 }, { 0, 8 }, { 8, 8 }, { 0, 255 },
		{ 255, 255 }, { 255, 0 } };

	for (unsigned i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		for (unsigned at = 0; at < 3; at++) {
			struct blkif_req *req = peer_rw(p, i % 2, 0, 0, 3);

			req->seg[at].first_sect = pairs[i][0];
			req->seg[at].last_sect = pairs[i][1];
			if (peer_expect(p, req, BLKIF_RSP_ERROR) < 0)
				return -1;
		}
	return peer_check_works(p);
}

static int out_of_range(struct peer *p)
{
	static const uint64_t far[] = { UINT64_MAX, UINT64_MAX - 7, UINT64_MAX - 8,
		UINT64_C(1) << 63, UINT64_C(1) << 55, UINT64_MAX / 512 };
	uint64_t sectors;

	if (xsn_read_u64(p->xs, XBT_NULL, p->backend, "sectors", &sectors) < 0)
		return hostile_fail("the backend has no sectors");
	for (unsigned op = BLKIF_OP_READ; op <= BLKIF_OP_WRITE; op++) {
		for (unsigned i = 0; i < sizeof(far) / sizeof(far[0]); i++)
			if (peer_expect(p, peer_rw(p, op, far[i], 0, 2), BLKIF_RSP_ERROR) < 0)
				return -1;
		for (unsigned back = 0; back < 16; back++)
			if (peer_expect(p, peer_rw(p, op, sectors - back, 0, 2),
				    BLKIF_RSP_ERROR) < 0)
				return -1;
		if (peer_expect(p, peer_rw(p, op, sectors - 16, 0, 2), BLKIF_RSP_OKAY) < 0 ||
			peer_expect(p, peer_rw(p, op, sectors - 16, 0, 12), BLKIF_RSP_ERROR) < 0)
			return -1;
	}
	return peer_check_works(p);
}

static int indirect_operations(struct peer *p)
{
	static const uint8_t inner[] = { 2, 3, 4, 5, 6, 7, 255 };

	for (unsigned i = 0; i < sizeof(inner); i++) {
		struct blkif_req *req = peer_rw(p, BLKIF_OP_READ, 0, 0, 12);

		req->operation = inner[i];
		if (peer_expect(p, req, PEER_ANY_ERROR) < 0)
			return -1;
	}
	return peer_check_works(p);
}

static int indirect_counts(struct peer *p)
{
	static const uint16_t counts[] = { 0, 257, 511, 512, 513, 4096, 65535 };

	for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct blkif_req *req = peer_rw(p, BLKIF_OP_READ, 0, 0, 12);

		req->nr_segments = counts[i];
		for (unsigned j = 0; j < BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST; j++)
			req->indirect_gref[j] = p->ref[PEER_PAGES - 1];
		if (peer_expect(p, req, BLKIF_RSP_ERROR) < 0)
			return -1;
	}
	/* Few segments are legal in an indirect request, too. */
	for (unsigned n = 1; n <= 11; n += 5) {
		struct blkif_req *req = peer_rw(p, BLKIF_OP_READ, 0, 0, n);

		req->indirect = true;
		blkif_encode_segments(req, 0, p->page[PEER_PAGES - 1]);
		if (peer_expect(p, req, BLKIF_RSP_OKAY) < 0)
			return -1;
	}
	return peer_check_works(p);
}

static int indirect_segments(struct peer *p)
{
	static const unsigned at[] = { 0, 100, 255 };

	for (unsigned i = 0; i < 3; i++) {
		struct blkif_req *req = peer_rw(p, BLKIF_OP_WRITE, 0, 0, 256);

		req->seg[at[i]].last_sect = 8;
		blkif_encode_segments(req, 0, p->page[PEER_PAGES - 1]);
		if (peer_expect(p, req, BLKIF_RSP_ERROR) < 0)
			return -1;
		req = peer_rw(p, BLKIF_OP_READ, 0, 0, 256);
		req->seg[at[i]].gref = 0x7fffffff;
		blkif_encode_segments(req, 0, p->page[PEER_PAGES - 1]);
		if (peer_expect(p, req, BLKIF_RSP_ERROR) < 0)
			return -1;
	}
	/* A page full of noise. */
	for (unsigned round = 0; round < 20; round++) {
		struct blkif_req *req = peer_rw(p, BLKIF_OP_READ, 0, 0, 256);

		for (unsigned i = 0; i < 4096; i++)
			p->page[PEER_PAGES - 1][i] = rand();
		if (peer_expect(p, req, BLKIF_RSP_ERROR) < 0)
			return -1;
	}
	return peer_check_works(p);
}

/* Windows sends flushes without segments and with any sector number. */
static int flush_with_sector(struct peer *p)
{
	if (peer_expect(p, peer_rw(p, BLKIF_OP_FLUSH_DISKCACHE, UINT64_MAX, 0, 0),
		    BLKIF_RSP_OKAY) < 0)
		return -1;
	return peer_check_works(p);
}

/* So may barriers without data be; Mini-OS gives both the id 0. */
static int empty_barrier(struct peer *p)
{
	struct blkif_req *req = peer_rw(p, BLKIF_OP_WRITE_BARRIER, UINT64_MAX, 0, 0);

	if (!peer_offered(p, "feature-barrier"))
		return hostile_fail("barriers are not offered");
	req->id = 0;
	if (peer_expect(p, req, BLKIF_RSP_OKAY) < 0)
		return -1;
	req = peer_rw(p, BLKIF_OP_FLUSH_DISKCACHE, UINT64_MAX - 8, 0, 0);
	req->id = 0;
	if (peer_expect(p, req, BLKIF_RSP_OKAY) < 0)
		return -1;
	return peer_check_works(p);
}

/* Data with a flush, or beyond the end with a barrier: nothing is dropped without an error. */
static int bad_flushes_and_barriers(struct peer *p)
{
	struct blkif_req *req = peer_rw(p, BLKIF_OP_FLUSH_DISKCACHE, 0, 0, 1);

	if (peer_expect(p, req, BLKIF_RSP_ERROR) < 0 ||
		peer_expect(p, peer_rw(p, BLKIF_OP_WRITE_BARRIER, peer_sectors(p), 0, 1),
			BLKIF_RSP_ERROR) < 0 ||
		peer_expect(p, peer_rw(p, BLKIF_OP_WRITE_BARRIER, UINT64_MAX - 7, 0, 2),
			BLKIF_RSP_ERROR) < 0)
		return -1;
	return peer_check_works(p);
}

/* Some other disk's number, as it were: the request goes to the disk whose ring it is in. */
static int expect_with_handle(struct peer *p, const struct blkif_req *req, uint16_t handle)
{
	uint8_t *slot = peer_slot(p);

	peer_put(p, req);
	memcpy(slot + (req->indirect ? blkif_layout(p->abi)->indirect_handle : 2), &handle, 2);
	peer_push(p);
	return peer_answer(p, req->id, req->operation, BLKIF_RSP_OKAY);
}

static int handles(struct peer *p)
{
	static const uint16_t values[] = { 0xffff, 51728, 51712, 1, 0x8000 };

	for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		unsigned n = i % 2 ? 12 : 3;

		memset(p->page[0], 0xa0 + i, 4096);
		if (expect_with_handle(p, peer_rw(p, BLKIF_OP_WRITE, 4096, 0, n), values[i]) < 0 ||
			expect_with_handle(p, peer_rw(p, BLKIF_OP_READ, 4096, 20, n),
				(uint16_t)~values[i]) < 0)
			return -1;
		if (memcmp(p->page[0], p->page[20], 4096) != 0)
			return hostile_fail("handle %#x changed where a request goes", values[i]);
	}
	return peer_check_works(p);
}

/* The slot has ones there: what the backend leaves of that is what it forgot to clear. */
static int response_padding(struct peer *p)
{
	static const uint8_t pads[] = { 9, 12, 13, 14, 15 }; /* 64-bit layout: 8 id, op, pad, status */
	unsigned npads = p->abi == BLKIF_ABI_X86_32 ? 1 : sizeof(pads);

	for (unsigned i = 0; i < p->q->slots + 2; i++) {
		uint8_t *slot = peer_slot(p);
		struct blkif_req *req = peer_rw(p, i % 2 ? BLKIF_OP_READ : 99, 0, 0, 1);
		const uint8_t *wire;

		/* the request's id lies where the response has its padding */
		req->id = UINT64_MAX - i;
		peer_put(p, req);
		slot[9] = 0xff;
		peer_push(p);
		wire = peer_next_rsp(p);
		if (!wire)
			return hostile_fail("no answer");
		for (unsigned j = 0; j < npads; j++)
			if (wire[pads[j]])
				return hostile_fail("byte %u of a response is %#x", pads[j],
					wire[pads[j]]);
	}
	return 0;
}

static int other_abi(struct peer *p, enum blkif_abi abi)
{
	p->abi = abi;
	if (peer_connect(p) < 0)
		return -1;
	for (unsigned i = 0; i < 40; i++)
		if (peer_check_works(p) < 0)
			return -1;
	return response_padding(p);
}

static int abi_x86_32(struct peer *p)
{
	return other_abi(p, BLKIF_ABI_X86_32);
}

static int abi_x86_64(struct peer *p)
{
	return other_abi(p, BLKIF_ABI_X86_64);
}

/*
 * Good ones and bad ones in bursts: as many answers as requests, each id once, and none
 * after the last.
 */
static int one_response_each(struct peer *p)
{
	uint32_t all = 0;

	srand(1);
	for (unsigned round = 0; round < 60; round++) {
		unsigned n = 1 + rand() % p->q->slots;
		uint64_t first = peer_next_id();

		for (unsigned i = 0; i < n; i++) {
			struct blkif_req *req = peer_rw(p, i % 2, rand() % 64 ? i * 8 : UINT64_MAX,
				i, 1 + rand() % 13);

			if (rand() % 8 == 0)
				req->operation = rand();
			if (rand() % 8 == 0)
				req->seg[0].gref = rand();
			if (rand() % 8 == 0)
				req->seg[0].last_sect = rand();
			peer_put(p, req);
		}
		all += n;
		peer_push(p);
		if (peer_collect(p, first, n, PEER_ANY) < 0)
			return -1;
	}
	if (peer_check_works(p) < 0)
		return -1;
	if (*peer_rsp_prod(p) != all + 2)
		return hostile_fail("%u answers to %u requests", *peer_rsp_prod(p), all + 2);
	return 0;
}

/* A frontend that gets another operation back gives the disk up. */
static int inner_operation(struct peer *p)
{
	for (unsigned op = BLKIF_OP_READ; op <= BLKIF_OP_WRITE; op++) {
		struct blkif_req *req = peer_rw(p, op, 0, 0, 12);

		if (peer_expect(p, req, BLKIF_RSP_OKAY) < 0)
			return -1;
		req = peer_rw(p, op, UINT64_MAX, 0, 12);
		if (peer_expect(p, req, BLKIF_RSP_ERROR) < 0)
			return -1;
	}
	return peer_check_works(p);
}

const struct hostile_case hostile_requests[] = {
	{ "rule04-unknown-operations", unknown_operations, false },
	{ "rule04-indirect-operations", indirect_operations, false },
	{ "rule05-segment-counts", segment_counts, false },
	{ "rule05-indirect-counts", indirect_counts, false },
	{ "rule05-flush-with-segments", bad_flushes_and_barriers, false },
	{ "rule06-segments-outside-their-page", bad_segments, false },
	{ "rule06-indirect-segments-outside-their-page", indirect_segments, false },
	{ "rule07-out-of-range", out_of_range, false },
	{ "rule07-flush-with-any-sector", flush_with_sector, false },
	{ "rule07-empty-barrier-with-any-sector", empty_barrier, false },
	{ "rule10-handle-is-ignored", handles, false },
	{ "rule15-no-stack-garbage-xsa216", response_padding, false },
	{ "rule15-no-stack-garbage-xsa216-x86-32", abi_x86_32, true },
	{ "rule15-no-stack-garbage-xsa216-x86-64", abi_x86_64, true },
	{ "rule15-one-response-each", one_response_each, false },
	{ "rule15-inner-operation-of-indirect", inner_operation, false },
	{ NULL, NULL, false },
};
