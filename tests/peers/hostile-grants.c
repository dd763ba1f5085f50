// SPDX-License-Identifier: MIT
/* Grants that are no good, or that the backend must not keep. */
#include "config.h"
#include "tests/peers/hostile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
			return hostile_fail("no answer");
		blkif_decode_rsp(p->abi, wire, &rsp);
		if (rsp.id - first >= 16 ||
			(rsp.status == BLKIF_RSP_OKAY) != (rsp.id - first != 7))
			return hostile_fail("request %d: status %d", (int)(rsp.id - first), rsp.status);
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
			return hostile_fail("answer %u is missing", i);
	return peer_check_works(p);
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
			return hostile_fail("cannot grant a page read-only");
		memset(p->page[i], 0x70 + i, 4096);
	}
	if (peer_expect(p, peer_rw(p, BLKIF_OP_WRITE, 0, 70, 3), BLKIF_RSP_OKAY) < 0 ||
		peer_expect(p, peer_rw(p, BLKIF_OP_READ, 0, 80, 3), BLKIF_RSP_OKAY) < 0)
		return -1;
	for (unsigned i = 0; i < 3; i++)
		if (memcmp(p->page[70 + i], p->page[80 + i], 4096) != 0)
			return hostile_fail("what was written from a read-only page did not come back");
	memset(p->page[71], 0x11, 4096);
	if (peer_expect(p, peer_rw(p, BLKIF_OP_READ, 0, 70, 3), BLKIF_RSP_ERROR) < 0)
		return -1;
	if (p->page[71][0] != 0x11 || p->page[71][4095] != 0x11)
		return hostile_fail("a page that was granted read-only was written");
	return peer_check_works(p);
}

/* ---- what the backend still holds ------------------------------------------------- */

/*
 * End a grant and make the next: the hypervisor gives the reference that was freed last,
 * so another one means that the page is still mapped over there.
 */
static int page_is_free(struct peer *p, unsigned i)
{
	uint32_t before = p->ref[i];

	xengntshr_unshare(p->xgs, p->page[i], 1);
	p->page[i] = xengntshr_share_pages(p->xgs, p->backend_id, 1, &p->ref[i], 1);
	if (!p->page[i])
		return hostile_fail("cannot grant a page: %s", strerror(errno));
	return p->ref[i] == before ? 0 : hostile_fail("page %u is still mapped by the backend", i);
}

static int pages_are_free(struct peer *p, unsigned first, unsigned n)
{
	for (unsigned i = first; i < first + n; i++)
		if (page_is_free(p, i) < 0)
			return -1;
	return 0;
}

/* Without persistence nothing stays mapped, neither data nor descriptors (blkfront checks). */
static int nothing_held(struct peer *p)
{
	p->persistent = false;
	if (peer_connect(p) < 0)
		return -1;
	for (unsigned round = 0; round < 50; round++)
		for (unsigned op = BLKIF_OP_READ; op <= BLKIF_OP_WRITE; op++) {
			if (peer_expect(p, peer_rw(p, op, 0, 0, 11), BLKIF_RSP_OKAY) < 0 ||
				pages_are_free(p, 0, 11) < 0 ||
				peer_expect(p, peer_rw(p, op, 0, 0, 64), BLKIF_RSP_OKAY) < 0 ||
				pages_are_free(p, 0, 64) < 0 ||
				page_is_free(p, PEER_PAGES - 1) < 0)
				return -1;
		}
	return peer_check_works(p);
}

/* That page_is_free() can tell: persistent grants do stay mapped. */
static int persistent_held(struct peer *p)
{
	uint32_t before = p->ref[20];

	if (peer_expect(p, peer_rw(p, BLKIF_OP_READ, 0, 20, 1), BLKIF_RSP_OKAY) < 0)
		return -1;
	xengntshr_unshare(p->xgs, p->page[20], 1);
	p->page[20] = xengntshr_share_pages(p->xgs, p->backend_id, 1, &p->ref[20], 1);
	if (!p->page[20] || p->ref[20] == before)
		return hostile_fail("a persistent grant was not kept");
	return peer_check_works(p);
}

/*
 * Good references before and after a bad one in one request: it fails, and what was mapped
 * for it is let go (the fix of XSA-365 forgot to).
 */
static int undo_without_leak(struct peer *p)
{
	for (unsigned round = 0; round < 3; round++) {
		if (round && (peer_reset_store(p) < 0 || peer_connect(p) < 0))
			return -1;
		for (unsigned at = 0; at < 11; at++) {
			struct blkif_req *req = peer_rw(p, at % 2, 0, 100, 11);

			req->seg[at].gref = bad_refs[at % 6];
			if (peer_expect(p, req, BLKIF_RSP_ERROR) < 0)
				return -1;
		}
		if (pages_are_free(p, 100, 11) < 0)
			return -1;
	}
	return peer_check_works(p);
}

/* Data and descriptors in one page, and the same page in all requests at a time. */
static int same_gref_everywhere(struct peer *p)
{
	uint64_t first = peer_next_id();

	for (unsigned i = 0; i < p->q->slots; i++) {
		struct blkif_req *req = peer_rw(p, BLKIF_OP_WRITE, 0, 0, 64);

		for (unsigned j = 0; j < 64; j++)
			req->seg[j].gref = p->ref[PEER_PAGES - 1];
		blkif_encode_segments(req, 0, p->page[PEER_PAGES - 1]);
		peer_put(p, req);
	}
	peer_push(p);
	if (peer_collect(p, first, p->q->slots, BLKIF_RSP_OKAY) < 0)
		return -1;
	return peer_check_works(p);
}

/*
 * 512 requests of 1 MiB and small ones among them, each through the backend's buffers,
 * which hold a few: whole requests wait, and each is answered once, with all of its data.
 */
static int out_of_buffers(struct peer *p)
{
	uint64_t first;
	unsigned n;

	p->persistent = false;
	p->order = 4;
	if (peer_connect(p) < 0)
		return -1;
	n = p->q->slots;
	for (unsigned i = 0; i < 256; i++)
		memset(p->page[i], i, 4096);
	if (peer_expect(p, peer_rw(p, BLKIF_OP_WRITE, 0, 0, 256), BLKIF_RSP_OKAY) < 0)
		return -1;
	for (unsigned i = 0; i < 256; i++)
		memset(p->page[i], 0xee, 4096);
	first = peer_next_id();
	for (unsigned i = 0; i < n; i++)
		peer_put(p, peer_rw(p, BLKIF_OP_READ, 0, 0, i % 5 == 4 ? 1 : 256));
	peer_push(p);
	if (peer_collect(p, first, n, BLKIF_RSP_OKAY) < 0)
		return -1;
	for (unsigned i = 0; i < 256 * 4096; i++)
		if (p->page[i / 4096][i % 4096] != (i / 4096 & 0xff))
			return hostile_fail("page %u has other data", i / 4096);
	return peer_check_works(p);
}

/* More pages than the backend maps for one ring: it copies those that are too many. */
static int more_grants_than_mapped(struct peer *p)
{
	for (unsigned chunk = 0; chunk < 40; chunk++) {
		uint32_t ref[256];
		uint8_t *pages = xengntshr_share_pages(p->xgs, p->backend_id, 256, ref, 1);
		struct blkif_req *req;

		if (!pages)
			return hostile_fail("cannot grant 256 pages: %s", strerror(errno));
		memset(pages, 0x30 + chunk, 256 * 4096);
		req = peer_rw(p, BLKIF_OP_WRITE, 0, 0, 256);
		for (unsigned i = 0; i < 256; i++)
			req->seg[i].gref = ref[i];
		blkif_encode_segments(req, 0, p->page[PEER_PAGES - 1]);
		if (peer_expect(p, req, BLKIF_RSP_OKAY) < 0 ||
			peer_expect(p, peer_rw(p, BLKIF_OP_READ, 0, 0, 256), BLKIF_RSP_OKAY) < 0)
			return -1;
		for (unsigned i = 0; i < 256; i++)
			if (memcmp(p->page[i], pages, 4096) != 0)
				return hostile_fail("chunk %u: page %u has other data", chunk, i);
	}
	return peer_check_works(p);
}

/* Pages in any order, parts of pages: neighbours in a request need not be in memory. */
static int scattered_pages(struct peer *p, unsigned n)
{
	struct blkif_req *req = peer_rw(p, BLKIF_OP_WRITE, 0, 0, n);
	unsigned total = 0;
	unsigned stamp = 0;

	for (unsigned i = 0; i < n; i++) {
		struct blkif_segment *s = &req->seg[i];
		unsigned page = (i * 7 + 3) % n;

		s->gref = p->ref[page];
		s->first_sect = rand() % 3 ? 0 : rand() % 8;
		s->last_sect = rand() % 3 ? 7 : s->first_sect + rand() % (8 - s->first_sect);
		memset(p->page[page], 0xff, 4096);
		for (unsigned j = s->first_sect; j <= s->last_sect; j++)
			memset(p->page[page] + j * 512, stamp++ % 251, 512);
		total += s->last_sect - s->first_sect + 1;
	}
	if (req->indirect)
		blkif_encode_segments(req, 0, p->page[PEER_PAGES - 1]);
	if (peer_expect(p, req, BLKIF_RSP_OKAY) < 0 ||
		peer_expect(p, peer_rw(p, BLKIF_OP_READ, 0, 150, n), BLKIF_RSP_OKAY) < 0)
		return -1;
	for (unsigned i = 0; i < total; i++)
		if (p->page[150 + i / 8][i % 8 * 512] != i % 251)
			return hostile_fail("sector %u of %u has other data", i, total);
	return 0;
}

static int no_false_neighbours(struct peer *p)
{
	srand(21);
	for (unsigned round = 0; round < 100; round++)
		if (scattered_pages(p, round % 2 ? 11 : 120) < 0)
			return -1;
	return peer_check_works(p);
}

const struct hostile_case hostile_grants[] = {
	{ "rule12-map-status-xsa361", bad_grefs, false },
	{ "rule12-bad-one-fails-alone-xsa365", bad_gref_among_good, false },
	{ "rule12-undo-without-leak-xsa371", undo_without_leak, false },
	{ "rule12-copy-status-xsa362", without_persistent, true },
	{ "rule12-revoked-grant", revoked_gref, false },
	{ "rule12-revoked-while-mapped", revoked_mapped_gref, false },
	{ "rule12-read-into-a-read-only-grant", readonly_grants, true },
	{ "rule13-same-gref-twice", same_gref_twice, false },
	{ "rule13-same-gref-everywhere", same_gref_everywhere, false },
	{ "rule14-nothing-held-after-the-response", nothing_held, true },
	{ "rule14-persistent-grants-are-held", persistent_held, false },
	{ "rule20-out-of-buffers", out_of_buffers, true },
	{ "rule20-more-grants-than-are-mapped", more_grants_than_mapped, false },
	{ "rule21-no-false-neighbours-xsa229", no_false_neighbours, false },
	{ NULL, NULL, false },
};
