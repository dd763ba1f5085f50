// SPDX-License-Identifier: MIT
/* Which watch hears of what, and when. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store-test.h"

static struct store *store;
static struct conn *tool, *watcher;

static int setup(void **state)
{
	store = test_store();
	tool = conn_new(store, 0);
	watcher = conn_new(store, 0);
	CALL(tool, XS_WRITE, 0, "/a/b/c\0v");
	return 0;
}

static int teardown(void **state)
{
	unsigned faults = store_check(store);

	store_free(store);
	return faults;
}

static void watch(const char *path)
{
	char request[128];
	int len = snprintf(request, sizeof(request), "%s%ctoken", path, 0) + 1;

	assert_int_equal(test_call(watcher, XS_WATCH, 0, request, len, NULL), 0);
	test_event(watcher, path, "token");
	test_silence(watcher);
}

static void first_event_follows_the_reply(void **state)
{
	watch("/a");
	watch("/not/there");
	watch("@introduceDomain");
	watch("@whatever");
}

static void events_of_the_node_and_below(void **state)
{
	watch("/a/b");
	CALL(tool, XS_WRITE, 0, "/a/b\0x");
	test_event(watcher, "/a/b", "token");
	CALL(tool, XS_WRITE, 0, "/a/b/c\0x");
	test_event(watcher, "/a/b/c", "token");
	CALL(tool, XS_WRITE, 0, "/a/b/new/deep\0x");
	test_event(watcher, "/a/b/new/deep", "token");
	CALL(tool, XS_SET_PERMS, 0, "/a/b/c\0r0\0");
	test_event(watcher, "/a/b/c", "token");
	CALL(tool, XS_RM, 0, "/a/b/c\0");
	test_event(watcher, "/a/b/c", "token");
	test_silence(watcher);
}

static void no_events_of_others(void **state)
{
	watch("/a/b");
	CALL(tool, XS_WRITE, 0, "/a\0x");
	CALL(tool, XS_WRITE, 0, "/a/bb\0x");
	CALL(tool, XS_WRITE, 0, "/a/b-\0x");
	CALL(tool, XS_RM, 0, "/a/bb\0");
	CALL(tool, XS_MKDIR, 0, "/a/b\0"); /* it exists: no change */
	CALL(tool, XS_RM, 0, "/a/b/none\0");
	CALL(tool, XS_READ, 0, "/a/b\0");
	test_silence(watcher);
}

static void the_root_hears_all(void **state)
{
	watch("/");
	CALL(tool, XS_WRITE, 0, "/a/b/c\0x");
	test_event(watcher, "/a/b/c", "token");
	CALL(tool, XS_WRITE, 0, "/\0x");
	test_event(watcher, "/", "token");
	assert_int_equal(store_introduce(store, 9, 0, 0), 0);
	test_silence(watcher);
}

/* The path is the watch's own, not what was removed. */
static void removal_of_a_parent(void **state)
{
	watch("/a/b/c");
	watch("/a/b/c/not-there");
	CALL(tool, XS_RM, 0, "/a\0");
	test_event(watcher, "/a/b/c", "token");
	test_silence(watcher);
}

static void removal_above_tells_the_watch_above_once(void **state)
{
	watch("/a");
	CALL(tool, XS_RM, 0, "/a/b\0");
	test_event(watcher, "/a/b", "token");
	test_silence(watcher);
}

static void relative_watches_hear_relative_paths(void **state)
{
	struct conn *guest = test_home(store, tool, 3);

	assert_int_equal(CALL(guest, XS_WATCH, 0, "device\0t\0"), 0);
	test_event(guest, "device", "t");
	CALL(tool, XS_WRITE, 0, "/local/domain/3/device/vbd/0\0x");
	test_event(guest, "device/vbd/0", "t");
	assert_int_equal(CALL(guest, XS_WATCH, 0, "/local/domain/3/device\0t\0"), 0);
	test_event(guest, "/local/domain/3/device", "t");
	CALL(guest, XS_RM, 0, "device\0");
	test_event(guest, "/local/domain/3/device", "t");
	test_event(guest, "device", "t");
	/* The two are different watches. */
	assert_int_equal(CALL(guest, XS_UNWATCH, 0, "device\0t\0"), 0);
	assert_int_equal(CALL(guest, XS_UNWATCH, 0, "device\0t\0"), -ENOENT);
	CALL(guest, XS_WRITE, 0, "device\0x");
	test_event(guest, "/local/domain/3/device", "t");
	test_silence(guest);
}

static void events_only_of_what_may_be_read(void **state)
{
	struct conn *guest = test_home(store, tool, 3);

	assert_int_equal(CALL(guest, XS_WATCH, 0, "/a\0t\0"), 0);
	test_event(guest, "/a", "t");
	CALL(tool, XS_WRITE, 0, "/a/b/c\0secret");
	CALL(tool, XS_RM, 0, "/a/b/c\0");
	test_silence(guest);
	/* It may read from now on, and is told so. */
	CALL(tool, XS_SET_PERMS, 0, "/a/b\0n0\0r3\0");
	test_event(guest, "/a/b", "t");
	CALL(tool, XS_WRITE, 0, "/a/b\0x");
	test_event(guest, "/a/b", "t");
	/* Below a node that it reads, it hears of comings and goings. */
	CALL(tool, XS_WRITE, 0, "/a/b/n\0x");
	test_event(guest, "/a/b/n", "t");
	CALL(tool, XS_SET_PERMS, 0, "/a/b/n\0n0\0");
	test_event(guest, "/a/b/n", "t");
	CALL(tool, XS_RM, 0, "/a/b/n\0");
	test_event(guest, "/a/b/n", "t");
	/* It may not any more, and is told that, too. */
	CALL(tool, XS_SET_PERMS, 0, "/a/b\0n0\0");
	test_event(guest, "/a/b", "t");
	CALL(tool, XS_WRITE, 0, "/a/b\0secret");
	test_silence(guest);
}

static void removal_is_told_to_who_could_read(void **state)
{
	struct conn *guest = test_home(store, tool, 3);

	CALL(tool, XS_SET_PERMS, 0, "/a/b/c\0n0\0r3\0");
	assert_int_equal(CALL(guest, XS_WATCH, 0, "/a/b/c\0t\0"), 0);
	test_event(guest, "/a/b/c", "t");
	CALL(tool, XS_RM, 0, "/a\0");
	test_event(guest, "/a/b/c", "t");
	test_silence(guest);
}

static void transactions_tell_at_commit(void **state)
{
	uint32_t tx = test_start(tool);

	watch("/a");
	CALL(tool, XS_WRITE, tx, "/a/x\0v");
	CALL(tool, XS_WRITE, tx, "/a/x\0w");
	CALL(tool, XS_RM, tx, "/a/b/c\0");
	test_silence(watcher);
	CALL(tool, XS_TRANSACTION_END, tx, "T\0");
	test_event(watcher, "/a/x", "token");
	test_event(watcher, "/a/b/c", "token");
	test_silence(watcher);
}

static void failed_and_abandoned_transactions_tell_nothing(void **state)
{
	uint32_t tx = test_start(tool);

	CALL(tool, XS_WRITE, tx, "/a/x\0v");
	CALL(tool, XS_TRANSACTION_END, tx, "F\0");
	tx = test_start(tool);
	CALL(tool, XS_WRITE, tx, "/a/b/c\0v");
	CALL(tool, XS_WRITE, 0, "/a/b/c\0v");
	watch("/a");
	assert_int_equal(CALL(tool, XS_TRANSACTION_END, tx, "T\0"), -EAGAIN);
	test_silence(watcher);
}

static void the_same_event_waits_once(void **state)
{
	watch("/a");
	for (int i = 0; i < 1000; i++) {
		CALL(tool, XS_WRITE, 0, "/a/b\0x");
		CALL(tool, XS_WRITE, 0, "/a/b/c\0x");
	}
	test_event(watcher, "/a/b", "token");
	/* From the first byte on it is as good as read. */
	CALL(tool, XS_WRITE, 0, "/a/b\0x");
	test_event(watcher, "/a/b/c", "token");
	test_event(watcher, "/a/b", "token");
	test_silence(watcher);
}

static void the_reply_comes_before_ones_own_events(void **state)
{
	struct reply reply;

	watch("/a");
	test_send(watcher, XS_WRITE, 0, "/a/x\0v", 6);
	assert_true(test_receive(watcher, &reply));
	assert_int_equal(reply.type, XS_WRITE);
	test_event(watcher, "/a/x", "token");
}

static void special_events(void **state)
{
	watch("@introduceDomain");
	watch("@releaseDomain");
	assert_int_equal(CALL(tool, XS_INTRODUCE, 0, "5\0" "0\0" "0\0"), 0);
	test_event(watcher, "@introduceDomain", "token");
	assert_int_equal(CALL(tool, XS_RELEASE, 0, "5\0"), 0);
	test_event(watcher, "@releaseDomain", "token");
	assert_int_equal(CALL(tool, XS_RELEASE, 0, "5\0"), -ENOENT);
	test_silence(watcher);
}

static void special_events_need_permission(void **state)
{
	struct conn *guest = test_home(store, tool, 3);

	assert_int_equal(CALL(guest, XS_WATCH, 0, "@releaseDomain\0t\0"), 0);
	test_event(guest, "@releaseDomain", "t");
	test_introduce(store, 5);
	CALL(tool, XS_RELEASE, 0, "5\0");
	test_silence(guest);
	assert_int_equal(CALL(guest, XS_SET_PERMS, 0, "@releaseDomain\0r3\0"), -EACCES);
	CALL(tool, XS_SET_PERMS, 0, "@releaseDomain\0n0\0r3\0");
	test_introduce(store, 5);
	CALL(tool, XS_RELEASE, 0, "5\0");
	test_event(guest, "@releaseDomain", "t");
}

/* What a dead domain owned is removed: who watches it must hear that. */
static void release_tells_of_removed_nodes(void **state)
{
	test_home(store, tool, 3);
	watch("/local/domain/3");
	CALL(tool, XS_RELEASE, 0, "3\0");
	test_event(watcher, "/local/domain/3", "token");
}

static void watch_and_unwatch(void **state)
{
	assert_int_equal(CALL(watcher, XS_UNWATCH, 0, "/a\0t\0"), -ENOENT);
	assert_int_equal(CALL(watcher, XS_WATCH, 0, "/a\0t\0"), 0);
	test_event(watcher, "/a", "t");
	assert_int_equal(CALL(watcher, XS_WATCH, 0, "/a\0t\0"), -EEXIST);
	assert_int_equal(CALL(watcher, XS_WATCH, 0, "/a\0u\0"), 0);
	test_event(watcher, "/a", "u");
	assert_int_equal(CALL(watcher, XS_UNWATCH, 0, "/a\0t\0"), 0);
	CALL(tool, XS_WRITE, 0, "/a\0x");
	test_event(watcher, "/a", "u");
	test_silence(watcher);
	assert_int_equal(CALL(watcher, XS_WATCH, 0, "/a/\0t\0"), -EINVAL);
	assert_int_equal(CALL(watcher, XS_UNWATCH, 0, "a b\0t\0"), -EINVAL);
}

static void tokens_have_a_limit(void **state)
{
	char request[4096] = "/a";

	memset(request + 3, 't', sizeof(request) - 3);
	request[3 + 1021] = '\0';
	assert_int_equal(test_call(watcher, XS_WATCH, 0, request, 3 + 1022, NULL), 0);
	test_event(watcher, "/a", request + 3);
	request[3 + 1021] = 't';
	request[3 + 1022] = '\0';
	assert_int_equal(test_call(watcher, XS_WATCH, 0, request, 3 + 1023, NULL), -E2BIG);
}

static void reset_watches(void **state)
{
	watch("/a");
	watch("/a/b");
	assert_int_equal(CALL(watcher, XS_RESET_WATCHES, 0, "\0"), 0);
	CALL(tool, XS_WRITE, 0, "/a/b\0x");
	test_silence(watcher);
	assert_int_equal(store->accounts[0].watches, 0);
	assert_null(store->watches);
}

static void watches_end_with_their_connection(void **state)
{
	watch("/a");
	conn_free(watcher);
	CALL(tool, XS_WRITE, 0, "/a\0x");
	assert_null(store->watches);
}

/* Many watches elsewhere must not be asked for each change. */
static void a_thousand_watches(void **state)
{
	char request[64];
	struct reply reply;

	for (int i = 0; i < 1000; i++) {
		int len = snprintf(request, sizeof(request), "/w/%d%ct", i, 0) + 1;

		assert_int_equal(test_call(watcher, XS_WATCH, 0, request, len, NULL), 0);
		assert_true(test_receive(watcher, &reply));
	}
	for (int i = 0; i < 1000; i++) {
		int len = snprintf(request, sizeof(request), "/w/%d%cv", i, 0);

		assert_int_equal(test_call(tool, XS_WRITE, 0, request, len, NULL), 0);
	}
	CALL(tool, XS_RM, 0, "/w\0");
	for (int i = 0; i < 1000; i++) {
		snprintf(request, sizeof(request), "/w/%d", i);
		test_event(watcher, request, "t");
	}
	test_silence(watcher);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(first_event_follows_the_reply),
		TEST(events_of_the_node_and_below),
		TEST(no_events_of_others),
		TEST(the_root_hears_all),
		TEST(removal_of_a_parent),
		TEST(removal_above_tells_the_watch_above_once),
		TEST(relative_watches_hear_relative_paths),
		TEST(events_only_of_what_may_be_read),
		TEST(removal_is_told_to_who_could_read),
		TEST(transactions_tell_at_commit),
		TEST(failed_and_abandoned_transactions_tell_nothing),
		TEST(the_same_event_waits_once),
		TEST(the_reply_comes_before_ones_own_events),
		TEST(special_events),
		TEST(special_events_need_permission),
		TEST(release_tells_of_removed_nodes),
		TEST(watch_and_unwatch),
		TEST(tokens_have_a_limit),
		TEST(reset_watches),
		TEST(watches_end_with_their_connection),
		TEST(a_thousand_watches),
	};

	return cmocka_run_group_tests_name("store-watch", tests, NULL, NULL);
}
