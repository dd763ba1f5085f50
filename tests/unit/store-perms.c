// SPDX-License-Identifier: MIT
/* Who may do what: owners, entries, defaults, absences, targets, dead domains. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store-test.h"

static struct store *store;
static struct conn *tool, *guest, *other;
static struct reply reply;

static int setup(void **state)
{
	store = test_store();
	tool = conn_new(store, 0);
	guest = test_home(store, tool, 3);
	other = test_home(store, tool, 4);
	CALL(tool, XS_WRITE, 0, "/n\0v");
	return 0;
}

static int teardown(void **state)
{
	unsigned faults = store_check(store);

	store_free(store);
	return faults;
}

/* All of @guest's requests on /n and what is to be made below it. */
static void check_rights(const char *perms, size_t len, bool may_read, bool may_write,
	bool owns)
{
	int no = -EACCES;

	assert_int_equal(test_call(tool, XS_SET_PERMS, 0, perms, len, NULL), 0);
	assert_int_equal(CALL(guest, XS_READ, 0, "/n\0"), may_read ? 0 : no);
	assert_int_equal(CALL(guest, XS_DIRECTORY, 0, "/n\0"), may_read ? 0 : no);
	assert_int_equal(CALL(guest, XS_DIRECTORY_PART, 0, "/n\0" "0\0"), may_read ? 0 : no);
	assert_int_equal(CALL(guest, XS_GET_PERMS, 0, "/n\0"), may_read ? 0 : no);
	assert_int_equal(CALL(guest, XS_READ, 0, "/n/x\0"), may_read ? -ENOENT : no);
	assert_int_equal(CALL(guest, XS_WRITE, 0, "/n\0v"), may_write ? 0 : no);
	assert_int_equal(CALL(guest, XS_MKDIR, 0, "/n\0"), may_write ? 0 : no);
	assert_int_equal(CALL(guest, XS_MKDIR, 0, "/n/y/z\0"), may_write ? 0 : no);
	assert_int_equal(CALL(guest, XS_RM, 0, "/n/y\0"), may_write ? 0 : no);
	assert_int_equal(CALL(guest, XS_SET_PERMS, 0, "/n\0n3\0"), owns ? 0 : no);
	assert_int_equal(CALL(guest, XS_RM, 0, "/n\0"), may_write ? 0 : no);
	CALL(tool, XS_WRITE, 0, "/n\0v");
}

#define RIGHTS(literal, r, w, o) check_rights("/n\0" literal, sizeof("/n\0" literal) - 1, r, w, o)

static void matrix(void **state)
{
	RIGHTS("n0\0", false, false, false);
	RIGHTS("r0\0", true, false, false);
	RIGHTS("w0\0", false, true, false);
	RIGHTS("b0\0", true, true, false);
	RIGHTS("n3\0", true, true, true);
	RIGHTS("n0\0n3\0", false, false, false);
	RIGHTS("n0\0r3\0", true, false, false);
	RIGHTS("n0\0w3\0", false, true, false);
	RIGHTS("n0\0b3\0", true, true, false);
	RIGHTS("n4\0r3\0", true, false, false);
	/* An entry counts, not the default. */
	RIGHTS("b0\0n3\0", false, false, false);
	RIGHTS("b4\0r5\0r3\0", true, false, false);
	/* Others' entries do not. */
	RIGHTS("n0\0b4\0b33\0", false, false, false);
}

static void domain_0_may_all(void **state)
{
	assert_int_equal(CALL(tool, XS_SET_PERMS, 0, "/n\0n3\0n0\0"), 0);
	assert_int_equal(CALL(tool, XS_READ, 0, "/n\0"), 0);
	assert_int_equal(CALL(tool, XS_WRITE, 0, "/n\0x"), 0);
	assert_int_equal(CALL(tool, XS_RM, 0, "/n\0"), 0);
}

static void perms_are(const char *path, const char *expected, size_t len)
{
	assert_int_equal(test_call(tool, XS_GET_PERMS, 0, path, strlen(path) + 1, &reply), 0);
	assert_int_equal(reply.len, len);
	assert_memory_equal(reply.data, expected, len);
}

static void new_nodes_inherit(void **state)
{
	CALL(tool, XS_SET_PERMS, 0, "/n\0n4\0b3\0r5\0");
	/* Who is privileged makes nodes for the parent's owner, ... */
	CALL(tool, XS_WRITE, 0, "/n/a/b\0v");
	perms_are("/n/a", "n4\0b3\0r5", 9);
	perms_are("/n/a/b", "n4\0b3\0r5", 9);
	/* ... who is not owns what it makes. */
	assert_int_equal(CALL(guest, XS_WRITE, 0, "/n/c/d\0v"), 0);
	perms_are("/n/c", "n3\0b3\0r5", 9);
	perms_are("/n/c/d", "n3\0b3\0r5", 9);
}

static void absence_is_told_by_rights_above(void **state)
{
	CALL(tool, XS_SET_PERMS, 0, "/n\0n0\0r3\0");
	/* Reading: the nearest node above can be read. */
	assert_int_equal(CALL(guest, XS_READ, 0, "/n/a/b/c\0"), -ENOENT);
	assert_int_equal(CALL(guest, XS_READ, 0, "/m\0"), -EACCES);
	/* Writing: it can be read, but not written. */
	assert_int_equal(CALL(guest, XS_RM, 0, "/n/a\0"), -EACCES);
	assert_int_equal(CALL(guest, XS_WRITE, 0, "/n/a\0v"), -EACCES);
}

static void owners_keep_what_they_own(void **state)
{
	assert_int_equal(CALL(guest, XS_WRITE, 0, "mine\0v"), 0);
	assert_int_equal(CALL(guest, XS_SET_PERMS, 0, "mine\0n4\0"), -EPERM);
	assert_int_equal(CALL(guest, XS_SET_PERMS, 0, "mine\0r3\0w4\0"), 0);
	assert_int_equal(CALL(other, XS_WRITE, 0, "/local/domain/3/mine\0x"), 0);
	assert_int_equal(CALL(other, XS_READ, 0, "/local/domain/3/mine\0"), -EACCES);
}

static void target_lends_its_rights(void **state)
{
	CALL(tool, XS_SET_PERMS, 0, "/n\0n0\0b4\0");
	assert_int_equal(CALL(guest, XS_READ, 0, "/n\0"), -EACCES);
	assert_int_equal(CALL(guest, XS_WRITE, 0, "/local/domain/4/x\0v"), -EACCES);
	assert_int_equal(CALL(tool, XS_SET_TARGET, 0, "3\0" "4\0"), 0);
	assert_int_equal(CALL(guest, XS_READ, 0, "/n\0"), 0);
	assert_int_equal(CALL(guest, XS_WRITE, 0, "/local/domain/4/x\0v"), 0);
	/* Not the other way round. */
	assert_int_equal(CALL(other, XS_READ, 0, "/local/domain/3\0"), -EACCES);
	/* Not beyond the target's life. */
	assert_int_equal(CALL(tool, XS_RELEASE, 0, "4\0"), 0);
	other = test_home(store, tool, 4);
	assert_int_equal(CALL(guest, XS_WRITE, 0, "/local/domain/4/x\0v"), -EACCES);
	assert_int_equal(CALL(tool, XS_SET_TARGET, 0, "3\0" "9\0"), -ENOENT);
	assert_int_equal(CALL(tool, XS_SET_TARGET, 0, "9\0" "3\0"), -ENOENT);
	assert_int_equal(CALL(tool, XS_SET_TARGET, 0, "3\0" "0\0"), -ENOENT);
}

/* A later domain of the same domid inherits nothing. */
static void domid_reuse(void **state)
{
	CALL(tool, XS_SET_PERMS, 0, "/n\0r0\0b3\0r4\0");
	CALL(tool, XS_WRITE, 0, "/n/below\0v");
	CALL(tool, XS_WRITE, 0, "/owned/deep\0v");
	CALL(tool, XS_SET_PERMS, 0, "/owned/deep\0n3\0");
	assert_int_equal(CALL(guest, XS_WRITE, 0, "/owned/deep/er\0v"), 0);
	assert_int_equal(CALL(guest, XS_WRITE, 0, "/n/made\0v"), 0);
	assert_int_equal(CALL(tool, XS_RELEASE, 0, "3\0"), 0);

	guest = test_introduce(store, 3);
	perms_are("/n", "r0\0r4", 6);
	perms_are("/n/below", "r0\0r4", 6);
	assert_int_equal(CALL(guest, XS_WRITE, 0, "/n\0x"), -EACCES);
	assert_int_equal(CALL(tool, XS_READ, 0, "/n/made\0"), -ENOENT);
	assert_int_equal(CALL(tool, XS_READ, 0, "/owned/deep\0"), -ENOENT);
	assert_int_equal(CALL(tool, XS_READ, 0, "/owned\0"), 0);
	assert_int_equal(CALL(tool, XS_READ, 0, "/local/domain/3\0"), -ENOENT);
	assert_int_equal(CALL(guest, XS_WRITE, 0, "x\0v"), -EACCES);
	assert_int_equal(store->accounts[3].nodes, 0);
	/* The other's are untouched. */
	assert_int_equal(CALL(other, XS_READ, 0, "/n\0"), 0);
	test_value(tool, 0, "/local/domain/4", "");
}

/* A transaction under way cannot carry a dead domain's rights over. */
static void domid_reuse_in_a_transaction(void **state)
{
	uint32_t tx;

	CALL(tool, XS_SET_PERMS, 0, "/n\0n0\0b3\0");
	tx = test_start(tool);
	assert_int_equal(CALL(tool, XS_WRITE, tx, "/n\0changed"), 0);
	assert_int_equal(CALL(tool, XS_WRITE, tx, "/n/child\0v"), 0);
	assert_int_equal(CALL(tool, XS_RELEASE, 0, "3\0"), 0);
	assert_int_equal(CALL(tool, XS_TRANSACTION_END, tx, "T\0"), -EAGAIN);
	perms_are("/n", "n0", 3);
}

static void release_takes_transactions_and_watches(void **state)
{
	uint32_t tx = test_start(guest);

	assert_int_equal(CALL(guest, XS_WRITE, tx, "x\0v"), 0);
	assert_int_equal(CALL(guest, XS_WATCH, 0, "x\0t\0"), 0);
	assert_int_equal(CALL(tool, XS_RELEASE, 0, "3\0"), 0);
	assert_int_equal(store->accounts[3].watches, 0);
	assert_int_equal(store->accounts[3].transactions, 0);
	assert_int_equal(store->accounts[3].nodes, 0);
	assert_int_equal(store->accounts[3].memory, 0);
}

/* A dead domain may have been given the special nodes: they stay. */
static void release_keeps_special_nodes(void **state)
{
	assert_int_equal(CALL(tool, XS_SET_PERMS, 0, "@releaseDomain\0n3\0"), 0);
	assert_int_equal(CALL(tool, XS_SET_PERMS, 0, "@introduceDomain\0n0\0r3\0"), 0);
	assert_int_equal(CALL(tool, XS_RELEASE, 0, "3\0"), 0);
	perms_are("@releaseDomain", "n0", 3);
	perms_are("@introduceDomain", "n0", 3);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(matrix),
		TEST(domain_0_may_all),
		TEST(new_nodes_inherit),
		TEST(absence_is_told_by_rights_above),
		TEST(owners_keep_what_they_own),
		TEST(target_lends_its_rights),
		TEST(domid_reuse),
		TEST(domid_reuse_in_a_transaction),
		TEST(release_takes_transactions_and_watches),
		TEST(release_keeps_special_nodes),
	};

	return cmocka_run_group_tests_name("store-perms", tests, NULL, NULL);
}
