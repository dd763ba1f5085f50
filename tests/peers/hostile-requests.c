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
		return peer_fail("the backend has no sectors");
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

static const uint32_t bad_refs[] = { 0xffffffff, 0xfffffffe, 0x80000000, 0x7fffffff, 1u << 20,
	123456 };

static int bad_grefs(struct peer *p)
{
	for (unsigned i = 0; i < sizeof(bad_refs) / sizeof(bad_refs[0]); i++) {
		for (unsigned op = BLKIF_OP_READ; op <= BLKIF_OP_WRITE; op++) {
			struct blkif_req *req = peer_rw(p, op, 0, 0, 3);

			req->seg[i % 3].gref = bad_refs[i];
			if (peer_expect(p, req, BLKIF_RSP_ERROR) < 0)
				return -1;
		}
		struct blkif_req *req = peer_rw(p, BLKIF_OP_READ, 0, 0, 12);

		req->indirect_gref[0] = bad_refs[i];
		if (peer_expect(p, req, BLKIF_RSP_ERROR) < 0)
			return -1;
	}
	return peer_check_works(p);
}

/* One bad reference among good requests of the same sweep fails alone. */
static int bad_gref_among_good(struct peer *p)
{
	struct blkif_req *req;
	uint64_t first = 0;

	for (unsigned i = 0; i < 16; i++) {
		req = peer_rw(p, BLKIF_OP_READ, i * 8, i, 1);
		if (i == 0)
			first = req->id;
		if (i == 7)
			req->seg[0].gref = 0x7fffffff;
		peer_put(p, req);
	}
	peer_push(p);
	for (unsigned i = 0; i < 16; i++) {
		const uint8_t *wire = peer_next_rsp(p);
		struct blkif_rsp rsp;

		if (!wire)
			return peer_fail("no answer");
		blkif_decode_rsp(p->abi, wire, &rsp);
		if (rsp.id - first >= 16 ||
			(rsp.status == BLKIF_RSP_OKAY) != (rsp.id - first != 7))
			return peer_fail("request %d: status %d", (int)(rsp.id - first), rsp.status);
	}
	return peer_check_works(p);
}

/* A grant that ended before it was ever used. */
static int revoked_gref(struct peer *p)
{
	xengntshr_unshare(p->xgs, p->page[50], 1);
	p->page[50] = NULL;
	if (peer_expect(p, peer_rw(p, BLKIF_OP_WRITE, 0, 50, 1), BLKIF_RSP_ERROR) < 0 ||
		peer_expect(p, peer_rw(p, BLKIF_OP_READ, 0, 49, 3), BLKIF_RSP_ERROR) < 0)
		return -1;
	return peer_check_works(p);
}

/* One that ended after the backend mapped it: it may fail or not, nothing else may suffer. */
static int revoked_mapped_gref(struct peer *p)
{
	if (peer_expect(p, peer_rw(p, BLKIF_OP_READ, 0, 50, 8), BLKIF_RSP_OKAY) < 0)
		return -1;
	for (unsigned i = 50; i < 58; i++) {
		xengntshr_unshare(p->xgs, p->page[i], 1);
		p->page[i] = NULL;
	}
	if (peer_expect(p, peer_rw(p, BLKIF_OP_READ, 0, 50, 8), PEER_ANY) < 0 ||
		peer_expect(p, peer_rw(p, BLKIF_OP_WRITE, 0, 50, 8), PEER_ANY) < 0)
		return -1;
	return peer_check_works(p);
}

static int same_gref_twice(struct peer *p)
{
	struct blkif_req *req = peer_rw(p, BLKIF_OP_READ, 0, 60, 4);

	for (unsigned i = 0; i < 4; i++)
		req->seg[i].gref = p->ref[60];
	if (peer_expect(p, req, BLKIF_RSP_OKAY) < 0)
		return -1;
	/* and in many requests at a time, as data and as descriptors at once */
	for (unsigned i = 0; i < 30; i++) {
		req = peer_rw(p, i % 3 ? BLKIF_OP_READ : BLKIF_OP_WRITE, i * 8, 61, 1);
		peer_put(p, req);
	}
	peer_push(p);
	for (unsigned i = 0; i < 30; i++)
		if (!peer_next_rsp(p))
			return peer_fail("answer %u is missing", i);
	return peer_check_works(p);
}

/* Not advertised: says so, and the frontend that tried goes on (blkback's BLKIF_RSP_EOPNOTSUPP). */
static int unadvertised(struct peer *p)
{
	struct blkif_req *req = peer_rw(p, BLKIF_OP_DISCARD, 0, 0, 0);
	bool offered = false;

	req->nr_sectors = 8;
	if (xsn_read_bool(p->xs, XBT_NULL, p->backend, "feature-discard", &offered) < 0 || !offered)
		if (peer_expect(p, req, BLKIF_RSP_EOPNOTSUPP) < 0)
			return -1;
	offered = false;
	if (xsn_read_bool(p->xs, XBT_NULL, p->backend, "feature-barrier", &offered) < 0 || !offered)
		if (peer_expect(p, peer_rw(p, BLKIF_OP_WRITE_BARRIER, 0, 0, 1),
			    BLKIF_RSP_EOPNOTSUPP) < 0)
			return -1;
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

/* The slot has ones there: what the backend leaves of that is what it forgot to clear. */
static int response_padding(struct peer *p)
{
	static const uint8_t pads[] = { 9, 12, 13, 14, 15 }; /* 64-bit layout: 8 id, op, pad, status */
	unsigned npads = p->abi == BLKIF_ABI_X86_32 ? 1 : sizeof(pads);

	for (unsigned i = 0; i < p->slots + 2; i++) {
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
			return peer_fail("no answer");
		for (unsigned j = 0; j < npads; j++)
			if (wire[pads[j]])
				return peer_fail("byte %u of a response is %#x", pads[j],
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

static int without_persistent(struct peer *p)
{
	p->persistent = false;
	if (peer_connect(p) < 0 || peer_check_works(p) < 0 || bad_grefs(p) < 0 ||
		bad_gref_among_good(p) < 0 || same_gref_twice(p) < 0 || revoked_mapped_gref(p) < 0)
		return -1;
	return 0;
}

/*
 * Linux grants what it writes from read-only, unless grants are persistent: that must
 * work. To read into such a page is the frontend's mistake.
 */
static int readonly_grants(struct peer *p)
{
	p->persistent = false;
	if (peer_connect(p) < 0)
		return -1;
	for (unsigned i = 70; i < 73; i++) {
		xengntshr_unshare(p->xgs, p->page[i], 1);
		p->page[i] = xengntshr_share_pages(p->xgs, p->backend_id, 1, &p->ref[i], 0);
		if (!p->page[i])
			return peer_fail("cannot grant a page read-only");
		memset(p->page[i], 0x70 + i, 4096);
	}
	if (peer_expect(p, peer_rw(p, BLKIF_OP_WRITE, 0, 70, 3), BLKIF_RSP_OKAY) < 0 ||
		peer_expect(p, peer_rw(p, BLKIF_OP_READ, 0, 80, 3), BLKIF_RSP_OKAY) < 0)
		return -1;
	for (unsigned i = 0; i < 3; i++)
		if (memcmp(p->page[70 + i], p->page[80 + i], 4096) != 0)
			return peer_fail("what was written from a read-only page did not come back");
	memset(p->page[71], 0x11, 4096);
	if (peer_expect(p, peer_rw(p, BLKIF_OP_READ, 0, 70, 3), BLKIF_RSP_ERROR) < 0)
		return -1;
	if (p->page[71][0] != 0x11 || p->page[71][4095] != 0x11)
		return peer_fail("a page that was granted read-only was written");
	return peer_check_works(p);
}

const struct hostile_case hostile_requests[] = {
	{ "unknown-operations", unknown_operations, false },
	{ "segment-counts", segment_counts, false },
	{ "bad-segments", bad_segments, false },
	{ "out-of-range", out_of_range, false },
	{ "indirect-operations", indirect_operations, false },
	{ "indirect-counts", indirect_counts, false },
	{ "indirect-segments", indirect_segments, false },
	{ "bad-grefs", bad_grefs, false },
	{ "bad-gref-among-good", bad_gref_among_good, false },
	{ "revoked-gref", revoked_gref, false },
	{ "revoked-mapped-gref", revoked_mapped_gref, false },
	{ "same-gref-twice", same_gref_twice, false },
	{ "unadvertised", unadvertised, false },
	{ "flush-with-sector", flush_with_sector, false },
	{ "response-padding", response_padding, false },
	{ "abi-x86-32", abi_x86_32, true },
	{ "abi-x86-64", abi_x86_64, true },
	{ "without-persistent", without_persistent, true },
	{ "readonly-grants", readonly_grants, true },
	{ NULL, NULL, false },
};

/* ---- a read-only disk ------------------------------------------------------------ */

static int readonly_disk(struct peer *p)
{
	struct blkif_req *req;

	memset(p->page[0], 0xee, 4096);
	if (peer_expect(p, peer_rw(p, BLKIF_OP_READ, 0, 1, 1), BLKIF_RSP_OKAY) < 0 ||
		peer_expect(p, peer_rw(p, BLKIF_OP_WRITE, 0, 0, 1), BLKIF_RSP_ERROR) < 0 ||
		peer_expect(p, peer_rw(p, BLKIF_OP_WRITE, 0, 0, 12), BLKIF_RSP_ERROR) < 0 ||
		peer_expect(p, peer_rw(p, BLKIF_OP_WRITE_BARRIER, 0, 0, 1), PEER_ANY_ERROR) < 0)
		return -1;
	req = peer_rw(p, BLKIF_OP_DISCARD, 0, 0, 0);
	req->nr_sectors = 8;
	if (peer_expect(p, req, PEER_ANY_ERROR) < 0)
		return -1;
	req->flag = BLKIF_DISCARD_SECURE;
	return peer_expect(p, req, PEER_ANY_ERROR);
}

const struct hostile_case hostile_readonly[] = {
	{ "readonly-disk", readonly_disk, false },
	{ NULL, NULL, false },
};
