// SPDX-License-Identifier: MIT
/* The JSON result as scripts that read fio's read it. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "tools/bench-report.h"

static struct bench_options options = { .name = "nightly", .bs = 4096, .iodepth = 32,
	.rw = BENCH_RW_READ | BENCH_RW_RANDOM };
static struct bench_given given = { .name = { "rw", "filename" }, .value = { "randread", "\xff" },
	.count = 2 };
static struct bench_result result;
static json_t *root;

static void render(void)
{
	struct bench_report r = { .options = &options, .given = &given, .jobs = &result, .njobs = 1,
		.all = &result,
		.cpu = { .backend = 0.5 }, .elapsed_seconds = 3 };
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	assert_int_equal(bench_report_json(f, &r), 0);
	fclose(f);
	root = json_loadb(text, size, 0, NULL);
	free(text);
	assert_non_null(root);
}

static int make(void **state)
{
	memset(&result, 0, sizeof(result));
	result.seconds = 2;
	result.dir[0].ios = 1000;
	result.dir[0].bytes = 1000 * 4096;
	for (unsigned i = 1; i <= 1000; i++)
		histogram_add(&result.dir[0].latency, i * 1000);
	render();
	return 0;
}

static int release(void **state)
{
	json_decref(root);
	return 0;
}

static json_t *job(const char *a, const char *b)
{
	json_t *o = json_array_get(json_object_get(root, "jobs"), 0);

	o = json_object_get(o, a);
	return b ? json_object_get(o, b) : o;
}

static void test_rates(void **state)
{
	assert_true(json_number_value(job("read", "iops")) == 500);
	assert_int_equal(json_integer_value(job("read", "bw_bytes")), 500 * 4096);
	assert_int_equal(json_integer_value(job("read", "bw")), 2000);
	assert_int_equal(json_integer_value(job("read", "io_bytes")), 4096000);
	assert_int_equal(json_integer_value(job("read", "io_kbytes")), 4000);
	assert_int_equal(json_integer_value(job("read", "total_ios")), 1000);
	assert_int_equal(json_integer_value(job("read", "runtime")), 2000);
}

static void test_percentiles_have_fios_keys(void **state)
{
	static const char *const keys[] = { "1.000000", "50.000000", "99.000000", "99.500000",
		"99.990000" };
	json_t *p = json_object_get(job("read", "clat_ns"), "percentile");

	for (unsigned i = 0; i < 5; i++)
		assert_true(json_is_integer(json_object_get(p, keys[i])));
	assert_in_range(json_integer_value(json_object_get(p, "50.000000")), 495000, 505000);
	assert_int_equal(json_integer_value(json_object_get(job("read", "clat_ns"), "N")), 1000);
}

static void test_every_direction_has_every_key(void **state)
{
	static const char *const directions[] = { "read", "write", "trim" };
	static const char *const keys[] = { "io_bytes", "io_kbytes", "bw_bytes", "bw", "iops", "runtime",
		"total_ios", "short_ios", "drop_ios", "slat_ns", "clat_ns", "lat_ns", "bw_min", "bw_max",
		"bw_agg", "bw_mean", "bw_dev", "bw_samples", "iops_min", "iops_max", "iops_mean", "iops_stddev",
		"iops_samples" };

	for (unsigned d = 0; d < 3; d++)
		for (unsigned k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
			assert_non_null(job(directions[d], keys[k]));
	assert_int_equal(json_integer_value(job("write", "iops")), 0);
	assert_int_equal(json_integer_value(json_object_get(job("trim", "lat_ns"), "N")), 0);
}

static void test_job_and_top_level_keys(void **state)
{
	static const char *const keys[] = { "jobname", "groupid", "error", "eta", "elapsed", "job options",
		"usr_cpu", "sys_cpu", "ctx", "majf", "minf", "latency_ns", "latency_us", "latency_ms",
		"latency_depth", "job_runtime" };

	for (unsigned k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
		assert_non_null(job(keys[k], NULL));
	assert_string_equal(json_string_value(job("jobname", NULL)), "nightly");
	assert_string_equal(json_string_value(json_object_get(root, "fio version")),
		"sluice-" PACKAGE_VERSION);
	assert_non_null(json_object_get(root, "timestamp"));
	assert_non_null(json_object_get(root, "time"));
}

static void test_latency_shares_sum_up(void **state)
{
	static const char *const maps[] = { "latency_ns", "latency_us", "latency_ms" };
	double sum = 0;

	for (unsigned i = 0; i < 3; i++) {
		const char *key;
		json_t *value;

		json_object_foreach(job(maps[i], NULL), key, value)
			sum += json_number_value(value);
	}
	assert_true(sum > 99.99 && sum < 100.01);
}

static void test_options_are_kept_and_odd_names_survive(void **state)
{
	assert_string_equal(json_string_value(job("job options", "rw")), "randread");
	assert_true(json_is_string(job("job options", "filename")));
}

static void test_cpu_is_per_million(void **state)
{
	json_t *cpu = json_object_get(json_object_get(root, "sluice"), "cpu_seconds_per_million_ios");

	assert_true(json_number_value(json_object_get(cpu, "backend")) == 500);
}

static void test_errors_show(void **state)
{
	json_decref(root);
	result.verify_errors = 1;
	render();
	assert_int_equal(json_integer_value(job("error", NULL)), EILSEQ);
	json_decref(root);
	result.error = EIO;
	render();
	assert_int_equal(json_integer_value(job("error", NULL)), EIO);
}

static void test_nothing_measured_is_no_division_by_zero(void **state)
{
	json_decref(root);
	memset(&result, 0, sizeof(result));
	render();
	assert_true(json_number_value(job("read", "iops")) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rates, make, release),
		cmocka_unit_test_setup_teardown(test_percentiles_have_fios_keys, make, release),
		cmocka_unit_test_setup_teardown(test_every_direction_has_every_key, make, release),
		cmocka_unit_test_setup_teardown(test_job_and_top_level_keys, make, release),
		cmocka_unit_test_setup_teardown(test_latency_shares_sum_up, make, release),
		cmocka_unit_test_setup_teardown(test_options_are_kept_and_odd_names_survive, make, release),
		cmocka_unit_test_setup_teardown(test_cpu_is_per_million, make, release),
		cmocka_unit_test_setup_teardown(test_errors_show, make, release),
		cmocka_unit_test_setup_teardown(test_nothing_measured_is_no_division_by_zero, make, release),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
