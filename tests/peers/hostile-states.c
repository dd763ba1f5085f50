// SPDX-License-Identifier: MIT
/* Frontends that walk through the states in their own way: some real, some hostile. */
#include "config.h"
#include "tests/peers/hostile.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
	int rc = xsn_writef(xs, t, p->dir, "ring-ref", "%u", p->ring_refs[0]);

	if (rc == 0)
		rc = xsn_writef(xs, t, p->dir, "event-channel", "%d", p->port);
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
	xenevtchn_unbind(p->xce, p->port);
	p->port = xenevtchn_bind_unbound_port(p->xce, p->backend_id);
	memset(p->ring, 0, 64);
	((uint32_t *)p->ring)[1] = ((uint32_t *)p->ring)[3] = 1;
	p->prod = p->cons = 0;
	if (xsn_transaction(p->xs, connected_at_once_fn, p) < 0)
		return peer_fail("the store refused the nodes");
	if (expect_state(p, 4) < 0)
		return -1;
	return peer_check_works(p);
}

/* Quick changes, ending closed: the backend sees some of them, and ends closed, too. */
static int flipping_states(struct peer *p)
{
	static const char *const states[] = { "1", "2", "3", "4", "5", "6", "7", "8", "9", "0",
		"-1", "garbage", "", "4294967297" };

	if (peer_connect(p) < 0 || peer_check_works(p) < 0)
		return -1;
	srand(1);
	for (unsigned i = 0; i < 500; i++)
		peer_write(p, "state", states[rand() % (sizeof(states) / sizeof(states[0]))]);
	peer_write(p, "state", "6");
	return expect_state(p, 6);
}

static int quick_reconnects(struct peer *p)
{
	for (unsigned i = 0; i < 25; i++) {
		if (peer_connect(p) < 0 || peer_check_works(p) < 0)
			return -1;
		/* requests in flight, then the end, orderly in every second round */
		for (unsigned j = 0; j < 16; j++)
			peer_put(p, peer_rw(p, BLKIF_OP_WRITE, 4096 + j * 8, j, 1));
		peer_push(p);
		if (i % 2 && peer_reset_store(p) < 0)
			return -1;
		if (i % 2)
			continue;
		peer_write(p, "state", "6");
		if (expect_state(p, 6) < 0)
			return -1;
		peer_write(p, "state", "1");
		if (expect_state(p, 2) < 0)
			return -1;
	}
	return 0;
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

/* On Closing requests are still answered; only Closed ends that. */
static int io_while_closing(struct peer *p)
{
	if (peer_connect(p) < 0)
		return -1;
	peer_write(p, "state", "5");
	if (expect_state(p, 5) < 0)
		return -1;
	return peer_check_works(p);
}

/* The state node vanishes, later the whole connection comes again. */
static int vanished_state(struct peer *p)
{
	if (peer_connect(p) < 0 || peer_check_works(p) < 0)
		return -1;
	peer_write(p, "state", NULL);
	if (expect_state(p, 6) < 0)
		return -1;
	peer_write(p, "state", "1");
	if (expect_state(p, 2) < 0 || peer_connect(p) < 0)
		return -1;
	return peer_check_works(p);
}

const struct hostile_case hostile_states[] = {
	{ "closing-first", closing_first, true },
	{ "grub", grub, true },
	{ "straight-to-connected", straight_to_connected, true },
	{ "flipping-states", flipping_states, true },
	{ "quick-reconnects", quick_reconnects, true },
	{ "kexec", kexec, true },
	{ "io-while-closing", io_while_closing, true },
	{ "vanished-state", vanished_state, true },
	{ NULL, NULL, false },
};
