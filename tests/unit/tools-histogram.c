// SPDX-License-Identifier: MIT
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tools/histogram.h"
#include "tools/prng.h"

static struct histogram h;

static int reset(void **state)
{
	h = (struct histogram){ .count = 0 };
	return 0;
}

static void test_buckets_are_within_one_percent(void **state)
{
	uint64_t seed = 1;

	for (unsigned i = 0; i < 200000; i++) {
		uint64_t value = prng_next(&seed) >> (24 + i % 40);
		uint64_t middle = histogram_value(histogram_bucket(value));
		uint64_t off = middle > value ? middle - value : value - middle;

		assert_true(off * 100 <= value);
	}
}

static void test_buckets_ascend_without_gaps(void **state)
{
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		assert_int_equal(histogram_bucket(histogram_value(i)), i);
	for (unsigned shift = 7; shift < HISTOGRAM_MAX_BITS; shift++)
		assert_int_equal(histogram_bucket(1ull << shift),
			histogram_bucket((1ull << shift) - 1) + 1);
}

static void test_small_values_are_exact(void **state)
{
	for (unsigned i = 0; i < HISTOGRAM_SUB; i++)
		assert_int_equal(histogram_value(histogram_bucket(i)), i);
}

static void test_huge_values_go_to_the_last_bucket(void **state)
{
	assert_int_equal(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
	assert_int_equal(histogram_bucket(1ull << HISTOGRAM_MAX_BITS), HISTOGRAM_BUCKETS - 1);
	assert_int_equal(histogram_bucket((1ull << HISTOGRAM_MAX_BITS) - 1), HISTOGRAM_BUCKETS - 1);
}

static void test_percentiles_of_1_to_100000(void **state)
{
	static const double percents[] = { 1, 10, 50, 90, 99, 99.9, 99.99 };

	for (uint64_t v = 1; v <= 100000; v++)
		histogram_add(&h, v);
	for (unsigned i = 0; i < 7; i++) {
		double want = percents[i] * 1000;
		double got = (double)histogram_percentile(&h, percents[i]);

		assert_true(got > want * 0.99 && got < want * 1.01);
	}
	assert_int_equal(histogram_percentile(&h, 100), 100000);
}

static void test_percentile_of_one_value_is_that_value(void **state)
{
	histogram_add(&h, 123457);
	assert_int_equal(histogram_percentile(&h, 1), 123457);
	assert_int_equal(histogram_percentile(&h, 99.99), 123457);
}

static void test_empty_is_all_zero(void **state)
{
	assert_int_equal(histogram_percentile(&h, 50), 0);
	assert_true(histogram_mean(&h) == 0);
	assert_true(histogram_stddev(&h) == 0);
}

static void test_mean_and_stddev_are_exact(void **state)
{
	static const uint64_t values[] = { 2, 4, 4, 4, 5, 5, 7, 9 };

	for (unsigned i = 0; i < 8; i++)
		histogram_add(&h, values[i]);
	assert_true(histogram_mean(&h) == 5);
	/* Sample deviation: sqrt(32 / 7). */
	assert_true(histogram_stddev(&h) > 2.13808 && histogram_stddev(&h) < 2.13810);
	assert_int_equal(h.min, 2);
	assert_int_equal(h.max, 9);
}

static void test_between_counts_each_value_once(void **state)
{
	for (uint64_t v = 0; v < 10000; v++)
		histogram_add(&h, v);
	assert_int_equal(histogram_between(&h, 0, 100), 100);
	assert_int_equal(histogram_between(&h, 0, 5000) + histogram_between(&h, 5000, UINT64_MAX),
		10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buckets_are_within_one_percent),
		cmocka_unit_test(test_buckets_ascend_without_gaps),
		cmocka_unit_test(test_small_values_are_exact),
		cmocka_unit_test(test_huge_values_go_to_the_last_bucket),
		cmocka_unit_test_setup(test_percentiles_of_1_to_100000, reset),
		cmocka_unit_test_setup(test_percentile_of_one_value_is_that_value, reset),
		cmocka_unit_test_setup(test_empty_is_all_zero, reset),
		cmocka_unit_test_setup(test_mean_and_stddev_are_exact, reset),
		cmocka_unit_test_setup(test_between_counts_each_value_once, reset),
	};

	return cmocka_run_group_tests_name("histogram", tests, NULL, NULL);
}
