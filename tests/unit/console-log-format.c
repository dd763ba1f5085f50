// SPDX-License-Identifier: MIT
/* backends/console/log-format.c: what a guest's log says. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "backends/console/log-format.h"

#define THEN ((time_t)1700000000)
#define STAMP "[2023-11-14 22:13:20Z] "

/* In pieces of @piece; what comes out has to be the same. */
static void expect_in(struct log_format f, const char *from, size_t len, const char *want, size_t piece)
{
	char got[4096];
	size_t n = 0;

	for (size_t i = 0; i < len; i += piece)
		n += log_format_add(&f, from + i, len - i < piece ? len - i : piece, THEN, got + n);
	n += log_format_end(&f, THEN, got + n);
	got[n] = '\0';
	assert_string_equal(got, want);
}

static void expect(struct log_format f, const char *from, const char *want)
{
	for (size_t piece = 1; piece < 8; piece++)
		expect_in(f, from, strlen(from), want, piece);
}

static const struct log_format plain, stamped = { .stamp = true }, escaped = { .escape = true };

static void test_plain_is_what_was_said(void **state)
{
	expect(plain, "a\r\n\x1b[1mb\xc3\xa9\xff\xc3z\n", "a\r\n\x1b[1mb\xc3\xa9\xff\xc3z\n");
}

static void test_each_line_has_its_time(void **state)
{
	expect(stamped, "one\ntwo\n\nend", STAMP "one\n" STAMP "two\n" STAMP "\n" STAMP "end");
}

/* One of a line that is said in pieces is its beginning's. */
static void test_time_is_the_first_bytes(void **state)
{
	struct log_format f = stamped;
	char got[256];
	size_t n = log_format_add(&f, "a", 1, THEN, got);

	n += log_format_add(&f, "b\nc", 3, THEN + 1, got + n);
	got[n] = '\0';
	assert_string_equal(got, STAMP "ab\n[2023-11-14 22:13:21Z] c");
}

static void test_control_characters(void **state)
{
	expect(escaped, "a\x1b[2J\x07\x7f\tb\n", "a\\x1b[2J\\x07\\x7f\tb\n");
}

/* C1 in UTF-8, which some terminals obey, and its neighbours, which are letters. */
static void test_c1(void **state)
{
	expect(escaped, "\xc2\x9b" "31m\xc2\xa0\xc3\xa9", "\\xc2\\x9b31m\xc2\xa0\xc3\xa9");
}

static void test_line_ends(void **state)
{
	expect(escaped, "a\r\nb\rc\r\r\n", "a\nb\\x0dc\\x0d\n");
	expect(escaped, "end\r", "end\\x0d");
}

static void test_invalid_utf8(void **state)
{
	expect(escaped, "\xff\x80\xc3(\xe2\x82z\xc0\xaf", "\\xff\\x80\\xc3(\\xe2\\x82z\\xc0\\xaf");
	expect(escaped, "\xe2\x82", "\\xe2\\x82");
}

static void test_characters_of_all_lengths(void **state)
{
	expect(escaped, "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
}

static void test_nul_is_escaped(void **state)
{
	expect_in(escaped, "a\0b", 3, "a\\x00b", 1);
}

/* A part of a character does not come out before the rest of it. */
static void test_only_whole_characters(void **state)
{
	struct log_format f = plain;
	char got[256];

	assert_int_equal(log_format_add(&f, "\xe2\x82", 2, THEN, got), 0);
	assert_int_equal(log_format_add(&f, "\xac", 1, THEN, got), 3);
}

/* The worst growth is within what callers make room for. */
static void test_growth(void **state)
{
	struct log_format f = { .stamp = true, .escape = true };
	char got[LOG_FORMAT_GROWTH];

	assert_in_range(log_format_add(&f, "\n", 1, THEN, got), 1, LOG_FORMAT_GROWTH);
	assert_int_equal(log_format_add(&f, "\r", 1, THEN, got), 0);
	assert_in_range(log_format_add(&f, "\x01", 1, THEN, got), 1, LOG_FORMAT_GROWTH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_is_what_was_said),
		cmocka_unit_test(test_each_line_has_its_time),
		cmocka_unit_test(test_time_is_the_first_bytes),
		cmocka_unit_test(test_control_characters),
		cmocka_unit_test(test_c1),
		cmocka_unit_test(test_line_ends),
		cmocka_unit_test(test_invalid_utf8),
		cmocka_unit_test(test_characters_of_all_lengths),
		cmocka_unit_test(test_nul_is_escaped),
		cmocka_unit_test(test_only_whole_characters),
		cmocka_unit_test(test_growth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
