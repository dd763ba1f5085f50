// SPDX-License-Identifier: MIT
/* Who uses logical volumes that we activated: the last one deactivates, and only what was ours. */
#include "config.h"
#include "backends/blk/lvm-users.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64];
static struct lvm_users users;

static int setup(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/sluice-lvm-users-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	return lvm_users_open(&users, dir, 0);
}

static int teardown(void **state)
{
	char command[128];

	lvm_users_close(&users);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

static bool join(const char *user, bool active)
{
	bool ours;

	assert_int_equal(lvm_users_join(&users, "v", user, active, &ours), 0);
	return ours;
}

static bool leave(const char *user)
{
	bool last;

	assert_int_equal(lvm_users_leave(&users, "v", user, &last), 0);
	return last;
}

static void what_was_active_before_stays_so(void **state)
{
	assert_false(join("a", true));
	assert_false(join("b", true));
	assert_false(leave("a"));
	assert_false(leave("b"));
}

static void the_last_user_deactivates(void **state)
{
	assert_true(join("a", false));
	assert_true(join("b", true));
	assert_false(leave("a"));
	assert_true(leave("b"));
	lvm_users_forget(&users, "v");
	assert_false(join("c", true));
	assert_false(leave("c"));
}

static void a_successor_has_its_predecessors_place(void **state)
{
	assert_true(join("a", false));
	/* It was killed. */
	assert_true(join("a", true));
	assert_true(leave("a"));
}

static void who_left_twice_does_no_harm(void **state)
{
	assert_true(join("a", false));
	assert_true(join("b", true));
	assert_false(leave("a"));
	assert_false(leave("a"));
	assert_true(leave("b"));
}

/* Somebody deactivated it by hand: those who were noted cannot be using it. */
static void who_used_an_inactive_volume_is_forgotten(void **state)
{
	assert_true(join("dead", false));
	assert_true(join("a", false));
	assert_true(leave("a"));
}

static void the_directory_is_no_link(void **state)
{
	struct lvm_users other;
	char link[80];

	snprintf(link, sizeof(link), "%s/link", dir);
	assert_int_equal(symlink("/tmp", link), 0);
	assert_int_equal(lvm_users_open(&other, link, 0), -ENOTDIR);
	assert_int_equal(lvm_users_open(&other, "/nonexistent/users", 0), -ENOENT);
}

static void the_lock_is_not_waited_for_without_a_limit(void **state)
{
	struct lvm_users other;

	assert_int_equal(lvm_users_open(&other, dir, 100), -EBUSY);
	assert_int_equal(other.lock, -1);
	lvm_users_close(&users);
	assert_int_equal(lvm_users_open(&other, dir, 0), 0);
	users = other;
}

static void a_volume_is_no_link(void **state)
{
	char link[80];
	bool ours;

	snprintf(link, sizeof(link), "%s/v", dir);
	assert_int_equal(symlink("/tmp", link), 0);
	assert_int_equal(lvm_users_join(&users, "v", "a", false, &ours), -ENOTDIR);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_was_active_before_stays_so),
		T(the_last_user_deactivates),
		T(a_successor_has_its_predecessors_place),
		T(who_left_twice_does_no_harm),
		T(who_used_an_inactive_volume_is_forgotten),
		T(the_directory_is_no_link),
		T(the_lock_is_not_waited_for_without_a_limit),
		T(a_volume_is_no_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
