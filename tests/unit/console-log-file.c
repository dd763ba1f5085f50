// SPDX-License-Identifier: MIT
/* backends/console/log-file.c: a log of bounded size. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "backends/console/log-file.h"

static char folder[] = "/tmp/sluice-log-XXXXXX";
static char path[64];
static struct log_file file;

static void begin(uint64_t limit, unsigned keep)
{
	snprintf(path, sizeof(path), "%s/guest.log", folder);
	assert_int_equal(log_file_open(&file, path, limit, keep), 0);
}

static void say(const char *text)
{
	log_file_write(&file, text, strlen(text));
}

/* @n: 0: the log itself; @want NULL: there is none. */
static void expect(unsigned n, const char *want)
{
	char name[80], got[256] = "";
	ssize_t len;
	int fd;

	snprintf(name, sizeof(name), n ? "%s.%u" : "%s", path, n);
	fd = open(name, O_RDONLY);
	if (!want) {
		assert_int_equal(fd, -1);
		return;
	}
	assert_true(fd >= 0);
	len = read(fd, got, sizeof(got) - 1);
	close(fd);
	assert_true(len >= 0);
	assert_string_equal(got, want);
}

static int teardown(void **state)
{
	char name[80];

	log_file_close(&file);
	unlink(path);
	for (unsigned n = 1; n < 5; n++) {
		snprintf(name, sizeof(name), "%s.%u", path, n);
		unlink(name);
		rmdir(name);
	}
	return 0;
}

static void test_no_limit_appends(void **state)
{
	struct stat sb;

	begin(0, 4);
	say("one\n");
	log_file_close(&file);
	begin(0, 4);
	say("two\n");
	expect(0, "one\ntwo\n");
	expect(1, NULL);
	assert_int_equal(stat(path, &sb), 0);
	assert_int_equal(sb.st_mode & 0777, 0600);
}

static void test_rotates_and_keeps(void **state)
{
	begin(10, 2);
	say("11111111\n");
	say("22222222\n");
	say("33333333\n");
	expect(0, "33333333\n");
	expect(1, "22222222\n");
	expect(2, "11111111\n");
	say("44444444\n");
	expect(0, "44444444\n");
	expect(2, "22222222\n");
	expect(3, NULL);
}

/* What was there before counts. */
static void test_size_of_an_older_process(void **state)
{
	begin(10, 2);
	say("11111111\n");
	log_file_close(&file);
	begin(10, 2);
	say("22\n");
	expect(0, "22\n");
	expect(1, "11111111\n");
}

static void test_keep_none(void **state)
{
	begin(10, 0);
	say("11111111\n");
	say("22222222\n");
	expect(0, "22222222\n");
	expect(1, NULL);
}

/* A piece of many lines is cut between two of them. */
static void test_cut_between_lines(void **state)
{
	begin(10, 4);
	say("one\ntwo\nthree\nfour\n");
	expect(2, "one\ntwo\n");
	expect(1, "three\n");
	expect(0, "four\n");
}

/* A line longer than a file is cut, but no character is. */
static void test_cut_between_characters(void **state)
{
	begin(10, 4);
	say("12345678\xe2\x82\xac" "abc");
	expect(1, "12345678");
	expect(0, "\xe2\x82\xac" "abc");
}

static void test_never_longer_than_its_limit(void **state)
{
	struct stat sb;

	begin(100, 1);
	srandom(1);
	for (unsigned i = 0; i < 2000; i++) {
		char text[64];
		size_t len = (size_t)random() % sizeof(text);

		memset(text, 'x', sizeof(text));
		if (len && random() % 3 == 0)
			text[(size_t)random() % len] = '\n';
		log_file_write(&file, text, len);
		assert_int_equal(stat(path, &sb), 0);
		assert_in_range(sb.st_size, 0, 100);
	}
	assert_int_equal(file.lost, 0);
}

/* Bytes that are no characters at all do not stop it. */
static void test_no_characters(void **state)
{
	begin(10, 4);
	say("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80");
	assert_int_equal(file.lost, 0);
	assert_in_range(file.size, 5, 10);
}

/* Where a file cannot be moved, output is lost rather than the disk filled; then it goes on, with a mark. */
static void test_rotation_fails(void **state)
{
	char name[80], inside[96];

	begin(40, 1);
	say("0123456789012345678901234567890123456\n");
	snprintf(name, sizeof(name), "%s.1", path);
	snprintf(inside, sizeof(inside), "%s/x", name);
	assert_int_equal(mkdir(name, 0700) | mkdir(inside, 0700), 0);
	say("lost\n");
	assert_int_equal(file.lost, 5);
	expect(0, "0123456789012345678901234567890123456\n");
	assert_int_equal(rmdir(inside) | rmdir(name), 0);
	say("back\n");
	expect(0, "[console: 5 bytes lost here]\nback\n");
}

/* A full disk, as a limit of file sizes stands for it. */
static void test_full_disk(void **state)
{
	struct rlimit before, small;

	begin(0, 1);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 6;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	say("abc\n");
	say("defghi\n");
	say("more\n");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(file.lost, 10);
	expect(0, "abc\nde");
	say("fits\n");
	expect(0, "abc\nde\n[console: 10 bytes lost here]\nfits\n");
	assert_int_equal(file.lost, 0);
}

static void test_reopen(void **state)
{
	char name[80];

	begin(0, 1);
	say("old\n");
	snprintf(name, sizeof(name), "%s.1", path);
	assert_int_equal(rename(path, name), 0);
	say("still old\n");
	log_file_reopen(&file);
	say("new\n");
	expect(1, "old\nstill old\n");
	expect(0, "new\n");
}

/* A successor waits until the one before has written all, and finds the file that it left. */
static void test_one_writer_at_a_time(void **state)
{
	struct log_file other;

	begin(10, 2);
	assert_true(log_file_own(&file));
	assert_int_equal(log_file_open(&other, path, 10, 2), 0);
	assert_false(log_file_own(&other));
	say("11111111\n");
	say("22222222\n");
	log_file_close(&file);
	assert_true(log_file_own(&other));
	log_file_write(&other, "33333333\n", 9);
	log_file_close(&other);
	expect(2, "11111111\n");
	expect(1, "22222222\n");
	expect(0, "33333333\n");
}

static void test_no_file(void **state)
{
	struct log_file f;

	assert_int_equal(log_file_open(&f, "/proc/nowhere/log", 0, 0), -ENOENT);
	assert_int_equal(log_file_open(&f, folder, 0, 0), -EISDIR);
	assert_int_equal(log_file_open(&f, "/tmp/", 0, 0), -EINVAL);
}

static void test_device_is_not_rotated(void **state)
{
	struct log_file f;

	assert_int_equal(log_file_open(&f, "/dev/null", 10, 2), 0);
	log_file_write(&f, "much more than ten bytes\n", 25);
	assert_int_equal(f.lost, 0);
	log_file_close(&f);
}

static int make_folder(void **state)
{
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_no_limit_appends, teardown),
		cmocka_unit_test_teardown(test_rotates_and_keeps, teardown),
		cmocka_unit_test_teardown(test_size_of_an_older_process, teardown),
		cmocka_unit_test_teardown(test_keep_none, teardown),
		cmocka_unit_test_teardown(test_cut_between_lines, teardown),
		cmocka_unit_test_teardown(test_cut_between_characters, teardown),
		cmocka_unit_test_teardown(test_never_longer_than_its_limit, teardown),
		cmocka_unit_test_teardown(test_no_characters, teardown),
		cmocka_unit_test_teardown(test_rotation_fails, teardown),
		cmocka_unit_test_teardown(test_full_disk, teardown),
		cmocka_unit_test_teardown(test_reopen, teardown),
		cmocka_unit_test_teardown(test_one_writer_at_a_time, teardown),
		cmocka_unit_test(test_no_file),
		cmocka_unit_test(test_device_is_not_rotated),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
