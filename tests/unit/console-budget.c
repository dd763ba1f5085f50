// SPDX-License-Identifier: MIT
/* backends/console/budget.c: what a guest may cost, by a clock of the test's. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backends/console/budget.h"

#define MS UINT64_C(1000000)

static void test_no_limit(void **state)
{
	struct budget b;

	budget_init(&b, 0, 0);
	for (unsigned i = 0; i < 1000; i++) {
		budget_event(&b, 1);
		budget_output(&b, UINT32_MAX, 1);
	}
	assert_int_equal(budget_wait(&b, 1), 0);
}

/* A guest that sends events without end, and is served whenever it may be: how often. */
static unsigned flood(uint64_t ms)
{
	struct budget b;
	unsigned done = 0;

	budget_init(&b, 0, 2000);
	for (uint64_t now = 1; now <= ms; now++)
		for (unsigned i = 0; i < 50 && budget_wait(&b, now * MS) == 0; i++, done++)
			budget_event(&b, now * MS);
	return done;
}

/* Whatever it sends: a second's worth at once, and then the rate. */
static void test_flood_of_events_is_bounded(void **state)
{
	assert_in_range(flood(10), 400, 500);
	assert_in_range(flood(1000), 2000, 4001);
	assert_in_range(flood(10000), 20000, 22001);
}

static void test_output_is_bounded(void **state)
{
	struct budget b;
	uint64_t bytes = 0;

	budget_init(&b, 1 << 20, 0);
	for (uint64_t now = 1; now <= 5000; now++)
		for (unsigned i = 0; i < 50 && budget_wait(&b, now * MS) == 0; i++, bytes += 2048)
			budget_output(&b, 2048, now * MS);
	assert_in_range(bytes, 5u << 20, (6u << 20) + 4096);
}

/* What is waited for is enough: it is not asked again before it helps. */
static void test_wait_is_enough(void **state)
{
	struct budget b;
	uint64_t now = 1;

	budget_init(&b, 700, 0);
	for (unsigned i = 0; i < 100; i++) {
		unsigned wait = budget_wait(&b, now * MS);

		now += wait;
		if (wait < 1000)
			assert_int_equal(budget_wait(&b, now * MS), 0);
		budget_output(&b, 300, now * MS);
	}
	assert_in_range(now, 40000, 45000);
}

/* One limit met is enough to wait, however much of the other is left. */
static void test_either_limit(void **state)
{
	struct budget b;

	budget_init(&b, 1 << 20, 10);
	for (unsigned i = 0; i < 11; i++)
		budget_event(&b, MS);
	assert_in_range(budget_wait(&b, MS), 1, 200);
	assert_int_equal(budget_wait(&b, 1000 * MS), 0);
}

/* A long rest is not saved up. */
static void test_rest_is_not_saved(void **state)
{
	struct budget b;
	unsigned done = 0;

	budget_init(&b, 0, 10);
	for (; budget_wait(&b, 1000000 * MS) == 0; done++)
		budget_event(&b, 1000000 * MS);
	assert_in_range(done, 10, 11);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_limit),
		cmocka_unit_test(test_flood_of_events_is_bounded),
		cmocka_unit_test(test_output_is_bounded),
		cmocka_unit_test(test_wait_is_enough),
		cmocka_unit_test(test_either_limit),
		cmocka_unit_test(test_rest_is_not_saved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
