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
	if (xenevtchn_notify(p->xce, p->port) < 0)
		return peer_fail("cannot notify");
	return peer_expect_ended(p);
}

static int overflow_by_one(struct peer *p)
{
	return req_prod_is(p, p->slots + 1);
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
	return req_prod_is(p, p->prod + p->slots + 1);
}

static int backwards(struct peer *p)
{
	if (peer_check_works(p) < 0)
		return -1;
	return req_prod_is(p, p->prod - 1);
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
			if (ms > 1000 * PEER_SECONDS)
				return peer_fail("no answer");
			usleep(1000);
		}
		if (peer_answer(p, p->req.id, BLKIF_OP_READ, BLKIF_RSP_OKAY) < 0)
			return -1;
	}
	return peer_check_works(p);
}

/* ---- what changes while the backend reads it (XSA-155) ------------------------- */

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
	return pthread_create(thread, NULL, flip_main, f) ? peer_fail("no thread") : 0;
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
	for (unsigned round = 0; round < 300; round++) {
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
			return peer_fail("round %u: no answer", round);
		blkif_decode_rsp(p->abi, wire, &rsp);
		if (rsp.status != BLKIF_RSP_OKAY && rsp.status != BLKIF_RSP_ERROR &&
			rsp.status != BLKIF_RSP_EOPNOTSUPP && byte > 3)
			return peer_fail("round %u: status %d", round, rsp.status);
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

	for (unsigned round = 0; round < 300; round++) {
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

/* ---- events ---------------------------------------------------------------------- */

static int event_storm(struct peer *p)
{
	for (unsigned i = 0; i < 100000; i++)
		(void)xenevtchn_notify(p->xce, p->port); /* may say that it is full */
	return peer_check_works(p);
}

static atomic_bool storming;

static void *storm_main(void *opaque)
{
	struct peer *p = opaque;

	while (atomic_load(&storming))
		(void)xenevtchn_notify(p->xce, p->port); /* may say that it is full */
	return NULL;
}

static int event_storm_under_load(struct peer *p)
{
	pthread_t thread;
	int rc = 0;

	atomic_store(&storming, true);
	if (pthread_create(&thread, NULL, storm_main, p))
		return peer_fail("no thread");
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
	xengntshr_unshare(p->xgs, p->ring, 1);
	p->ring = NULL;
	for (unsigned i = 0; i < 100; i++)
		(void)xenevtchn_notify(p->xce, p->port); /* the backend may have left */
	return 0;
}

static int closed_channel(struct peer *p)
{
	if (peer_check_works(p) < 0)
		return -1;
	xenevtchn_unbind(p->xce, p->port);
	p->port = -1;
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
		for (unsigned i = 0; i < child.slots; i++)
			peer_put(&child, peer_rw(&child, BLKIF_OP_WRITE, 4096 + i * 8, i, 1));
		peer_push(&child);
		kill(getpid(), SIGKILL);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status))
		return peer_fail("the child did not get so far");
	return 0;
}

const struct hostile_case hostile_rings[] = {
	{ "overflow-by-one", overflow_by_one, false },
	{ "overflow-huge", overflow_huge, false },
	{ "overflow-later", overflow_later, false },
	{ "backwards", backwards, false },
	{ "spoilt-rsp-prod", spoilt_rsp_prod, false },
	{ "flip-operation", flip_operation, false },
	{ "flip-nr-segments", flip_nr_segments, false },
	{ "flip-last-sect", flip_last_sect, false },
	{ "flip-gref", flip_gref, false },
	{ "flip-indirect", flip_indirect, false },
	{ "event-storm", event_storm, false },
	{ "event-storm-under-load", event_storm_under_load, false },
	{ "revoked-ring", revoked_ring, false },
	{ "closed-channel", closed_channel, false },
	{ "killed", killed, true },
	{ NULL, NULL, false },
};
