// SPDX-License-Identifier: MIT
/* What backends show, and readers who do not trust it. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "backends/common/metrics.h"
#include "tools/metrics-text.h"
#include "tools/prng.h"
#include "tools/top.h"

static char dir[] = "/tmp/sluice-test-XXXXXX";
static int dir_fd = -1;
static struct metrics_view view;
/* An image as a backend would write it, with two rings. */
static _Alignas(4096) uint8_t image[METRICS_PAGE + METRICS_MAX_RINGS * 65536];
static uint8_t room[sizeof(image)];
static struct metrics_header *const header = (void *)image;

static size_t image_size(void)
{
	return METRICS_PAGE + 2 * (size_t)metrics_ring_size();
}

static struct metrics_ring *ring(unsigned i)
{
	return (void *)(image + METRICS_PAGE + i * (size_t)metrics_ring_size());
}

static int setup(void **state)
{
	memset(image, 0, sizeof(image));
	*header = (struct metrics_header){ .magic = METRICS_MAGIC, .version = METRICS_VERSION,
		.header_size = METRICS_PAGE, .ring_size = metrics_ring_size(), .rings = 2,
		.start_ns = 7, .sectors = 2048, .sector_size = 512, .driver = "uring" };
	return 0;
}

static int parse(void)
{
	return metrics_parse(image, image_size(), &view);
}

/* --- layout ------------------------------------------------------------------ */

static void test_buckets_cover_all_values(void **state)
{
	uint64_t begin = 0;

	for (unsigned i = 0; i < METRICS_BUCKETS; i++) {
		uint64_t end = metrics_bucket_end(i);

		assert_true(end > begin);
		assert_int_equal(metrics_bucket(begin), i);
		assert_int_equal(metrics_bucket(end - 1), i);
		/* Within 6 %, half to either side. */
		assert_true(end - begin == 1 || (end - begin) * 16 <= begin);
		begin = end;
	}
	assert_int_equal(begin, UINT64_C(1) << METRICS_MAX_BITS);
	assert_int_equal(metrics_bucket(UINT64_MAX), METRICS_BUCKETS - 1);
}

static void test_written_page_is_read(void **state)
{
	struct metrics_page *page;
	char where[128];

	snprintf(where, sizeof(where), "%s/vbd-2-51712.metrics", dir);
	assert_int_equal(metrics_page_open(where, 2, &page), 0);
	metrics_page_storage(page, "null", 4096);
	metrics_page_size(page, 99);
	metric_set(&metrics_page_ring(page, 1)->connected, 1);
	metric_add(&metrics_page_ring(page, 0)->counter[METRICS_READS], 3);
	metric_add(&metrics_page_ring(page, 1)->counter[METRICS_READS], 4);
	assert_null(metrics_page_ring(page, 2));
	assert_int_equal(metrics_read_at(dir_fd, "vbd-2-51712.metrics", image, &view), 0);
	assert_string_equal(view.driver, "null");
	assert_int_equal(view.sectors, 99);
	assert_int_equal(view.sector_size, 4096);
	assert_int_equal(view.rings, 2);
	assert_false(view.ring[0].connected);
	assert_true(view.ring[1].connected);
	assert_int_equal(view.total[METRICS_READS], 7);
	assert_int_equal(view.ring[1].counter[METRICS_READS], 4);
	metrics_page_close(page);
	assert_int_equal(unlinkat(dir_fd, "vbd-2-51712.metrics", 0), 0);
}

static void test_opened_page_forgets_what_was_there(void **state)
{
	int fd = openat(dir_fd, "old", O_RDWR | O_CREAT, 0600);
	struct metrics_page *page;
	char where[32];

	assert_int_equal(write(fd, "old contents", 12), 12);
	memset(image, 0x55, sizeof(image));
	assert_int_equal(pwrite(fd, image, sizeof(image), 0), sizeof(image));
	snprintf(where, sizeof(where), "fd:%d", fd);
	assert_int_equal(metrics_page_open(where, 1, &page), 0);
	assert_int_equal(metrics_page_ring(page, 0)->counter[METRICS_READS], 0);
	metrics_page_close(page);
	assert_int_equal(metrics_read_at(dir_fd, "old", image, &view), 0);
	assert_int_equal(view.total[METRICS_READS], 0);
}

static void test_page_needs_a_regular_file(void **state)
{
	struct metrics_page *page = NULL;

	assert_int_equal(metrics_page_open("/dev/null", 1, &page), -EINVAL);
	assert_int_equal(metrics_page_open("fd:x", 1, &page), -EINVAL);
	assert_int_equal(metrics_page_open("fd:-1", 1, &page), -EINVAL);
	assert_int_equal(metrics_page_open("fd:9999", 1, &page), -EBADF);
	assert_int_equal(metrics_page_open("/nonexistent/x", 1, &page), -ENOENT);
	assert_null(page);
}

static void test_page_has_one_to_eight_rings(void **state)
{
	struct metrics_page *page = NULL;

	assert_int_equal(metrics_page_open("/dev/null", 0, &page), -EINVAL);
	assert_int_equal(metrics_page_open("/dev/null", METRICS_MAX_RINGS + 1, &page), -EINVAL);
	assert_null(metrics_page_ring(NULL, 0));
	metrics_page_close(NULL);
}

/* --- readers ------------------------------------------------------------------- */

static void test_good_image(void **state)
{
	ring(1)->connected = 1;
	ring(1)->counter[METRICS_WRITES] = 5;
	assert_int_equal(parse(), 0);
	assert_int_equal(view.total[METRICS_WRITES], 5);
	assert_string_equal(view.driver, "uring");
}

static void test_unwritten_file_is_no_garbage(void **state)
{
	memset(image, 0, sizeof(image));
	assert_int_equal(metrics_parse(image, 0, &view), -ENODATA);
	assert_int_equal(parse(), -ENODATA);
}

static void test_another_version_is_refused(void **state)
{
	header->version++;
	assert_int_equal(parse(), -EPROTO);
}

static void test_bad_magic(void **state)
{
	header->magic ^= 1;
	assert_int_equal(parse(), -EINVAL);
}

static void test_file_that_is_too_short(void **state)
{
	assert_int_equal(metrics_parse(image, image_size() - 1, &view), -EINVAL);
	assert_int_equal(metrics_parse(image, METRICS_PAGE, &view), -EINVAL);
	assert_int_equal(metrics_parse(image, METRICS_PAGE - 1, &view), -EINVAL);
	assert_int_equal(metrics_parse(image, 1, &view), -EINVAL);
}

static void test_numbers_of_rings_that_cannot_be(void **state)
{
	static const uint32_t bad[] = { 0, METRICS_MAX_RINGS + 1, UINT32_MAX };

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		header->rings = bad[i];
		assert_int_equal(metrics_parse(image, sizeof(image), &view), -EINVAL);
	}
}

static void test_sizes_that_are_not_the_versions(void **state)
{
	header->ring_size = 0;
	assert_int_equal(parse(), -EINVAL);
	setup(NULL);
	header->header_size = 64;
	assert_int_equal(parse(), -EINVAL);
	setup(NULL);
	header->ring_size += 4096;
	assert_int_equal(metrics_parse(image, sizeof(image), &view), -EINVAL);
}

static void test_driver_name_is_cut_at_what_no_name_has(void **state)
{
	memcpy(header->driver, "a\033[2Jbbbbbbbbbbb", 16);
	assert_int_equal(parse(), 0);
	assert_string_equal(view.driver, "a");
	memcpy(header->driver, "\"x", 2);
	assert_int_equal(parse(), 0);
	assert_string_equal(view.driver, "-");
	/* Without an end. */
	memset(header->driver, 'z', sizeof(header->driver));
	assert_int_equal(parse(), 0);
	assert_int_equal(strlen(view.driver), sizeof(header->driver) - 1);
}

static void test_sums_do_not_wrap(void **state)
{
	for (unsigned i = 0; i < 2; i++) {
		ring(i)->counter[METRICS_READS] = UINT64_MAX - 1;
		ring(i)->latency[METRICS_OP_READ].bucket[3] = UINT64_MAX - 1;
		ring(i)->latency[METRICS_OP_READ].bucket[4] = UINT64_MAX - 1;
		ring(i)->latency[METRICS_OP_READ].sum_ns = UINT64_MAX - 1;
	}
	assert_int_equal(parse(), 0);
	assert_true(view.total[METRICS_READS] == UINT64_MAX);
	assert_true(metrics_count(&view.latency[METRICS_OP_READ]) == UINT64_MAX);
	assert_true(view.latency[METRICS_OP_READ].sum_ns == UINT64_MAX);
	assert_true(metrics_percentile(&view.latency[METRICS_OP_READ], 99.9) <= 5);
}

static void write_file(const char *name, const void *bytes, size_t size)
{
	int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	close(fd);
}

static void test_links_are_not_followed(void **state)
{

	write_file("real", image, image_size());
	assert_int_equal(metrics_read_at(dir_fd, "real", room, &view), 0);
	assert_int_equal(symlinkat("real", dir_fd, "link"), 0);
	assert_int_equal(metrics_read_at(dir_fd, "link", room, &view), -ELOOP);
}

static void test_what_is_no_file_is_refused_at_once(void **state)
{

	assert_int_equal(mkfifoat(dir_fd, "pipe", 0600), 0);
	assert_int_equal(metrics_read_at(dir_fd, "pipe", room, &view), -EINVAL);
	assert_int_equal(metrics_read_at(dir_fd, ".", room, &view), -EINVAL);
	assert_int_equal(metrics_read_at(dir_fd, "nothing", room, &view), -ENOENT);
}

static void test_of_a_large_file_the_beginning_is_read(void **state)
{
	char path[128];

	write_file("large", image, image_size());
	snprintf(path, sizeof(path), "%s/large", dir);
	assert_int_equal(truncate(path, INT64_C(1) << 40), 0);
	assert_int_equal(metrics_read_at(dir_fd, "large", room, &view), 0);
	assert_int_equal(truncate(path, 100), 0);
	assert_int_equal(metrics_read_at(dir_fd, "large", room, &view), -EINVAL);
}

/* --- numbers ---------------------------------------------------------------------- */

static void test_percentiles(void **state)
{
	struct metrics_latency l = { 0 };

	assert_int_equal(metrics_percentile(&l, 50), 0);
	for (uint64_t i = 1; i <= 1000; i++)
		l.bucket[metrics_bucket(i * 1000)]++;
	assert_in_range(metrics_percentile(&l, 50), 470000, 530000);
	assert_in_range(metrics_percentile(&l, 99), 930000, 1050000);
	assert_in_range(metrics_percentile(&l, 99.9), 940000, 1060000);
	assert_in_range(metrics_percentile(&l, 0.1), 900, 1100);
}

static void test_since_is_the_difference(void **state)
{
	struct metrics_latency before = { .sum_ns = 10 }, now = { .sum_ns = 30 }, d;

	before.bucket[5] = 2;
	now.bucket[5] = 3;
	now.bucket[6] = 1;
	metrics_since(&now, &before, &d);
	assert_int_equal(d.sum_ns, 20);
	assert_int_equal(d.bucket[5], 1);
	assert_int_equal(d.bucket[6], 1);
}

static void test_since_of_what_went_backwards_is_all(void **state)
{
	struct metrics_latency before = { .sum_ns = 10 }, now = { .sum_ns = 30 }, d;

	before.bucket[5] = 4;
	now.bucket[5] = 3;
	metrics_since(&now, &before, &d);
	assert_int_equal(d.bucket[5], 3);
	assert_int_equal(d.sum_ns, 30);
}

static struct metrics_device device(struct metrics_view *v)
{
	return (struct metrics_device){ .place = "42", .backend = 1, .guest = "guest",
		.name = { "vbd", 2, 51712 }, .disk = "xvda", .view = v };
}

static void test_rates(void **state)
{
	struct metrics_view *before = calloc(1, sizeof(*before));
	struct metrics_device a = device(before), b = device(&view);
	struct top_row row;

	assert_int_equal(metrics_parse(image, image_size(), before), 0);
	ring(0)->connected = 1;
	ring(0)->in_flight = 3;
	ring(0)->features = METRICS_FEATURE_PERSISTENT;
	ring(0)->counter[METRICS_READ_BYTES] = 8192;
	ring(0)->counter[METRICS_POLL_HITS] = 1;
	ring(0)->counter[METRICS_POLL_MISSES] = 3;
	ring(0)->counter[METRICS_ERRORS] = 4;
	ring(0)->latency[METRICS_OP_READ].bucket[metrics_bucket(1000000)] = 2000;
	ring(0)->latency[METRICS_OP_READ].sum_ns = UINT64_C(2000) * 1000000;
	assert_int_equal(parse(), 0);
	top_rate(&b, &a, 2, &row);
	assert_true(row.op[METRICS_OP_READ].iops == 1000);
	assert_true(row.all.bytes == 4096);
	assert_true(row.depth > 0.999 && row.depth < 1.001);
	assert_true(row.poll_hits == 0.25);
	assert_true(row.errors == 2);
	assert_int_equal(row.in_flight, 3);
	assert_int_equal(row.connected, 1);
	assert_in_range(row.all.p50_ns, 950000, 1050000);
	free(before);
}

static void test_rates_of_a_backend_that_started_anew(void **state)
{
	struct metrics_view *before = calloc(1, sizeof(*before));
	struct metrics_device a = device(before), b = device(&view);
	struct top_row row;

	ring(0)->counter[METRICS_READ_BYTES] = 1 << 20;
	assert_int_equal(metrics_parse(image, image_size(), before), 0);
	header->start_ns++;
	ring(0)->counter[METRICS_READ_BYTES] = 512;
	assert_int_equal(parse(), 0);
	top_rate(&b, &a, 1, &row);
	assert_true(row.all.bytes == 512);
	/* Without one, a counter that goes backwards counts nothing. */
	before->start_ns = view.start_ns;
	top_rate(&b, &a, 1, &row);
	assert_true(row.all.bytes == 0);
	free(before);
}

/* --- what is shown ---------------------------------------------------------------- */

static char *show(void (*fn)(const struct metrics_list *, const struct top_row *, FILE *))
{
	struct metrics_device d = device(&view);
	struct metrics_list list = { .device = &d, .count = 1 };
	struct metrics_list none = { .count = 0 };
	struct top_row *rows = top_rows(&list, &none, 1);
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	fn(&list, rows, to);
	fclose(to);
	free(rows);
	return text;
}

static void show_text(const struct metrics_list *list, const struct top_row *rows, FILE *to)
{
	metrics_text(list, to);
}

static void show_json(const struct metrics_list *list, const struct top_row *rows, FILE *to)
{
	top_show_json(list, rows, 1, 1, to);
}

static void show_table(const struct metrics_list *list, const struct top_row *rows, FILE *to)
{
	struct top_size size = { .columns = 80, .lines = 24 };

	top_show_table(list, rows, size, "\n", to);
}

static void assert_plain(const char *text)
{
	for (; *text; text++)
		assert_true(*text == '\n' || (*text >= ' ' && *text < 127));
}

/* Each bucket of a histogram holds what the one before does. */
static void assert_cumulative(const char *text)
{
	uint64_t last = 0, n;

	for (const char *p = text; (p = strstr(p, "latency_seconds_bucket{")); p++) {
		const char *line = strchr(p, '}');

		assert_int_equal(sscanf(line, "} %" SCNu64, &n), 1);
		if (strstr(p, "le=\"0.000004096\"") && strstr(p, "le=\"0.000004096\"") < line)
			last = 0;
		assert_true(n >= last);
		last = n;
	}
}

static void show_all(void)
{
	char *text = show(show_text), *json = show(show_json), *table = show(show_table);

	assert_plain(text);
	assert_cumulative(text);
	assert_plain(json);
	assert_null(strstr(json, "nan"));
	assert_null(strstr(json, "inf"));
	assert_plain(table);
	for (char *line = strtok(table, "\n"); line; line = strtok(NULL, "\n"))
		assert_true(strlen(line) <= 80);
	free(text);
	free(json);
	free(table);
}

static void test_largest_numbers_are_shown(void **state)
{
	memset(image + METRICS_PAGE, 0xff, 2 * (size_t)metrics_ring_size());
	header->start_ns = header->sectors = header->sector_size = UINT64_MAX;
	assert_int_equal(parse(), 0);
	show_all();
}

static void test_garbage_is_shown_or_refused(void **state)
{
	uint64_t seed = 4711;

	for (unsigned i = 0; i < 30; i++) {
		for (size_t at = 0; at + 8 <= image_size(); at += 8) {
			uint64_t word = prng_next(&seed);

			memcpy(image + at, &word, sizeof(word));
		}
		assert_int_equal(parse(), -EINVAL);
		header->magic = METRICS_MAGIC;
		header->version = METRICS_VERSION;
		header->header_size = METRICS_PAGE;
		header->ring_size = metrics_ring_size();
		header->rings = 2;
		header->kind = METRICS_KINDS + i;
		assert_int_equal(parse(), -EINVAL);
		header->kind = i % METRICS_KINDS;
		assert_int_equal(parse(), 0);
		show_all();
	}
}

/* What an interface counts is not shown as a disk's reads and writes. */
static void test_interfaces_have_families_of_their_own(void **state)
{
	struct metrics_device d;
	struct metrics_list list = { .device = &d, .count = 1 }, none = { .count = 0 };
	struct top_row *rows;
	char *text = NULL;
	size_t length;
	FILE *to = open_memstream(&text, &length);

	header->kind = METRICS_VIF;
	ring(0)->counter[METRICS_NET_RX_BYTES] = 12345678;
	assert_int_equal(parse(), 0);
	assert_int_equal(view.kind, METRICS_VIF);
	d = device(&view);
	metrics_text(&list, to);
	rows = top_rows(&list, &none, 1);
	top_show_table(&list, rows, (struct top_size){ 0 }, "\n", to);
	top_show_json(&list, rows, 1, 1, to);
	fclose(to);
	assert_null(strstr(text, "sluice_blk_bytes_total{"));
	assert_non_null(strstr(text, "queue=\"0\",direction=\"received\"} 12345678"));
	assert_null(strstr(text, "DISK"));
	assert_non_null(strstr(text, "11.8M"));
	assert_non_null(strstr(text, "\"received\":{\"packets_per_second\":0.000,\"bytes_per_second\":12345678.000}"));
	free(text);
	free(rows);
}

static void test_labels_are_escaped(void **state)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	metrics_text_label("a\"b\\c\nd", to);
	fclose(to);
	assert_string_equal(text, "\"a\\\"b\\\\c\\nd\"");
	free(text);
}

static void test_table_fits_its_lines(void **state)
{
	struct metrics_device d[8];
	struct metrics_list list = { .device = d, .count = 8 }, none = { .count = 0 };
	struct top_size size = { .columns = 200, .lines = 6 };
	struct top_row *rows;
	unsigned lines = 0;
	char *text = NULL;
	size_t length;
	FILE *to;

	assert_int_equal(parse(), 0);
	for (unsigned i = 0; i < 8; i++)
		d[i] = device(&view);
	rows = top_rows(&list, &none, 1);
	to = open_memstream(&text, &length);
	top_show_table(&list, rows, size, "\n", to);
	fclose(to);
	for (const char *p = text; (p = strchr(p, '\n')); p++)
		lines++;
	assert_int_equal(lines, 5); /* one is for the title */
	assert_non_null(strstr(text, "and 5 more"));
	free(text);
	free(rows);
}

static int make_dir(void **state)
{
	if (!mkdtemp(dir))
		return -1;
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY);
	return dir_fd < 0;
}

static int remove_dir(void **state)
{
	static const char *const names[] = { "old", "real", "link", "pipe", "large" };

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlinkat(dir_fd, names[i], 0);
	close(dir_fd);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buckets_cover_all_values),
		cmocka_unit_test(test_written_page_is_read),
		cmocka_unit_test(test_opened_page_forgets_what_was_there),
		cmocka_unit_test(test_page_needs_a_regular_file),
		cmocka_unit_test(test_page_has_one_to_eight_rings),
		cmocka_unit_test_setup(test_good_image, setup),
		cmocka_unit_test_setup(test_unwritten_file_is_no_garbage, setup),
		cmocka_unit_test_setup(test_another_version_is_refused, setup),
		cmocka_unit_test_setup(test_bad_magic, setup),
		cmocka_unit_test_setup(test_file_that_is_too_short, setup),
		cmocka_unit_test_setup(test_numbers_of_rings_that_cannot_be, setup),
		cmocka_unit_test_setup(test_sizes_that_are_not_the_versions, setup),
		cmocka_unit_test_setup(test_driver_name_is_cut_at_what_no_name_has, setup),
		cmocka_unit_test_setup(test_sums_do_not_wrap, setup),
		cmocka_unit_test_setup(test_links_are_not_followed, setup),
		cmocka_unit_test_setup(test_what_is_no_file_is_refused_at_once, setup),
		cmocka_unit_test_setup(test_of_a_large_file_the_beginning_is_read, setup),
		cmocka_unit_test(test_percentiles),
		cmocka_unit_test(test_since_is_the_difference),
		cmocka_unit_test(test_since_of_what_went_backwards_is_all),
		cmocka_unit_test_setup(test_rates, setup),
		cmocka_unit_test_setup(test_rates_of_a_backend_that_started_anew, setup),
		cmocka_unit_test_setup(test_largest_numbers_are_shown, setup),
		cmocka_unit_test_setup(test_garbage_is_shown_or_refused, setup),
		cmocka_unit_test_setup(test_interfaces_have_families_of_their_own, setup),
		cmocka_unit_test(test_labels_are_escaped),
		cmocka_unit_test_setup(test_table_fits_its_lines, setup),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
