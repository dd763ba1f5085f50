// SPDX-License-Identifier: MIT
/* backends/console/buffer.c: what a slow reader of a console gets. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "backends/console/buffer.h"

#define MARK(n) "\r\n[console: " n " bytes lost here]\r\n"

static struct buffer buf;

static int setup(void **state)
{
	return buffer_init(&buf, 8);
}

static int teardown(void **state)
{
	buffer_free(&buf);
	return 0;
}

static void add(const char *text)
{
	buffer_add(&buf, text, strlen(text));
}

/* Read all in pieces of at most @piece. */
static void expect(const char *text, size_t piece)
{
	char got[256];
	size_t n = 0, len;
	const char *at;

	while ((len = buffer_peek(&buf, &at))) {
		len = len < piece ? len : piece;
		assert_true(n + len < sizeof(got));
		memcpy(got + n, at, len);
		n += len;
		buffer_consume(&buf, len);
	}
	got[n] = '\0';
	assert_string_equal(got, text);
}

static void test_empty(void **state)
{
	const char *at;

	assert_int_equal(buffer_peek(&buf, &at), 0);
}

static void test_in_order(void **state)
{
	add("abc");
	add("de");
	expect("abcde", 100);
	add("fgh");
	expect("fgh", 1);
}

static void test_exactly_full_loses_nothing(void **state)
{
	add("abcdefgh");
	expect("abcdefgh", 3);
}

static void test_wraps(void **state)
{
	const char *at;

	add("abcdef");
	assert_true(buffer_peek(&buf, &at) >= 5);
	buffer_consume(&buf, 5);
	add("ghijklm");
	expect("fghijklm", 2);
}

static void test_oldest_goes_with_a_mark(void **state)
{
	add("abcdefgh");
	add("ij");
	expect(MARK("2") "cdefghij", 100);
	/* Once. */
	add("k");
	expect("k", 100);
}

static void test_more_than_fits_at_once(void **state)
{
	add("xy");
	add("0123456789ABCDEF");
	expect(MARK("10") "89ABCDEF", 100);
}

/* A reader gets whole marks, whatever is lost while it reads one. */
static void test_losses_during_a_mark(void **state)
{
	char want[128];
	const char *at;

	add("abcdefgh");
	add("i");
	assert_true(buffer_peek(&buf, &at) > 3);
	buffer_consume(&buf, 3);
	add("jkl");
	snprintf(want, sizeof(want), "%s%s", MARK("1") + 3, MARK("3") "efghijkl");
	expect(want, 1);
}

static void test_size_zero(void **state)
{
	struct buffer none = { .size = 0 };
	const char *at;

	buffer_add(&none, "abc", 3);
	assert_true(buffer_peek(&none, &at) > 0);
	buffer_consume(&none, strlen(MARK("3")));
	assert_int_equal(buffer_peek(&none, &at), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_empty, setup, teardown),
		cmocka_unit_test_setup_teardown(test_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_exactly_full_loses_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wraps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_oldest_goes_with_a_mark, setup, teardown),
		cmocka_unit_test_setup_teardown(test_more_than_fits_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_losses_during_a_mark, setup, teardown),
		cmocka_unit_test(test_size_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
