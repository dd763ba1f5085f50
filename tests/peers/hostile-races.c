// SPDX-License-Identifier: MIT
/* Requests and descriptors that change while the backend reads them (XSA-155). */
#include "config.h"
#include "tests/peers/hostile.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static atomic_bool flipping;

struct flip {
	volatile uint8_t *at;
	uint8_t values[4];
};

static void *flip_main(void *opaque)
{
	struct flip *f = opaque;

	for (unsigned i = 0; atomic_load(&flipping); i++)
		*f->at = f->values[i % 4];
	return NULL;
}

static int start_flipping(pthread_t *thread, struct flip *f)
{
	atomic_store(&flipping, true);
	return pthread_create(thread, NULL, flip_main, f) ? hostile_fail("no thread") : 0;
}

static void stop_flipping(pthread_t thread)
{
	atomic_store(&flipping, false);
	pthread_join(thread, NULL);
}

/*
 * One byte of the slot of each request changes all the time. What is answered is up to
 * the race; that each is answered once, with a known status, is not.
 */
static int flip_slot_byte(struct peer *p, unsigned byte, const uint8_t values[4])
{
	for (unsigned round = 0; round < 150; round++) {
		struct flip f = { .at = peer_slot(p) + byte };
		pthread_t thread;
		struct blkif_rsp rsp;
		const uint8_t *wire;

		memcpy(f.values, values, 4);
		peer_put(p, peer_rw(p, BLKIF_OP_READ, 0, 0, 11));
		if (start_flipping(&thread, &f) < 0)
			return -1;
		peer_push(p);
		wire = peer_next_rsp(p);
		stop_flipping(thread);
		if (!wire)
			return hostile_fail("round %u: no answer", round);
		blkif_decode_rsp(p->abi, wire, &rsp);
		if (rsp.status != BLKIF_RSP_OKAY && rsp.status != BLKIF_RSP_ERROR &&
			rsp.status != BLKIF_RSP_EOPNOTSUPP && byte > 3)
			return hostile_fail("round %u: status %d", round, rsp.status);
	}
	return peer_check_works(p);
}

static int flip_operation(struct peer *p)
{
	return flip_slot_byte(p, 0, (const uint8_t[]){ 0, 1, 6, 3 });
}

static int flip_nr_segments(struct peer *p)
{
	return flip_slot_byte(p, 1, (const uint8_t[]){ 1, 11, 12, 255 });
}

static int flip_last_sect(struct peer *p)
{
	return flip_slot_byte(p, 24 + 5, (const uint8_t[]){ 7, 8, 255, 0 });
}

static int flip_gref(struct peer *p)
{
	return flip_slot_byte(p, 24 + 1, (const uint8_t[]){ 0, 255, 1, 128 });
}

static int flip_indirect(struct peer *p)
{
	static const uint8_t values[2][4] = { { 7, 8, 255, 0 }, { 0, 255, 1, 128 } };
	static const unsigned bytes[2] = { 200 * 8 + 5, 200 * 8 + 1 };

	for (unsigned round = 0; round < 150; round++) {
		struct flip f = { .at = p->page[PEER_PAGES - 1] + bytes[round % 2] };
		struct blkif_req *req = peer_rw(p, BLKIF_OP_READ, 0, 0, 256);
		pthread_t thread;
		int rc;

		memcpy(f.values, values[round % 2], 4);
		if (start_flipping(&thread, &f) < 0)
			return -1;
		rc = peer_expect(p, req, PEER_ANY);
		stop_flipping(thread);
		if (rc < 0)
			return -1;
	}
	return peer_check_works(p);
}

/* ---- what was done is what was checked and answered ------------------------------------ */

static int read_first_byte(struct peer *p, uint64_t sector, uint8_t *byte)
{
	int rc = peer_expect(p, peer_rw(p, BLKIF_OP_READ, sector, 5, 1), BLKIF_RSP_OKAY);

	*byte = p->page[5][0];
	return rc;
}

/*
 * The operation changes between read and write: the disk changed if and only if the
 * answer is that of a write, and the page if and only if it is that of a read.
 */
static int operation_is_the_one_done(struct peer *p)
{
	uint8_t on_disk;

	if (read_first_byte(p, 8, &on_disk) < 0)
		return -1;
	for (unsigned round = 0; round < 250; round++) {
		struct flip f = { .at = peer_slot(p), .values = { 0, 1, 0, 1 } };
		uint8_t in_page = on_disk + 1, now;
		struct blkif_rsp rsp;
		const uint8_t *wire;
		pthread_t thread;

		memset(p->page[0], in_page, 4096);
		peer_put(p, peer_rw(p, BLKIF_OP_READ, 8, 0, 1));
		if (start_flipping(&thread, &f) < 0)
			return -1;
		peer_push(p);
		wire = peer_next_rsp(p);
		stop_flipping(thread);
		if (!wire)
			return hostile_fail("round %u: no answer", round);
		blkif_decode_rsp(p->abi, wire, &rsp);
		/* The thread's last write may lie on the answer's low byte of the id. */
		if (rsp.status != BLKIF_RSP_OKAY || rsp.operation > BLKIF_OP_WRITE)
			return hostile_fail("round %u: operation %u, status %d", round, rsp.operation,
				rsp.status);
		if (read_first_byte(p, 8, &now) < 0)
			return -1;
		if (now != (rsp.operation == BLKIF_OP_WRITE ? in_page : on_disk) ||
			p->page[0][0] != now)
			return hostile_fail("round %u: what was answered as operation %u did the other",
				round, rsp.operation);
		on_disk = now;
	}
	return peer_check_works(p);
}

/* Sectors 0 to 15 of the disk have their number plus one in each byte. */
static int number_sectors(struct peer *p)
{
	for (unsigned i = 0; i < 16; i++)
		memset(p->page[30 + i / 8] + i % 8 * 512, i + 1, 512);
	return peer_expect(p, peer_rw(p, BLKIF_OP_WRITE, 0, 30, 2), BLKIF_RSP_OKAY);
}

/* Where the second segment begins tells how long the first was taken for: once and for all. */
static int lengths_agree(struct peer *p)
{
	unsigned n = 0;

	while (n < 8 && p->page[0][n * 512] != 0xee)
		n++;
	if (n != 1 && n != 8)
		return hostile_fail("%u sectors came for a segment of 1 or 8", n);
	for (unsigned i = 0; i < 8; i++)
		if ((i < n && p->page[0][i * 512] != i + 1) || p->page[1][i * 512] != n + i + 1)
			return hostile_fail("%u sectors came, and the rest for another length", n);
	return 0;
}

static int length_is_the_one_checked(struct peer *p, bool indirect)
{
	if (number_sectors(p) < 0)
		return -1;
	for (unsigned round = 0; round < 250; round++) {
		struct flip f = { .values = { 0, 7, 0, 7 } };
		struct blkif_req *req = peer_rw(p, BLKIF_OP_READ, 0, 0, 2);
		struct blkif_rsp rsp;
		const uint8_t *wire;
		pthread_t thread;

		memset(p->page[0], 0xee, 4096);
		memset(p->page[1], 0xee, 4096);
		req->indirect = indirect;
		if (indirect)
			blkif_encode_segments(req, 0, p->page[PEER_PAGES - 1]);
		f.at = indirect ? p->page[PEER_PAGES - 1] + 5 :
				  peer_slot(p) + blkif_layout(p->abi)->seg + 5;
		peer_put(p, req);
		if (start_flipping(&thread, &f) < 0)
			return -1;
		peer_push(p);
		wire = peer_next_rsp(p);
		stop_flipping(thread);
		if (!wire)
			return hostile_fail("round %u: no answer", round);
		blkif_decode_rsp(p->abi, wire, &rsp);
		if (rsp.status != BLKIF_RSP_OKAY)
			return hostile_fail("round %u: status %d, and both values are good", round,
				rsp.status);
		if (lengths_agree(p) < 0)
			return hostile_fail("in round %u", round);
	}
	return peer_check_works(p);
}

static int direct_lengths(struct peer *p)
{
	return length_is_the_one_checked(p, false);
}

static int indirect_lengths(struct peer *p)
{
	return length_is_the_one_checked(p, true);
}

/* The other way for data to come and go: grant copy. */
static int indirect_lengths_copied(struct peer *p)
{
	p->persistent = false;
	return peer_connect(p) < 0 ? -1 : length_is_the_one_checked(p, true);
}

static int direct_lengths_copied(struct peer *p)
{
	p->persistent = false;
	return peer_connect(p) < 0 ? -1 : length_is_the_one_checked(p, false);
}

const struct hostile_case hostile_races[] = {
	{ "rule02-copy-once-xsa155-any-operation", flip_operation, false },
	{ "rule02-copy-once-xsa155-operation", operation_is_the_one_done, false },
	{ "rule02-copy-once-xsa155-segment-count", flip_nr_segments, false },
	{ "rule02-copy-once-xsa155-segment-end", flip_last_sect, false },
	{ "rule02-copy-once-xsa155-segment-length", direct_lengths, false },
	{ "rule02-copy-once-xsa155-segment-length-copied", direct_lengths_copied, true },
	{ "rule02-copy-once-xsa155-grant", flip_gref, false },
	{ "rule03-copy-once-xsa155-descriptors", flip_indirect, false },
	{ "rule03-copy-once-xsa155-descriptor-length", indirect_lengths, false },
	{ "rule03-copy-once-xsa155-descriptor-length-copied", indirect_lengths_copied, true },
	{ NULL, NULL, false },
};
