// SPDX-License-Identifier: MIT
/* The state of barriers alone: queues that come and go while a barrier is pending. */
#include "config.h"
#include "backends/blk/barrier.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static unsigned wakes[3];

static void note_wake(void *opaque)
{
	++*(unsigned *)opaque;
}

static void a_queue_that_joins_late_is_waited_for(void **state)
{
	struct barrier b;
	struct barrier_queue q[2] = { { 0 } };

	barrier_init(&b, note_wake);
	barrier_join(&b, &q[0], 0, &wakes[0]);
	assert_int_equal(barrier_announce(&q[0]), 1);
	barrier_join(&b, &q[1], 1, &wakes[1]);
	assert_true(barrier_is_pending(&q[1]));
	barrier_report(&q[0]);
	assert_int_equal(barrier_next(&q[0]), 0);
	assert_false(barrier_sync(&q[1]));
	barrier_report(&q[1]);
	assert_int_equal(barrier_next(&q[1]), 0); /* it is not ours */
	assert_int_equal(barrier_next(&q[0]), 1);
	wakes[1] = 0;
	barrier_finish(&q[0], 1);
	assert_int_equal(wakes[1], 1);
	assert_true(barrier_sync(&q[1]));
	assert_false(barrier_is_pending(&q[1]));
	barrier_leave(&q[0]);
	barrier_leave(&q[1]);
	barrier_leave(&q[1]);
	barrier_dispose(&b);
}

static void a_queue_that_leaves_is_not_waited_for(void **state)
{
	struct barrier b;
	struct barrier_queue q[2] = { { 0 } };

	barrier_init(&b, note_wake);
	barrier_join(&b, &q[0], 0, &wakes[0]);
	barrier_join(&b, &q[1], 1, &wakes[1]);
	(void)barrier_announce(&q[0]);
	barrier_report(&q[0]);
	assert_int_equal(barrier_next(&q[0]), 0);
	wakes[0] = 0;
	barrier_leave(&q[1]);
	assert_int_equal(wakes[0], 1);
	assert_int_equal(barrier_next(&q[0]), 1);
	barrier_finish(&q[0], 1);
	barrier_leave(&q[0]);
	barrier_dispose(&b);
}

static void what_was_taken_before_the_look_comes_before(void **state)
{
	struct barrier b;
	struct barrier_queue q[2] = { { 0 } };

	barrier_init(&b, note_wake);
	barrier_join(&b, &q[0], 0, &wakes[0]);
	barrier_join(&b, &q[1], 1, &wakes[1]);
	(void)barrier_announce(&q[0]);
	barrier_report(&q[0]);
	/* Taken by queue 1 after the announcement, which it has not seen: it is before. */
	assert_int_equal(barrier_take(&q[1]), 0);
	assert_false(barrier_sync(&q[1]));
	barrier_report(&q[1]);
	assert_int_equal(barrier_next(&q[0]), 0);
	assert_int_equal(barrier_take(&q[1]), 1); /* and this after */
	assert_false(barrier_may_run(&q[1], 1));
	barrier_end(&q[1]);
	barrier_report(&q[1]);
	assert_int_equal(barrier_next(&q[0]), 1);
	barrier_finish(&q[0], 1);
	assert_true(barrier_sync(&q[1]));
	assert_true(barrier_may_run(&q[1], 1));
	barrier_leave(&q[0]);
	barrier_leave(&q[1]);
	barrier_dispose(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_queue_that_joins_late_is_waited_for),
		cmocka_unit_test(a_queue_that_leaves_is_not_waited_for),
		cmocka_unit_test(what_was_taken_before_the_look_comes_before),
	};

	return cmocka_run_group_tests_name("blk-barrier-state", tests, NULL, NULL);
}
