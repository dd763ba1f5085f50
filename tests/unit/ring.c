// SPDX-License-Identifier: MIT
/* Rings in one thread: each rule, wraparound, and hostile values in the shared page. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/ring.h"

#define SLOT 16
#define NR 8
#define BYTES (RING_HEADER_SIZE + NR * SLOT)

enum { REQ_PROD, REQ_EVENT, RSP_PROD, RSP_EVENT };

static union {
	uint32_t word[16];
	uint8_t bytes[4096];
} page;

struct pair {
	struct ring_front front;
	struct ring_back back;
};

static struct pair fresh(void)
{
	struct pair p;

	memset(&page, 0xa5, sizeof(page));
	assert_int_equal(ring_front_init(&p.front, &page, BYTES, SLOT), 0);
	assert_int_equal(ring_back_init(&p.back, &page, BYTES, SLOT), 0);
	return p;
}

/* A ring whose indices all begin at @start, as a long-lived one has them. */
static struct pair aged(uint32_t start)
{
	struct pair p = fresh();

	page.word[REQ_PROD] = page.word[RSP_PROD] = start;
	page.word[REQ_EVENT] = page.word[RSP_EVENT] = start + 1;
	p.front.req_prod = p.front.req_published = p.front.rsp_cons = start;
	assert_int_equal(ring_back_init(&p.back, &page, BYTES, SLOT), 0);
	return p;
}

static void put_request(struct pair *p, uint64_t id)
{
	uint64_t slot[2] = { id, ~id };

	ring_front_put(&p->front, slot, sizeof(slot));
}

static uint64_t get_request(struct pair *p)
{
	uint64_t slot[2];

	ring_back_get(&p->back, slot);
	assert_true(slot[1] == ~slot[0]);
	return slot[0];
}

static uint64_t get_response(struct pair *p)
{
	uint64_t id;

	ring_front_get(&p->front, &id, sizeof(id));
	return id;
}

static void test_slots(void **state)
{
	static const unsigned nr[] = { 32, 64, 128, 256, 512 };

	for (unsigned order = 0; order < 5; order++) {
		assert_int_equal(ring_slots(4096u << order, 112), nr[order]);
		assert_int_equal(ring_slots(4096u << order, 108), nr[order]);
	}
	assert_int_equal(ring_slots(4096, 12), 256); /* netif's transmit ring */
	assert_int_equal(ring_slots(64 + 112, 112), 1);
	assert_int_equal(ring_slots(64 + 111, 112), 0);
	assert_int_equal(ring_slots(63, 1), 0);
	assert_int_equal(ring_slots(0, 16), 0);
	assert_int_equal(ring_slots(4096, 0), 0);
	assert_true(ring_slots(SIZE_MAX, 1) <= 1u << 30);
}

static void test_init_refuses(void **state)
{
	struct ring_front front;
	struct ring_back back;

	assert_int_equal(ring_front_init(&front, &page, 64, SLOT), -EINVAL);
	assert_int_equal(ring_back_init(&back, &page, 64, SLOT), -EINVAL);
	assert_int_equal(ring_back_init(&back, &page, 4096, 0), -EINVAL);
}

static void test_fresh_header(void **state)
{
	static const uint32_t want[16] = { 0, 1, 0, 1 };

	fresh();
	assert_memory_equal(page.word, want, sizeof(want));
}

static void test_round_trip(void **state)
{
	struct pair p = fresh();

	for (unsigned round = 0; round < 5; round++) {
		for (uint64_t i = 0; i < NR; i++)
			put_request(&p, i + round);
		assert_int_equal(ring_front_room(&p.front), 0);
		assert_int_equal(ring_back_pending(&p.back), 0);
		ring_front_push(&p.front);
		assert_int_equal(ring_back_pending(&p.back), NR);
		for (uint64_t i = 0; i < NR; i++)
			assert_true(get_request(&p) == i + round);
		assert_int_equal(ring_back_pending(&p.back), 0);
		assert_int_equal(ring_back_unanswered(&p.back), NR);
		for (uint64_t i = NR; i-- > 0;)
			ring_back_put(&p.back, &i, sizeof(i));
		assert_int_equal(ring_front_pending(&p.front), 0);
		ring_back_push(&p.back);
		assert_int_equal(ring_back_unanswered(&p.back), 0);
		assert_int_equal(ring_front_pending(&p.front), NR);
		for (uint64_t i = NR; i-- > 0;)
			assert_true(get_response(&p) == i);
		assert_int_equal(ring_front_room(&p.front), NR);
	}
}

/* Requests trickle with answers out of step, through 2^32. */
static void test_wraps(void **state)
{
	struct pair p = aged(UINT32_MAX - 20);
	uint64_t sent = 0, taken = 0, answered = 0, seen = 0;

	while (seen < 100) {
		for (unsigned i = 0; i < 3 && ring_front_room(&p.front) > 0; i++)
			put_request(&p, sent++);
		ring_front_push(&p.front);
		assert_true(ring_back_pending(&p.back) == (int)(sent - taken));
		while (ring_back_pending(&p.back) > 0)
			assert_true(get_request(&p) == taken++);
		for (unsigned i = 0; i < 2 && ring_back_unanswered(&p.back); i++, answered++)
			ring_back_put(&p.back, &answered, sizeof(answered));
		ring_back_push(&p.back);
		while (ring_front_pending(&p.front) > 0)
			assert_true(get_response(&p) == seen++);
	}
	assert_false(p.back.broken);
	assert_false(p.front.broken);
	assert_true(p.back.req_cons < 200);
}

/* The slot is the caller's own afterwards, and later writes to the ring do not reach it. */
static void test_get_is_a_copy(void **state)
{
	struct pair p = fresh();
	uint64_t slot[2];

	put_request(&p, 7);
	ring_front_push(&p.front);
	assert_int_equal(ring_back_pending(&p.back), 1);
	ring_back_get(&p.back, slot);
	memset(page.bytes + RING_HEADER_SIZE, 0xff, SLOT);
	assert_true(slot[0] == 7 && slot[1] == ~UINT64_C(7));
}

static void check_breaks(struct pair p, uint32_t req_prod)
{
	page.word[REQ_PROD] = req_prod;
	assert_int_equal(ring_back_pending(&p.back), -EPROTO);
	/* For good: a repaired index changes nothing. */
	page.word[REQ_PROD] = p.back.req_cons;
	assert_int_equal(ring_back_pending(&p.back), -EPROTO);
	assert_true(ring_back_final_check(&p.back));
	assert_true(p.back.broken);
}

static void test_overflow_breaks_for_good(void **state)
{
	check_breaks(fresh(), NR + 1);
	check_breaks(fresh(), UINT32_MAX);
	check_breaks(fresh(), 1u << 31);
	check_breaks(aged(UINT32_MAX - 2), UINT32_MAX - 2 + NR + 1);
	check_breaks(aged(UINT32_MAX - 2), UINT32_MAX - 3);
}

static void test_full_ring_is_no_overflow(void **state)
{
	struct pair p = aged(UINT32_MAX - 2);

	page.word[REQ_PROD] = UINT32_MAX - 2 + NR;
	assert_int_equal(ring_back_pending(&p.back), NR);
}

/* Requests taken and not answered still occupy their slots. */
static void test_overflow_counts_unanswered(void **state)
{
	struct pair p = fresh();

	for (uint64_t i = 0; i < 3; i++)
		put_request(&p, i);
	ring_front_push(&p.front);
	for (unsigned i = 0; i < 3; i++)
		get_request(&p);
	page.word[REQ_PROD] = NR;
	assert_int_equal(ring_back_pending(&p.back), NR - 3);
	check_breaks(p, NR + 1);
}

/* req_prod taken back below what was consumed must not serve stale slots again. */
static void test_backward_index_breaks(void **state)
{
	struct pair p = fresh();

	for (uint64_t i = 0; i < 3; i++)
		put_request(&p, i);
	ring_front_push(&p.front);
	for (unsigned i = 0; i < 3; i++)
		get_request(&p);
	check_breaks(p, 2);
}

static void test_broken_ring_gives_zeroes(void **state)
{
	struct pair p = fresh();
	uint8_t slot[SLOT], zero[SLOT] = { 0 };

	page.word[REQ_PROD] = NR + 1;
	assert_int_equal(ring_back_pending(&p.back), -EPROTO);
	memset(slot, 0xff, sizeof(slot));
	ring_back_get(&p.back, slot);
	assert_memory_equal(slot, zero, sizeof(zero));
	assert_int_equal(p.back.req_cons, 0);
}

static void test_forged_start(void **state)
{
	static const uint32_t start[] = { 1, NR, 12345, 1u << 31, UINT32_MAX };
	struct pair p = fresh();

	for (unsigned i = 0; i < sizeof(start) / sizeof(start[0]); i++) {
		page.word[RSP_PROD] = start[i];
		page.word[REQ_PROD] = start[i] + 2;
		assert_int_equal(ring_back_init(&p.back, &page, BYTES, SLOT), 0);
		assert_int_equal(ring_back_pending(&p.back), 2);
		page.word[REQ_PROD] = 0;
		assert_int_equal(ring_back_init(&p.back, &page, BYTES, SLOT), 0);
		assert_int_equal(ring_back_pending(&p.back),
			start[i] == UINT32_MAX ? 1 : -EPROTO);
	}
}

/* After init nothing that the frontend writes into rsp_prod matters. */
static void test_forged_rsp_prod_is_ignored(void **state)
{
	struct pair p = fresh();
	uint64_t rsp = 9;

	put_request(&p, 1);
	ring_front_push(&p.front);
	page.word[RSP_PROD] = 77;
	page.word[RSP_EVENT] = 1;
	assert_int_equal(ring_back_pending(&p.back), 1);
	get_request(&p);
	ring_back_put(&p.back, &rsp, sizeof(rsp));
	assert_true(ring_back_push(&p.back));
	assert_int_equal(page.word[RSP_PROD], 1);
	assert_int_equal(get_response(&p), 9);
	/* nor does it decide about the event: the threshold is behind what is published now */
	put_request(&p, 2);
	ring_front_push(&p.front);
	get_request(&p);
	page.word[RSP_PROD] = 77;
	page.word[RSP_EVENT] = 1;
	ring_back_put(&p.back, &rsp, sizeof(rsp));
	assert_false(ring_back_push(&p.back));
}

/* A backend that attaches to a ring in use has published nothing itself. */
static void test_first_push_of_a_successor(void **state)
{
	struct pair p = aged(100);
	uint64_t rsp = 9;

	put_request(&p, 1);
	ring_front_push(&p.front);
	get_request(&p);
	page.word[RSP_EVENT] = 50;
	ring_back_put(&p.back, &rsp, sizeof(rsp));
	assert_false(ring_back_push(&p.back));
	assert_int_equal(page.word[RSP_PROD], 101);
}

static void test_second_answer_is_not_written(void **state)
{
	struct pair p = fresh();
	uint64_t rsp = 9;
	uint8_t before[sizeof(page)];

	put_request(&p, 1);
	put_request(&p, 2);
	ring_front_push(&p.front);
	get_request(&p);
	ring_back_put(&p.back, &rsp, sizeof(rsp));
	memcpy(before, page.bytes, sizeof(before));
	ring_back_put(&p.back, &rsp, sizeof(rsp));
	assert_memory_equal(before, page.bytes, sizeof(before));
	assert_int_equal(ring_back_pending(&p.back), -EPROTO);
}

static void test_get_beyond_a_ring(void **state)
{
	struct pair p = fresh();
	uint8_t slot[SLOT];

	for (unsigned i = 0; i < NR; i++)
		put_request(&p, i);
	ring_front_push(&p.front);
	for (unsigned i = 0; i < NR; i++)
		get_request(&p);
	ring_back_get(&p.back, slot);
	assert_int_equal(ring_back_unanswered(&p.back), NR);
	assert_true(p.back.broken);
}

static void test_put_without_room(void **state)
{
	struct pair p = fresh();
	uint8_t slot[SLOT + 1] = { 0 };

	for (unsigned i = 0; i < NR; i++)
		put_request(&p, i);
	put_request(&p, 99);
	assert_true(p.front.broken);
	assert_int_equal(p.front.req_prod, NR);
	p = fresh();
	ring_front_put(&p.front, slot, sizeof(slot));
	assert_true(p.front.broken);
	assert_int_equal(page.bytes[RING_HEADER_SIZE], 0xa5);
}

static void test_long_response_is_not_written(void **state)
{
	struct pair p = fresh();
	uint8_t rsp[SLOT + 1] = { 0 };

	put_request(&p, 1);
	ring_front_push(&p.front);
	get_request(&p);
	ring_back_put(&p.back, rsp, sizeof(rsp));
	assert_true(p.back.broken);
	assert_int_equal(p.back.rsp_prod, 0);
}

/* A short response leaves the rest of the slot as the frontend wrote it. */
static void test_response_length(void **state)
{
	struct pair p = fresh();
	uint8_t rsp[4] = { 1, 2, 3, 4 };

	put_request(&p, 0);
	ring_front_push(&p.front);
	get_request(&p);
	ring_back_put(&p.back, rsp, sizeof(rsp));
	assert_memory_equal(page.bytes + RING_HEADER_SIZE, rsp, 4);
	assert_int_equal(page.bytes[RING_HEADER_SIZE + 4], 0);
	assert_int_equal(page.bytes[RING_HEADER_SIZE + 8], 0xff);
}

static bool push_one_with_event(uint32_t start, uint32_t count, uint32_t event)
{
	struct pair p = aged(start);

	page.word[REQ_EVENT] = event;
	for (uint32_t i = 0; i < count; i++)
		put_request(&p, i);
	return ring_front_push(&p.front);
}

/* Notify exactly when the threshold is among what was just published. */
static void test_event_threshold(void **state)
{
	static const uint32_t start[] = { 0, 100, UINT32_MAX - 1, UINT32_MAX - 3 };

	for (unsigned i = 0; i < sizeof(start) / sizeof(start[0]); i++) {
		uint32_t s = start[i];

		assert_false(push_one_with_event(s, 3, s));
		assert_true(push_one_with_event(s, 3, s + 1));
		assert_true(push_one_with_event(s, 3, s + 2));
		assert_true(push_one_with_event(s, 3, s + 3));
		assert_false(push_one_with_event(s, 3, s + 4));
		assert_false(push_one_with_event(s, 3, s - 1));
		assert_false(push_one_with_event(s, 0, s + 1));
		assert_false(push_one_with_event(s, 0, s));
	}
}

static void test_back_event_threshold(void **state)
{
	struct pair p = aged(UINT32_MAX);
	uint64_t rsp = 0;

	for (unsigned i = 0; i < 4; i++)
		put_request(&p, i);
	ring_front_push(&p.front);
	for (unsigned i = 0; i < 4; i++)
		get_request(&p);
	page.word[RSP_EVENT] = 1;
	ring_back_put(&p.back, &rsp, sizeof(rsp));
	assert_false(ring_back_push(&p.back)); /* rsp_prod 0: not there yet */
	assert_false(ring_back_push(&p.back)); /* nothing new */
	ring_back_put(&p.back, &rsp, sizeof(rsp));
	ring_back_put(&p.back, &rsp, sizeof(rsp));
	assert_true(ring_back_push(&p.back));
	ring_back_put(&p.back, &rsp, sizeof(rsp));
	assert_false(ring_back_push(&p.back)); /* notified already */
}

static void test_final_check(void **state)
{
	struct pair p = aged(UINT32_MAX);

	put_request(&p, 1);
	assert_true(ring_front_push(&p.front));
	/* Something waits: no event is asked for. */
	page.word[REQ_EVENT] = 5;
	assert_true(ring_back_final_check(&p.back));
	assert_int_equal(page.word[REQ_EVENT], 5);
	get_request(&p);
	assert_false(ring_back_final_check(&p.back));
	assert_int_equal(page.word[REQ_EVENT], 1); /* req_cons 0, wrapped, plus one */
	put_request(&p, 2);
	assert_true(ring_front_push(&p.front));
}

/* XSA-392: a reader that needs three is not woken for one, and not left asleep with three. */
static void test_final_check_for_several(void **state)
{
	struct pair p = fresh();

	put_request(&p, 1);
	(void)ring_front_push(&p.front);
	assert_false(ring_back_final_check_for(&p.back, 3));
	put_request(&p, 2);
	assert_false(ring_front_push(&p.front));
	assert_false(ring_back_final_check_for(&p.back, 3));
	put_request(&p, 3);
	assert_true(ring_front_push(&p.front));
	assert_true(ring_back_final_check_for(&p.back, 3));
	page.word[REQ_PROD] = 99;
	assert_true(ring_back_final_check_for(&p.back, 3)); /* broken: do not sleep */
}

static void test_front_final_check(void **state)
{
	struct pair p = fresh();
	uint64_t rsp = 3;

	assert_false(ring_front_final_check(&p.front));
	assert_int_equal(page.word[RSP_EVENT], 1);
	put_request(&p, 1);
	put_request(&p, 2);
	ring_front_push(&p.front);
	get_request(&p);
	get_request(&p);
	ring_back_put(&p.back, &rsp, sizeof(rsp));
	assert_true(ring_back_push(&p.back));
	assert_true(ring_front_final_check(&p.front));
	get_response(&p);
	assert_false(ring_front_final_check(&p.front));
	assert_int_equal(page.word[RSP_EVENT], 2);
}

/* A frontend that waits for two answers is not woken for one. */
static void test_front_final_check_for_several(void **state)
{
	struct pair p = fresh();
	uint64_t rsp = 3;

	for (unsigned i = 0; i < 3; i++)
		put_request(&p, i);
	(void)ring_front_push(&p.front);
	for (unsigned i = 0; i < 3; i++)
		get_request(&p);
	assert_false(ring_front_final_check_for(&p.front, 2));
	ring_back_put(&p.back, &rsp, sizeof(rsp));
	assert_false(ring_back_push(&p.back));
	assert_false(ring_front_final_check_for(&p.front, 2));
	ring_back_put(&p.back, &rsp, sizeof(rsp));
	assert_true(ring_back_push(&p.back));
	assert_true(ring_front_final_check_for(&p.front, 2));
	page.word[RSP_PROD] = 99;
	assert_true(ring_front_final_check_for(&p.front, 2)); /* broken: do not sleep */
}

static void check_front_breaks(struct pair p, uint32_t rsp_prod)
{
	page.word[RSP_PROD] = rsp_prod;
	assert_int_equal(ring_front_pending(&p.front), -EPROTO);
	page.word[RSP_PROD] = p.front.rsp_cons;
	assert_int_equal(ring_front_pending(&p.front), -EPROTO);
	assert_true(ring_front_final_check(&p.front));
}

/* A backend may answer what was published and nothing else. */
static void test_hostile_backend(void **state)
{
	struct pair p = fresh();
	uint64_t rsp = 5;

	check_front_breaks(p, 1);
	put_request(&p, 1);
	ring_front_push(&p.front);
	put_request(&p, 2);
	check_front_breaks(p, 2);
	check_front_breaks(p, UINT32_MAX);
	page.word[RSP_PROD] = 1;
	assert_int_equal(ring_front_pending(&p.front), 1);
	get_response(&p);
	check_front_breaks(p, 0);
	ring_front_get(&p.front, &rsp, sizeof(rsp));
	assert_true(rsp == 0 && p.front.broken);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slots),
		cmocka_unit_test(test_init_refuses),
		cmocka_unit_test(test_fresh_header),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_wraps),
		cmocka_unit_test(test_get_is_a_copy),
		cmocka_unit_test(test_overflow_breaks_for_good),
		cmocka_unit_test(test_full_ring_is_no_overflow),
		cmocka_unit_test(test_overflow_counts_unanswered),
		cmocka_unit_test(test_backward_index_breaks),
		cmocka_unit_test(test_broken_ring_gives_zeroes),
		cmocka_unit_test(test_forged_start),
		cmocka_unit_test(test_forged_rsp_prod_is_ignored),
		cmocka_unit_test(test_first_push_of_a_successor),
		cmocka_unit_test(test_second_answer_is_not_written),
		cmocka_unit_test(test_get_beyond_a_ring),
		cmocka_unit_test(test_put_without_room),
		cmocka_unit_test(test_long_response_is_not_written),
		cmocka_unit_test(test_response_length),
		cmocka_unit_test(test_event_threshold),
		cmocka_unit_test(test_back_event_threshold),
		cmocka_unit_test(test_final_check),
		cmocka_unit_test(test_final_check_for_several),
		cmocka_unit_test(test_front_final_check),
		cmocka_unit_test(test_front_final_check_for_several),
		cmocka_unit_test(test_hostile_backend),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
