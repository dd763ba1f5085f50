// SPDX-License-Identifier: MIT
/* backends/console/tape.c: what the readers of a console get. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "backends/console/tape.h"

#define MARK(n) "\r\n[console: " n " bytes lost here]\r\n"

static char memory[8];
static struct tape tape;
static struct tape_reader reader;

static int setup(void **state)
{
	tape = (struct tape){ .data = memory, .size = sizeof(memory) };
	tape_reader_start(&reader, &tape, SIZE_MAX);
	return 0;
}

static void add(const char *text)
{
	tape_add(&tape, text, strlen(text));
}

/* Read at most @max bytes in pieces of at most @piece. */
static void read_some(struct tape_reader *r, const char *text, size_t piece, size_t max)
{
	char got[256];
	size_t n = 0, len;
	const char *at;

	while (n < max && (len = tape_peek(r, &at))) {
		len = len < piece ? len : piece;
		len = len < max - n ? len : max - n;
		assert_true(n + len < sizeof(got));
		memcpy(got + n, at, len);
		n += len;
		tape_consume(r, len);
	}
	got[n] = '\0';
	assert_string_equal(got, text);
}

static void expect(const char *text, size_t piece)
{
	read_some(&reader, text, piece, 255);
}

static void expect_late(size_t replay, const char *text)
{
	struct tape_reader late;

	tape_reader_start(&late, &tape, replay);
	read_some(&late, text, 100, 255);
}

static void test_empty(void **state)
{
	const char *at;

	assert_int_equal(tape_peek(&reader, &at), 0);
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
	assert_int_equal(reader.lost, 0);
}

static void test_wraps(void **state)
{
	add("abcdef");
	read_some(&reader, "abcde", 5, 5);
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
	assert_int_equal(reader.lost, 2);
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
	add("abcdefgh");
	add("i");
	read_some(&reader, "\r\n[", 3, 3);
	add("jkl");
	expect("console: 1 bytes lost here]\r\n" MARK("3") "efghijkl", 1);
}

static void test_readers_have_places_of_their_own(void **state)
{
	struct tape_reader other;

	add("abcd");
	tape_reader_start(&other, &tape, SIZE_MAX);
	expect("abcd", 100);
	add("efgh");
	read_some(&other, "abcdefgh", 100, 255);
	expect("efgh", 100);
}

static void test_late_reader_sees_all_that_is_there(void **state)
{
	add("ab\ncd");
	expect_late(SIZE_MAX, "ab\ncd");
	expect_late(0, "");
}

/* What is shown begins with a line, where the oldest is gone and where it is left out. */
static void test_late_reader_begins_with_a_line(void **state)
{
	add("xx\nab\ncdef");
	expect_late(SIZE_MAX, "ab\ncdef");
	expect_late(5, "cdef");
	expect_late(4, "cdef");
}

static void test_late_reader_of_one_long_line(void **state)
{
	add("abcdefghij");
	expect_late(SIZE_MAX, "cdefghij");
	expect_late(3, "hij");
}

static void test_late_reader_begins_with_a_character(void **state)
{
	/* The euro sign's first byte is the one that is gone. */
	add("\xe2\x82\xac" "abcdef");
	expect_late(SIZE_MAX, "abcdef");
}

/* Nothing before the beginning, though there were room for it. */
static void test_begin(void **state)
{
	add("abcdef");
	tape.begin = 4;
	expect_late(SIZE_MAX, "ef");
	expect(MARK("4") "ef", 100);
}

static void test_mark_is_followed_by_a_character(void **state)
{
	add("a\xe2\x82\xac");
	add("bcdefg");
	expect(MARK("4") "bcdefg", 100);
}

/* A reader that had a part of a character gets the rest before the mark. */
static void test_mark_follows_a_character(void **state)
{
	add("\xe2\x82\xac" "b");
	read_some(&reader, "\xe2", 1, 1);
	add("0123456789");
	expect("\x82\xac" MARK("3") "23456789", 100);
}

/* Bytes that are no UTF-8 pass, too. */
static void test_not_utf8(void **state)
{
	add("\x80\x81\x82\x83\x84");
	expect("\x80\x81\x82\x83\x84", 1);
}

static void test_say(void **state)
{
	add("ab");
	read_some(&reader, "a", 1, 1);
	assert_true(tape_reader_say(&reader, "<note>"));
	assert_false(tape_reader_say(&reader, "<another>"));
	expect("<note>b", 2);
}

static void test_size_zero(void **state)
{
	struct tape none = { .size = 0 };
	struct tape_reader r;
	const char *at;

	tape_reader_start(&r, &none, SIZE_MAX);
	tape_add(&none, "abc", 3);
	read_some(&r, MARK("3"), 100, 255);
	assert_int_equal(tape_peek(&r, &at), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_empty, setup),
		cmocka_unit_test_setup(test_in_order, setup),
		cmocka_unit_test_setup(test_exactly_full_loses_nothing, setup),
		cmocka_unit_test_setup(test_wraps, setup),
		cmocka_unit_test_setup(test_oldest_goes_with_a_mark, setup),
		cmocka_unit_test_setup(test_more_than_fits_at_once, setup),
		cmocka_unit_test_setup(test_losses_during_a_mark, setup),
		cmocka_unit_test_setup(test_readers_have_places_of_their_own, setup),
		cmocka_unit_test_setup(test_late_reader_sees_all_that_is_there, setup),
		cmocka_unit_test_setup(test_late_reader_begins_with_a_line, setup),
		cmocka_unit_test_setup(test_late_reader_of_one_long_line, setup),
		cmocka_unit_test_setup(test_late_reader_begins_with_a_character, setup),
		cmocka_unit_test_setup(test_begin, setup),
		cmocka_unit_test_setup(test_mark_is_followed_by_a_character, setup),
		cmocka_unit_test_setup(test_mark_follows_a_character, setup),
		cmocka_unit_test_setup(test_not_utf8, setup),
		cmocka_unit_test_setup(test_say, setup),
		cmocka_unit_test(test_size_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
