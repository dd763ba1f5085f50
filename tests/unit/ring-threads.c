// SPDX-License-Identifier: MIT
/*
 * A frontend and a backend in two threads over one ring, each sleeping on an eventfd
 * when its final check says that nothing waits. A lost wakeup hangs, and the test's
 * alarm then fails it; a torn slot or a missing barrier fails a check. It is a data
 * race detector's best input, too (--enable-sanitizers=thread).
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
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
#define REQUESTS 200000u

struct shared {
	_Alignas(64) uint8_t page[4096];
	int to_back, to_front;
	uint32_t backend_errors;
	uint32_t waits;
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

	while (burst-- > 0 && ring_front_room(r) > 0 && *sent < REQUESTS) {
		struct request req;

		fill(&req, (*sent)++);
		ring_front_put(r, &req, sizeof(req));
	}
	if (ring_front_push(r))
		notify(s->to_back);
}

static void test_two_threads(void **state)
{
	static struct shared s;
	struct ring_front r;
	pthread_t thread;
	uint64_t sent = 0, seen = 0;

	alarm(300);
	s.to_back = eventfd(0, EFD_CLOEXEC);
	s.to_front = eventfd(0, EFD_CLOEXEC);
	assert_true(s.to_back >= 0 && s.to_front >= 0);
	assert_int_equal(ring_front_init(&r, s.page, sizeof(s.page), SLOT), 0);
	assert_int_equal(pthread_create(&thread, NULL, backend, &s), 0);
	while (seen < REQUESTS) {
		int n;

		submit(&s, &r, &sent);
		n = ring_front_pending(&r);
		assert_true(n >= 0);
		for (int i = 0; i < n; i++) {
			uint64_t id;

			ring_front_get(&r, &id, sizeof(id));
			assert_true(id == seen++);
		}
		if ((ring_front_room(&r) == 0 || sent == REQUESTS) && seen < REQUESTS &&
				!ring_front_final_check(&r)) {
			s.waits++;
			sleep_on(s.to_front);
		}
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(s.backend_errors, 0);
	assert_false(r.broken);
	close(s.to_back);
	close(s.to_front);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
