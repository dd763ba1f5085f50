// SPDX-License-Identifier: MIT
/* When a thread spins before it sleeps. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/resource.h>

#include "common/spin.h"

static long switches;

int __wrap_getrusage(int who, struct rusage *usage);
int __wrap_getrusage(int who, struct rusage *usage)
{
	*usage = (struct rusage){ .ru_nivcsw = switches };
	return 0;
}

static unsigned skipped(struct spin *s)
{
	unsigned n = 0;

	while (spin_budget(s) == 0)
		n++;
	return n;
}

static void test_zero_never_spins(void **state)
{
	struct spin s;

	spin_init(&s, 0);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(spin_budget(&s), 0);
}

static void test_success_keeps_spinning(void **state)
{
	struct spin s;

	spin_init(&s, 50000);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(spin_budget(&s), 50000);
		spin_result(&s, 1000, true);
	}
}

static void test_failures_back_off_and_try_again(void **state)
{
	struct spin s;

	spin_init(&s, 50000);
	for (unsigned expected = 1; expected < SPIN_MOST_SKIPPED; expected *= 2) {
		spin_result(&s, 50000, false);
		assert_int_equal(skipped(&s), expected);
	}
	for (int i = 0; i < 3; i++) {
		spin_result(&s, 50000, false);
		assert_int_equal(skipped(&s), SPIN_MOST_SKIPPED);
	}
}

static void test_one_success_ends_the_back_off(void **state)
{
	struct spin s;

	spin_init(&s, 50000);
	spin_result(&s, 50000, false);
	spin_result(&s, 50000, false);
	skipped(&s);
	spin_result(&s, 100, true);
	assert_int_equal(skipped(&s), 0);
	spin_result(&s, 50000, false);
	assert_int_equal(skipped(&s), 1);
}

/* Ten milliseconds of spinning that found work; true if it went on without a pause. */
static bool spins_on(struct spin *s)
{
	for (int i = 0; i < 200; i++) {
		spin_result(s, 50000, true);
		if (spin_budget(s) == 0)
			return false;
	}
	return true;
}

static void test_a_wanted_cpu_is_left(void **state)
{
	struct spin s;

	switches = 7;
	spin_init(&s, 50000);
	assert_true(spins_on(&s));
	switches++;
	assert_false(spins_on(&s));
	assert_int_equal(skipped(&s), SPIN_MOST_SKIPPED - 1);
	assert_true(spins_on(&s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zero_never_spins),
		cmocka_unit_test(test_success_keeps_spinning),
		cmocka_unit_test(test_failures_back_off_and_try_again),
		cmocka_unit_test(test_one_success_ends_the_back_off),
		cmocka_unit_test(test_a_wanted_cpu_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
