// SPDX-License-Identifier: MIT
/* backends/console/tape-file.c: what outlives a console's backend. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "backends/console/tape-file.h"

#define SIZE 8192u

static char path[] = "/tmp/sluice-tape-XXXXXX";
static struct tape_file *tf;

static int open_as(const char *device, size_t size)
{
	return tape_file_open(path, device, size, &tf);
}

static void expect(const char *want)
{
	struct tape_reader r;
	const char *at;
	size_t len;

	tape_reader_start(&r, tape_file_tape(tf), SIZE_MAX);
	len = tape_peek(&r, &at);
	assert_int_equal(len, strlen(want));
	assert_memory_equal(at, want, len);
}

static int teardown(void **state)
{
	tape_file_close(tf);
	tf = NULL;
	unlink(path);
	return 0;
}

static void test_memory(void **state)
{
	uint32_t place;

	assert_int_equal(tape_file_open(NULL, "console/1", SIZE, &tf), 0);
	tape_file_connect(tf, 7);
	tape_file_add(tf, "hello", 5);
	expect("hello");
	assert_false(tape_file_place(tf, &place));
}

/* The place in the ring follows from what is kept, not from what was published. */
static void test_place_outlives_it(void **state)
{
	uint32_t place;

	assert_int_equal(open_as("console/1", SIZE), 0);
	tape_file_add(tf, "before ", 7);
	tape_file_connect(tf, UINT32_MAX - 2);
	tape_file_add(tf, "hello", 5);
	tape_file_close(tf);
	assert_int_equal(open_as("console/1", SIZE), 0);
	expect("before hello");
	assert_true(tape_file_place(tf, &place));
	assert_int_equal(place, 2);
	tape_file_add(tf, "!", 1);
	expect("before hello!");
}

static void test_not_connected(void **state)
{
	uint32_t place;

	assert_int_equal(open_as("console/1", SIZE), 0);
	tape_file_add(tf, "hello", 5);
	tape_file_close(tf);
	assert_int_equal(open_as("console/1", SIZE), 0);
	expect("hello");
	assert_false(tape_file_place(tf, &place));
}

static void test_another_device(void **state)
{
	uint32_t place;

	assert_int_equal(open_as("console/1", SIZE), 0);
	tape_file_connect(tf, 0);
	tape_file_add(tf, "hello", 5);
	tape_file_close(tf);
	assert_int_equal(open_as("console/2", SIZE), 0);
	expect("");
	assert_false(tape_file_place(tf, &place));
}

static void test_another_size(void **state)
{
	assert_int_equal(open_as("console/1", SIZE), 0);
	tape_file_add(tf, "hello", 5);
	tape_file_close(tf);
	assert_int_equal(open_as("console/1", 2 * SIZE), 0);
	expect("");
}

/* The oldest may be half written over: a ring's worth of it is not shown. */
static void test_full_one(void **state)
{
	char block[1024];

	memset(block, 'x', sizeof(block));
	assert_int_equal(open_as("console/1", SIZE), 0);
	for (unsigned i = 0; i < 9; i++)
		tape_file_add(tf, block, sizeof(block));
	tape_file_close(tf);
	assert_int_equal(open_as("console/1", SIZE), 0);
	assert_int_equal(tape_file_tape(tf)->end - tape_first(tape_file_tape(tf)), SIZE - 2048);
}

static void test_one_writer(void **state)
{
	struct tape_file *other;

	assert_int_equal(open_as("console/1", SIZE), 0);
	assert_int_equal(tape_file_open(path, "console/1", SIZE, &other), -EBUSY);
}

static void test_no_file(void **state)
{
	struct tape_file *none;

	assert_int_equal(tape_file_open("/proc/nowhere/tape", "console/1", SIZE, &none), -ENOENT);
	assert_true(tape_file_open("fd:999", "console/1", SIZE, &none) < 0);
	assert_true(tape_file_open("/dev/null", "console/1", SIZE, &none) < 0);
}

static int make_path(void **state)
{
	int fd = mkstemp(path);

	close(fd);
	unlink(path);
	return fd < 0 ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_memory, teardown),
		cmocka_unit_test_teardown(test_place_outlives_it, teardown),
		cmocka_unit_test_teardown(test_not_connected, teardown),
		cmocka_unit_test_teardown(test_another_device, teardown),
		cmocka_unit_test_teardown(test_another_size, teardown),
		cmocka_unit_test_teardown(test_full_one, teardown),
		cmocka_unit_test_teardown(test_one_writer, teardown),
		cmocka_unit_test(test_no_file),
	};

	return cmocka_run_group_tests(tests, make_path, NULL);
}
