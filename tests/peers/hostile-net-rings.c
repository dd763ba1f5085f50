// SPDX-License-Identifier: MIT
/* Rules 1, 2, 3, 13 and 20: indices, slots that change, events. */
#include "config.h"
#include "tests/peers/hostile-net.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static int overflow(struct netpeer *p, struct np_ring *r, int port, uint32_t prod)
{
	__atomic_store_n(np_req_prod(r), prod, __ATOMIC_SEQ_CST);
	(void)xenevtchn_notify(p->xce, port);
	return np_expect_fatal(p);
}

static int tx_by_one(struct netpeer *p)
{
	return overflow(p, &p->q->tx, p->q->tx_port, NP_SLOTS + 1);
}

static int tx_huge(struct netpeer *p)
{
	return overflow(p, &p->q->tx, p->q->tx_port, 0x80000000);
}

static int tx_backwards(struct netpeer *p)
{
	if (np_check_works(p) < 0)
		return -1;
	return overflow(p, &p->q->tx, p->q->tx_port, p->q->tx.prod - 2);
}

/* Buffers are looked at when a packet needs them. */
static int rx_overflow(struct netpeer *p, uint32_t prod)
{
	__atomic_store_n(np_req_prod(&p->q->rx), prod, __ATOMIC_SEQ_CST);
	np_send(p, 0, 100, 1);
	__atomic_store_n(np_req_prod(&p->q->tx), p->q->tx.prod, __ATOMIC_SEQ_CST);
	(void)xenevtchn_notify(p->xce, p->q->tx_port);
	return np_expect_fatal(p);
}

static int rx_by_one(struct netpeer *p)
{
	return rx_overflow(p, NP_SLOTS + 1);
}

static int rx_huge(struct netpeer *p)
{
	return rx_overflow(p, 0xffffffff);
}

static int with_ctrl(struct netpeer *p)
{
	p->with_ctrl = np_offered(p, "feature-ctrl-ring");
	if (!p->with_ctrl)
		return hostile_fail("there is no control ring");
	return np_connect(p);
}

static int ctrl_overflow(struct netpeer *p)
{
	if (with_ctrl(p) < 0)
		return -1;
	return overflow(p, &p->ctrl, p->ctrl_port, NETIF_CTRL_RING_SLOTS + 1);
}

static int ctrl_huge(struct netpeer *p)
{
	if (with_ctrl(p) < 0)
		return -1;
	return overflow(p, &p->ctrl, p->ctrl_port, 0xfffffff0);
}

/* What the guest writes into rsp_prod is never read back. */
static int rsp_prod_is_private(struct netpeer *p)
{
	if (np_check_works(p) < 0)
		return -1;
	*np_rsp_prod(&p->q->tx) = 0x12345;
	np_send(p, 0, 100, 1);
	np_push(p);
	for (double end = hostile_now() + HOSTILE_SECONDS; *np_rsp_prod(&p->q->tx) != p->q->tx.prod;) {
		if (hostile_now() > end)
			return hostile_fail("rsp_prod is %u, expected %u", *np_rsp_prod(&p->q->tx), p->q->tx.prod);
		hostile_nap();
	}
	p->q->tx.cons = p->q->tx.prod;
	return np_receive(p, HOSTILE_SECONDS * 1000) > 0 ? np_check_works(p) : hostile_fail("nothing came back");
}

/* ---- rule 2 ------------------------------------------------------------------------ */

struct flipper {
	volatile struct netif_tx_request *slot;
	uint32_t good_ref;
	int what;
	atomic_bool stop;
};

static void *flip(void *opaque)
{
	struct flipper *f = opaque;

	for (unsigned i = 0; !f->stop; i++) {
		switch (f->what) {
		case 0:
			f->slot->size = i & 1 ? 100 : 0xffff;
			break;
		case 1:
			f->slot->offset = i & 1 ? 0 : 4095;
			break;
		case 2:
			f->slot->gref = i & 1 ? f->good_ref : 0xfffffff0;
			break;
		case 3:
			f->slot->flags = i & 1 ? 0 : NETTXF_more_data | NETTXF_extra_info;
			break;
		}
	}
	return NULL;
}

/* Whatever the slot was when it was copied: the backend lives, and a new connection works. */
static int flips(struct netpeer *p, int what)
{
	struct flipper f = { .good_ref = p->ref[0], .what = what };
	double end = hostile_now() + 2;
	pthread_t thread;

	for (unsigned round = 0; hostile_now() < end; round++) {
		struct np_ring *r = &p->q->tx;

		np_post(p, 64);
		f.stop = false;
		f.slot = (void *)(r->page + 64 + (r->prod & (r->slots - 1)) * r->slot_size);
		np_slot(p, 0, 0, 100, 0);
		if (pthread_create(&thread, NULL, flip, &f) != 0)
			return hostile_fail("no thread");
		np_push(p);
		for (unsigned i = 0; i < 40 && *np_rsp_prod(r) != r->prod; i++)
			hostile_nap();
		f.stop = true;
		pthread_join(thread, NULL);
		/* Stopped for good, as it may be: begin again. */
		if (*np_rsp_prod(r) != r->prod || np_state(p) != 4) {
			if (np_reset_store(p) < 0 || np_connect(p) < 0)
				return -1;
			continue;
		}
		r->cons = r->prod;
		while (np_receive(p, 0) > 0)
			;
	}
	return 0;
}

static int flip_size(struct netpeer *p)
{
	return flips(p, 0);
}

static int flip_offset(struct netpeer *p)
{
	return flips(p, 1);
}

static int flip_grant(struct netpeer *p)
{
	return flips(p, 2);
}

static int flip_flags(struct netpeer *p)
{
	return flips(p, 3);
}

/* ---- rule 3 ------------------------------------------------------------------------ */

/* An incomplete chain at the ring's end: answers stop at what was put. */
static int no_answer_beyond(struct netpeer *p)
{
	struct np_ring *r = &p->q->tx;

	while (r->prod % NP_SLOTS < NP_SLOTS - 3) {
		uint16_t id = np_slot(p, 0, 0, 60, 0);

		np_push(p);
		if (np_answers(p, id, 1, 0, NETIF_RSP_OKAY) < 0)
			return -1;
	}
	for (unsigned i = 0; i < 5; i++)
		np_slot(p, i, 0, i ? 100 : 4000, NETTXF_more_data);
	np_push(p);
	if (np_expect_fatal(p) < 0)
		return -1;
	for (unsigned i = 0; i < 100; i++) {
		if (*np_rsp_prod(r) - r->cons > r->prod - r->cons)
			return hostile_fail("answered up to %u, put up to %u", *np_rsp_prod(r), r->prod);
		hostile_nap();
	}
	return 0;
}

/* ---- rule 13 ----------------------------------------------------------------------- */

/* Closing with all rings full of work, again and again: nobody serves rings that are gone. */
static int close_under_load(struct netpeer *p)
{
	for (unsigned round = 0; round < 10; round++) {
		np_post(p, 128);
		for (unsigned i = 0; i < 15; i++)
			np_send(p, i * 16 % 128, 65535, i);
		np_push(p);
		if (np_close(p) < 0 || np_connect(p) < 0)
			return -1;
	}
	return np_check_works(p);
}

/* A broken ring stays what it is until the frontend closes. */
static int broken_stays_stopped(struct netpeer *p)
{
	struct np_ring *r = &p->q->tx;
	uint32_t before;

	np_post(p, 64);
	np_slot(p, 0, 4000, 200, 0);
	np_push(p);
	if (np_expect_fatal(p) < 0)
		return -1;
	before = *np_rsp_prod(r);
	np_send(p, 0, 100, 1);
	np_push(p);
	for (unsigned i = 0; i < 400; i++)
		hostile_nap();
	if (*np_rsp_prod(r) != before)
		return hostile_fail("the ring is served again (%u, was %u)", *np_rsp_prod(r), before);
	return np_receive(p, 0) == 0 ? 0 : hostile_fail("a frame came back");
}

/* ---- rule 20 ----------------------------------------------------------------------- */

static unsigned count_events(struct netpeer *p, unsigned ms)
{
	double end = hostile_now() + ms / 1000.0;
	unsigned n = 0;

	while (hostile_now() < end) {
		int port = xenevtchn_pending(p->xce);

		if (port >= 0) {
			n++;
			(void)xenevtchn_unmask(p->xce, port);
		}
		hostile_nap();
	}
	return n;
}


/* A storm of events of ours that bring nothing earns none. */
static int event_storm(struct netpeer *p)
{
	unsigned events;
	int fd = xenevtchn_fd(p->xce);

	(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	if (np_check_works(p) < 0)
		return -1;
	(void)count_events(p, 100);
	for (unsigned i = 0; i < 200000; i++)
		(void)xenevtchn_notify(p->xce, p->q->tx_port);
	events = count_events(p, 500);
	if (events > 2)
		return hostile_fail("%u events came without anything new", events);
	return np_check_works(p);
}

const struct np_case np_rings[] = {
	{ "rule01-tx-overflow-by-one", tx_by_one, false },
	{ "rule01-tx-overflow-huge", tx_huge, false },
	{ "rule01-tx-index-goes-backwards", tx_backwards, false },
	{ "rule01-rx-overflow-by-one", rx_by_one, false },
	{ "rule01-rx-overflow-huge", rx_huge, false },
	{ "rule01-ctrl-overflow-by-one", ctrl_overflow, true },
	{ "rule01-ctrl-overflow-huge", ctrl_huge, true },
	{ "rule01-response-index-is-private", rsp_prod_is_private, false },
	{ "rule02-copy-once-xsa155-size", flip_size, false },
	{ "rule02-copy-once-xsa155-offset", flip_offset, false },
	{ "rule02-copy-once-xsa155-grant", flip_grant, false },
	{ "rule02-copy-once-xsa155-flags", flip_flags, false },
	{ "rule03-no-answer-beyond-what-was-put", no_answer_beyond, false },
	{ "rule13-close-under-load", close_under_load, false },
	{ "rule13-broken-stays-stopped-xsa374", broken_stays_stopped, false },
	{ "rule20-event-storm", event_storm, false },
	{ NULL, NULL, false },
};
