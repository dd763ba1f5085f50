// SPDX-License-Identifier: MIT
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/bench-options.h"
#include "tools/disk-arg.h"
#include "tools/vdev.h"

static struct bench_options o;
static struct bench_given given;
static char why[512];

/* Up to three arguments after the program's name. */
static enum bench_parsed parse(const char *a, const char *b, const char *c)
{
	char *argv[] = { (char *)"blk", (char *)a, (char *)b, (char *)c, NULL };
	int argc = 1;

	while (argv[argc])
		argc++;
	why[0] = '\0';
	return bench_options_parse(argc, argv, &o, &given, why, sizeof(why));
}

static void assert_wrong(const char *a, const char *b, const char *text)
{
	assert_int_equal(parse(a, b, NULL), BENCH_WRONG);
	if (!strstr(why, text))
		fail_msg("\"%s\" does not say \"%s\"", why, text);
}

/* --- sizes and times --------------------------------------------------- */

static void test_sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{ "0", 0 }, { "512", 512 }, { "4k", 4096 }, { "4K", 4096 }, { "4kb", 4096 }, { "1m", 1 << 20 },
		{ "3G", 3ull << 30 }, { "2tB", 2ull << 40 }, { "16383p", 16383ull << 50 },
		{ "18446744073709551615", UINT64_MAX },
	};
	uint64_t bytes;

	for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(size_parse(good[i].text, &bytes), 0);
		assert_int_equal(bytes, good[i].bytes);
	}
}

static void test_sizes_that_are_none(void **state)
{
	/* fio's "4ki" is 4000, which nobody means: it is refused. */
	static const char *const bad[] = { "", "k", "-1", "+1", " 1", "1 ", "4x", "4kk", "4ki", "4kib",
		"0x10", "1.5k", "18446744073709551616" };
	uint64_t bytes;

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(size_parse(bad[i], &bytes), -EINVAL);
	assert_int_equal(size_parse("16384p", &bytes), -ERANGE);
}

static void test_times(void **state)
{
	uint64_t us;

	assert_int_equal(time_parse("5", &us), 0);
	assert_int_equal(us, 5000000);
	assert_int_equal(time_parse("250ms", &us), 0);
	assert_int_equal(us, 250000);
	assert_int_equal(time_parse("2m", &us), 0);
	assert_int_equal(us, 120000000);
	assert_int_equal(time_parse("5x", &us), -EINVAL);
	assert_int_equal(time_parse("", &us), -EINVAL);
	assert_int_equal(time_parse("18446744073709551615", &us), -ERANGE);
}

/* --- options ----------------------------------------------------------- */

static void test_both_spellings(void **state)
{
	assert_int_equal(parse("--filename=x", "--bs", "8k"), BENCH_PARSED);
	assert_int_equal(o.bs, 8192);
	assert_int_equal(parse("--filename=x", "--ramp-time=1", "--output_format=json"), BENCH_PARSED);
	assert_int_equal(o.ramp_us, 1000000);
	assert_int_equal(o.format, BENCH_JSON);
	assert_int_equal(parse("--filename=x", "--readwrite=randrw", "--time_based=0"), BENCH_PARSED);
	assert_int_equal(o.rw, BENCH_RW_READ | BENCH_RW_WRITE | BENCH_RW_RANDOM);
}

static void test_defaults_are_fios(void **state)
{
	assert_int_equal(parse("--filename=x", NULL, NULL), BENCH_PARSED);
	assert_int_equal(o.rw, BENCH_RW_READ);
	assert_int_equal(o.bs, 4096);
	assert_int_equal(o.iodepth, 1);
	assert_int_equal(o.direct, 0);
	assert_int_equal(o.rwmixread, 50);
}

static void test_each_rw(void **state)
{
	static const char *const names[] = { "read", "write", "rw", "randread", "randwrite", "randrw", "trim",
		"randtrim" };

	for (unsigned i = 0; i < 8; i++) {
		char text[32] = "--rw=";

		strcat(text, names[i]);
		assert_int_equal(parse("--filename=x", text, NULL), BENCH_PARSED);
		assert_string_equal(bench_rw_name(o.rw), names[i]);
	}
}

static void test_jobs_and_pace(void **state)
{
	assert_int_equal(parse("--filename=x", NULL, NULL), BENCH_PARSED);
	assert_int_equal(o.numjobs, 1);
	assert_int_equal(o.rate_iops, 0);
	assert_int_equal(o.group_reporting, 0);
	assert_int_equal(parse("--filename=x", "--numjobs=4", "--group_reporting"), BENCH_PARSED);
	assert_int_equal(o.numjobs, 4);
	assert_int_equal(o.group_reporting, 1);
	assert_int_equal(parse("--filename=x", "--rate-iops=500", "--fsync=8"), BENCH_PARSED);
	assert_int_equal(o.rate_iops, 500);
	assert_int_equal(o.fsync, 8);
	assert_int_equal(parse("--filename=x", "--rate_iops=7", NULL), BENCH_PARSED);
	assert_int_equal(o.rate_iops, 7);
}

static void test_verify_contradictions(void **state)
{
	assert_int_equal(parse("--filename=x", "--verify=crc32c", "--numjobs=2"), BENCH_WRONG);
	assert_non_null(strstr(why, "--numjobs=1"));
	assert_int_equal(parse("--filename=x", "--verify=crc32c", "--rw=trim"), BENCH_WRONG);
	assert_non_null(strstr(why, "trimmed"));
}

static void test_what_was_given_is_kept(void **state)
{
	assert_int_equal(parse("--filename=x", "--blocksize=8k", NULL), BENCH_PARSED);
	assert_int_equal(given.count, 2);
	assert_string_equal(given.name[1], "bs");
	assert_string_equal(given.value[1], "8k");
}

static void test_wrong_options_are_named(void **state)
{
	assert_wrong("--filename=x", "--ioengine=libaio", "--ioengine=libaio");
	assert_wrong("--filename=x", "stray", "stray");
	assert_wrong("--filename=x", "--bsx=4k", "--bsx=4k");
	assert_wrong("--filename=x", "--bs", "--bs needs a value");
	assert_wrong("--filename=x", "--bs=4z", "--bs=4z is no size");
	assert_wrong("--filename=x", "--bs=1000", "multiple of 512");
	assert_wrong("--filename=x", "--bs=0", "out of range");
	assert_wrong("--filename=x", "--iodepth=0", "out of range: 1 to 512");
	assert_wrong("--filename=x", "--iodepth=4294967297", "out of range");
	assert_wrong("--filename=x", "--rw=trimwrite", "none of read write");
	assert_wrong("--filename=x", "--numjobs=0", "out of range: 1 to 8");
	assert_wrong("--filename=x", "--numjobs=9", "out of range: 1 to 8");
	assert_wrong("--filename=x", "--rate-iops=0", "--rate_iops");
	assert_wrong("--filename=x", "--direct=2", "none of 0 1");
	assert_wrong("--filename=x", "--segments=12", "none of 11 32 256");
	assert_wrong("--filename=x", "--verify=md5", "crc32c");
	assert_wrong("--filename=x", "--runtime=0", "--runtime");
	assert_wrong("--filename=x", "--time_based", "--runtime");
	assert_wrong("--filename=", NULL, "--filename");
	assert_wrong("--rw=read", NULL, "which file?");
}

static void test_null_driver_needs_no_file(void **state)
{
	assert_int_equal(parse("--driver=null", NULL, NULL), BENCH_PARSED);
	assert_string_equal(o.filename, "");
}

static void test_names_of_storage_get_their_prefix(void **state)
{
	assert_int_equal(parse("--driver=partition", "--filename=/dev/sda:3", NULL), BENCH_PARSED);
	assert_string_equal(o.filename, "partition:/dev/sda:3");
	assert_string_equal(o.driver, "");
	assert_int_equal(parse("--driver=partition", "--filename=partition:a:1", NULL), BENCH_PARSED);
	assert_string_equal(o.filename, "partition:a:1");
	assert_int_equal(parse("--driver=lvm", "--filename=vg/lv", NULL), BENCH_PARSED);
	assert_string_equal(o.filename, "lvm:vg/lv");
	assert_int_equal(parse("--driver=iscsi", "--filename=iscsi://h/t/1", NULL), BENCH_PARSED);
	assert_string_equal(o.filename, "iscsi://h/t/1");
	assert_string_equal(o.driver, "iscsi");
}

static void test_a_name_that_does_not_fit_is_refused(void **state)
{
	char text[PATH_MAX + 32] = "--filename=";

	memset(text + 11, 'a', PATH_MAX);
	assert_wrong(text, NULL, "--filename");
}

static void test_runtime_means_time_based_unless_verifying(void **state)
{
	assert_int_equal(parse("--filename=x", "--runtime=5", NULL), BENCH_PARSED);
	assert_true(bench_is_time_based(&o));
	assert_int_equal(parse("--filename=x", "--runtime=5", "--verify=crc32c"), BENCH_PARSED);
	assert_false(bench_is_time_based(&o));
	assert_int_equal(parse("--filename=x", "--runtime=5", "--time_based=0"), BENCH_PARSED);
	assert_false(bench_is_time_based(&o));
	assert_int_equal(parse("--filename=x", NULL, NULL), BENCH_PARSED);
	assert_false(bench_is_time_based(&o));
}

/* --- disks ------------------------------------------------------------- */

static int parse_disk(const char *text, struct stack_disk *disk)
{
	static char copy[256];

	strcpy(copy, text);
	return disk_arg_parse(copy, disk, why, sizeof(why));
}

static void test_disk_arguments(void **state)
{
	struct stack_disk d;

	assert_int_equal(parse_disk("a.img,ro,dev=xvdc,driver=uring,buffered", &d), 0);
	assert_string_equal(d.filename, "a.img");
	assert_string_equal(d.dev, "xvdc");
	assert_string_equal(d.driver, "uring");
	assert_true(d.readonly && d.buffered && !d.cdrom);
	assert_int_equal(parse_disk("b,,c.img,cdrom", &d), 0);
	assert_string_equal(d.filename, "b,c.img");
	assert_true(d.cdrom && d.readonly);
	assert_int_equal(parse_disk(",driver=null", &d), 0);
	assert_string_equal(d.filename, "");
	assert_null(d.dev);
}

static void test_disk_arguments_that_are_wrong(void **state)
{
	struct stack_disk d;

	assert_int_equal(parse_disk("", &d), -EINVAL);
	assert_int_equal(parse_disk("a,r0", &d), -EINVAL);
	assert_non_null(strstr(why, "\"r0\""));
	assert_int_equal(parse_disk("a,", &d), -EINVAL);
	assert_int_equal(parse_disk("a,dev=", &d), -EINVAL);
}

static void test_vdev_numbers(void **state)
{
	static const struct {
		const char *name;
		uint32_t vdev;
	} good[] = {
		/* xen-vbd-interface(7): 202 << 8 | disk << 4 | partition, else 1 << 28 | .. << 8 | .. */
		{ "xvda", 51712 }, { "xvdb", 51728 }, { "xvda1", 51713 }, { "xvda15", 51727 },
		{ "xvdp", 51952 }, { "xvdp15", 51967 }, { "xvda16", 1 << 28 | 16 },
		{ "xvdq", 1 << 28 | 16 << 8 }, { "xvdz", 1 << 28 | 25 << 8 }, { "xvdaa", 1 << 28 | 26 << 8 },
		{ "xvdba3", 1 << 28 | 52 << 8 | 3 }, { "d0", 51712 }, { "d5p1", 51793 }, { "d26", 1 << 28 | 26 << 8 },
		{ "sda", 2048 }, { "sdp15", 2303 }, { "hda", 768 }, { "hdb1", 833 }, { "hdc", 5632 }, { "hdd63", 5759 }, { "xvdq255", 1 << 28 | 16 << 8 | 255 },
	};
	uint32_t vdev;

	for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(vdev_parse(good[i].name, &vdev), 0);
		assert_int_equal(vdev, good[i].vdev);
	}
}

static void test_vdev_names_that_are_none(void **state)
{
	static const char *const bad[] = { "", "xvd", "xvdA", "sd", "hd1", "d", "dp1", "d1p", "d01", "d1p01", "d1x", "fd0", "xvda0", "xvda01", "xvda1x", "xvd1",
		"/dev/xvda", "xvda ", "51712" };
	uint32_t vdev;

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(vdev_parse(bad[i], &vdev), -EINVAL);
	assert_int_equal(vdev_parse("xvda256", &vdev), -ERANGE);
	assert_int_equal(vdev_parse("sdq", &vdev), -ERANGE);
	assert_int_equal(vdev_parse("sda16", &vdev), -ERANGE);
	assert_int_equal(vdev_parse("hde", &vdev), -ERANGE);
	assert_int_equal(vdev_parse("hda64", &vdev), -ERANGE);
	assert_int_equal(vdev_parse("d1048576", &vdev), -ERANGE);
	assert_int_equal(vdev_parse("d0p256", &vdev), -ERANGE);
	assert_int_equal(vdev_parse("d99999999999999999999", &vdev), -ERANGE);
	assert_int_equal(vdev_parse("xvdzzzzzzzzzzzzzz", &vdev), -ERANGE);
	assert_int_equal(vdev_parse("xvda99999999999999999999", &vdev), -ERANGE);
}

static void test_vdev_names_come_back(void **state)
{
	char name[16];

	for (unsigned disk = 0; disk < 20000; disk += 7) {
		uint32_t vdev;

		vdev_name(disk, name, sizeof(name));
		assert_int_equal(vdev_parse(name, &vdev), 0);
		assert_int_equal(vdev, disk < 16 ? 202u << 8 | disk << 4 : 1u << 28 | disk << 8);
	}
}

static void test_disks_are_named(void **state)
{
	static const struct { uint32_t vdev; const char *name; } names[] = {
		{ 51712, "xvda" }, { 51713, "xvda1" }, { 51728, "xvdb" }, { 268439552, "xvdq" },
		{ 768, "768" }, { 0, "0" }, { 0x7fffffff, "2147483647" },
		/* The extended number of a disk that has a short one. */
		{ 268435456, "268435456" },
	};
	char name[16];

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		vdev_format(names[i].vdev, name, sizeof(name));
		assert_string_equal(name, names[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_sizes_that_are_none),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_both_spellings),
		cmocka_unit_test(test_defaults_are_fios),
		cmocka_unit_test(test_each_rw),
		cmocka_unit_test(test_jobs_and_pace),
		cmocka_unit_test(test_verify_contradictions),
		cmocka_unit_test(test_what_was_given_is_kept),
		cmocka_unit_test(test_wrong_options_are_named),
		cmocka_unit_test(test_null_driver_needs_no_file),
		cmocka_unit_test(test_names_of_storage_get_their_prefix),
		cmocka_unit_test(test_a_name_that_does_not_fit_is_refused),
		cmocka_unit_test(test_runtime_means_time_based_unless_verifying),
		cmocka_unit_test(test_disk_arguments),
		cmocka_unit_test(test_disk_arguments_that_are_wrong),
		cmocka_unit_test(test_vdev_numbers),
		cmocka_unit_test(test_vdev_names_that_are_none),
		cmocka_unit_test(test_vdev_names_come_back),
		cmocka_unit_test(test_disks_are_named),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
