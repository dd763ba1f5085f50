// SPDX-License-Identifier: MIT
/* What real frontends do that Linux's does not. */
#include "config.h"
#include "tests/peers/hostile.h"

#include <stdlib.h>
#include <string.h>

#include "xenstore/xsnode.h"

static int expect_state(struct peer *p, int state)
{
	return peer_wait_state(p, 1u << state) < 0 ? -1 : 0;
}

/* Windows closes the device at boot, before it ever connected. */
static int closing_first(struct peer *p)
{
	peer_write(p, "state", "5");
	if (expect_state(p, 5) < 0)
		return -1;
	peer_write(p, "state", "6");
	if (expect_state(p, 6) < 0)
		return -1;
	peer_write(p, "state", "1");
	if (expect_state(p, 2) < 0 || peer_connect(p) < 0)
		return -1;
	return peer_check_works(p);
}

/*
 * GRUB: one grant for all requests, none persistent, id always 0, an event each. On exit
 * Closed at once, wait for exactly Closed, empty nodes, Initialising: the kernel that it
 * loaded finds InitWait.
 */
static int grub(struct peer *p)
{
	p->persistent = false;
	if (peer_connect(p) < 0)
		return -1;
	for (unsigned i = 0; i < 100; i++) {
		struct blkif_req *req = peer_rw(p, BLKIF_OP_READ, i * 8, 7, 1);

		req->id = 0;
		if (peer_expect(p, req, BLKIF_RSP_OKAY) < 0)
			return -1;
	}
	peer_write(p, "state", "6");
	if (expect_state(p, 6) < 0)
		return -1;
	peer_write(p, "ring-ref", "");
	peer_write(p, "event-channel", "");
	peer_write(p, "state", "1");
	if (expect_state(p, 2) < 0)
		return -1;
	p->persistent = true;
	if (peer_connect(p) < 0)
		return -1;
	return peer_check_works(p);
}

static int connected_at_once_fn(struct xs_handle *xs, xs_transaction_t t, void *opaque)
{
	struct peer *p = opaque;
	int rc = xsn_writef(xs, t, p->dir, "ring-ref", "%u", p->q->ring_refs[0]);

	if (rc == 0)
		rc = xsn_writef(xs, t, p->dir, "event-channel", "%d", p->q->port);
	if (rc == 0)
		rc = xsn_write(xs, t, p->dir, "protocol", "x86_64-abi");
	return rc < 0 ? rc : xsn_write(xs, t, p->dir, "state", "4");
}

/* Mini-OS: Connected inside of the transaction with the nodes, no Initialised. */
static int straight_to_connected(struct peer *p)
{
	/* rings and a channel, by way of a connection that is closed again */
	if (peer_connect(p) < 0 || peer_reset_store(p) < 0)
		return -1;
	xenevtchn_unbind(p->xce, p->q->port);
	p->q->port = xenevtchn_bind_unbound_port(p->xce, p->backend_id);
	memset(p->q->ring, 0, 64);
	((uint32_t *)p->q->ring)[1] = ((uint32_t *)p->q->ring)[3] = 1;
	p->q->prod = p->q->cons = 0;
	if (xsn_transaction(p->xs, connected_at_once_fn, p) < 0)
		return hostile_fail("the store refused the nodes");
	if (expect_state(p, 4) < 0)
		return -1;
	return peer_check_works(p);
}

/* Back at Initialising without having closed: a new kernel that lost its rings (kexec). */
static int kexec(struct peer *p)
{
	if (peer_connect(p) < 0 || peer_check_works(p) < 0)
		return -1;
	peer_write(p, "state", "1");
	if (expect_state(p, 2) < 0 || peer_connect(p) < 0)
		return -1;
	return peer_check_works(p);
}

/* Mini-OS: a barrier and a flush, both with the id 0, before either was answered. */
static int mini_os(struct peer *p)
{
	for (unsigned i = 0; i < 2; i++) {
		struct blkif_req *req = peer_rw(p,
			i ? BLKIF_OP_FLUSH_DISKCACHE : BLKIF_OP_WRITE_BARRIER, 0, 0, 0);

		req->id = 0;
		peer_put(p, req);
	}
	peer_push(p);
	for (unsigned i = 0; i < 2; i++) {
		const uint8_t *wire = peer_next_rsp(p);
		struct blkif_rsp rsp;

		if (!wire)
			return hostile_fail("answer %u is missing", i);
		blkif_decode_rsp(p->abi, wire, &rsp);
		if (rsp.id != 0 || rsp.status != BLKIF_RSP_OKAY)
			return hostile_fail("id %#llx, status %d", (unsigned long long)rsp.id, rsp.status);
	}
	return peer_check_works(p);
}

/* MirageOS: four ring pages, Connected at once, one indirect page, ids that are references. */
static int mirage(struct peer *p)
{
	p->abi = BLKIF_ABI_X86_64;
	p->order = 2;
	if (peer_prepare(p) < 0)
		return -1;
	peer_publish(p);
	peer_write(p, "state", "4");
	if (expect_state(p, 4) < 0)
		return -1;
	for (unsigned i = 0; i < 40; i++) {
		struct blkif_req *req = peer_rw(p, i % 2, 0, 0, 32);

		req->id = req->indirect_gref[0];
		if (peer_expect(p, req, BLKIF_RSP_OKAY) < 0)
			return -1;
	}
	return peer_check_works(p);
}

/* FreeBSD: both spellings of the number of pages; an older one, only that of pages. */
static int freebsd(struct peer *p)
{
	for (unsigned i = 0; i < 2; i++) {
		p->order = 3;
		if (peer_prepare(p) < 0)
			return -1;
		peer_publish(p);
		peer_write(p, "num-ring-pages", "8");
		if (i)
			peer_write(p, "ring-page-order", NULL);
		if (peer_go(p) < 0 || peer_check_works(p) < 0 || peer_reset_store(p) < 0)
			return -1;
	}
	return 0;
}

/* OVMF: Connected at once; Closing, Closed, Initialising, each waited for. */
static int ovmf(struct peer *p)
{
	for (unsigned i = 0; i < 3; i++) {
		if (peer_prepare(p) < 0)
			return -1;
		peer_publish(p);
		peer_write(p, "state", "4");
		if (expect_state(p, 4) < 0 || peer_check_works(p) < 0)
			return -1;
		peer_write(p, "state", "5");
		if (expect_state(p, 5) < 0)
			return -1;
		peer_write(p, "state", "6");
		if (expect_state(p, 6) < 0)
			return -1;
		peer_write(p, "state", "1");
		if (expect_state(p, 2) < 0)
			return -1;
	}
	return 0;
}

const struct hostile_case hostile_quirks[] = {
	{ "quirk-windows-closes-first", closing_first, true },
	{ "quirk-grub", grub, true },
	{ "quirk-mini-os-straight-to-connected", straight_to_connected, true },
	{ "quirk-mini-os-ids", mini_os, false },
	{ "quirk-mirage", mirage, true },
	{ "quirk-freebsd", freebsd, true },
	{ "quirk-ovmf", ovmf, true },
	{ "quirk-kexec", kexec, true },
	{ NULL, NULL, false },
};
