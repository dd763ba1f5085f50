// SPDX-License-Identifier: MIT
/* What is pure in sluice-bench compare, and the merging of jobs' results. */
#include "config.h"
#include "tools/bench-merge.h"
#include "tools/compare.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct compare_result r;
static struct compare_options o;
static char why[512];

static int setup(void **state)
{
	memset(&r, 0, sizeof(r));
	r.workload = &compare_workloads[0];
	return 0;
}

static void set_iops(enum compare_peer peer, const double *iops, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		r.row[peer].sample[i] = (struct compare_sample){ .iops = iops[i],
			.bytes = iops[i] * 4096, .cpu = 1 / (iops[i] + 1) };
	if (r.rounds < n)
		r.rounds = n;
}
#define SET(peer, ...) \
	set_iops(peer, (const double[]){ __VA_ARGS__ }, sizeof((double[]){ __VA_ARGS__ }) / sizeof(double))

#define assert_near(a, b) assert_true((a) > (b) - 1e-9 && (a) < (b) + 1e-9)

static void test_median(void **state)
{
	double odd[] = { 5, 1, 9 }, even[] = { 4, 1, 3, 2 }, one[] = { 7 };

	assert_near(compare_median(odd, 3), 5);
	assert_near(compare_median(even, 4), 2.5);
	assert_near(compare_median(one, 1), 7);
	assert_near(compare_median(NULL, 0), 0);
}

/* A run that failed is no run of speed 0. */
static void test_summary_leaves_failures_out(void **state)
{
	struct compare_summary s;

	SET(PEER_FIO, 100, 0, 300, 200);
	s = compare_summary(&r, PEER_FIO, COMPARE_IOPS);
	assert_int_equal(s.count, 3);
	assert_near(s.median, 200);
	assert_near(s.min, 100);
	assert_near(s.max, 300);
	assert_near(compare_summary(&r, PEER_FIO, COMPARE_BYTES).max, 300 * 4096);
	assert_near(compare_summary(&r, PEER_FIO, COMPARE_CPU).min, 1.0 / 301);
	assert_int_equal(compare_summary(&r, PEER_NBD, COMPARE_IOPS).count, 0);
}

/* The machine was slow in the second and third round for both: the ratio does not move. */
static void test_ratio_is_of_rounds(void **state)
{
	SET(PEER_SLUICE, 90, 9, 18, 90);
	SET(PEER_FIO, 100, 10, 20, 0);
	assert_near(compare_ratio(&r, PEER_SLUICE, PEER_FIO), 0.9);
	assert_near(compare_ratio(&r, PEER_SLUICE, PEER_NBD), 0);
}

static void test_best_vhost(void **state)
{
	assert_int_equal(compare_best_vhost(&r), COMPARE_PEERS);
	SET(PEER_NBD, 1000, 1000, 1000);
	SET(PEER_VHOST_URING_POLL, 10, 500, 12);
	SET(PEER_VHOST_THREADS_WAIT, 20, 21, 22);
	assert_int_equal(compare_best_vhost(&r), PEER_VHOST_THREADS_WAIT);
}

static void test_order_rotates(void **state)
{
	for (unsigned n = 1; n < 8; n++) {
		unsigned begun[8] = { 0 };

		for (unsigned round = 0; round < n * 3; round++)
			begun[compare_first(round, n)]++;
		for (unsigned i = 0; i < n; i++)
			assert_int_equal(begun[i], 3);
	}
	assert_int_equal(compare_first(5, 0), 0);
}

static char *table(void)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	compare_table(f, &r);
	fclose(f);
	return text;
}

static void test_table(void **state)
{
	char *text;

	SET(PEER_SLUICE, 90e3, 100e3, 110e3);
	SET(PEER_FIO, 200e3, 200e3, 200e3);
	text = table();
	assert_non_null(strstr(text, "randread-32: randread 4k, depth 32; 3 rounds"));
	assert_non_null(strstr(text, "100.00 kIOPS    90.00..110.00"));
	assert_non_null(strstr(text, "0.50         -")); /* no vhost-user-blk ran */
	assert_null(strstr(text, "qemu-nbd"));
	assert_null(strstr(text, "us/I/O"));
	free(text);
}

static void test_table_of_bandwidth_and_of_depth_1(void **state)
{
	char *text;

	SET(PEER_SLUICE, 250e3);
	SET(PEER_VHOST_URING_POLL, 125e3);
	r.workload = &compare_workloads[compare_workload_find("randread-1", 10)];
	text = table();
	assert_non_null(strstr(text, "       4.0\n"));
	assert_non_null(strstr(text, "2.00"));
	free(text);
	r.workload = &compare_workloads[compare_workload_find("read-1m", 7)];
	text = table();
	assert_non_null(strstr(text, "1.02 GB/s"));
	free(text);
}

/* A server's clients take the place of fio on the file. */
static void test_reference_is_fios_client(void **state)
{
	assert_int_equal(compare_fio(&r), PEER_FIO);
	SET(PEER_FIO_NBD, 100, 100, 100);
	SET(PEER_SLUICE, 90, 90, 90);
	assert_int_equal(compare_fio(&r), PEER_FIO_NBD);
	assert_near(compare_ratio(&r, PEER_SLUICE, compare_fio(&r)), 0.9);
	SET(PEER_QEMU_WAIT, 50, 50, 50);
	assert_int_equal(compare_best_vhost(&r), PEER_QEMU_WAIT);
}

/* --- names of storage ---------------------------------------------------- */

static struct compare_target target;

static const char *blockdev(const char *name)
{
	static char text[1024];

	assert_int_equal(compare_target_parse(name, &target, why, sizeof(why)), 0);
	assert_true(compare_target_blockdev(&target, text, sizeof(text)));
	return text;
}

static void test_servers_in_parts(void **state)
{
	assert_string_equal(blockdev("gluster://h:24010/vol/dir/a.img"),
		"driver=gluster,volume=vol,path=/dir/a.img,server.0.type=inet,server.0.host=h,server.0.port=24010");
	assert_string_equal(blockdev("iscsi://127.0.0.1/iqn.2026-01.example:t/1?initiator=iqn.x:i&timeout=3"),
		"driver=iscsi,transport=tcp,portal=127.0.0.1:3260,target=iqn.2026-01.example:t,lun=1,initiator-name=iqn.x:i");
	assert_string_equal(blockdev("iscsi://[::1]:3261/t/0"),
		"driver=iscsi,transport=tcp,portal=[::1]:3261,target=t,lun=0");
	assert_string_equal(blockdev("nbd://h/e"),
		"driver=nbd,server.type=inet,server.host=h,server.port=10809,export=e");
	assert_string_equal(blockdev("nbd+unix:///?socket=/tmp/s"),
		"driver=nbd,server.type=unix,server.path=/tmp/s,export=");
}

static void test_partition_in_parts(void **state)
{
	assert_int_equal(compare_target_parse("partition:/a:b.img:12", &target, why, sizeof(why)), 0);
	assert_int_equal(target.kind, COMPARE_PARTITION);
	assert_string_equal(target.path, "/a:b.img");
	assert_string_equal(target.unit, "12");
	assert_true(compare_target_peers(&target, PEER_FIO) && !compare_target_peers(&target, PEER_NBD));
}

static void test_names_that_nobody_else_has(void **state)
{
	static const char *const names[] = { "rbd://h/x", "partition:/a:PARTLABEL=x", "partition:/a", "iscsi://h/t",
		"iscsi:///t/1", "gluster://h/vol", "nbd+unix:///e", "nbd:///e" };

	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
		why[0] = '\0';
		assert_int_equal(compare_target_parse(names[i], &target, why, sizeof(why)), -EINVAL);
		assert_non_null(strstr(why, names[i]));
	}
	assert_int_equal(compare_target_parse("/a/file", &target, why, sizeof(why)), 0);
	assert_int_equal(target.kind, COMPARE_FILE);
	/* What would be two options of QEMU's. */
	assert_int_equal(compare_target_parse("nbd+unix:///?socket=/tmp/a,b", &target, why, sizeof(why)), 0);
	assert_false(compare_target_blockdev(&target, why, sizeof(why)));
}

/* --- options ----------------------------------------------------------- */

static enum compare_parsed parse(const char *a, const char *b)
{
	char *argv[] = { (char *)"compare", (char *)a, (char *)b, NULL };
	int argc = 1;

	while (argv[argc])
		argc++;
	why[0] = '\0';
	return compare_options_parse(argc, argv, &o, why, sizeof(why));
}

static void test_defaults(void **state)
{
	assert_int_equal(parse("--filename=x", NULL), COMPARE_PARSED);
	assert_int_equal(o.rounds, 5);
	assert_int_equal(o.runtime_us, 3000000);
	assert_int_equal(o.nworkloads, compare_workload_count);
	assert_false(o.direct || o.json || o.allow_write);
}

static void test_options(void **state)
{
	assert_int_equal(parse("--filename", "x"), COMPARE_PARSED);
	assert_string_equal(o.filename, "x");
	assert_int_equal(parse("--filename=x", "--allow-write"), COMPARE_PARSED);
	assert_true(o.allow_write);
	assert_int_equal(parse("--filename=x", "--allow_write=0"), COMPARE_PARSED);
	assert_false(o.allow_write);
	assert_int_equal(parse("--filename=x", "--workloads=read-1m,randread-1"), COMPARE_PARSED);
	assert_int_equal(o.nworkloads, 2);
	assert_string_equal(o.workloads[0]->name, "read-1m");
	assert_string_equal(o.workloads[1]->name, "randread-1");
	assert_int_equal(parse("--filename=x", "--runtime=200ms"), COMPARE_PARSED);
	assert_int_equal(o.runtime_us, 200000);
	assert_int_equal(parse("--help", NULL), COMPARE_HELP);
}

static void test_wrong_options(void **state)
{
	static const char *const bad[] = { "--rounds=0", "--rounds=100", "--runtime=0", "--runtime=x",
		"--workloads=", "--workloads=all", "--workloads=read-1m,,", "--workloads=read-1",
		"--direct=2", "--size=1m", "--output-format=xml", "--filename=" };

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		print_message("# %s\n", bad[i]);
		assert_int_equal(parse("--filename=x", bad[i]), COMPARE_WRONG);
		assert_non_null(strstr(why, bad[i]));
	}
	assert_int_equal(parse("--filename=x", "--color=red"), COMPARE_WRONG);
	assert_non_null(strstr(why, "--color=red is no option"));
	assert_int_equal(parse("--filename=x", "--rounds"), COMPARE_WRONG);
	assert_non_null(strstr(why, "--rounds needs a value"));
	assert_int_equal(parse(NULL, NULL), COMPARE_WRONG);
	assert_int_equal(parse("--", "x"), COMPARE_WRONG);
	assert_int_equal(parse("-", NULL), COMPARE_WRONG);
}

/* --- jobs -------------------------------------------------------------- */

static void add_sample(struct bench_samples *s, double value)
{
	if (!s->count || value < s->min)
		s->min = value;
	if (value > s->max)
		s->max = value;
	s->count++;
	s->sum += value;
	s->sum_squares += value * value;
}

static void test_merge(void **state)
{
	struct bench_result *a = calloc(1, sizeof(*a)), *b = calloc(1, sizeof(*b));

	a->dir[BENCH_READS].ios = 10;
	b->dir[BENCH_READS].ios = 5;
	b->dir[BENCH_SYNCS].ios = 2;
	histogram_add(&a->dir[BENCH_READS].latency, 100);
	histogram_add(&b->dir[BENCH_READS].latency, 50);
	histogram_add(&b->dir[BENCH_READS].latency, 3000);
	add_sample(&a->dir[BENCH_READS].iops, 10);
	add_sample(&a->dir[BENCH_READS].iops, 12);
	add_sample(&b->dir[BENCH_READS].iops, 100);
	a->seconds = 2;
	b->seconds = 3;
	a->user_seconds = b->user_seconds = 1.5;
	b->error = 5;
	b->errors = 4;
	strcpy(b->error_text, "broken");
	bench_merge(a, b);
	assert_int_equal(a->dir[BENCH_READS].ios, 15);
	assert_int_equal(a->dir[BENCH_SYNCS].ios, 2);
	assert_int_equal(a->dir[BENCH_READS].latency.count, 3);
	assert_int_equal(a->dir[BENCH_READS].latency.min, 50);
	assert_int_equal(a->dir[BENCH_READS].latency.max, 3000);
	assert_near(a->dir[BENCH_READS].iops.sum / a->dir[BENCH_READS].iops.count, 111);
	assert_near(a->dir[BENCH_READS].iops.min, 10);
	assert_near(a->dir[BENCH_READS].iops.max, 100);
	assert_near(a->seconds, 3);
	assert_near(a->user_seconds, 3);
	assert_int_equal(a->errors, 4);
	assert_string_equal(a->error_text, "broken");
	free(a);
	free(b);
}

static void test_merge_with_an_empty_job(void **state)
{
	struct bench_result *a = calloc(1, sizeof(*a)), *b = calloc(1, sizeof(*b));

	histogram_add(&a->dir[BENCH_READS].latency, 100);
	add_sample(&a->dir[BENCH_READS].iops, 10);
	bench_merge(a, b);
	assert_int_equal(a->dir[BENCH_READS].latency.min, 100);
	assert_near(a->dir[BENCH_READS].iops.sum, 10);
	bench_merge(b, a);
	assert_int_equal(b->dir[BENCH_READS].latency.min, 100);
	assert_near(b->dir[BENCH_READS].iops.sum, 10);
	free(a);
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_median),
		cmocka_unit_test_setup(test_summary_leaves_failures_out, setup),
		cmocka_unit_test_setup(test_ratio_is_of_rounds, setup),
		cmocka_unit_test_setup(test_best_vhost, setup),
		cmocka_unit_test(test_order_rotates),
		cmocka_unit_test_setup(test_table, setup),
		cmocka_unit_test_setup(test_table_of_bandwidth_and_of_depth_1, setup),
		cmocka_unit_test_setup(test_reference_is_fios_client, setup),
		cmocka_unit_test(test_servers_in_parts),
		cmocka_unit_test(test_partition_in_parts),
		cmocka_unit_test(test_names_that_nobody_else_has),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_wrong_options),
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_merge_with_an_empty_job),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
