// SPDX-License-Identifier: MIT
/* The range lock: who waits for whom, and no lost update among threads. */
#include "config.h"
#include "backends/blk/range-lock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sched.h>
#include <semaphore.h>
#include <string.h>

#include "common/array.h"

static struct range_lock lock;
static struct range_user a, b;

struct holder {
	struct range_entry range;
	unsigned granted;
};

static void on_granted(struct range_entry *range)
{
	container_of(range, struct holder, range)->granted++;
}

static bool take(struct holder *h, uint64_t start, uint64_t end, bool exclusive)
{
	*h = (struct holder){ .range = { .start = start, .end = end, .exclusive = exclusive,
				      .granted = on_granted } };
	return range_take(&lock, &h->range);
}

static int setup(void **state)
{
	range_lock_init(&lock);
	range_user_add(&lock, &a);
	range_user_add(&lock, &b);
	return 0;
}

static int teardown(void **state)
{
	/* Everything was let go: writers enter again without a range. */
	assert_null(lock.first);
	assert_int_equal(lock.exclusive, 0);
	assert_true(range_enter(&lock, &a));
	range_leave(&lock, &a);
	range_user_remove(&lock, &a);
	range_user_remove(&lock, &b);
	range_lock_dispose(&lock);
	return 0;
}

static void writers_enter_together(void **state)
{
	assert_true(range_enter(&lock, &a));
	assert_true(range_enter(&lock, &a));
	assert_true(range_enter(&lock, &b));
	range_leave(&lock, &a);
	range_leave(&lock, &b);
	range_leave(&lock, &a);
}

static void exclusive_waits_for_those_that_entered(void **state)
{
	struct holder x, y;

	assert_true(range_enter(&lock, &a));
	assert_true(range_enter(&lock, &b));
	assert_false(take(&x, 0, 4096, true));
	assert_false(take(&y, 1 << 20, 2 << 20, true)); /* its range is unknown, so everybody waits */
	assert_false(range_enter(&lock, &a));
	range_leave(&lock, &a);
	assert_int_equal(x.granted, 0);
	range_leave(&lock, &b);
	assert_int_equal(x.granted, 1);
	assert_int_equal(y.granted, 1);
	range_release(&lock, &x.range);
	range_release(&lock, &y.range);
}

static void writers_name_their_range_beside_an_exclusive_one(void **state)
{
	struct holder x, away, over, behind;

	assert_true(take(&x, 4096, 8192, true));
	assert_false(range_enter(&lock, &a));
	assert_true(take(&away, 8192, 12288, false));
	assert_false(take(&over, 0, 4097, false));
	assert_true(take(&behind, 0, 4096, false));
	range_release(&lock, &x.range);
	assert_int_equal(over.granted, 1);
	/* No more exclusive one: the others still hold theirs. */
	assert_true(range_enter(&lock, &a));
	range_leave(&lock, &a);
	range_release(&lock, &over.range);
	range_release(&lock, &away.range);
	range_release(&lock, &behind.range);
}

static void exclusive_waits_for_a_shared_range(void **state)
{
	struct holder x, s, y;

	assert_true(take(&x, 0, 10, true));
	assert_true(take(&s, 100, 200, false));
	assert_false(take(&y, 150, 160, true));
	range_release(&lock, &x.range);
	assert_int_equal(y.granted, 0);
	range_release(&lock, &s.range);
	assert_int_equal(y.granted, 1);
	range_release(&lock, &y.range);
}

/* First come, first served: a stream of writers does not starve an exclusive one. */
static void order_is_that_of_arrival(void **state)
{
	struct holder first, exclusive, late;

	assert_true(take(&first, 0, 10, true));
	assert_false(take(&exclusive, 5, 15, true));
	assert_false(take(&late, 12, 20, false)); /* behind one that itself waits */
	range_release(&lock, &first.range);
	assert_int_equal(exclusive.granted, 1);
	assert_int_equal(late.granted, 0);
	range_release(&lock, &exclusive.range);
	assert_int_equal(late.granted, 1);
	range_release(&lock, &late.range);
}

static void one_release_lets_several_go(void **state)
{
	struct holder x, s[5];

	assert_true(take(&x, 0, 100, true));
	for (unsigned i = 0; i < 5; i++)
		assert_false(take(&s[i], i * 10, i * 10 + 10, false));
	range_release(&lock, &x.range);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(s[i].granted, 1);
		range_release(&lock, &s[i].range);
	}
}

/* --- threads ----------------------------------------------------------------------------- */

#define THREADS 4u
#define ROUNDS 4000u
#define CELLS 8u

/* Not atomic: the lock is what keeps threads apart, and the thread sanitizer looks on. */
static unsigned long cell[CELLS];

struct waiter {
	struct range_entry range;
	sem_t granted;
};

static void wake_waiter(struct range_entry *range)
{
	sem_post(&container_of(range, struct waiter, range)->granted);
}

static void hold_cells(struct waiter *w, unsigned from, unsigned to, bool exclusive)
{
	w->range = (struct range_entry){ .start = from, .end = to, .exclusive = exclusive,
		.granted = wake_waiter };
	if (!range_take(&lock, &w->range))
		while (sem_wait(&w->granted) < 0)
			;
}

static void *add_to_cells(void *opaque)
{
	struct range_user user;
	struct waiter w;
	unsigned seed = (uintptr_t)opaque;

	range_user_add(&lock, &user);
	sem_init(&w.granted, 0, 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned from = (seed = seed * 1103515245 + 12345) / 65536 % CELLS;
		unsigned to = from + 1 + i % 2;
		unsigned long sum = 0;

		/* Readers of cells stand for writers of whole blocks: they share. */
		if (i % 3 == 0) {
			bool entered = range_enter(&lock, &user);

			if (!entered)
				hold_cells(&w, from, to, false);
			for (unsigned k = from; k < to && k < CELLS; k++)
				sum += cell[k];
			if (i % 64 == 0)
				sched_yield();
			for (unsigned k = from; k < to && k < CELLS; k++)
				sum -= cell[k];
			if (sum)
				abort(); /* it changed meanwhile */
			if (entered)
				range_leave(&lock, &user);
			else
				range_release(&lock, &w.range);
			continue;
		}
		hold_cells(&w, from, to, true);
		cell[from]++;
		range_release(&lock, &w.range);
	}
	sem_destroy(&w.granted);
	range_user_remove(&lock, &user);
	return NULL;
}

static void no_update_is_lost_among_threads(void **state)
{
	pthread_t thread[THREADS];
	unsigned long sum = 0, expected = 0;

	memset(cell, 0, sizeof(cell));
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, add_to_cells,
					 (void *)(uintptr_t)(i + 1)), 0);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	for (unsigned i = 0; i < CELLS; i++)
		sum += cell[i];
	for (unsigned i = 0; i < ROUNDS; i++)
		expected += i % 3 != 0;
	assert_int_equal(sum, expected * THREADS);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(writers_enter_together),
		T(exclusive_waits_for_those_that_entered),
		T(writers_name_their_range_beside_an_exclusive_one),
		T(exclusive_waits_for_a_shared_range),
		T(order_is_that_of_arrival),
		T(one_release_lets_several_go),
		T(no_update_is_lost_among_threads),
	};

	return cmocka_run_group_tests_name("blk-range-lock", tests, NULL, NULL);
}
