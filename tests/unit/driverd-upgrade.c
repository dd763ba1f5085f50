// SPDX-License-Identifier: MIT
/* Another build takes over: what the device machine does, and the words of the question. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "drivers-domain/device.h"
#include "drivers-domain/upgrade.h"

static struct device_view leaf(int state)
{
	return (struct device_view){ .exists = true, .valid = true, .online = true, .state = state };
}

static struct device running(void)
{
	struct device_view v = leaf(1);
	struct device d = { 0 };

	assert_int_equal(device_leaf(&d, &v, 1000), DEVICE_DO_SPAWN);
	(void)device_ready(&d);
	return d;
}

static void test_the_next_one_starts_at_once_and_nothing_is_reported(void **state)
{
	struct device d = running();
	struct device_view v = leaf(4);

	assert_int_equal(device_replace(&d), DEVICE_DO_KILL);
	/* However short it ran, there is no wait. */
	assert_int_equal(device_exited(&d, DEVICE_EXIT_CRASH, &v, 1001), DEVICE_DO_SPAWN);
	assert_int_equal(d.phase, DEVICE_STARTING);
	/* Only once: the end of the new one is a crash. */
	(void)device_ready(&d);
	assert_int_equal(device_exited(&d, DEVICE_EXIT_CRASH, &v, 1002), DEVICE_DO_REPORT_CRASH);
}

static void test_it_is_killed_once(void **state)
{
	struct device d = running();

	assert_int_equal(device_replace(&d), DEVICE_DO_KILL);
	assert_int_equal(device_replace(&d), 0);
}

static void test_what_does_not_run_is_not_replaced(void **state)
{
	struct device_view v = leaf(1);
	struct device d = { 0 };

	assert_int_equal(device_replace(&d), 0);
	(void)device_leaf(&d, &v, 1000);
	assert_int_equal(d.phase, DEVICE_STARTING);
	assert_int_equal(device_replace(&d), 0);
	assert_int_equal(device_exited(&d, DEVICE_EXIT_CRASH, &v, 1001), DEVICE_DO_REPORT_CRASH);
}

static void test_a_device_that_goes_meanwhile_is_gone(void **state)
{
	struct device d = running();
	struct device_view gone = { .exists = false };

	(void)device_replace(&d);
	assert_int_equal(device_exited(&d, DEVICE_EXIT_CRASH, &gone, 1001),
		DEVICE_DO_CLEAN | DEVICE_DO_FORGET);
}

static void test_one_that_is_told_to_stop_is_not_started(void **state)
{
	struct device d = running();
	struct device_view v = leaf(4);

	(void)device_replace(&d);
	assert_int_equal(device_shutdown(&d, 1001), DEVICE_DO_TERM);
	assert_int_equal(device_exited(&d, DEVICE_EXIT_CRASH, &v, 1002), DEVICE_DO_FORGET);
}

static void test_formats(void **state)
{
	assert_true(upgrade_format_is_among("blk-2\n", "blk-2"));
	assert_true(upgrade_format_is_among("blk-3 blk-2\n", "blk-2"));
	assert_true(upgrade_format_is_among("blk-3 blk-2 blk-1\n", "blk-2"));
	assert_false(upgrade_format_is_among("blk-3\n", "blk-2"));
	assert_false(upgrade_format_is_among("blk-21\n", "blk-2"));
	assert_false(upgrade_format_is_among("xblk-2\n", "blk-2"));
	/* A help text may name anything. */
	assert_false(upgrade_format_is_among("blk-2\nblk-2\n", "blk-2"));
	assert_false(upgrade_format_is_among("blk-2", "blk-2"));
	assert_false(upgrade_format_is_among("", "blk-2"));
	assert_false(upgrade_format_is_among("\n", ""));
	assert_false(upgrade_format_is_among("blk-2\n", ""));
}

static void test_tokens(void **state)
{
	char most[UPGRADE_TOKEN_MAX + 2];

	memset(most, 'a', sizeof(most));
	most[UPGRADE_TOKEN_MAX] = '\0';
	assert_true(upgrade_token_ok(most));
	most[UPGRADE_TOKEN_MAX] = 'a';
	most[UPGRADE_TOKEN_MAX + 1] = '\0';
	assert_false(upgrade_token_ok(most));
	assert_true(upgrade_token_ok("1a-B"));
	assert_false(upgrade_token_ok(""));
	assert_false(upgrade_token_ok("a b"));
	assert_false(upgrade_token_ok("a\n"));
	assert_false(upgrade_token_ok("../a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_next_one_starts_at_once_and_nothing_is_reported),
		cmocka_unit_test(test_it_is_killed_once),
		cmocka_unit_test(test_what_does_not_run_is_not_replaced),
		cmocka_unit_test(test_a_device_that_goes_meanwhile_is_gone),
		cmocka_unit_test(test_one_that_is_told_to_stop_is_not_started),
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_tokens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
