// SPDX-License-Identifier: MIT
/* Every limit of a domain; domain 0 has none. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hypervisor/store/path.h"
#include "store-test.h"

static struct store *store;
static struct conn *tool, *guest;
static struct account *account;
static struct reply reply;

static int setup(void **state)
{
	store = test_store();
	tool = conn_new(store, 0);
	guest = test_home(store, tool, 3);
	account = &store->accounts[3];
	return 0;
}

/* Whatever was refused or undone, nothing may remain on the account. */
static int teardown(void **state)
{
	unsigned faults = store_check(store);
	bool left;

	conn_reset(guest);
	CALL(tool, XS_RM, 0, "/local/domain/3\0");
	left = account->memory || account->nodes || account->watches || account->transactions;
	if (left)
		fprintf(stderr, "left: %lu bytes, %lu nodes\n", account->memory, account->nodes);
	store_free(store);
	return faults || left;
}

static int write_numbered(struct conn *conn, uint32_t tx, const char *path, unsigned i)
{
	char request[STORE_PATH_SIZE];
	int len = snprintf(request, sizeof(request), "%s%u", path, i) + 1;

	return test_call(conn, XS_WRITE, tx, request, len, NULL);
}

static void nodes(void **state)
{
	for (unsigned i = 1; i < 1000; i++)
		assert_int_equal(write_numbered(guest, 0, i % 2 ? "odd/" : "even/", i),
			i < 998 ? 0 : -ENOSPC);
	assert_int_equal(account->nodes, 1000);
	assert_int_equal(write_numbered(guest, 0, "odd/", 5), 0);
	assert_int_equal(CALL(guest, XS_RM, 0, "odd/5\0"), 0);
	assert_int_equal(write_numbered(guest, 0, "e", 1), 0);
	assert_int_equal(write_numbered(guest, 0, "e", 2), -ENOSPC);
	/* The toolstack may give it more than it may take itself. */
	assert_int_equal(write_numbered(tool, 0, "/local/domain/3/f", 1), 0);
	assert_int_equal(account->nodes, 1001);
	assert_int_equal(write_numbered(guest, 0, "e", 3), -ENOSPC);
}

/* A path's missing parents count, and a refusal makes none of them. */
static void nodes_of_one_path(void **state)
{
	char request[STORE_PATH_SIZE];

	for (unsigned i = 0; i < 1010; i++)
		memcpy(request + 2 * i, "d/", 3);
	request[2 * 1010 - 1] = '\0';
	assert_int_equal(test_call(guest, XS_MKDIR, 0, request, 2 * 1010, NULL), -ENOSPC);
	assert_int_equal(CALL(guest, XS_READ, 0, "d\0"), -ENOENT);
	assert_int_equal(account->nodes, 1);
}

static void nodes_in_transactions(void **state)
{
	uint32_t tx = test_start(guest), second;

	store->limits.nodes = 10;
	for (unsigned i = 0; i < 9; i++)
		assert_int_equal(write_numbered(guest, tx, "a", i), 0);
	assert_int_equal(write_numbered(guest, tx, "a", 9), -ENOSPC);
	assert_int_equal(CALL(guest, XS_RM, tx, "a0\0"), 0);
	assert_int_equal(write_numbered(guest, tx, "a", 9), 0);
	assert_int_equal(CALL(guest, XS_TRANSACTION_END, tx, "F\0"), 0);
	/* Two that fit alone do not fit together. */
	CALL(tool, XS_MKDIR, 0, "/x\0");
	CALL(tool, XS_MKDIR, 0, "/y\0");
	CALL(tool, XS_SET_PERMS, 0, "/x\0b0\0");
	CALL(tool, XS_SET_PERMS, 0, "/y\0b0\0");
	tx = test_start(guest);
	second = test_start(guest);
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(write_numbered(guest, tx, "/x/a", i), 0);
		assert_int_equal(write_numbered(guest, second, "/y/b", i), 0);
	}
	assert_int_equal(CALL(guest, XS_TRANSACTION_END, tx, "T\0"), 0);
	assert_int_equal(CALL(guest, XS_TRANSACTION_END, second, "T\0"), -ENOSPC);
	assert_int_equal(account->nodes, 7);
	assert_int_equal(CALL(tool, XS_READ, 0, "/y/b0\0"), -ENOENT);
	CALL(tool, XS_RM, 0, "/x\0");
}

static void size_of_a_node(void **state)
{
	char request[4096] = "v";

	memset(request + 2, 'x', sizeof(request) - 2);
	/* One permission entry is 8 bytes of the 2048. */
	assert_int_equal(test_call(guest, XS_WRITE, 0, request, 2 + 2040, NULL), 0);
	assert_int_equal(test_call(guest, XS_WRITE, 0, request, 2 + 2041, NULL), -ENOSPC);
	assert_int_equal(ASK(guest, XS_READ, 0, "v\0", &reply), 0);
	assert_int_equal(reply.len, 2040);
	assert_int_equal(CALL(guest, XS_MKDIR, 0, "v/child\0"), -ENOSPC);
	assert_int_equal(CALL(guest, XS_READ, 0, "v/child\0"), -ENOENT);
}

static void size_of_a_directory(void **state)
{
	unsigned i = 0;

	while (write_numbered(guest, 0, "d/a-long-name-of-a-child-node-", i + 10000) == 0)
		i++;
	assert_int_equal(i, 2040 / sizeof("a-long-name-of-a-child-node-00000"));
}

static void permissions(void **state)
{
	assert_int_equal(CALL(guest, XS_WRITE, 0, "v\0"), 0);
	assert_int_equal(CALL(guest, XS_SET_PERMS, 0, "v\0n3\0r4\0r5\0r6\0r7\0"), 0);
	assert_int_equal(CALL(guest, XS_SET_PERMS, 0, "v\0n3\0r4\0r5\0r6\0r7\0r8\0"), -ENOSPC);
	assert_int_equal(CALL(tool, XS_SET_PERMS, 0,
		"/local/domain/3/v\0n3\0r4\0r5\0r6\0r7\0r8\0"), 0);
}

static int watch_numbered(struct conn *conn, unsigned i)
{
	char request[64];
	int len = snprintf(request, sizeof(request), "w%c%u", 0, i) + 1;
	int rc = test_call(conn, XS_WATCH, 0, request, len, NULL);

	if (rc == 0)
		assert_true(test_receive(conn, &reply));
	return rc;
}

static void watches(void **state)
{
	for (unsigned i = 0; i < 128; i++)
		assert_int_equal(watch_numbered(guest, i), 0);
	assert_int_equal(watch_numbered(guest, 128), -ENOSPC);
	assert_int_equal(CALL(guest, XS_UNWATCH, 0, "w\0" "5\0"), 0);
	assert_int_equal(watch_numbered(guest, 128), 0);
	/* They are the domain's, not the connection's. */
	assert_int_equal(watch_numbered(guest, 129), -ENOSPC);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(watch_numbered(tool, i), 0);
}

static void transactions(void **state)
{
	uint32_t tx = 0;

	for (unsigned i = 0; i < 10; i++)
		tx = test_start(guest);
	assert_int_equal(CALL(guest, XS_TRANSACTION_START, 0, "\0"), -ENOSPC);
	assert_int_equal(CALL(guest, XS_TRANSACTION_END, tx, "F\0"), 0);
	test_start(guest);
	for (unsigned i = 0; i < 100; i++)
		test_start(tool);
}

static void transaction_nodes(void **state)
{
	uint32_t tx;

	store->limits.transaction_nodes = 20;
	tx = test_start(guest);
	/* The first touches the node and the one above it. */
	for (unsigned i = 0; i < 19; i++)
		assert_int_equal(write_numbered(guest, tx, "a", i), 0);
	assert_int_equal(write_numbered(guest, tx, "a", 19), -ENOSPC);
	assert_int_equal(CALL(guest, XS_READ, tx, "absent\0"), -ENOSPC);
	assert_int_equal(write_numbered(guest, tx, "a", 18), 0);
	assert_int_equal(CALL(guest, XS_TRANSACTION_END, tx, "T\0"), 0);
	test_value(guest, 0, "a18", "");
}

static void memory_of_nodes(void **state)
{
	char request[2048] = "d0";
	unsigned i = 0;
	int rc = 0;

	store->limits.memory = 100000;
	for (; rc == 0; i++) {
		snprintf(request, sizeof(request), "d%u", i);
		rc = test_call(guest, XS_WRITE, 0, request, 2000, NULL);
	}
	assert_int_equal(rc, -ENOMEM);
	assert_true(account->memory <= 87500 && account->memory > 80000);
	assert_in_range(i, 35, 45);
	assert_int_equal(CALL(guest, XS_RM, 0, "d0\0"), 0);
	assert_int_equal(test_call(guest, XS_WRITE, 0, request, 2000, NULL), 0);
}

/* What a transaction keeps is bounded, even where nothing new is ever kept. */
static void memory_of_transactions(void **state)
{
	uint32_t tx;
	int rc = 0;

	store->limits.memory = 50000;
	CALL(guest, XS_WRITE, 0, "v\0");
	tx = test_start(guest);
	for (unsigned i = 0; i < 10000 && rc == 0; i++) {
		rc = CALL(guest, XS_SET_PERMS, tx, "v\0n3\0");
		assert_true(account->memory <= 50000 + 1000);
	}
	assert_int_equal(rc, -ENOMEM);
	assert_int_equal(CALL(guest, XS_TRANSACTION_END, tx, "F\0"), 0);
	tx = test_start(guest);
	for (unsigned i = 0; i < 10000; i++)
		assert_int_equal(CALL(guest, XS_WRITE, tx, "v\0x"), 0);
	assert_int_equal(CALL(guest, XS_TRANSACTION_END, tx, "T\0"), 0);
}

/* A version that only a transaction still has is paid for by who keeps it. */
static void memory_of_old_versions(void **state)
{
	uint32_t tx;
	char request[2048] = "v";
	unsigned long before;

	memset(request + 2, 'x', sizeof(request) - 2);
	assert_int_equal(test_call(guest, XS_WRITE, 0, request, 2000, NULL), 0);
	tx = test_start(guest);
	before = account->memory;
	assert_int_equal(CALL(guest, XS_READ, tx, "v\0"), 0);
	assert_true(account->memory > before + 1998);
	assert_int_equal(CALL(guest, XS_TRANSACTION_END, tx, "F\0"), 0);
	assert_true(account->memory < before);
}

static void memory_of_watches(void **state)
{
	char request[1024] = "w";
	unsigned i = 0;
	int rc = 0;

	store->limits.memory = 20000;
	memset(request + 2, 't', sizeof(request) - 3);
	for (; rc == 0; i++) {
		request[2] = 'A' + i;
		rc = test_call(guest, XS_WATCH, 0, request, sizeof(request), NULL);
		if (rc == 0)
			assert_true(test_receive(guest, &reply));
	}
	assert_int_equal(rc, -ENOMEM);
	assert_in_range(i, 13, 17);
}

static void outstanding_replies(void **state)
{
	unsigned i = 0;

	for (; i < 100 && conn_may_input(guest); i++)
		test_send(guest, XS_READ, 0, "domid", 6);
	assert_int_equal(i, 20);
	assert_true(test_receive(guest, &reply));
	assert_true(conn_may_input(guest));
	test_send(guest, XS_READ, 0, "domid", 6);
	assert_false(conn_may_input(guest));
	/* Reading is what goes on: nothing was lost. */
	while (test_receive(guest, &reply))
		i++;
	assert_int_equal(i, 40);
}

/* Who has filled its memory with nodes still hears of changes. */
static void full_memory_leaves_room_for_events(void **state)
{
	char request[2048] = "d0";

	store->limits.memory = 100000;
	assert_int_equal(CALL(guest, XS_WATCH, 0, "/local/domain/3\0t\0"), 0);
	assert_true(test_receive(guest, &reply));
	for (unsigned size = 2000; size > 10; size /= 2) {
		for (unsigned i = 0; i < 1000; i++) {
			snprintf(request, sizeof(request), "%u-%u", size, i);
			if (test_call(guest, XS_WRITE, 0, request, size, NULL) < 0)
				break;
			assert_true(test_receive(guest, &reply));
		}
	}
	assert_int_equal(CALL(tool, XS_WRITE, 0, "/local/domain/3/x\0v"), 0);
	assert_null(guest->bad);
	test_event(guest, "/local/domain/3/x", "t");
}

/* Who does not read its events loses its connection, before the store's memory is gone. */
static void unread_events(void **state)
{
	unsigned i = 0;

	store->limits.memory = 100000;
	assert_int_equal(CALL(guest, XS_WATCH, 0, "d\0t\0"), 0);
	assert_true(test_receive(guest, &reply));
	for (; i < 10000 && !guest->bad; i++) {
		assert_int_equal(write_numbered(tool, 0, "/local/domain/3/d/", i), 0);
		CALL(tool, XS_RM, 0, "/local/domain/3/d\0");
		assert_true(account->memory <= 100000);
	}
	assert_non_null(guest->bad);
	assert_in_range(i, 100, 2000);
	assert_false(conn_may_input(guest));
}

static void unread_events_of_the_toolstack(void **state)
{
	struct conn *slow = conn_new(store, 0);
	char request[4000];

	assert_int_equal(CALL(slow, XS_WATCH, 0, "/\0t\0"), 0);
	memset(request, 'a', 3000);
	request[0] = '/';
	for (unsigned i = 0; i < 100000 && !slow->bad; i++) {
		int len = 2990 + snprintf(request + 2990, 82, "%u", i) + 1;

		assert_int_equal(test_call(tool, XS_MKDIR, 0, request, len, NULL), 0);
		assert_int_equal(test_call(tool, XS_RM, 0, request, len, NULL), 0);
		assert_true(slow->out_bytes <= 64ul << 20);
	}
	assert_non_null(slow->bad);
	test_value(tool, 0, "/tool", "");
}

static void names_and_numbers(void **state)
{
	struct quota_limits limits = quota_defaults;

	assert_int_equal(quota_set_by_name(&limits, "nodes", "5"), 0);
	assert_int_equal(limits.nodes, 5);
	assert_int_equal(quota_set_by_name(&limits, "watches", "0"), -ERANGE);
	assert_int_equal(quota_set_by_name(&limits, "watches", "2147483649"), -ERANGE);
	assert_int_equal(quota_set_by_name(&limits, "watches", "-1"), -EINVAL);
	assert_int_equal(quota_set_by_name(&limits, "watches", ""), -EINVAL);
	assert_int_equal(quota_set_by_name(&limits, "watches", "7x"), -EINVAL);
	assert_int_equal(quota_set_by_name(&limits, "nonsense", "7"), -ENOENT);
	assert_int_equal(limits.watches, 128);
}

static void sums_do_not_wrap(void **state)
{
	assert_int_equal(quota_check(5, 5, 10, -1), 0);
	assert_int_equal(quota_check(5, 6, 10, -1), -1);
	assert_int_equal(quota_check(11, 0, 10, -1), -1);
	assert_int_equal(quota_check(5, ULONG_MAX, 10, -1), -1);
	assert_int_equal(quota_check(ULONG_MAX, 1, 10, -1), -1);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(nodes),
		TEST(nodes_of_one_path),
		TEST(nodes_in_transactions),
		TEST(size_of_a_node),
		TEST(size_of_a_directory),
		TEST(permissions),
		TEST(watches),
		TEST(transactions),
		TEST(transaction_nodes),
		TEST(memory_of_nodes),
		TEST(memory_of_transactions),
		TEST(memory_of_old_versions),
		TEST(memory_of_watches),
		TEST(outstanding_replies),
		TEST(full_memory_leaves_room_for_events),
		TEST(unread_events),
		TEST(unread_events_of_the_toolstack),
		TEST(names_and_numbers),
		TEST(sums_do_not_wrap),
	};

	return cmocka_run_group_tests_name("store-quota", tests, NULL, NULL);
}
