// SPDX-License-Identifier: MIT
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drivers-domain/device.h"

static const struct device_view gone = { .exists = false };

static struct device_view leaf(int state, bool online)
{
	return (struct device_view){ .exists = true, .valid = true, .online = online, .state = state };
}

static struct device running(void)
{
	struct device d = { 0 };
	struct device_view v = leaf(1, true);

	assert_int_equal(device_leaf(&d, &v, 1000), DEVICE_DO_SPAWN);
	assert_int_equal(device_ready(&d), 0);
	assert_int_equal(d.phase, DEVICE_RUNNING);
	assert_int_equal(d.deadline_ms, 0);
	return d;
}

static struct device failed(void)
{
	struct device d = running();
	struct device_view v = leaf(2, true);

	assert_int_equal(device_exited(&d, DEVICE_EXIT_STORAGE, &v, 1100), DEVICE_DO_REMEMBER);
	assert_int_equal(d.phase, DEVICE_FAILED);
	assert_int_equal(d.deadline_ms, 0);
	return d;
}

static void test_states_that_start_a_backend(void **state)
{
	for (int s = -1; s <= 9; s++) {
		struct device d = { 0 };
		struct device_view v = leaf(s, true);

		assert_int_equal(device_leaf(&d, &v, 1),
			s >= 1 && s <= 6 ? DEVICE_DO_SPAWN : DEVICE_DO_FORGET);
	}
}

static void test_a_leaf_of_another_frontend_starts_nothing(void **state)
{
	struct device d = { 0 };
	struct device_view v = leaf(1, true);

	v.valid = false;
	assert_int_equal(device_leaf(&d, &v, 1), DEVICE_DO_FORGET);
}

static void test_not_ready_in_time(void **state)
{
	struct device d = { 0 };
	struct device_view v = leaf(1, true);

	assert_int_equal(device_leaf(&d, &v, 1000), DEVICE_DO_SPAWN);
	/* libxl is told before its 10 s are over, once. */
	assert_int_equal(d.deadline_ms, 1000 + DEVICE_INITWAIT_MS);
	assert_int_equal(device_timer(&d, &v, d.deadline_ms), DEVICE_DO_INITWAIT);
	assert_int_equal(d.deadline_ms, 1000 + DEVICE_READY_MS);
	assert_int_equal(device_timer(&d, &v, d.deadline_ms),
		DEVICE_DO_KILL | DEVICE_DO_REPORT_READY);
	assert_true(device_has_process(&d));
	/* Its end then is ours, not a crash to be reported again. */
	assert_int_equal(device_exited(&d, DEVICE_EXIT_CRASH, &v, 200000), 0);
	assert_int_equal(d.phase, DEVICE_BACKOFF);
	assert_int_equal(d.deadline_ms, 200000 + BACKOFF_FIRST_MS);
}

static void test_a_backend_that_is_slow_to_open_its_storage(void **state)
{
	struct device d = { .ready_ms = 60000 };
	struct device_view v = leaf(1, true);

	assert_int_equal(device_leaf(&d, &v, 1000), DEVICE_DO_SPAWN);
	assert_int_equal(device_timer(&d, &v, 1000 + DEVICE_INITWAIT_MS), DEVICE_DO_INITWAIT);
	assert_int_equal(d.deadline_ms, 61000);
	/* Its own InitWait, and READY, come late and count. */
	v.state = 2;
	assert_int_equal(device_leaf(&d, &v, 30000), 0);
	assert_int_equal(device_ready(&d), 0);
	assert_int_equal(d.phase, DEVICE_RUNNING);
	assert_int_equal(d.deadline_ms, 0);
}

/* Of storage that is refused in the end it must not hear that somebody is there. */
static void test_a_toolstack_that_waits_for_the_storage(void **state)
{
	struct device d = { .ready_ms = 60000 };
	struct device_view v = leaf(1, true);

	assert_int_equal(device_leaf(&d, &v, 1000), DEVICE_DO_SPAWN);
	d.patient = true;
	assert_int_equal(device_timer(&d, &v, 1000 + DEVICE_INITWAIT_MS), 0);
	assert_int_equal(d.deadline_ms, 61000);
	assert_int_equal(device_timer(&d, &v, 61000), DEVICE_DO_KILL | DEVICE_DO_REPORT_READY);
}

/* A guest waits for the successor of one that served and was ended for it. */
static void test_a_successor_has_less_time(void **state)
{
	struct device d = { .ready_ms = 60000 };
	struct device_view v = leaf(1, true);

	assert_int_equal(device_leaf(&d, &v, 1000), DEVICE_DO_SPAWN);
	v.state = 4;
	assert_int_equal(device_ready(&d), 0);
	assert_int_equal(device_replace(&d), DEVICE_DO_KILL);
	assert_int_equal(device_exited(&d, DEVICE_EXIT_CRASH, &v, 2000), DEVICE_DO_SPAWN);
	assert_int_equal(device_ready_ms(&d), DEVICE_TRIAL_MS);
	(void)device_timer(&d, &v, 2000 + DEVICE_INITWAIT_MS);
	assert_int_equal(d.deadline_ms, 2000 + DEVICE_TRIAL_MS);
	assert_int_equal(device_timer(&d, &v, d.deadline_ms), DEVICE_DO_KILL | DEVICE_DO_REPORT_READY);
	/* The next one is no successor any more. */
	(void)device_exited(&d, DEVICE_EXIT_CRASH, &v, 13000);
	assert_int_equal(device_ready_ms(&d), 60000);
}

static void test_a_short_time_to_be_ready(void **state)
{
	struct device d = { .ready_ms = 2000 };
	struct device_view v = leaf(1, true);

	assert_int_equal(device_leaf(&d, &v, 1000), DEVICE_DO_SPAWN);
	assert_int_equal(d.deadline_ms, 3000);
	assert_int_equal(device_timer(&d, &v, 3000), DEVICE_DO_KILL | DEVICE_DO_REPORT_READY);
}

static void test_a_backend_that_waits_at_closed_is_not_late(void **state)
{
	for (int s = 5; s <= 6; s++) {
		struct device d = { 0 };
		struct device_view v = leaf(s, true);

		assert_int_equal(device_leaf(&d, &v, 1000), DEVICE_DO_SPAWN);
		assert_int_equal(device_timer(&d, &v, 1000 + DEVICE_INITWAIT_MS), 0);
		assert_int_equal(device_timer(&d, &v, 1000 + DEVICE_READY_MS), 0);
		assert_int_equal(d.phase, DEVICE_RUNNING);
		assert_int_equal(d.deadline_ms, 0);
	}
}

/* Its storage may only be slow to open, or hang: what it waits for is not known before it is late. */
static void test_a_backend_at_closed_counts_as_running_when_it_is_late_only(void **state)
{
	for (int s = 5; s <= 6; s++) {
		struct device d = { .ready_ms = 60000 };
		struct device_view v = leaf(s, true);

		assert_int_equal(device_leaf(&d, &v, 1000), DEVICE_DO_SPAWN);
		assert_int_equal(device_timer(&d, &v, 1000 + DEVICE_INITWAIT_MS), 0);
		assert_int_equal(d.phase, DEVICE_STARTING);
		assert_int_equal(d.deadline_ms, 61000);
		/* The toolstack has it tried again, and it hangs on. */
		v.state = 1;
		assert_int_equal(device_timer(&d, &v, 61000), DEVICE_DO_KILL | DEVICE_DO_REPORT_READY);
	}
}

/* The toolstack waits for an end that a backend stuck in its storage would never come to. */
static void test_a_removed_device_whose_backend_hangs_in_its_start(void **state)
{
	for (int s = 5; s <= 6; s++) {
		struct device d = { .ready_ms = 5000 };
		struct device_view v = leaf(1, true);

		assert_int_equal(device_leaf(&d, &v, 1000), DEVICE_DO_SPAWN);
		v = leaf(s, false);
		assert_int_equal(device_leaf(&d, &v, 2000), 0);
		assert_int_equal(device_timer(&d, &v, 1000 + DEVICE_INITWAIT_MS), 0);
		assert_int_equal(device_timer(&d, &v, 6000), DEVICE_DO_KILL | DEVICE_DO_REPORT_READY);
		assert_int_equal(device_exited(&d, DEVICE_EXIT_CRASH, &v, 6100),
			DEVICE_DO_CLEAN | (s == 6 ? 0 : DEVICE_DO_CLOSE));
		v.state = 6;
		assert_int_equal(device_timer(&d, &v, d.deadline_ms), DEVICE_DO_DELETE | DEVICE_DO_FORGET);
	}
}

static void test_a_crash_backs_off_and_starts_again(void **state)
{
	struct device d = running();
	struct device_view v = leaf(4, true);

	/* It had served: its guest waits, so it is started at once. */
	assert_int_equal(device_exited(&d, DEVICE_EXIT_CRASH, &v, 2000), DEVICE_DO_REPORT_CRASH);
	assert_false(device_has_process(&d));
	assert_int_equal(d.deadline_ms, 2000);
	assert_int_equal(device_timer(&d, &v, 2000), DEVICE_DO_SPAWN);
	(void)device_ready(&d);
	assert_int_equal(device_exited(&d, DEVICE_EXIT_CRASH, &v, 2100), DEVICE_DO_REPORT_CRASH);
	assert_int_equal(d.deadline_ms, 2100 + BACKOFF_FIRST_MS);
	/* Events in between do not shorten the wait. */
	assert_int_equal(device_leaf(&d, &v, 2110), 0);
	assert_int_equal(d.deadline_ms, 2100 + BACKOFF_FIRST_MS);
	assert_int_equal(device_timer(&d, &v, 2200), DEVICE_DO_SPAWN);
	assert_int_equal(device_exited(&d, DEVICE_EXIT_CRASH, &v, 2300), DEVICE_DO_REPORT_CRASH);
	assert_int_equal(d.deadline_ms, 2300 + 2 * BACKOFF_FIRST_MS);
}

/* However long it took to find out that it cannot start. */
static void test_one_that_was_never_ready_backs_off(void **state)
{
	struct device_view v = leaf(4, true);
	struct device d = { 0 };

	assert_int_equal(device_leaf(&d, &v, 1000), DEVICE_DO_SPAWN);
	assert_int_equal(device_exited(&d, DEVICE_EXIT_CRASH, &v, 9000), DEVICE_DO_REPORT_CRASH);
	assert_int_equal(d.deadline_ms, 9000 + BACKOFF_FIRST_MS);
}

static void test_a_peaceful_end_of_a_wanted_device_is_a_failure(void **state)
{
	struct device d = running();
	struct device_view v = leaf(4, true);

	assert_int_equal(device_exited(&d, DEVICE_EXIT_CLEAN, &v, 2000), DEVICE_DO_REPORT_CRASH);
	assert_int_equal(d.phase, DEVICE_BACKOFF);
}

static void test_bad_storage_waits_for_a_change(void **state)
{
	struct device d = failed();
	struct device_view v = leaf(2, true);

	assert_int_equal(device_leaf(&d, &v, 5000), 0);
	assert_int_equal(d.deadline_ms, 0);
	v.changed = true;
	assert_int_equal(device_leaf(&d, &v, 6000), 0);
	assert_int_equal(d.phase, DEVICE_BACKOFF);
	assert_true(d.deadline_ms > 6000);
	assert_int_equal(device_timer(&d, &v, d.deadline_ms), DEVICE_DO_SPAWN);
}

static void test_changes_in_a_loop_cost_ever_fewer_starts(void **state)
{
	struct device d = failed();
	struct device_view v = leaf(2, true);
	uint64_t now = 2000;
	unsigned starts = 0;

	v.changed = true;
	for (; now < 62000; now++) {
		unsigned todo = d.deadline_ms && now >= d.deadline_ms ?
			device_timer(&d, &v, now) : device_leaf(&d, &v, now);

		if (todo & DEVICE_DO_SPAWN) {
			starts++;
			(void)device_exited(&d, DEVICE_EXIT_STORAGE, &v, now);
		}
	}
	assert_in_range(starts, 3, 12);
}

static void test_a_failed_device_is_retried_on_request(void **state)
{
	struct device d = failed();
	struct device_view v = leaf(2, true);

	assert_int_equal(device_retry(&d, &v, 5000), DEVICE_DO_SPAWN);
	/* One that runs is left alone. */
	(void)device_ready(&d);
	assert_int_equal(device_retry(&d, &v, 5000), 0);
	assert_int_equal(d.phase, DEVICE_RUNNING);
}

static void test_removal_dwells_at_closed(void **state)
{
	struct device d = running();
	struct device_view v = leaf(6, false);

	assert_int_equal(device_leaf(&d, &v, 3000), 0);
	assert_int_equal(device_exited(&d, DEVICE_EXIT_CLEAN, &v, 3000), DEVICE_DO_CLEAN);
	assert_int_equal(d.phase, DEVICE_DWELL);
	assert_true(d.deadline_ms >= 4000);
	assert_int_equal(device_leaf(&d, &v, 3100), 0);
	assert_int_equal(device_timer(&d, &v, d.deadline_ms), DEVICE_DO_DELETE | DEVICE_DO_FORGET);
}

static void test_a_device_without_backend_is_closed_by_the_daemon(void **state)
{
	for (int s = 2; s <= 6; s++) {
		struct device d = { 0 };
		struct device_view v = leaf(s, false);

		assert_int_equal(device_leaf(&d, &v, 1),
			DEVICE_DO_CLEAN | (s == 6 ? 0 : DEVICE_DO_CLOSE));
		assert_int_equal(d.phase, DEVICE_DWELL);
	}
}

static void test_detach_of_a_failed_device(void **state)
{
	struct device d = failed();
	struct device_view v = leaf(5, false);

	assert_int_equal(device_leaf(&d, &v, 5000), DEVICE_DO_CLOSE | DEVICE_DO_CLEAN);
	assert_int_equal(d.phase, DEVICE_DWELL);
}

static void test_a_device_taken_back_while_it_dwells(void **state)
{
	struct device d = failed();
	struct device_view v = leaf(5, false), again = leaf(1, true);

	(void)device_leaf(&d, &v, 5000);
	assert_int_equal(device_leaf(&d, &again, 5100), DEVICE_DO_SPAWN);
	assert_int_equal(d.phase, DEVICE_STARTING);
}

static void test_dwell_looks_again_before_it_deletes(void **state)
{
	struct device d = failed();
	struct device_view v = leaf(6, false), again = leaf(1, true);

	(void)device_leaf(&d, &v, 5000);
	assert_int_equal(device_timer(&d, &again, d.deadline_ms), DEVICE_DO_SPAWN);
}

static void test_a_vanished_leaf_ends_the_backend(void **state)
{
	struct device d = running();

	assert_int_equal(device_leaf(&d, &gone, 3000), DEVICE_DO_TERM);
	assert_int_equal(d.deadline_ms, 3000 + DEVICE_TERM_MS);
	assert_int_equal(device_timer(&d, &gone, d.deadline_ms), DEVICE_DO_KILL);
	assert_int_equal(device_exited(&d, DEVICE_EXIT_CRASH, &gone, 14000),
		DEVICE_DO_CLEAN | DEVICE_DO_FORGET);
}

static void test_a_leaf_made_anew_gets_a_new_backend(void **state)
{
	struct device d = running();
	struct device_view v = leaf(1, true);

	assert_int_equal(device_leaf(&d, &v, 3000), DEVICE_DO_TERM);
	assert_int_equal(device_exited(&d, DEVICE_EXIT_CLEAN, &v, 3100),
		DEVICE_DO_CLEAN | DEVICE_DO_SPAWN);
	/* The old one's files go before the new one's are made. */
	assert_true(DEVICE_DO_CLEAN < DEVICE_DO_SPAWN);
}

static void test_a_crash_during_removal_is_not_restarted(void **state)
{
	struct device d = running();
	struct device_view v = leaf(5, false);

	assert_int_equal(device_exited(&d, DEVICE_EXIT_CRASH, &v, 3000),
		DEVICE_DO_REPORT_CRASH | DEVICE_DO_CLOSE | DEVICE_DO_CLEAN);
	assert_int_equal(d.phase, DEVICE_DWELL);
}

static void test_shutdown(void **state)
{
	struct device d = running(), idle = failed();
	struct device_view v = leaf(4, true);

	assert_int_equal(device_shutdown(&d, 9000), DEVICE_DO_TERM);
	assert_int_equal(device_shutdown(&d, 9001), 0);
	assert_int_equal(device_leaf(&d, &v, 9002), 0);
	assert_int_equal(device_timer(&d, &v, 9000 + DEVICE_TERM_MS), DEVICE_DO_KILL);
	/* The journal stays for the next daemon: no DEVICE_DO_CLEAN. */
	assert_int_equal(device_exited(&d, DEVICE_EXIT_CLEAN, &v, 9100), DEVICE_DO_FORGET);
	assert_int_equal(device_shutdown(&idle, 9000), DEVICE_DO_FORGET);
}

/* Of a device that nobody could look at nothing is removed, whatever its backend was to end for. */
static void test_shutdown_after_an_exit_without_a_store(void **state)
{
	struct device d = running(), going = running();

	(void)device_shutdown(&d, 9000);
	assert_int_equal(device_exited(&d, DEVICE_EXIT_CRASH, &gone, 9000), DEVICE_DO_FORGET);
	(void)device_leaf(&going, &gone, 8000);
	(void)device_shutdown(&going, 9000);
	assert_int_equal(device_exited(&going, DEVICE_EXIT_CLEAN, &gone, 9000), DEVICE_DO_FORGET);
}

static void test_deferred_starts_come_later(void **state)
{
	struct device d = { 0 };
	struct device_view v = leaf(1, true);

	(void)device_leaf(&d, &v, 1000);
	device_defer(&d, 1000);
	assert_false(device_has_process(&d));
	assert_int_equal(device_timer(&d, &v, 1000 + DEVICE_DEFER_MS), DEVICE_DO_SPAWN);
}

/* Whatever comes in whatever order: no second process, no timer of one that was forgotten. */
static void test_any_order_of_events(void **state)
{
	struct device d = { 0 };
	bool process = false;
	uint64_t now = 1000;
	unsigned seed = 1;

	for (int i = 0; i < 200000; i++) {
		struct device_view v;
		unsigned todo = 0, r;

		seed = seed * 1103515245u + 12345u;
		r = seed >> 16;
		now += r % 700;
		v = (struct device_view){ .exists = r % 5 != 0, .valid = r % 7 != 0,
			.online = r % 3 != 0, .changed = r % 2 != 0, .state = (int)(r / 8 % 9) };
		if (process && r % 11 == 0) {
			process = false;
			todo = device_exited(&d, r / 16 % 3, &v, now);
		} else if (process && r % 11 == 1) {
			todo = device_ready(&d);
		} else if (d.deadline_ms && now >= d.deadline_ms) {
			todo = device_timer(&d, &v, now);
		} else {
			todo = r % 13 == 0 ? device_retry(&d, &v, now) : device_leaf(&d, &v, now);
		}
		assert_true(process || !(todo & (DEVICE_DO_TERM | DEVICE_DO_KILL)));
		if (todo & DEVICE_DO_SPAWN) {
			assert_false(process);
			process = true;
		}
		assert_int_equal(device_has_process(&d), process);
		if (todo & DEVICE_DO_FORGET) {
			assert_false(process);
			assert_int_equal(d.deadline_ms, 0);
			d = (struct device){ 0 };
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states_that_start_a_backend),
		cmocka_unit_test(test_a_leaf_of_another_frontend_starts_nothing),
		cmocka_unit_test(test_not_ready_in_time),
		cmocka_unit_test(test_a_backend_that_is_slow_to_open_its_storage),
		cmocka_unit_test(test_a_toolstack_that_waits_for_the_storage),
		cmocka_unit_test(test_a_successor_has_less_time),
		cmocka_unit_test(test_a_short_time_to_be_ready),
		cmocka_unit_test(test_a_backend_that_waits_at_closed_is_not_late),
		cmocka_unit_test(test_a_backend_at_closed_counts_as_running_when_it_is_late_only),
		cmocka_unit_test(test_a_removed_device_whose_backend_hangs_in_its_start),
		cmocka_unit_test(test_a_crash_backs_off_and_starts_again),
		cmocka_unit_test(test_one_that_was_never_ready_backs_off),
		cmocka_unit_test(test_a_peaceful_end_of_a_wanted_device_is_a_failure),
		cmocka_unit_test(test_bad_storage_waits_for_a_change),
		cmocka_unit_test(test_changes_in_a_loop_cost_ever_fewer_starts),
		cmocka_unit_test(test_a_failed_device_is_retried_on_request),
		cmocka_unit_test(test_removal_dwells_at_closed),
		cmocka_unit_test(test_a_device_without_backend_is_closed_by_the_daemon),
		cmocka_unit_test(test_detach_of_a_failed_device),
		cmocka_unit_test(test_a_device_taken_back_while_it_dwells),
		cmocka_unit_test(test_dwell_looks_again_before_it_deletes),
		cmocka_unit_test(test_a_vanished_leaf_ends_the_backend),
		cmocka_unit_test(test_a_leaf_made_anew_gets_a_new_backend),
		cmocka_unit_test(test_a_crash_during_removal_is_not_restarted),
		cmocka_unit_test(test_shutdown),
		cmocka_unit_test(test_shutdown_after_an_exit_without_a_store),
		cmocka_unit_test(test_deferred_starts_come_later),
		cmocka_unit_test(test_any_order_of_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
