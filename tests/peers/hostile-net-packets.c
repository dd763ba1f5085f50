// SPDX-License-Identifier: MIT
/* Rules 4 to 11, 14, 17 and 19's data side: what a packet in the transmit ring may be. */
#include "config.h"
#include "tests/peers/hostile-net.h"

#include <stdio.h>
#include <string.h>

/* What was put ends the device. */
static int fatal(struct netpeer *p)
{
	np_push(p);
	return np_expect_fatal(p);
}

/* What was put, @n slots of which @extras extra segments, is answered; the ring goes on. */
static int answered(struct netpeer *p, uint16_t first, unsigned n, unsigned extras, int status)
{
	np_push(p);
	if (np_answers(p, first, n, extras, status) < 0)
		return -1;
	return np_check_works(p);
}

/* ---- rule 4 ------------------------------------------------------------------------ */

static int extra_missing(struct netpeer *p)
{
	np_slot(p, 0, 0, 100, NETTXF_extra_info);
	return fatal(p);
}

static int extra_type(struct netpeer *p, unsigned type)
{
	np_slot(p, 0, 0, 100, NETTXF_extra_info);
	np_extra(p, type, 0);
	return fatal(p);
}

static int extra_none(struct netpeer *p)
{
	return extra_type(p, 0);
}

static int extra_unknown(struct netpeer *p)
{
	return extra_type(p, 6);
}

static int extra_max(struct netpeer *p)
{
	return extra_type(p, 255);
}

static int extra_without_end(struct netpeer *p)
{
	np_slot(p, 0, 0, 100, NETTXF_extra_info);
	for (unsigned i = 0; i < 200; i++)
		np_extra(p, XEN_NETIF_EXTRA_TYPE_GSO, XEN_NETIF_EXTRA_FLAG_MORE)->u.gso.size = 1000;
	return fatal(p);
}

static int extra_more_and_nothing(struct netpeer *p)
{
	np_slot(p, 0, 0, 100, NETTXF_extra_info);
	np_extra(p, XEN_NETIF_EXTRA_TYPE_HASH, XEN_NETIF_EXTRA_FLAG_MORE);
	return fatal(p);
}

static int data_missing(struct netpeer *p)
{
	np_slot(p, 0, 0, 5000, NETTXF_more_data);
	return fatal(p);
}

/* ---- rules 5, 6, 7 ------------------------------------------------------------------ */

static int more_than_the_total(struct netpeer *p)
{
	uint16_t first = np_slot(p, 0, 0, 100, NETTXF_more_data);

	np_slot(p, 1, 0, 101, 0);
	return answered(p, first, 2, 0, NETIF_RSP_ERROR);
}

/* As Windows' and old Linux's frontends once did: 64 KiB and more, whose sum wraps. */
static int total_wraps(struct netpeer *p)
{
	uint16_t first = np_slot(p, 0, 0, 4096, NETTXF_more_data);

	for (unsigned i = 1; i < 17; i++)
		np_slot(p, i, 0, 4096, i < 16 ? NETTXF_more_data : 0);
	return answered(p, first, 17, 0, NETIF_RSP_ERROR);
}

static int beyond_the_page(struct netpeer *p)
{
	np_slot(p, 0, 4096 - 99, 100, 0);
	return fatal(p);
}

static int beyond_the_page_huge(struct netpeer *p)
{
	np_slot(p, 0, 0xffff, 0xffff, 0);
	return fatal(p);
}

static int beyond_the_page_later(struct netpeer *p)
{
	np_slot(p, 0, 0, 8000, NETTXF_more_data);
	np_slot(p, 1, 97, 4000, 0);
	return fatal(p);
}

/* The first slot's own size is what the others leave of the total: more than its page has. */
static int first_beyond_the_page(struct netpeer *p)
{
	np_slot(p, 0, 0, 60000, NETTXF_more_data);
	np_slot(p, 1, 0, 100, 0);
	return fatal(p);
}

static int too_short(struct netpeer *p)
{
	for (unsigned size = 0; size < 14; size++) {
		uint16_t first = np_slot(p, 0, 0, size, 0);

		if (answered(p, first, 1, 0, NETIF_RSP_ERROR) < 0)
			return hostile_fail("with %u bytes", size);
	}
	return 0;
}

/* ---- rules 8, 9, 10, 11 ------------------------------------------------------------- */

/* A frame of @slots pieces, the last of which has the rest; sent back whole. */
static int cut_up(struct netpeer *p, unsigned len, unsigned slots, unsigned piece, unsigned empty_every)
{
	static unsigned seed = 100;
	static uint8_t data[8192];
	uint16_t first = p->next_id;
	unsigned at = 0;

	np_frame(data, len, ++seed);
	np_post(p, 64);
	for (unsigned i = 0; i < slots; i++) {
		unsigned part = i + 1 == slots ? len - at : piece;

		if (empty_every && i && i + 1 < slots && i % empty_every == 0)
			part = 0;
		memcpy(p->page[i] + 7 * i, data + at, part);
		np_slot(p, i, 7 * i, i ? part : len, i + 1 < slots ? NETTXF_more_data : 0);
		at += part;
	}
	np_push(p);
	if (np_answers(p, first, slots, 0, NETIF_RSP_OKAY) < 0)
		return hostile_fail("%u bytes in %u slots", len, slots);
	if (np_receive(p, HOSTILE_SECONDS * 1000) < 0 || !np_is_frame(p, len, seed))
		return hostile_fail("%u bytes in %u slots did not come back as they were", len, slots);
	return 0;
}

static int eighteen_slots(struct netpeer *p)
{
	return cut_up(p, 18 * 200, 18, 200, 0) < 0 ? -1 : np_check_works(p);
}

static int too_many(struct netpeer *p, unsigned slots)
{
	uint16_t first = p->next_id;

	for (unsigned i = 0; i < slots; i++)
		np_slot(p, i, 0, i ? 10 : slots * 10, i + 1 < slots ? NETTXF_more_data : 0);
	if (slots > NETIF_SLOTS_FATAL)
		return fatal(p);
	return answered(p, first, slots, 0, NP_ANY_ERROR);
}

static int nineteen_slots(struct netpeer *p)
{
	return too_many(p, 19);
}

static int twenty_slots(struct netpeer *p)
{
	return too_many(p, 20);
}

static int twenty_one_slots(struct netpeer *p)
{
	return too_many(p, 21);
}

static int all_slots(struct netpeer *p)
{
	return too_many(p, NP_SLOTS);
}

static int empty_slots(struct netpeer *p)
{
	for (unsigned every = 1; every < 5; every++)
		if (cut_up(p, 1000, 12, 50, every) < 0)
			return -1;
	return np_check_works(p);
}

/* The first slot has nothing: all is in the others. */
static int empty_first_slot(struct netpeer *p)
{
	uint16_t first = p->next_id;

	np_post(p, 64);
	np_frame(p->page[1], 500, 77);
	np_slot(p, 0, 0, 500, NETTXF_more_data);
	np_slot(p, 1, 0, 500, 0);
	np_push(p);
	if (np_answers(p, first, 2, 0, NETIF_RSP_OKAY) < 0)
		return -1;
	if (np_receive(p, HOSTILE_SECONDS * 1000) < 0 || !np_is_frame(p, 500, 77))
		return hostile_fail("it did not come back as it was");
	return np_check_works(p);
}

static int headers_in_tiny_slots(struct netpeer *p)
{
	for (unsigned piece = 1; piece < 9; piece++)
		if (cut_up(p, 200, 18, piece, 0) < 0)
			return -1;
	return np_check_works(p);
}

static int tiny_packets(struct netpeer *p)
{
	for (unsigned len = 18; len < 60; len += 3)
		if (cut_up(p, len, 18, 1, 0) < 0)
			return -1;
	return np_check_works(p);
}

/* ---- rule 14 ------------------------------------------------------------------------ */

/* All kinds of drops one after the other, full rings of them: none holds anything that the next needs. */
static int drop_storm(struct netpeer *p)
{
	for (unsigned round = 0; round < 50; round++) {
		uint16_t first = p->next_id;
		unsigned n = 0;

		while (n < NP_SLOTS - 40) {
			np_slot(p, 0, 0, 3, 0);
			np_slot(p, 0, 0, 100, NETTXF_more_data);
			np_slot(p, 1, 0, 200, 0);
			n += 3;
			for (unsigned i = 0; i < 19; i++)
				np_slot(p, i, 0, i ? 10 : 190, i < 18 ? NETTXF_more_data : 0);
			n += 19;
		}
		np_push(p);
		if (np_answers(p, first, n, 0, NP_ANY_ERROR) < 0)
			return -1;
	}
	return np_check_works(p);
}

/* ---- rule 17 ------------------------------------------------------------------------ */

/* An IPv4 TCP segment of @payload bytes into page 0 and on, checksum blank. Return: bytes. */
static unsigned tcp_frame(struct netpeer *p, unsigned payload)
{
	uint8_t *f = p->page[0];

	np_frame(f, 4096, 5);
	memset(f + 14, 0, 40);
	f[12] = 0x08;
	f[13] = 0;
	f[14] = 0x45;
	f[16] = (40 + payload) >> 8;
	f[17] = (uint8_t)(40 + payload);
	f[22] = 64;
	f[23] = 6;
	f[26] = f[30] = 10;
	f[33] = 1;
	f[46] = 0x50;
	return 54 + payload;
}

static uint16_t put_gso(struct netpeer *p, unsigned len, unsigned type, unsigned size, unsigned flags)
{
	uint16_t first = np_slot(p, 0, 0, len, flags | NETTXF_extra_info | (len > 4096 ? NETTXF_more_data : 0));

	np_gso(p, type, size);
	for (unsigned i = 1, at = 4096; at < len; i++, at += 4096)
		np_slot(p, i, 0, len - at < 4096 ? len - at : 4096, at + 4096 < len ? NETTXF_more_data : 0);
	return first;
}

static int gso_of_nothing(struct netpeer *p)
{
	put_gso(p, tcp_frame(p, 3000), XEN_NETIF_GSO_TYPE_TCPV4, 0, NETTXF_csum_blank);
	return fatal(p);
}

static int gso_of_no_kind(struct netpeer *p)
{
	put_gso(p, tcp_frame(p, 3000), 3, 1000, NETTXF_csum_blank);
	return fatal(p);
}

/* Whatever is said of it: what does not hold of the frame itself is dropped, or mended. */
static int gso_of_anything(struct netpeer *p)
{
	static const uint16_t sizes[] = { 1, 2, 7, 8, 100, 1448, 9000, 0x7fff, 0xffff };

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]) * 8; i++) {
		unsigned len = tcp_frame(p, 30 + 70 * i);
		uint16_t first;
		const struct netif_tx_response *rsp;

		if (i & 1)
			p->page[0][46] = 0xf0; /* options beyond the frame */
		if (i & 2)
			p->page[0][14] = 0x4f;
		first = put_gso(p, len > 4096 ? 4096 : len, 1 + (i & 1), sizes[i / 8], i & 4 ? NETTXF_csum_blank : 0);
		np_post(p, 200);
		np_push(p);
		for (unsigned n = 0; n < 2; n++) {
			rsp = np_next_answer(p);
			if (!rsp || (rsp->status != NETIF_RSP_NULL && rsp->id != first))
				return hostile_fail("no answer, or a wrong one, to GSO %u", i);
		}
		while (np_receive(p, 0) > 0)
			np_post(p, 200);
	}
	return np_check_works(p);
}

static int gso_not_negotiated(struct netpeer *p)
{
	uint16_t first;

	/* A backend that offers all of it has nothing that was not negotiated. */
	if (np_offered(p, "feature-gso-tcpv4")) {
		printf("  (offered: cannot be tried here)\n");
		return 0;
	}
	first = put_gso(p, tcp_frame(p, 3000), XEN_NETIF_GSO_TYPE_TCPV4, 1000, NETTXF_csum_blank);
	return answered(p, first, 2, 1, NETIF_RSP_ERROR);
}

/* A blank checksum of what has none: dropped or sent as it is, never worse. */
static int blank_checksum_of_noise(struct netpeer *p)
{
	for (unsigned i = 0; i < 200; i++) {
		unsigned len = 14 + i * 3;

		np_frame(p->page[0], len, i);
		if (i & 1) {
			p->page[0][12] = i & 2 ? 0x86 : 0x08;
			p->page[0][13] = i & 2 ? 0xdd : 0;
			p->page[0][14] = i & 2 ? 0x60 : 0x40 | i % 16;
			p->page[0][20] = i & 4 ? 6 : 0;
			p->page[0][23] = i & 8 ? 6 : 17;
		}
		np_post(p, 20);
		np_slot(p, 0, 0, len, NETTXF_csum_blank);
		np_push(p);
		if (!np_next_answer(p))
			return hostile_fail("frame %u was not answered", i);
		while (np_receive(p, 0) > 0)
			;
	}
	return np_check_works(p);
}

const struct np_case np_packets[] = {
	{ "rule04-extra-missing", extra_missing, false },
	{ "rule04-extra-of-type-none", extra_none, false },
	{ "rule04-extra-of-unknown-type", extra_unknown, false },
	{ "rule04-extra-of-largest-type", extra_max, false },
	{ "rule04-extras-without-end", extra_without_end, false },
	{ "rule04-extra-promised-and-missing", extra_more_and_nothing, false },
	{ "rule04-data-promised-and-missing", data_missing, false },
	{ "rule05-slots-of-more-than-the-packet", more_than_the_total, false },
	{ "rule05-more-than-64-kib", total_wraps, false },
	{ "rule06-slot-beyond-its-page", beyond_the_page, false },
	{ "rule06-slot-far-beyond-its-page", beyond_the_page_huge, false },
	{ "rule06-later-slot-beyond-its-page", beyond_the_page_later, false },
	{ "rule06-first-slot-beyond-its-page", first_beyond_the_page, false },
	{ "rule07-shorter-than-a-header", too_short, false },
	{ "rule08-eighteen-slots", eighteen_slots, false },
	{ "rule08-nineteen-slots", nineteen_slots, false },
	{ "rule08-twenty-slots", twenty_slots, false },
	{ "rule08-twenty-one-slots", twenty_one_slots, false },
	{ "rule08-a-ring-of-one-packet", all_slots, false },
	{ "rule09-empty-slots-xsa448", empty_slots, false },
	{ "rule09-empty-first-slot-xsa448", empty_first_slot, false },
	{ "rule10-headers-in-tiny-slots-xsa423", headers_in_tiny_slots, false },
	{ "rule11-tiny-packets-of-many-slots-xsa432", tiny_packets, false },
	{ "rule14-drop-storm-xsa424", drop_storm, false },
	{ "rule17-gso-of-nothing", gso_of_nothing, false },
	{ "rule17-gso-of-no-kind", gso_of_no_kind, false },
	{ "rule17-gso-of-anything", gso_of_anything, false },
	{ "rule17-gso-not-negotiated", gso_not_negotiated, false },
	{ "rule17-blank-checksum-of-noise", blank_checksum_of_noise, false },
	{ NULL, NULL, false },
};
