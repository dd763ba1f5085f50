// SPDX-License-Identifier: MIT
/* Rules 12, 15, 21 and 22: grants, and what is received. */
#include "config.h"
#include "tests/peers/hostile-net.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* ---- rule 12 ------------------------------------------------------------------------ */

static int bad_grant(struct netpeer *p, uint32_t ref)
{
	uint16_t first = np_slot(p, 0, 0, 100, 0);
	struct np_ring *r = &p->q->tx;

	((struct netif_tx_request *)(r->page + 64 + ((r->prod - 1) & (r->slots - 1)) * r->slot_size))->gref = ref;
	np_push(p);
	if (np_answers(p, first, 1, 0, NETIF_RSP_ERROR) < 0)
		return hostile_fail("grant %#x", ref);
	return np_check_works(p);
}

static int send_bad_grants(struct netpeer *p)
{
	static const uint32_t refs[] = { 0, 0x7fffffff, 0xffffffff, 1u << 20 };

	for (unsigned i = 0; i < sizeof(refs) / sizeof(refs[0]); i++)
		if (bad_grant(p, refs[i]) < 0)
			return -1;
	/* A frontend that is gone by then may have been destroyed, and nothing is logged. */
	nanosleep(&(struct timespec){ .tv_sec = 3 }, NULL);
	return 0;
}

/* A packet in the middle of a batch, and in the middle of a packet: the others are not lost. */
static int one_bad_of_many(struct netpeer *p)
{
	struct np_ring *r = &p->q->tx;
	uint16_t first = p->next_id;
	unsigned bad = 0;

	for (unsigned i = 0; i < 100; i++) {
		struct netif_tx_request *req;

		np_slot(p, i, 0, 200, NETTXF_more_data);
		np_slot(p, i + 100, 0, 100, 0);
		req = (void *)(r->page + 64 + ((r->prod - 1) & (r->slots - 1)) * r->slot_size);
		if (i % 10 == 3)
			req->gref = 0xfffff000 + i;
	}
	np_push(p);
	for (unsigned i = 0; i < 200; i++) {
		const struct netif_tx_response *rsp = np_next_answer(p);

		if (!rsp)
			return hostile_fail("only %u answers came", i);
		if ((rsp->status < 0) != ((uint16_t)(rsp->id - first) / 2 % 10 == 3))
			return hostile_fail("slot %u: status %d", (uint16_t)(rsp->id - first), rsp->status);
		bad += rsp->status < 0;
	}
	return bad == 20 ? np_check_works(p) : hostile_fail("%u slots failed, expected 20", bad);
}

static int revoked_grant(struct netpeer *p)
{
	uint32_t old = p->ref[50];

	if (np_check_works(p) < 0)
		return -1;
	xengntshr_unshare(p->xgs, p->page[50], 1);
	p->page[50] = NULL;
	return bad_grant(p, old);
}

/* Buffers that cannot be written: the packets for them are lost, those after them are not. */
static int receive_bad_grants(struct netpeer *p)
{
	uint32_t keep[8];

	for (unsigned i = 0; i < 8; i++) {
		keep[i] = p->buffer_ref[i];
		p->buffer_ref[i] = 0xffffff00 + i;
	}
	np_post(p, 64);
	for (unsigned i = 0; i < 8; i++)
		np_send(p, i, 100, i);
	np_push(p);
	if (np_answers(p, p->next_id - 8, 8, 0, NETIF_RSP_OKAY) < 0)
		return -1;
	for (unsigned i = 0; i < 8; i++) {
		struct np_ring *r = &p->q->rx;
		struct netif_rx_response rsp;
		double end = hostile_now() + HOSTILE_SECONDS;

		while (*np_rsp_prod(r) == r->cons && hostile_now() < end)
			hostile_nap();
		if (*np_rsp_prod(r) == r->cons)
			return hostile_fail("buffer %u was not answered", i);
		memcpy(&rsp, r->page + 64 + (r->cons++ & (r->slots - 1)) * 8, sizeof(rsp));
		if (rsp.status > 0)
			return hostile_fail("buffer %u: status %d", i, rsp.status);
	}
	memcpy(p->buffer_ref, keep, sizeof(keep));
	return np_check_works(p);
}

/* ---- rule 15 ------------------------------------------------------------------------ */

/* No buffers: what comes is dropped in time, and what is kept is bounded in bytes. */
static int no_buffers(struct netpeer *p)
{
	double end = hostile_now() + HOSTILE_SECONDS;
	uint64_t bytes = 0;
	int n;

	for (unsigned i = 0; i < 4000; i++) {
		uint16_t first = p->next_id;
		unsigned slots = np_send(p, 0, 65535, i);

		np_push(p);
		if (np_answers(p, first, slots, 0, NETIF_RSP_OKAY) < 0)
			return hostile_fail("after %u packets that nobody receives", i);
	}
	while (hostile_now() < end) {
		np_post(p, 256);
		n = np_receive(p, 300);
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		bytes += n;
	}
	printf("  %llu KiB of %u MiB had been kept\n", (unsigned long long)bytes >> 10, 4000 * 65535 >> 20);
	if (bytes > 64u << 20)
		return hostile_fail("%llu bytes were kept for a guest that receives nothing", (unsigned long long)bytes);
	return np_check_works(p);
}

/* One buffer is not what a large packet needs: it waits, or is dropped; the small one after it comes. */
static int too_few_buffers(struct netpeer *p)
{
	uint16_t first = p->next_id;
	unsigned slots;

	np_post(p, 3);
	slots = np_send(p, 0, 65535, 1);
	np_push(p);
	if (np_answers(p, first, slots, 0, NETIF_RSP_OKAY) < 0)
		return -1;
	if (np_receive(p, 500) != 0)
		return hostile_fail("a packet of 16 pages came in 3 buffers");
	np_post(p, 30);
	if (np_receive(p, HOSTILE_SECONDS * 1000) != 65535 || !np_is_frame(p, 65535, 1))
		return hostile_fail("it did not come when there was room");
	return np_check_works(p);
}

/* ---- rules 21, 22 -------------------------------------------------------------------- */

/* np_receive() holds each response against the rule. */
static int responses_keep_the_rules(struct netpeer *p)
{
	for (unsigned i = 0; i < 1500; i++) {
		static const unsigned sizes[] = { 14, 60, 1514, 4096, 4097, 8192, 9014, 30000, 65535 };
		unsigned len = sizes[i % 9];
		uint16_t first = p->next_id;
		unsigned slots;

		np_post(p, 20);
		slots = np_send(p, i % 200, len, i);
		np_push(p);
		if (np_answers(p, first, slots, 0, NETIF_RSP_OKAY) < 0)
			return -1;
		if (np_receive(p, HOSTILE_SECONDS * 1000) < 0 || !np_is_frame(p, len, i))
			return hostile_fail("frame %u of %u bytes came back as %u bytes", i, len, p->got_len);
	}
	return np_check_works(p);
}

/* Slots at all offsets: pieces that meet pages' ends on either side. */
static int pages_ends(struct netpeer *p)
{
	static uint8_t data[9000];

	for (unsigned offset = 1; offset < 4096; offset += 455) {
		unsigned part = 4096 - offset, len = part + 4096 + 100;
		uint16_t first = p->next_id;

		np_frame(data, len, offset);
		memcpy(p->page[0] + offset, data, part);
		memcpy(p->page[1], data + part, 4096);
		memcpy(p->page[2] + 3996, data + part + 4096, 100);
		np_post(p, 20);
		np_slot(p, 0, offset, len, NETTXF_more_data);
		np_slot(p, 1, 0, 4096, NETTXF_more_data);
		np_slot(p, 2, 3996, 100, 0);
		np_push(p);
		if (np_answers(p, first, 3, 0, NETIF_RSP_OKAY) < 0)
			return -1;
		if (np_receive(p, HOSTILE_SECONDS * 1000) < 0 || !np_is_frame(p, len, offset))
			return hostile_fail("a frame from offset %u came back wrong", offset);
	}
	return np_check_works(p);
}

const struct np_case np_grants[] = {
	{ "rule12-bad-grants-to-send", send_bad_grants, false },
	{ "rule12-bad-one-fails-alone", one_bad_of_many, false },
	{ "rule12-revoked-grant", revoked_grant, false },
	{ "rule12-bad-grants-to-receive", receive_bad_grants, false },
	{ NULL, NULL, false },
};

const struct np_case np_receiving[] = {
	{ "rule15-no-buffers-xsa392", no_buffers, false },
	{ "rule15-too-few-buffers-xsa392", too_few_buffers, false },
	{ "rule21-responses-keep-the-rules", responses_keep_the_rules, false },
	{ "rule22-pieces-at-pages-ends", pages_ends, false },
	{ NULL, NULL, false },
};
