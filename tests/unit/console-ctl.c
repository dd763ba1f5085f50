// SPDX-License-Identifier: MIT
/* backends/console/ctl.c: what is asked for on a console's control socket. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backends/console/ctl.h"

static struct ctl_request r;

static void test_attach(void **state)
{
	assert_int_equal(ctl_parse("attach", &r), 0);
	assert_int_equal(r.verb, CTL_ATTACH);
	assert_false(r.read_only || r.force || r.cols || r.rows);
	assert_int_equal(ctl_parse("attach write 80x25", &r), 0);
	assert_int_equal(r.cols, 80);
	assert_int_equal(r.rows, 25);
	assert_int_equal(ctl_parse("attach read", &r), 0);
	assert_true(r.read_only);
	assert_int_equal(ctl_parse("attach force 9999x1", &r), 0);
	assert_true(r.force);
	assert_int_equal(r.cols, 9999);
}

static void test_window(void **state)
{
	assert_int_equal(ctl_parse("window 132x43", &r), 0);
	assert_int_equal(r.verb, CTL_WINDOW);
	assert_int_equal(r.cols, 132);
	assert_int_equal(r.rows, 43);
}

static void test_status(void **state)
{
	assert_int_equal(ctl_parse("status", &r), 0);
	assert_int_equal(r.verb, CTL_STATUS);
}

static void test_nonsense(void **state)
{
	static const char *const lines[] = { "", " ", "attack", "attach 80", "attach 80x", "attach x25",
		"attach 0x25", "attach 80x0", "attach 10000x25", "attach 80x25x", "attach -1x25",
		"attach read force", "attach 80x25 please", "window", "window 80", "window 80x25 80x25",
		"window write", "status now", "attach writewritewritewritewritewritewritewritewritewritewrite" };

	for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (ctl_parse(lines[i], &r) != -EINVAL)
			fail_msg("\"%s\" was taken", lines[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_attach),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
