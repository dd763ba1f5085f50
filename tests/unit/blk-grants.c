// SPDX-License-Identifier: MIT
/* The cache of persistent grants and the bounce arena, on their own. */
#include "config.h"
#include "backends/blk/copy.h"
#include "backends/blk/grants.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/peers/fake-xen.h"

static xengnttab_handle *xgt;
static struct grants g;
static struct copy c;

static int setup(void **state)
{
	fake_reset();
	xgt = xengnttab_open(NULL, 0);
	for (uint32_t i = 1; i < 1000; i++)
		memset(fake_grant(i, false), i, 4096);
	return copy_init(&c, xgt, FAKE_FRONTEND, 256);
}

static int teardown(void **state)
{
	grants_dispose(&g);
	grants_dispose(&g);
	copy_dispose(&c);
	copy_dispose(&c);
	xengnttab_close(xgt);
	assert_int_equal(fake_counts().mapped, 0);
	return 0;
}

static void wanted_together_lie_side_by_side(void **state)
{
	uint8_t *first;

	assert_int_equal(grants_init(&g, xgt, FAKE_FRONTEND, 64), 0);
	for (uint32_t i = 0; i < 8; i++)
		assert_true(grants_want(&g, 500 - 3 * i));
	assert_null(grants_find(&g, 500));
	assert_int_equal(grants_map(&g), 0);
	first = grants_find(&g, 500);
	for (uint32_t i = 0; i < 8; i++) {
		assert_ptr_equal(grants_find(&g, 500 - 3 * i), first + i * 4096);
		assert_int_equal(first[i * 4096], (uint8_t)(500 - 3 * i));
	}
	assert_int_equal(fake_counts().map_calls, 1);
}

static void known_and_wanted_twice_are_mapped_once(void **state)
{
	assert_int_equal(grants_init(&g, xgt, FAKE_FRONTEND, 4), 0);
	assert_true(grants_want(&g, 9));
	assert_true(grants_want(&g, 9));
	assert_int_equal(grants_map(&g), 0);
	assert_true(grants_want(&g, 9));
	assert_int_equal(grants_map(&g), 0);
	assert_int_equal(fake_counts().mapped, 1);
	assert_int_equal(fake_counts().map_calls, 1);
}

static void the_cap_holds_and_what_is_in_stays(void **state)
{
	assert_int_equal(grants_init(&g, xgt, FAKE_FRONTEND, 4), 0);
	for (uint32_t i = 1; i <= 4; i++)
		assert_true(grants_want(&g, i));
	assert_false(grants_want(&g, 5));
	assert_int_equal(grants_map(&g), 0);
	assert_false(grants_want(&g, 5));
	assert_true(grants_want(&g, 3));
	assert_non_null(grants_find(&g, 4));
	assert_null(grants_find(&g, 5));
}

static void a_failed_call_forgets_exactly_what_was_wanted(void **state)
{
	assert_int_equal(grants_init(&g, xgt, FAKE_FRONTEND, 512), 0);
	for (uint32_t i = 1; i <= 200; i++)
		assert_true(grants_want(&g, i));
	assert_int_equal(grants_map(&g), 0);
	for (uint32_t i = 201; i <= 400; i++)
		assert_true(grants_want(&g, i));
	assert_true(grants_want(&g, 0xffffff00));
	assert_int_equal(grants_map(&g), -EINVAL);
	for (uint32_t i = 1; i <= 200; i++)
		assert_int_equal(*grants_find(&g, i), (uint8_t)i);
	for (uint32_t i = 201; i <= 400; i++)
		assert_null(grants_find(&g, i));
	/* and they can be wanted again */
	assert_true(grants_want(&g, 300));
	assert_int_equal(grants_map(&g), 0);
	assert_int_equal(*grants_find(&g, 300), (uint8_t)300);
}

static void no_cap_takes_nothing(void **state)
{
	assert_int_equal(grants_init(&g, xgt, FAKE_FRONTEND, 0), 0);
	assert_false(grants_want(&g, 1));
	assert_null(grants_find(&g, 1));
	assert_int_equal(grants_map(&g), 0);
	assert_int_equal(fake_counts().map_calls, 0);
}

static void a_pause_takes_no_new_ones_for_a_while(void **state)
{
	unsigned refused = 0;

	assert_int_equal(grants_init(&g, xgt, FAKE_FRONTEND, 16), 0);
	assert_true(grants_want(&g, 1));
	assert_int_equal(grants_map(&g), 0);
	grants_pause(&g);
	assert_true(grants_want(&g, 1));
	while (!grants_want(&g, 2))
		assert_true(++refused < 100000);
	assert_true(refused > 100);
}

static void arena_gives_runs_and_takes_them_back(void **state)
{
	uint32_t a = copy_alloc(&c, 256), b = copy_alloc(&c, 1), d = copy_alloc(&c, 70);

	assert_int_equal(a, 0);
	assert_int_equal(b, 256);
	assert_int_equal(d, 257);
	copy_free(&c, b, 1);
	assert_int_equal(copy_alloc(&c, 2), 327);
	assert_int_equal(copy_alloc(&c, 1), 256);
	copy_free(&c, a, 256);
	assert_int_equal(copy_alloc(&c, 256), 0);
}

static void arena_full_says_so(void **state)
{
	uint32_t pages = 0, at;

	while ((at = copy_alloc(&c, 256)) != COPY_NONE)
		pages += 256;
	assert_int_equal(pages, COPY_ARENA_PAGES);
	assert_int_equal(copy_alloc(&c, 1), COPY_NONE);
	copy_free(&c, 511, 2); /* across two runs */
	assert_int_equal(copy_alloc(&c, 3), COPY_NONE);
	assert_int_equal(copy_alloc(&c, 2), 511);
}

/* Random use against a plain array: no page is ever given twice. */
static void arena_never_gives_a_page_twice(void **state)
{
	static uint8_t used[COPY_ARENA_PAGES];
	uint32_t at[64], n[64] = { 0 };
	unsigned seed = 7;

	memset(used, 0, sizeof(used));
	for (int round = 0; round < 20000; round++) {
		unsigned i = rand_r(&seed) % 64;

		if (n[i]) {
			memset(used + at[i], 0, n[i]);
			copy_free(&c, at[i], n[i]);
			n[i] = 0;
			continue;
		}
		n[i] = 1 + rand_r(&seed) % 256;
		at[i] = copy_alloc(&c, n[i]);
		if (at[i] == COPY_NONE) {
			n[i] = 0;
			continue;
		}
		assert_true(at[i] + n[i] <= COPY_ARENA_PAGES);
		for (uint32_t p = at[i]; p < at[i] + n[i]; p++)
			assert_int_equal(used[p]++, 0);
	}
}

static unsigned failures;
static uint32_t failed_owner;

static void count_failure(void *opaque, uint32_t owner, int status)
{
	failures++;
	failed_owner = owner;
	assert_true(status < 0);
}

static void copy_checks_every_element(void **state)
{
	uint8_t *page = copy_page(&c, copy_alloc(&c, 3));

	failures = 0;
	grant_copy_from(&c.batch, 5, 0, page, 4096, 1);
	grant_copy_from(&c.batch, FAKE_GRANTS + 5, 0, page + 4096, 4096, 2);
	grant_copy_from(&c.batch, 6, 512, page + 8192, 512, 3);
	grant_copy_run(&c.batch, count_failure, NULL);
	assert_int_equal(failures, 1);
	assert_int_equal(failed_owner, 2);
	assert_int_equal(page[4095], 5);
	assert_int_equal(page[8192], 6);
	assert_int_equal(page[8192 + 512], 0);
	grant_copy_run(&c.batch, count_failure, NULL);
	assert_int_equal(fake_counts().copy_calls, 1);
}

static void trim_gives_memory_back_only_when_unused(void **state)
{
	uint32_t at = copy_alloc(&c, 4);
	uint8_t *page = copy_page(&c, at);

	memset(page, 'x', 4 * 4096);
	copy_trim(&c);
	assert_int_equal(page[0], 'x');
	copy_free(&c, at, 4);
	copy_trim(&c);
	assert_int_equal(page[0], 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(wanted_together_lie_side_by_side),
		T(known_and_wanted_twice_are_mapped_once),
		T(the_cap_holds_and_what_is_in_stays),
		T(a_failed_call_forgets_exactly_what_was_wanted),
		T(no_cap_takes_nothing),
		T(a_pause_takes_no_new_ones_for_a_while),
		T(arena_gives_runs_and_takes_them_back),
		T(arena_full_says_so),
		T(arena_never_gives_a_page_twice),
		T(copy_checks_every_element),
		T(trim_gives_memory_back_only_when_unused),
	};

	return cmocka_run_group_tests_name("blk-grants", tests, NULL, NULL);
}
