// SPDX-License-Identifier: MIT
/* A disk's limits over simulated time: exact rates, bursts, changes, sharing. */
#include "config.h"
#include "backends/blk/limit.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SECOND UINT64_C(1000000000)

static struct limit limit;
static struct limit_rate rate[LIMIT_KINDS];

static int setup(void **state)
{
	limit_init(&limit);
	for (unsigned i = 0; i < LIMIT_KINDS; i++)
		rate[i] = (struct limit_rate){ 0, 0 };
	return 0;
}

static int teardown(void **state)
{
	limit_dispose(&limit);
	return 0;
}

static void set(enum limit_kind kind, uint64_t per_second, uint64_t burst)
{
	rate[kind] = (struct limit_rate){ per_second, burst };
	assert_true(limit_set(&limit, rate));
}

/* A queue that always has a request: how many operations start within @seconds. */
static uint64_t run(bool is_write, uint64_t bytes, uint64_t from, unsigned seconds)
{
	uint64_t now = from, n = 0;

	for (;;) {
		uint64_t start = limit_reserve(&limit, is_write, bytes, now);

		if (start >= from + seconds * SECOND)
			return n;
		assert_true(start >= now);
		now = start;
		n++;
	}
}

static void within_a_percent(uint64_t value, uint64_t expected)
{
	if (value * 100 < expected * 99 || value * 100 > expected * 101)
		fail_msg("%llu, expected %llu", (unsigned long long)value,
			(unsigned long long)expected);
}

static void without_limits_nothing_waits(void **state)
{
	assert_false(limit_is_active(&limit));
	assert_int_equal(limit_reserve(&limit, true, UINT64_C(1) << 40, 123), 123);
}

static void iops_over_a_hundred_seconds(void **state)
{
	set(LIMIT_IOPS, 777, 1);
	assert_true(limit_is_active(&limit));
	within_a_percent(run(false, 4096, 5 * SECOND, 100), 77700);
}

static void iops_of_a_million(void **state)
{
	set(LIMIT_IOPS, 1000000, 1);
	within_a_percent(run(true, 512, 5, 2), 2000000);
}

static void one_operation_per_second(void **state)
{
	set(LIMIT_IOPS, 1, 1);
	assert_int_equal(run(false, 4096, 5 * SECOND, 10), 10);
}

static void bytes_over_a_hundred_seconds(void **state)
{
	set(LIMIT_BPS, 10000000, 1);
	within_a_percent(run(true, 65536, 0, 100) * 65536, 1000000000);
}

/* 25.6 ns each: rounded to nanoseconds the rate would be 2 percent off. */
static void small_requests_at_a_high_rate(void **state)
{
	set(LIMIT_BPS, UINT64_C(20000000000), 1);
	within_a_percent(run(false, 512, 0, 1) * 512, UINT64_C(20000000000));
}

static void requests_larger_than_the_burst_get_the_rate(void **state)
{
	set(LIMIT_BPS, 1 << 20, 4096);
	within_a_percent(run(false, 1 << 20, 0, 200), 200);
}

static void reads_and_writes_have_limits_of_their_own(void **state)
{
	set(LIMIT_READ_IOPS, 100, 1);
	set(LIMIT_WRITE_BPS, 409600, 1);
	within_a_percent(run(false, 1 << 20, 0, 50), 5000);
	within_a_percent(run(true, 4096, 0, 50), 5000);
}

static void the_tightest_of_several_counts(void **state)
{
	set(LIMIT_IOPS, 1000, 1);
	set(LIMIT_READ_IOPS, 300, 1);
	set(LIMIT_BPS, 4096 * 50, 1);
	within_a_percent(run(false, 4096, 0, 100), 5000);
}

static void burst_is_at_once_and_comes_back_while_idle(void **state)
{
	uint64_t now = 7 * SECOND;

	set(LIMIT_IOPS, 10, 50);
	for (int i = 0; i < 50; i++)
		assert_int_equal(limit_reserve(&limit, false, 4096, now), now);
	assert_int_equal(limit_reserve(&limit, false, 4096, now), now + SECOND / 10);
	now += 3 * SECOND; /* 30 tokens came, one is taken */
	for (int i = 0; i < 29; i++)
		assert_int_equal(limit_reserve(&limit, false, 4096, now), now);
	assert_true(limit_reserve(&limit, false, 4096, now) > now);
	now += 100 * SECOND; /* never more than the burst */
	for (int i = 0; i < 50; i++)
		assert_int_equal(limit_reserve(&limit, false, 4096, now), now);
	assert_true(limit_reserve(&limit, false, 4096, now) > now);
}

static void burst_is_a_tenth_of_a_second_by_default(void **state)
{
	set(LIMIT_IOPS, 1000, 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(limit_reserve(&limit, true, 4096, 5), 5);
	assert_true(limit_reserve(&limit, true, 4096, 5) > 5);
}

/* Small requests of one queue do not starve the large one of another. */
static void a_large_request_has_its_turn(void **state)
{
	uint64_t large;

	set(LIMIT_BPS, 1 << 20, 4096);
	assert_int_equal(limit_reserve(&limit, false, 4096, 0), 0);
	large = limit_reserve(&limit, false, 1 << 20, 0);
	assert_true(large < SECOND / 100);
	/* Those that come later pay for it. */
	assert_true(limit_reserve(&limit, false, 4096, 0) > SECOND / 2);
}

static void a_change_voids_reservations(void **state)
{
	uint32_t version;

	set(LIMIT_BPS, 1, 1);
	(void)limit_reserve(&limit, false, 1 << 20, 0);
	assert_true(limit_reserve(&limit, false, 1 << 20, 0) > 1000000 * SECOND);
	version = limit_version(&limit);
	set(LIMIT_BPS, 1 << 20, 1 << 20);
	assert_int_not_equal(limit_version(&limit), version);
	assert_int_equal(limit_reserve(&limit, false, 1 << 20, 10), 10);
	set(LIMIT_BPS, 0, 0);
	assert_false(limit_is_active(&limit));
}

static void setting_the_same_changes_nothing(void **state)
{
	uint32_t version;

	set(LIMIT_IOPS, 5, 5);
	version = limit_version(&limit);
	assert_false(limit_set(&limit, rate));
	assert_int_equal(limit_version(&limit), version);
}

static void extreme_values_do_not_wrap(void **state)
{
	set(LIMIT_BPS, 1, UINT64_MAX);
	set(LIMIT_IOPS, UINT64_MAX, UINT64_MAX);
	for (int i = 0; i < 1000; i++)
		(void)limit_reserve(&limit, true, UINT64_MAX, 1000 * SECOND);
	/* However deep the debt: some time it starts. */
	assert_true(limit_reserve(&limit, true, 1, 1000 * SECOND) < 1000 * SECOND + 2 * 31536000 * SECOND);
}

/* Four queues in turns, each with its own clock readings, share one rate. */
static uint64_t taken[4];

static void *queue(void *opaque)
{
	uint64_t *n = opaque, now = 0;

	for (;;) {
		now = limit_reserve(&limit, false, 4096, now);
		if (now >= 20 * SECOND)
			return NULL;
		++*n;
	}
}

static void queues_share_one_bucket(void **state)
{
	pthread_t thread[4];
	uint64_t all = 0;

	set(LIMIT_IOPS, 10000, 1);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, queue, &taken[i]), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(thread[i], NULL);
		all += taken[i];
	}
	within_a_percent(all, 200000);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(without_limits_nothing_waits),
		T(iops_over_a_hundred_seconds),
		T(iops_of_a_million),
		T(one_operation_per_second),
		T(bytes_over_a_hundred_seconds),
		T(small_requests_at_a_high_rate),
		T(requests_larger_than_the_burst_get_the_rate),
		T(reads_and_writes_have_limits_of_their_own),
		T(the_tightest_of_several_counts),
		T(burst_is_at_once_and_comes_back_while_idle),
		T(burst_is_a_tenth_of_a_second_by_default),
		T(a_large_request_has_its_turn),
		T(a_change_voids_reservations),
		T(setting_the_same_changes_nothing),
		T(extreme_values_do_not_wrap),
		T(queues_share_one_bucket),
	};

	return cmocka_run_group_tests_name("blk-limit", tests, NULL, NULL);
}
