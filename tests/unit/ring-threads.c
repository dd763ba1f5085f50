// SPDX-License-Identifier: MIT
/*
 * A frontend and a backend in two threads over one ring, each sleeping on an eventfd
 * when its final check says that nothing waits. A lost wakeup hangs, and the alarm
 * then fails the test; a torn slot or a missing barrier fails a check. The last test
 * aims at the moment of the final check itself. It is a data race detector's best
 * input, too (--enable-sanitizers=thread).
 */
#include "config.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "protocol/ring.h"

#define SLOT 112
#define REQUESTS 100000u

struct shared {
	_Alignas(64) uint8_t page[4096];
	int to_back, to_front;
	unsigned depth; /* requests at a time */
	uint32_t backend_errors;
};

struct request {
	uint64_t id;
	uint64_t fill[13];
};

static void fill(struct request *r, uint64_t id)
{
	r->id = id;
	for (unsigned i = 0; i < 13; i++)
		r->fill[i] = id * 0x9e3779b97f4a7c15u + i;
}

static void notify(int fd)
{
	uint64_t one = 1;

	(void)!write(fd, &one, sizeof(one));
}

static void sleep_on(int fd)
{
	uint64_t count;

	(void)!read(fd, &count, sizeof(count));
}

/* Answers in bursts of a changing size, so that both kinds of push happen. */
static void *backend(void *opaque)
{
	struct shared *s = opaque;
	struct ring_back r;
	struct request req, want;
	uint64_t next = 0;

	if (ring_back_init(&r, s->page, sizeof(s->page), SLOT) < 0)
		return NULL;
	while (next < REQUESTS) {
		int n = ring_back_pending(&r);

		if (n < 0) {
			s->backend_errors++;
			return NULL;
		}
		for (int i = 0; i < n; i++) {
			ring_back_get(&r, &req);
			fill(&want, next++);
			if (memcmp(&req, &want, sizeof(req)) != 0)
				s->backend_errors++;
			ring_back_put(&r, &req.id, sizeof(req.id));
			if (next % 7 == 0 && ring_back_push(&r))
				notify(s->to_front);
		}
		if (ring_back_push(&r))
			notify(s->to_front);
		if (next < REQUESTS && !ring_back_final_check(&r))
			sleep_on(s->to_back);
	}
	return NULL;
}

static void submit(struct shared *s, struct ring_front *r, uint64_t *sent)
{
	unsigned burst = 1 + *sent % 19;

	while (burst-- > 0 && r->req_prod - r->rsp_cons < s->depth && *sent < REQUESTS) {
		struct request req;

		fill(&req, (*sent)++);
		ring_front_put(r, &req, sizeof(req));
	}
	if (ring_front_push(r))
		notify(s->to_back);
}

/* Looks a while before it sleeps, so that both ends often decide at the same moment. */
static int wait_for_responses(struct shared *s, struct ring_front *r)
{
	for (unsigned spins = 0; spins < 300; spins++) {
		int n = ring_front_pending(r);

		if (n != 0)
			return n;
	}
	if (!ring_front_final_check(r))
		sleep_on(s->to_front);
	return ring_front_pending(r);
}

static void frontend(struct shared *s, struct ring_front *r)
{
	uint64_t sent = 0, seen = 0;

	while (seen < REQUESTS) {
		int n;

		submit(s, r, &sent);
		if (r->req_prod - r->rsp_cons >= s->depth || sent == REQUESTS)
			n = wait_for_responses(s, r);
		else
			n = ring_front_pending(r);
		assert_true(n >= 0);
		for (int i = 0; i < n; i++) {
			uint64_t id;

			ring_front_get(r, &id, sizeof(id));
			assert_true(id == seen++);
		}
	}
}

static void run(unsigned depth)
{
	static struct shared s;
	struct ring_front r;
	pthread_t thread;

	alarm(300);
	s.depth = depth;
	s.to_back = eventfd(0, EFD_CLOEXEC);
	s.to_front = eventfd(0, EFD_CLOEXEC);
	assert_true(s.to_back >= 0 && s.to_front >= 0);
	assert_int_equal(ring_front_init(&r, s.page, sizeof(s.page), SLOT), 0);
	assert_int_equal(pthread_create(&thread, NULL, backend, &s), 0);
	frontend(&s, &r);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(s.backend_errors, 0);
	assert_false(r.broken);
	close(s.to_back);
	close(s.to_front);
}

static void test_full_ring(void **state)
{
	run(32);
}

/* One at a time: each end is about to sleep whenever the other produces. */
static void test_ping_pong(void **state)
{
	run(1);
}

/* --- the moment of the final check, again and again --- */

#define ROUNDS 50000u

struct duel {
	_Alignas(64) uint8_t page[4096];
	_Alignas(64) uint32_t arrived;
	_Alignas(64) bool notified; /* by who produced */
	uint32_t errors;
	struct ring_front front;
	struct ring_back back;
};

/* Both threads leave it at nearly the same time. */
static void meet(struct duel *d, uint32_t *meeting)
{
	uint32_t all = ++*meeting * 2;

	__atomic_add_fetch(&d->arrived, 1, __ATOMIC_ACQ_REL);
	for (unsigned i = 1; (int32_t)(__atomic_load_n(&d->arrived, __ATOMIC_ACQUIRE) - all) < 0; i++)
		if (i % 4096 == 0)
			sched_yield();
}

/* Sweeps the two threads' offset to each other. */
static void dawdle(unsigned n)
{
	while (n-- > 0)
		__asm__ __volatile__("" : : : "memory");
}

/*
 * One produces while the other makes its final check: it must be told, or see it.
 * Either alone is fine, neither is a lost wakeup.
 */
static void judge(struct duel *d, bool saw)
{
	if (!saw && !d->notified)
		d->errors++;
}

static void duel_front(struct duel *d, uint32_t *meeting, unsigned round, bool back_produces)
{
	struct request req;
	bool saw = false;
	uint64_t id;

	fill(&req, round);
	meet(d, meeting);
	dawdle(round % 61);
	if (!back_produces) {
		ring_front_put(&d->front, &req, sizeof(req));
		d->notified = ring_front_push(&d->front);
	} else {
		saw = ring_front_final_check(&d->front);
	}
	meet(d, meeting);
	if (back_produces) {
		judge(d, saw);
		if (ring_front_pending(&d->front) != 1)
			d->errors++;
		ring_front_get(&d->front, &id, sizeof(id));
		if (id != round)
			d->errors++;
	}
	meet(d, meeting);
}

static void duel_back(struct duel *d, uint32_t *meeting, unsigned round, bool back_produces)
{
	struct request req;
	bool saw = false;

	meet(d, meeting);
	dawdle(round % 67);
	if (!back_produces) {
		saw = ring_back_final_check(&d->back);
	} else {
		ring_back_put(&d->back, &(uint64_t){ round }, sizeof(uint64_t));
		d->notified = ring_back_push(&d->back);
	}
	meet(d, meeting);
	if (!back_produces) {
		judge(d, saw);
		if (ring_back_pending(&d->back) != 1)
			d->errors++;
		ring_back_get(&d->back, &req);
		if (req.id != round)
			d->errors++;
	}
	meet(d, meeting);
}

static void *duel_thread(void *opaque)
{
	struct duel *d = opaque;
	uint32_t meeting = 0;

	for (unsigned i = 0; i < 2 * ROUNDS; i++)
		duel_back(d, &meeting, i / 2, i & 1);
	return NULL;
}

static void test_no_lost_wakeup(void **state)
{
	static struct duel d;
	uint32_t meeting = 0;
	pthread_t thread;

	alarm(300);
	assert_int_equal(ring_front_init(&d.front, d.page, sizeof(d.page), SLOT), 0);
	assert_int_equal(ring_back_init(&d.back, d.page, sizeof(d.page), SLOT), 0);
	assert_int_equal(pthread_create(&thread, NULL, duel_thread, &d), 0);
	for (unsigned i = 0; i < 2 * ROUNDS; i++)
		duel_front(&d, &meeting, i / 2, i & 1);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(d.errors, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full_ring),
		cmocka_unit_test(test_ping_pong),
		cmocka_unit_test(test_no_lost_wakeup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
