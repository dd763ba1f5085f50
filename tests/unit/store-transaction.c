// SPDX-License-Identifier: MIT
/* Isolation, commit, conflicts, and what is no conflict. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store-test.h"

static struct store *store;
static struct conn *tool, *second;
static struct reply reply;

static int setup(void **state)
{
	store = test_store();
	tool = conn_new(store, 0);
	second = conn_new(store, 0);
	CALL(tool, XS_WRITE, 0, "/a\0one");
	CALL(tool, XS_WRITE, 0, "/b\0one");
	return 0;
}

static int teardown(void **state)
{
	unsigned faults = store_check(store);

	store_free(store);
	return faults;
}

static int commit(struct conn *conn, uint32_t tx)
{
	return CALL(conn, XS_TRANSACTION_END, tx, "T\0");
}

static void changes_are_private_until_commit(void **state)
{
	uint32_t tx = test_start(tool);

	assert_int_equal(CALL(tool, XS_WRITE, tx, "/a\0two"), 0);
	assert_int_equal(CALL(tool, XS_WRITE, tx, "/new/deep\0v"), 0);
	assert_int_equal(CALL(tool, XS_RM, tx, "/b\0"), 0);
	test_value(tool, tx, "/a", "two");
	assert_int_equal(CALL(tool, XS_READ, tx, "/b\0"), -ENOENT);
	test_value(tool, 0, "/a", "one");
	test_value(second, 0, "/b", "one");
	assert_int_equal(CALL(second, XS_READ, 0, "/new\0"), -ENOENT);
	assert_int_equal(commit(tool, tx), 0);
	test_value(second, 0, "/a", "two");
	test_value(second, 0, "/new/deep", "v");
	assert_int_equal(CALL(second, XS_READ, 0, "/b\0"), -ENOENT);
}

static void abandon_leaves_no_trace(void **state)
{
	uint32_t tx = test_start(tool);

	CALL(tool, XS_WRITE, tx, "/a\0two");
	CALL(tool, XS_MKDIR, tx, "/new\0");
	assert_int_equal(CALL(tool, XS_TRANSACTION_END, tx, "F\0"), 0);
	test_value(tool, 0, "/a", "one");
	assert_int_equal(CALL(tool, XS_READ, 0, "/new\0"), -ENOENT);
	assert_int_equal(CALL(tool, XS_TRANSACTION_END, tx, "F\0"), -ENOENT);
}

static void conflict_of_writes(void **state)
{
	uint32_t tx = test_start(tool);

	CALL(tool, XS_WRITE, tx, "/a\0mine");
	CALL(second, XS_WRITE, 0, "/a\0theirs");
	assert_int_equal(commit(tool, tx), -EAGAIN);
	test_value(tool, 0, "/a", "theirs");
	/* It is over, also when it failed. */
	assert_int_equal(commit(tool, tx), -ENOENT);
}

static void conflict_of_what_was_read(void **state)
{
	uint32_t tx = test_start(tool);

	test_value(tool, tx, "/a", "one");
	CALL(tool, XS_WRITE, tx, "/b\0from a");
	CALL(second, XS_WRITE, 0, "/a\0theirs");
	assert_int_equal(commit(tool, tx), -EAGAIN);
	test_value(tool, 0, "/b", "one");
}

static void conflict_of_what_was_absent(void **state)
{
	uint32_t tx = test_start(tool);

	assert_int_equal(CALL(tool, XS_READ, tx, "/lock\0"), -ENOENT);
	CALL(tool, XS_WRITE, tx, "/lock\0mine");
	CALL(second, XS_WRITE, 0, "/lock\0theirs");
	assert_int_equal(commit(tool, tx), -EAGAIN);
	test_value(tool, 0, "/lock", "theirs");
}

static void conflict_of_what_was_removed(void **state)
{
	uint32_t tx = test_start(tool);

	CALL(tool, XS_WRITE, tx, "/a/child\0v");
	CALL(second, XS_RM, 0, "/a\0");
	assert_int_equal(commit(tool, tx), -EAGAIN);
	assert_int_equal(CALL(tool, XS_READ, 0, "/a/child\0"), -ENOENT);
}

/* Gone and come back is another node, even with the same value. */
static void conflict_of_what_came_back(void **state)
{
	uint32_t tx = test_start(tool);

	test_value(tool, tx, "/a", "one");
	CALL(tool, XS_WRITE, tx, "/b\0x");
	CALL(second, XS_RM, 0, "/a\0");
	CALL(second, XS_WRITE, 0, "/a\0one");
	assert_int_equal(commit(tool, tx), -EAGAIN);
}

static void conflict_of_two_transactions(void **state)
{
	uint32_t tx = test_start(tool), other = test_start(second);

	CALL(tool, XS_WRITE, tx, "/a\0first");
	CALL(second, XS_WRITE, other, "/a\0second");
	assert_int_equal(commit(second, other), 0);
	assert_int_equal(commit(tool, tx), -EAGAIN);
	test_value(tool, 0, "/a", "second");
}

static void conflict_of_listings(void **state)
{
	uint32_t tx = test_start(tool);

	assert_int_equal(CALL(tool, XS_DIRECTORY, tx, "/a\0"), 0);
	CALL(tool, XS_WRITE, tx, "/b\0x");
	CALL(second, XS_WRITE, 0, "/a/child\0v");
	assert_int_equal(commit(tool, tx), -EAGAIN);
}

static void no_conflict_elsewhere(void **state)
{
	uint32_t tx = test_start(tool);

	test_value(tool, tx, "/a", "one");
	CALL(tool, XS_WRITE, tx, "/a\0two");
	CALL(second, XS_WRITE, 0, "/b\0theirs");
	CALL(second, XS_WRITE, 0, "/tool/x\0theirs");
	assert_int_equal(commit(tool, tx), 0);
}

static void no_conflict_with_what_was_abandoned(void **state)
{
	uint32_t tx = test_start(tool), other = test_start(second);

	CALL(tool, XS_WRITE, tx, "/a\0first");
	CALL(second, XS_WRITE, other, "/a\0second");
	CALL(second, XS_TRANSACTION_END, other, "F\0");
	assert_int_equal(commit(tool, tx), 0);
}

/* What it read was true together before the other's change. */
static void reading_only_does_not_conflict(void **state)
{
	uint32_t tx = test_start(tool);

	test_value(tool, tx, "/a", "one");
	test_value(tool, tx, "/b", "one");
	assert_int_equal(CALL(tool, XS_READ, tx, "/absent\0"), -ENOENT);
	CALL(second, XS_WRITE, 0, "/a\0two");
	CALL(second, XS_WRITE, 0, "/absent\0two");
	/* What it has read, it reads again. */
	test_value(tool, tx, "/a", "one");
	assert_int_equal(CALL(tool, XS_READ, tx, "/absent\0"), -ENOENT);
	assert_int_equal(commit(tool, tx), 0);
}

static void reading_after_all_changes_does_not_conflict(void **state)
{
	uint32_t tx = test_start(tool);

	CALL(second, XS_WRITE, 0, "/a\0two");
	CALL(second, XS_WRITE, 0, "/b\0two");
	test_value(tool, tx, "/a", "two");
	test_value(tool, tx, "/b", "two");
	assert_int_equal(commit(tool, tx), 0);
}

/* One half from before a commit and one from after it were never true together. */
static void torn_reads_conflict(void **state)
{
	uint32_t tx = test_start(tool), other = test_start(second);

	CALL(second, XS_WRITE, other, "/a\0two");
	CALL(second, XS_WRITE, other, "/b\0two");
	test_value(tool, tx, "/a", "one");
	assert_int_equal(commit(second, other), 0);
	test_value(tool, tx, "/b", "two");
	assert_int_equal(commit(tool, tx), -EAGAIN);
}

static void torn_absence_conflicts(void **state)
{
	uint32_t tx = test_start(tool), other = test_start(second);

	CALL(second, XS_WRITE, other, "/a\0two");
	CALL(second, XS_RM, other, "/b\0");
	test_value(tool, tx, "/a", "one");
	assert_int_equal(commit(second, other), 0);
	assert_int_equal(CALL(tool, XS_READ, tx, "/b\0"), -ENOENT);
	assert_int_equal(commit(tool, tx), -EAGAIN);
}

static void rm_and_write_again(void **state)
{
	uint32_t tx;

	CALL(tool, XS_WRITE, 0, "/a/x/y\0v");
	tx = test_start(tool);
	assert_int_equal(CALL(tool, XS_RM, tx, "/a\0"), 0);
	assert_int_equal(CALL(tool, XS_WRITE, tx, "/a/x\0new"), 0);
	assert_int_equal(commit(tool, tx), 0);
	test_value(tool, 0, "/a/x", "new");
	test_value(tool, 0, "/a", "");
	assert_int_equal(CALL(tool, XS_READ, 0, "/a/x/y\0"), -ENOENT);
}

static void made_and_removed_inside(void **state)
{
	uint32_t tx = test_start(tool);

	assert_int_equal(CALL(tool, XS_WRITE, tx, "/t/u\0v"), 0);
	assert_int_equal(CALL(tool, XS_RM, tx, "/t\0"), 0);
	assert_int_equal(commit(tool, tx), 0);
	assert_int_equal(CALL(tool, XS_READ, 0, "/t\0"), -ENOENT);
}

static void perms_in_a_transaction(void **state)
{
	struct conn *guest = test_home(store, tool, 3);
	uint32_t tx = test_start(tool);

	assert_int_equal(CALL(tool, XS_SET_PERMS, tx, "/a\0r0\0"), 0);
	assert_int_equal(CALL(guest, XS_READ, 0, "/a\0"), -EACCES);
	assert_int_equal(commit(tool, tx), 0);
	assert_int_equal(CALL(guest, XS_READ, 0, "/a\0"), 0);
}

static void bad_ids(void **state)
{
	uint32_t tx = test_start(tool);

	assert_int_equal(CALL(tool, XS_READ, tx + 1, "/a\0"), -ENOENT);
	assert_int_equal(CALL(tool, XS_TRANSACTION_END, 0, "T\0"), -ENOENT);
	assert_int_equal(CALL(tool, XS_TRANSACTION_START, tx, "\0"), -EBUSY);
	assert_int_equal(CALL(tool, XS_TRANSACTION_START, tx + 1, "\0"), -ENOENT);
	/* Another connection's is not one's own. */
	assert_int_equal(CALL(second, XS_READ, tx, "/a\0"), -ENOENT);
	assert_int_equal(CALL(second, XS_TRANSACTION_END, tx, "T\0"), -ENOENT);
	assert_int_equal(CALL(tool, XS_TRANSACTION_END, tx, "X\0"), -EINVAL);
	assert_int_equal(CALL(tool, XS_TRANSACTION_END, tx, "T"), -EINVAL);
	assert_int_equal(CALL(tool, XS_TRANSACTION_END, tx, ""), -EINVAL);
	/* A malformed end is no end. */
	assert_int_equal(commit(tool, tx), 0);
}

static void ids_are_not_reused_while_open(void **state)
{
	uint32_t tx = test_start(tool);

	tool->last_tx = tx - 1;
	assert_int_not_equal(test_start(tool), tx);
	tool->last_tx = UINT32_MAX;
	assert_int_not_equal(test_start(tool), 0);
}

static void reset_ends_transactions(void **state)
{
	uint32_t tx = test_start(tool);

	CALL(tool, XS_WRITE, tx, "/a\0two");
	assert_int_equal(CALL(tool, XS_RESET_WATCHES, 0, "\0"), 0);
	assert_int_equal(commit(tool, tx), -ENOENT);
	test_value(tool, 0, "/a", "one");
	assert_int_equal(store->accounts[0].transactions, 0);
}

static void directory_part_sees_changes_inside(void **state)
{
	uint32_t tx = test_start(tool);
	char before[24];

	assert_int_equal(ASK(tool, XS_DIRECTORY_PART, tx, "/a\0" "0\0", &reply), 0);
	snprintf(before, sizeof(before), "%.20s", reply.data);
	CALL(tool, XS_MKDIR, tx, "/a/x\0");
	assert_int_equal(ASK(tool, XS_DIRECTORY_PART, tx, "/a\0" "0\0", &reply), 0);
	assert_string_not_equal(reply.data, before);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(changes_are_private_until_commit),
		TEST(abandon_leaves_no_trace),
		TEST(conflict_of_writes),
		TEST(conflict_of_what_was_read),
		TEST(conflict_of_what_was_absent),
		TEST(conflict_of_what_was_removed),
		TEST(conflict_of_what_came_back),
		TEST(conflict_of_two_transactions),
		TEST(conflict_of_listings),
		TEST(no_conflict_elsewhere),
		TEST(no_conflict_with_what_was_abandoned),
		TEST(reading_only_does_not_conflict),
		TEST(reading_after_all_changes_does_not_conflict),
		TEST(torn_reads_conflict),
		TEST(torn_absence_conflicts),
		TEST(rm_and_write_again),
		TEST(made_and_removed_inside),
		TEST(perms_in_a_transaction),
		TEST(bad_ids),
		TEST(ids_are_not_reused_while_open),
		TEST(reset_ends_transactions),
		TEST(directory_part_sees_changes_inside),
	};

	return cmocka_run_group_tests_name("store-transaction", tests, NULL, NULL);
}
