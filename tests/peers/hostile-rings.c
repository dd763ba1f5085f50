// SPDX-License-Identifier: MIT
/* Rings that break a rule, or change while they are read. */
#include "config.h"
#include "tests/peers/hostile.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define VICTIM 51712

static int req_prod_is(struct peer *p, uint32_t value)
{
	__atomic_store_n(peer_req_prod(p), value, __ATOMIC_SEQ_CST);
	if (xenevtchn_notify(p->xce, p->q->port) < 0)
		return hostile_fail("cannot notify");
	return peer_expect_ended(p);
}

static int overflow_by_one(struct peer *p)
{
	return req_prod_is(p, p->q->slots + 1);
}

static int overflow_huge(struct peer *p)
{
	return req_prod_is(p, 0x80000000u);
}

static int overflow_later(struct peer *p)
{
	for (unsigned i = 0; i < 40; i++)
		if (peer_check_works(p) < 0)
			return -1;
	return req_prod_is(p, p->q->prod + p->q->slots + 1);
}

static int backwards(struct peer *p)
{
	if (peer_check_works(p) < 0)
		return -1;
	return req_prod_is(p, p->q->prod - 1);
}

/* The backend's own index is private: what is written over it changes nothing. */
static int spoilt_rsp_prod(struct peer *p)
{
	for (unsigned i = 0; i < 10; i++) {
		*peer_rsp_prod(p) = 0xdeadbeef;
		peer_put(p, peer_rw(p, BLKIF_OP_READ, 0, 0, 1));
		peer_push(p);
		/* it publishes its own count again */
		for (unsigned ms = 0; *peer_rsp_prod(p) == 0xdeadbeef; ms++) {
			if (ms > 1000 * HOSTILE_SECONDS)
				return hostile_fail("no answer");
			usleep(1000);
		}
		if (peer_answer(p, p->req.id, BLKIF_OP_READ, BLKIF_RSP_OKAY) < 0)
			return -1;
	}
	return peer_check_works(p);
}

/* Writes are under way: they end, their answers are nobody's. */
static int overflow_in_flight(struct peer *p)
{
	for (unsigned i = 0; i < p->q->slots; i++)
		peer_put(p, peer_rw(p, BLKIF_OP_WRITE, 4096 + i * 8, i, 8));
	peer_push(p);
	return req_prod_is(p, p->q->prod + p->q->slots + 1);
}

/* Good indices and good requests afterwards do not revive the ring, and no state does. */
static int stays_stopped(struct peer *p)
{
	uint32_t rsp_prod;

	if (peer_check_works(p) < 0 || req_prod_is(p, p->q->prod + p->q->slots + 1) < 0)
		return -1;
	rsp_prod = *peer_rsp_prod(p);
	for (unsigned i = 0; i < 20; i++) {
		peer_write(p, "state", i % 2 ? "4" : "3");
		peer_put(p, peer_rw(p, BLKIF_OP_READ, 0, 0, 1));
		peer_push(p);
		usleep(5000);
	}
	if (*peer_rsp_prod(p) != rsp_prod)
		return hostile_fail("a broken ring was served");
	return peer_state(p) == 4 ? hostile_fail("the backend connected again by itself") : 0;
}

/* ---- events ---------------------------------------------------------------------- */

static int event_storm(struct peer *p)
{
	for (unsigned i = 0; i < 100000; i++)
		(void)xenevtchn_notify(p->xce, p->q->port); /* may say that it is full */
	return peer_check_works(p);
}

static atomic_bool storming;

static void *storm_main(void *opaque)
{
	struct peer *p = opaque;

	while (atomic_load(&storming))
		(void)xenevtchn_notify(p->xce, p->q->port); /* may say that it is full */
	return NULL;
}

static int event_storm_under_load(struct peer *p)
{
	pthread_t thread;
	int rc = 0;

	atomic_store(&storming, true);
	if (pthread_create(&thread, NULL, storm_main, p))
		return hostile_fail("no thread");
	for (unsigned i = 0; i < 100 && rc == 0; i++)
		rc = peer_check_works(p);
	atomic_store(&storming, false);
	pthread_join(thread, NULL);
	return rc;
}

/* ---- ends without a word ------------------------------------------------------------ */

/* The ring's grants end while it is in use; the channel still works. */
static int revoked_ring(struct peer *p)
{
	if (peer_check_works(p) < 0)
		return -1;
	xengntshr_unshare(p->xgs, p->q->ring, 1);
	p->q->ring = NULL;
	for (unsigned i = 0; i < 100; i++)
		(void)xenevtchn_notify(p->xce, p->q->port); /* the backend may have left */
	return 0;
}

static int closed_channel(struct peer *p)
{
	if (peer_check_works(p) < 0)
		return -1;
	xenevtchn_unbind(p->xce, p->q->port);
	p->q->port = -1;
	return 0;
}

/* A child connects, fills the ring with writes and is killed. */
static int killed(struct peer *p)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct peer child;

		if (peer_open(&child, VICTIM) < 0 || peer_connect(&child) < 0)
			_exit(1);
		for (unsigned i = 0; i < child.q->slots; i++)
			peer_put(&child, peer_rw(&child, BLKIF_OP_WRITE, 4096 + i * 8, i, 1));
		peer_push(&child);
		kill(getpid(), SIGKILL);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status))
		return hostile_fail("the child did not get so far");
	return 0;
}

const struct hostile_case hostile_rings[] = {
	{ "rule01-overflow-by-one", overflow_by_one, false },
	{ "rule01-overflow-huge", overflow_huge, false },
	{ "rule01-overflow-later", overflow_later, false },
	{ "rule01-overflow-in-flight", overflow_in_flight, false },
	{ "rule01-index-goes-backwards", backwards, false },
	{ "rule01-broken-ring-stays-stopped", stays_stopped, false },
	{ "rule01-response-index-is-private", spoilt_rsp_prod, false },
	{ "rule16-event-storm-xsa332", event_storm, false },
	{ "rule16-event-storm-under-load-xsa332", event_storm_under_load, false },
	{ "end-revoked-ring", revoked_ring, false },
	{ "end-closed-channel", closed_channel, false },
	{ "end-killed", killed, true },
	{ NULL, NULL, false },
};
