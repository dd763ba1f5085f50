// SPDX-License-Identifier: MIT
/* Several rings: one that breaks a rule, barriers over all of them, a disk with limits. */
#include "config.h"
#include "tests/peers/hostile.h"

#include <stdio.h>

#define MAX_RINGS 4

/* As many rings as are offered, up to four. */
static int connect_up_to(struct peer *p, unsigned most)
{
	unsigned offered = peer_offered(p, "multi-queue-max-queues");

	p->nqueues = offered < most ? offered : most;
	if (p->nqueues == 0)
		p->nqueues = 1;
	printf("  %u rings\n", p->nqueues);
	return peer_connect(p);
}

static int connect_rings(struct peer *p)
{
	return connect_up_to(p, MAX_RINGS);
}

static int check_all(struct peer *p)
{
	for (unsigned i = 0; i < p->nqueues; i++) {
		peer_use_queue(p, i);
		if (peer_check_works(p) < 0)
			return hostile_fail("on ring %u", i);
	}
	return 0;
}

static void fill(struct peer *p, unsigned op)
{
	for (unsigned i = 0; i < p->q->slots; i++) {
		bool empty = op == BLKIF_OP_WRITE_BARRIER && i % 3 == 2;

		peer_put(p, peer_rw(p, op, 4096 + i * 8, i, empty ? 0 : 1 + i % 8));
	}
}

static void push_all(struct peer *p)
{
	for (unsigned i = 0; i < p->nqueues; i++) {
		peer_use_queue(p, i);
		peer_push(p);
	}
}

/* ---- a broken ring takes its device with it, whichever ring it is ------------------------ */

static int overflow(struct peer *p, unsigned queue)
{
	peer_use_queue(p, queue);
	__atomic_store_n(peer_req_prod(p), p->q->prod + p->q->slots + 1, __ATOMIC_SEQ_CST);
	if (xenevtchn_notify(p->xce, p->q->port) < 0)
		return hostile_fail("cannot notify");
	return peer_expect_ended(p);
}

static int overflow_of_last(struct peer *p)
{
	if (connect_rings(p) < 0 || check_all(p) < 0)
		return -1;
	return overflow(p, p->nqueues - 1);
}

static int overflow_while_others_work(struct peer *p)
{
	if (connect_rings(p) < 0)
		return -1;
	for (unsigned i = 0; i < p->nqueues; i++) {
		peer_use_queue(p, i);
		fill(p, BLKIF_OP_WRITE);
	}
	push_all(p);
	return overflow(p, p->nqueues - 1);
}

/* Rings that share their only page confuse themselves and nobody else. */
static int rings_of_one_page(struct peer *p)
{
	p->nqueues = 2;
	if (peer_offered(p, "multi-queue-max-queues") < 2)
		return 0; /* one CPU, one ring */
	if (peer_prepare(p) < 0)
		return -1;
	peer_publish(p);
	peer_writef(p, "queue-1/ring-ref", "%u", p->queue[0].ring_refs[0]);
	peer_write(p, "state", "3");
	if (peer_wait_state(p, 1u << 4 | PEER_ENDED) < 0)
		return -1;
	for (unsigned i = 0; i < 50; i++) {
		peer_use_queue(p, 0);
		peer_put(p, peer_rw(p, BLKIF_OP_READ, 0, 0, 11));
		push_all(p);
	}
	return 0;
}

static int refused_second(struct peer *p, const char *name, const char *value)
{
	p->nqueues = 2;
	if (peer_offered(p, "multi-queue-max-queues") < 2)
		return 0; /* one CPU, one ring */
	if (peer_prepare(p) < 0)
		return -1;
	peer_publish(p);
	peer_write(p, name, value);
	peer_write(p, "state", "3");
	return peer_expect_ended(p);
}

static int rings_of_one_channel(struct peer *p)
{
	char port[16];

	p->nqueues = 2;
	if (peer_offered(p, "multi-queue-max-queues") < 2)
		return 0; /* one CPU, one ring */
	if (peer_prepare(p) < 0)
		return -1;
	snprintf(port, sizeof(port), "%d", p->queue[0].port);
	peer_publish(p);
	peer_write(p, "queue-1/event-channel", port);
	peer_write(p, "state", "3");
	return peer_expect_ended(p);
}

static int second_ring_missing(struct peer *p)
{
	return refused_second(p, "queue-1", NULL);
}

static int second_ring_ungranted(struct peer *p)
{
	return refused_second(p, "queue-1/ring-ref", "2147483647");
}

static int reconnects(struct peer *p)
{
	unsigned offered = peer_offered(p, "multi-queue-max-queues");

	for (unsigned i = 0; i < 16; i++) {
		p->nqueues = 1 + i % (offered < MAX_RINGS ? offered : MAX_RINGS);
		if (peer_connect(p) < 0 || check_all(p) < 0)
			return -1;
		for (unsigned j = 0; j < p->nqueues; j++) {
			peer_use_queue(p, j);
			fill(p, i % 2 ? BLKIF_OP_WRITE_BARRIER : BLKIF_OP_WRITE);
		}
		push_all(p);
		/* nodes of more rings than the next connection has stay behind */
		if (peer_close(p) < 0)
			return -1;
		peer_write(p, "multi-queue-num-queues", NULL);
		peer_use_queue(p, 0);
	}
	return 0;
}

const struct hostile_case hostile_queues[] = {
	{ "rule01-overflow-of-last-ring", overflow_of_last, true },
	{ "rule01-overflow-while-other-rings-work", overflow_while_others_work, true },
	{ "rule17-quick-reconnects-of-rings-xsa350", reconnects, true },
	{ "rule18-rings-of-one-page", rings_of_one_page, true },
	{ "rule18-rings-of-one-channel", rings_of_one_channel, true },
	{ "rule18-second-ring-missing", second_ring_missing, true },
	{ "rule18-second-ring-not-granted", second_ring_ungranted, true },
	{ NULL, NULL, false },
};

/* ---- barriers --------------------------------------------------------------------------- */

static int storm(struct peer *p)
{
	if (connect_rings(p) < 0)
		return -1;
	for (unsigned i = 0; i < p->nqueues; i++) {
		peer_use_queue(p, i);
		fill(p, BLKIF_OP_WRITE_BARRIER);
	}
	push_all(p);
	return 0;
}

static int barrier_storm(struct peer *p)
{
	uint64_t first = peer_next_id();

	if (storm(p) < 0)
		return -1;
	for (unsigned i = 0; i < p->nqueues; i++) {
		peer_use_queue(p, i);
		if (peer_collect(p, first + i * p->q->slots, p->q->slots, BLKIF_RSP_OKAY) < 0)
			return hostile_fail("on ring %u", i);
	}
	return check_all(p);
}

static int barrier_storm_then_close(struct peer *p)
{
	if (storm(p) < 0 || peer_close(p) < 0)
		return -1;
	peer_use_queue(p, 0);
	if (connect_rings(p) < 0)
		return -1;
	return check_all(p);
}

static int barrier_storm_then_overflow(struct peer *p)
{
	return storm(p) < 0 ? -1 : overflow(p, 0);
}

/* A barrier that fails is over, too: what waits behind it goes on. */
static int bad_barriers(struct peer *p)
{
	if (connect_rings(p) < 0)
		return -1;
	for (unsigned round = 0; round < 20; round++) {
		uint64_t first = peer_next_id();

		for (unsigned i = 0; i < p->nqueues; i++) {
			peer_use_queue(p, i);
			for (unsigned j = 0; j < 8; j++) {
				struct blkif_req *req = peer_rw(p,
					j % 2 ? BLKIF_OP_WRITE : BLKIF_OP_WRITE_BARRIER,
					j % 4 == 2 ? UINT64_MAX : j * 8, j, 1);

				if (j % 4 == 0)
					req->seg[0].gref = 0x7fffffff;
				peer_put(p, req);
			}
		}
		push_all(p);
		for (unsigned i = 0; i < p->nqueues; i++) {
			peer_use_queue(p, i);
			if (peer_collect(p, first + i * 8, 8, PEER_ANY) < 0)
				return -1;
		}
	}
	return check_all(p);
}

const struct hostile_case hostile_barriers[] = {
	{ "barrier-storm", barrier_storm, true },
	{ "barrier-storm-then-close", barrier_storm_then_close, true },
	{ "barrier-storm-then-overflow", barrier_storm_then_overflow, true },
	{ "barrier-failures-let-others-go-on", bad_barriers, true },
	{ NULL, NULL, false },
};

/* ---- a disk that may do twenty operations per second: the script says so ---------------------- */

/*
 * Two rings have work for more than three seconds. The next connection has to wait for it,
 * too (or a frontend would get around its limit by connecting again), so no more rings.
 */
static int limited(struct peer *p, unsigned op)
{
	if (connect_up_to(p, 2) < 0)
		return -1;
	for (unsigned i = 0; i < p->nqueues; i++) {
		peer_use_queue(p, i);
		fill(p, op);
	}
	push_all(p);
	peer_use_queue(p, 0);
	/* The first answer: by now the ring was taken and the rest waits. */
	return peer_next_rsp(p) ? 0 : hostile_fail("no answer at all");
}

static int limited_is_waiting(struct peer *p)
{
	return *peer_rsp_prod(p) < p->q->slots ? 0 : hostile_fail("the disk has no limit");
}

/* Nothing that waits for the disk keeps the store's thread from answering. */
static int limited_closing(struct peer *p)
{
	if (limited(p, BLKIF_OP_WRITE) < 0)
		return -1;
	peer_write(p, "state", "5");
	if (peer_wait_state(p, 1u << 5) < 0)
		return -1;
	return limited_is_waiting(p);
}

static int limited_close(struct peer *p)
{
	if (limited(p, BLKIF_OP_WRITE) < 0 || limited_is_waiting(p) < 0)
		return -1;
	return peer_close(p);
}

static int limited_barriers(struct peer *p)
{
	if (limited(p, BLKIF_OP_WRITE_BARRIER) < 0 || limited_is_waiting(p) < 0)
		return -1;
	return peer_close(p);
}

static int limited_overflow(struct peer *p)
{
	if (limited(p, BLKIF_OP_READ) < 0 || limited_is_waiting(p) < 0)
		return -1;
	return overflow(p, p->nqueues - 1);
}

const struct hostile_case hostile_limits[] = {
	{ "rule19-closing-while-requests-wait", limited_closing, true },
	{ "rule19-close-while-requests-wait", limited_close, true },
	{ "limits-barriers-wait-then-close", limited_barriers, true },
	{ "rule01-overflow-while-requests-wait", limited_overflow, true },
	{ NULL, NULL, false },
};
