// SPDX-License-Identifier: MIT
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drivers-domain/policy.h"

static void test_back_off_doubles_to_its_limit(void **state)
{
	static const unsigned want[] = { 100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000 };
	struct backoff b = { 0 };

	for (unsigned i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_int_equal(backoff_next(&b, 5), want[i]);
}

static void test_a_good_run_begins_anew(void **state)
{
	struct backoff b = { 0 };

	for (int i = 0; i < 5; i++)
		(void)backoff_next(&b, 0);
	assert_int_equal(backoff_next(&b, BACKOFF_RESET_MS - 1), 3200);
	assert_int_equal(backoff_next(&b, BACKOFF_RESET_MS), 0);
	assert_int_equal(backoff_next(&b, BACKOFF_RESET_MS), 0);
	assert_int_equal(backoff_next(&b, 0), BACKOFF_FIRST_MS);
	assert_int_equal(backoff_next(&b, 0), 2 * BACKOFF_FIRST_MS);
}

static unsigned drain(struct budget *b, uint64_t now)
{
	unsigned n = 0;

	while (n < 2 * BUDGET_BURST && budget_take(b, now))
		n++;
	return n;
}

static void test_budget_bounds_a_burst_and_refills(void **state)
{
	struct budget b = { 0 };

	assert_int_equal(drain(&b, 1000), BUDGET_BURST);
	assert_int_equal(drain(&b, 1000 + BUDGET_REFILL_MS - 1), 0);
	assert_int_equal(drain(&b, 1000 + BUDGET_REFILL_MS), 1);
	assert_int_equal(drain(&b, 1000 + 5 * BUDGET_REFILL_MS), 4);
}

static void test_budget_never_holds_more_than_a_burst(void **state)
{
	struct budget b = { 0 };

	assert_true(budget_take(&b, 1));
	assert_int_equal(drain(&b, UINT64_MAX / 2), BUDGET_BURST);
}

static void test_budget_with_a_clock_that_stands_or_steps_back(void **state)
{
	struct budget b = { 0 };

	assert_int_equal(drain(&b, 5000), BUDGET_BURST);
	assert_false(budget_take(&b, 5000));
	assert_false(budget_take(&b, 10));
	assert_true(budget_take(&b, 5000 + BUDGET_REFILL_MS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_back_off_doubles_to_its_limit),
		cmocka_unit_test(test_a_good_run_begins_anew),
		cmocka_unit_test(test_budget_bounds_a_burst_and_refills),
		cmocka_unit_test(test_budget_never_holds_more_than_a_burst),
		cmocka_unit_test(test_budget_with_a_clock_that_stands_or_steps_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
