// SPDX-License-Identifier: MIT
/* protocol/console.c against guests that keep the rules, and against others. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <xen/io/console.h>

#include "protocol/console.h"

static union {
	struct xencons_interface page;
	uint8_t bytes[4096];
} guest;
static struct console_ring ring;

static int setup(void **state)
{
	memset(&guest, 0, sizeof(guest));
	console_ring_init(&ring, &guest);
	return 0;
}

static void guest_says(const char *text)
{
	for (; *text; text++)
		guest.page.out[guest.page.out_prod++ % CONSOLE_OUT_SIZE] = *text;
}

static void expect_out(const char *text)
{
	char got[CONSOLE_OUT_SIZE];

	memset(got, 0, sizeof(got));
	assert_int_equal(console_ring_take(&ring, got, sizeof(got)), strlen(text));
	assert_memory_equal(got, text, strlen(text));
}

static void expect_in(const char *text)
{
	for (; *text; text++)
		assert_int_equal(guest.page.in[guest.page.in_cons++ % CONSOLE_IN_SIZE], *text);
	assert_int_equal(guest.page.in_cons, guest.page.in_prod);
}

static void expect_broken(void)
{
	char byte;

	/* For good: also when the indices are right again. */
	guest.page.out_prod = guest.page.out_cons = ring.out_cons;
	guest.page.in_prod = guest.page.in_cons = ring.in_prod;
	assert_int_equal(console_ring_take(&ring, &byte, 1), -EPROTO);
	assert_int_equal(console_ring_room(&ring), -EPROTO);
	assert_int_equal(console_ring_give(&ring, "x", 1), -EPROTO);
	assert_true(ring.broken);
}

static void test_empty(void **state)
{
	char byte;

	assert_int_equal(console_ring_take(&ring, &byte, 1), 0);
	assert_int_equal(console_ring_room(&ring), CONSOLE_IN_SIZE);
	assert_int_equal(console_ring_give(&ring, "", 0), 0);
}

static void test_out(void **state)
{
	guest_says("hello");
	expect_out("hello");
	assert_int_equal(guest.page.out_cons, 5);
	expect_out("");
}

static void test_out_in_small_pieces(void **state)
{
	char two[2];

	guest_says("abc");
	assert_int_equal(console_ring_take(&ring, two, 2), 2);
	assert_memory_equal(two, "ab", 2);
	expect_out("c");
}

static void test_in(void **state)
{
	assert_int_equal(console_ring_give(&ring, "ls\r", 3), 3);
	expect_in("ls\r");
}

static void test_in_is_no_longer_than_the_room(void **state)
{
	char many[CONSOLE_IN_SIZE + 10];

	memset(many, 'm', sizeof(many));
	assert_int_equal(console_ring_give(&ring, many, sizeof(many)), CONSOLE_IN_SIZE);
	assert_int_equal(console_ring_room(&ring), 0);
	assert_int_equal(console_ring_give(&ring, "n", 1), 0);
	guest.page.in_cons += 3;
	assert_int_equal(console_ring_room(&ring), 3);
}

static void test_a_full_ring_is_legal(void **state)
{
	char got[CONSOLE_OUT_SIZE];

	memset(guest.page.out, 'f', sizeof(guest.page.out));
	guest.page.out_prod = CONSOLE_OUT_SIZE;
	assert_int_equal(console_ring_take(&ring, got, sizeof(got)), CONSOLE_OUT_SIZE);
	assert_int_equal(got[CONSOLE_OUT_SIZE - 1], 'f');
}

/* Both rings at each place of their pages, over the end of the indices. */
static void test_wraps(void **state)
{
	guest.page.out_prod = guest.page.out_cons = -3000u;
	guest.page.in_prod = guest.page.in_cons = -3000u;
	console_ring_init(&ring, &guest);
	for (unsigned i = 0; i < 6000 / 7; i++) {
		guest_says("0123456");
		expect_out("0123456");
		assert_int_equal(console_ring_give(&ring, "abcdefg", 7), 7);
		expect_in("abcdefg");
	}
	assert_true(guest.page.out_cons < 3100 && guest.page.in_prod < 3100);
}

static void test_goes_on_where_a_predecessor_was(void **state)
{
	guest_says("seen unseen");
	guest.page.out_cons = 5;
	console_ring_init(&ring, &guest);
	expect_out("unseen");
}

/* What was copied stays the ring's, for a successor, until it is published. */
static void test_copy_and_publish(void **state)
{
	struct console_ring successor;
	char got[8];

	guest_says("abcdef");
	assert_int_equal(console_ring_copy(&ring, got, 4), 4);
	assert_int_equal(guest.page.out_cons, 0);
	assert_int_equal(console_ring_copy(&ring, got, 4), 2);
	assert_memory_equal(got, "ef", 2);
	console_ring_init(&successor, &guest);
	assert_int_equal(console_ring_copy(&successor, got, 8), 6);
	console_ring_publish(&ring);
	assert_int_equal(guest.page.out_cons, 6);
}

/* A predecessor had kept more than it published. */
static void test_skip(void **state)
{
	guest_says("kept unseen");
	assert_true(console_ring_skip(&ring, 5));
	assert_int_equal(guest.page.out_cons, 5);
	expect_out("unseen");
}

static void test_skip_to_where_nobody_was(void **state)
{
	guest_says("some");
	/* Beyond what the guest wrote, behind what was published, and far away. */
	assert_false(console_ring_skip(&ring, 5));
	assert_false(console_ring_skip(&ring, (uint32_t)-1));
	assert_false(console_ring_skip(&ring, 1000000));
	assert_int_equal(guest.page.out_cons, 0);
	expect_out("some");
}

static void test_leave(void **state)
{
	console_ring_init(&ring, &guest);
	console_ring_leave(&ring);
	assert_int_equal(guest.bytes[1024 + 2048 + 16], 1);
}

static void test_says_that_it_is_connected(void **state)
{
	/* As Xen 4.19's struct has it: a byte after the four indices. */
	guest.bytes[1024 + 2048 + 16] = 1;
	console_ring_init(&ring, &guest);
	assert_int_equal(guest.bytes[1024 + 2048 + 16], 0);
}

static void test_bad_out_prod(void **state)
{
	char got[CONSOLE_OUT_SIZE];

	memset(got, 'k', sizeof(got));
	guest.page.out_prod = CONSOLE_OUT_SIZE + 1;
	assert_int_equal(console_ring_take(&ring, got, sizeof(got)), -EPROTO);
	assert_int_equal(got[0], 'k');
	expect_broken();
}

static void test_out_prod_goes_back(void **state)
{
	char byte;

	guest_says("abc");
	expect_out("abc");
	guest.page.out_prod = 2;
	assert_int_equal(console_ring_take(&ring, &byte, 1), -EPROTO);
	expect_broken();
}

static void test_in_cons_ahead(void **state)
{
	guest.page.in_cons = 1;
	assert_int_equal(console_ring_room(&ring), -EPROTO);
	expect_broken();
}

static void test_in_cons_behind(void **state)
{
	assert_int_equal(console_ring_give(&ring, "abc", 3), 3);
	guest.page.in_cons = 3 - CONSOLE_IN_SIZE - 1;
	assert_int_equal(console_ring_give(&ring, "d", 1), -EPROTO);
	expect_broken();
}

static void test_own_indices_are_not_believed(void **state)
{
	guest_says("abc");
	guest.page.out_cons = 2;
	guest.page.in_prod = CONSOLE_IN_SIZE + 900;
	expect_out("abc");
	assert_int_equal(guest.page.out_cons, 3);
	assert_int_equal(console_ring_give(&ring, "x", 1), 1);
	assert_int_equal(guest.page.in_prod, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_empty, setup),
		cmocka_unit_test_setup(test_out, setup),
		cmocka_unit_test_setup(test_out_in_small_pieces, setup),
		cmocka_unit_test_setup(test_in, setup),
		cmocka_unit_test_setup(test_in_is_no_longer_than_the_room, setup),
		cmocka_unit_test_setup(test_a_full_ring_is_legal, setup),
		cmocka_unit_test_setup(test_wraps, setup),
		cmocka_unit_test_setup(test_goes_on_where_a_predecessor_was, setup),
		cmocka_unit_test_setup(test_copy_and_publish, setup),
		cmocka_unit_test_setup(test_skip, setup),
		cmocka_unit_test_setup(test_skip_to_where_nobody_was, setup),
		cmocka_unit_test_setup(test_leave, setup),
		cmocka_unit_test_setup(test_says_that_it_is_connected, setup),
		cmocka_unit_test_setup(test_bad_out_prod, setup),
		cmocka_unit_test_setup(test_out_prod_goes_back, setup),
		cmocka_unit_test_setup(test_in_cons_ahead, setup),
		cmocka_unit_test_setup(test_in_cons_behind, setup),
		cmocka_unit_test_setup(test_own_indices_are_not_believed, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
