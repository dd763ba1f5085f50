// SPDX-License-Identifier: MIT
/* Each request of the wire protocol, and requests that are malformed. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hypervisor/store/path.h"
#include "store-test.h"

static struct store *store;
static struct conn *tool;
static struct reply reply;

static int setup(void **state)
{
	store = test_store();
	tool = conn_new(store, 0);
	return 0;
}

/* Whatever a test did, the tree must be whole after it. */
static int teardown(void **state)
{
	unsigned faults = store_check(store);

	store_free(store);
	return faults;
}

static void start_state(void **state)
{
	assert_int_equal(ASK(tool, XS_DIRECTORY, 0, "/\0", &reply), 0);
	assert_int_equal(reply.len, 11);
	assert_memory_equal(reply.data, "local\0tool", 11);
	assert_int_equal(ASK(tool, XS_DIRECTORY, 0, "/local\0", &reply), 0);
	assert_memory_equal(reply.data, "domain", 7);
	assert_int_equal(ASK(tool, XS_DIRECTORY, 0, "/tool\0", &reply), 0);
	assert_memory_equal(reply.data, "xenstored", 10);
	test_value(tool, 0, "/tool/xenstored", "");
}

static void write_makes_parents(void **state)
{
	assert_int_equal(ASK(tool, XS_WRITE, 0, "/a/b/c\0value", &reply), 0);
	assert_int_equal(reply.len, 3);
	assert_string_equal(reply.data, "OK");
	test_value(tool, 0, "/a/b/c", "value");
	test_value(tool, 0, "/a/b", "");
	assert_int_equal(CALL(tool, XS_WRITE, 0, "/a/b/c\0"), 0);
	test_value(tool, 0, "/a/b/c", "");
}

static void values_may_be_binary(void **state)
{
	assert_int_equal(CALL(tool, XS_WRITE, 0, "/a\0x\0y\0\xff"), 0);
	assert_int_equal(ASK(tool, XS_READ, 0, "/a\0", &reply), 0);
	assert_int_equal(reply.len, 5);
	assert_memory_equal(reply.data, "x\0y\0\xff", 5);
}

static void mkdir_keeps_a_value(void **state)
{
	assert_int_equal(CALL(tool, XS_WRITE, 0, "/a\0v"), 0);
	assert_int_equal(CALL(tool, XS_MKDIR, 0, "/a\0"), 0);
	test_value(tool, 0, "/a", "v");
	assert_int_equal(CALL(tool, XS_MKDIR, 0, "/a/b/c\0"), 0);
	test_value(tool, 0, "/a/b/c", "");
}

static void rm_takes_all_below(void **state)
{
	CALL(tool, XS_WRITE, 0, "/a/b/c\0v");
	CALL(tool, XS_WRITE, 0, "/a/bb\0v");
	assert_int_equal(CALL(tool, XS_RM, 0, "/a/b\0"), 0);
	assert_int_equal(CALL(tool, XS_READ, 0, "/a/b\0"), -ENOENT);
	assert_int_equal(CALL(tool, XS_READ, 0, "/a/b/c\0"), -ENOENT);
	assert_int_equal(ASK(tool, XS_DIRECTORY, 0, "/a\0", &reply), 0);
	assert_memory_equal(reply.data, "bb", 3);
	assert_int_equal(reply.len, 3);
}

static void rm_of_nothing(void **state)
{
	assert_int_equal(CALL(tool, XS_RM, 0, "/nothing\0"), 0);
	assert_int_equal(CALL(tool, XS_RM, 0, "/no/parent\0"), -ENOENT);
	assert_int_equal(CALL(tool, XS_RM, 0, "/\0"), -EINVAL);
}

static void rm_of_a_deep_tree(void **state)
{
	char request[STORE_PATH_SIZE] = "";

	/* As deep as a path can be: no recursion may depend on it. */
	for (unsigned i = 0; i < 1536; i++)
		memcpy(request + 2 * i, "/d", 3);
	assert_int_equal(test_call(tool, XS_MKDIR, 0, request, 3073, NULL), 0);
	assert_int_equal(store_check(store), 0);
	assert_int_equal(CALL(tool, XS_RM, 0, "/d\0"), 0);
	assert_int_equal(ASK(tool, XS_DIRECTORY, 0, "/\0", &reply), 0);
	assert_int_equal(reply.len, 11);
}

static void directory_of_a_leaf_is_empty(void **state)
{
	assert_int_equal(ASK(tool, XS_DIRECTORY, 0, "/tool/xenstored\0", &reply), 0);
	assert_int_equal(reply.len, 0);
	assert_int_equal(CALL(tool, XS_DIRECTORY, 0, "/nothing\0"), -ENOENT);
}

static void make_children(unsigned count)
{
	char request[64];

	for (unsigned i = 0; i < count; i++) {
		int len = snprintf(request, sizeof(request), "/big/child-%05u", i) + 1;

		assert_int_equal(test_call(tool, XS_MKDIR, 0, request, len, NULL), 0);
	}
}

/* One part from @offset; returns the bytes of names, sets @end at the list's end. */
static size_t get_part(size_t offset, char *generation, char *names, bool *end)
{
	char request[64];
	int len = snprintf(request, sizeof(request), "/big%c%zu", 0, offset) + 1;
	size_t head, n;

	assert_int_equal(test_call(tool, XS_DIRECTORY_PART, 0, request, len, &reply), 0);
	head = strlen(reply.data) + 1;
	assert_true(head <= 24);
	memcpy(generation, reply.data, head);
	n = reply.len - head;
	*end = n > 0 && reply.data[head + n - 1] == '\0' &&
		(n == 1 || reply.data[head + n - 2] == '\0');
	memcpy(names, reply.data + head, n);
	return n - *end;
}

static void directory_part_gives_all_children(void **state)
{
	char generation[24], first[24], *names = malloc(1 << 18);
	size_t got = 0;
	bool end = false;
	unsigned parts = 0;

	make_children(10000);
	assert_int_equal(CALL(tool, XS_DIRECTORY, 0, "/big\0"), -E2BIG);
	while (!end) {
		got += get_part(got, generation, names + got, &end);
		if (!parts++)
			strcpy(first, generation);
		assert_string_equal(generation, first);
	}
	assert_true(parts > 20);
	assert_int_equal(got, 10000 * sizeof("child-00000"));
	for (unsigned i = 0; i < 10000; i++) {
		char name[16];

		snprintf(name, sizeof(name), "child-%05u", i);
		assert_string_equal(names + i * sizeof("child-00000"), name);
	}
	/* A change shows in the generation; an offset behind the list is its end. */
	CALL(tool, XS_MKDIR, 0, "/big/x\0");
	get_part(0, generation, names, &end);
	assert_string_not_equal(generation, first);
	assert_int_equal(get_part(1 << 20, generation, names, &end), 0);
	assert_true(end);
	free(names);
}

static void directory_part_malformed(void **state)
{
	assert_int_equal(CALL(tool, XS_DIRECTORY_PART, 0, "/tool\0"), -EINVAL);
	assert_int_equal(CALL(tool, XS_DIRECTORY_PART, 0, "/tool\0-1\0"), -EINVAL);
	assert_int_equal(CALL(tool, XS_DIRECTORY_PART, 0, "/tool\0" "0"), -EINVAL);
	assert_int_equal(CALL(tool, XS_DIRECTORY_PART, 0, "/tool\0" "99999999999\0"), -EINVAL);
	assert_int_equal(CALL(tool, XS_DIRECTORY_PART, 0, "/nothing\0" "0\0"), -ENOENT);
}

static void perms_round_trip(void **state)
{
	CALL(tool, XS_WRITE, 0, "/a\0v");
	assert_int_equal(CALL(tool, XS_SET_PERMS, 0, "/a\0n0\0r1\0w2\0b32751\0"), 0);
	assert_int_equal(ASK(tool, XS_GET_PERMS, 0, "/a\0", &reply), 0);
	assert_int_equal(reply.len, 16);
	assert_memory_equal(reply.data, "n0\0r1\0w2\0b32751", 16);
}

static void perms_malformed(void **state)
{
	CALL(tool, XS_WRITE, 0, "/a\0v");
	assert_int_equal(CALL(tool, XS_SET_PERMS, 0, "/a\0"), -EINVAL);
	assert_int_equal(CALL(tool, XS_SET_PERMS, 0, "/a\0n"), -EINVAL);
	assert_int_equal(CALL(tool, XS_SET_PERMS, 0, "/a\0n\0"), -EINVAL);
	assert_int_equal(CALL(tool, XS_SET_PERMS, 0, "/a\0x1\0"), -EINVAL);
	assert_int_equal(CALL(tool, XS_SET_PERMS, 0, "/a\0r-1\0"), -EINVAL);
	assert_int_equal(CALL(tool, XS_SET_PERMS, 0, "/a\0r1 \0"), -EINVAL);
	assert_int_equal(CALL(tool, XS_SET_PERMS, 0, "/a\0r32752\0"), -EINVAL);
	assert_int_equal(CALL(tool, XS_SET_PERMS, 0, "/a\0r4294967296\0"), -EINVAL);
	assert_int_equal(CALL(tool, XS_SET_PERMS, 0, "/a\0r1\0\0"), -EINVAL);
	assert_int_equal(CALL(tool, XS_SET_PERMS, 0, "/a\0r1\0r2"), -EINVAL);
	assert_int_equal(CALL(tool, XS_SET_PERMS, 0, "/b\0r1\0"), -ENOENT);
}

static void paths_of_domains(void **state)
{
	assert_int_equal(ASK(tool, XS_GET_DOMAIN_PATH, 0, "7\0", &reply), 0);
	assert_string_equal(reply.data, "/local/domain/7");
	assert_int_equal(reply.len, 16);
	assert_int_equal(CALL(tool, XS_GET_DOMAIN_PATH, 0, "x\0"), -EINVAL);
	assert_int_equal(CALL(tool, XS_GET_DOMAIN_PATH, 0, "\0"), -EINVAL);
	assert_int_equal(CALL(tool, XS_GET_DOMAIN_PATH, 0, "65536\0"), -EINVAL);
}

static void is_introduced(const char *domid, const char *answer)
{
	assert_int_equal(test_call(tool, XS_IS_DOMAIN_INTRODUCED, 0, domid, strlen(domid) + 1,
		&reply), 0);
	assert_int_equal(reply.len, 2);
	assert_string_equal(reply.data, answer);
}

static void introduce_and_release(void **state)
{
	is_introduced("0", "T");
	is_introduced("3", "F");
	assert_int_equal(CALL(tool, XS_INTRODUCE, 0, "3\0" "0\0" "0\0"), 0);
	is_introduced("3", "T");
	/* Once more changes nothing. */
	assert_int_equal(CALL(tool, XS_INTRODUCE, 0, "3\0" "0\0" "0\0"), 0);
	assert_int_equal(CALL(tool, XS_RESUME, 0, "3\0"), 0);
	assert_int_equal(CALL(tool, XS_RELEASE, 0, "3\0"), 0);
	is_introduced("3", "F");
	assert_int_equal(CALL(tool, XS_RELEASE, 0, "3\0"), -ENOENT);
	assert_int_equal(CALL(tool, XS_RESUME, 0, "3\0"), -ENOENT);
}

static void introduce_malformed(void **state)
{
	assert_int_equal(CALL(tool, XS_INTRODUCE, 0, "0\0" "0\0" "0\0"), -EINVAL);
	assert_int_equal(CALL(tool, XS_INTRODUCE, 0, "32752\0" "0\0" "0\0"), -EINVAL);
	assert_int_equal(CALL(tool, XS_INTRODUCE, 0, "3\0" "0\0"), -EINVAL);
	assert_int_equal(CALL(tool, XS_INTRODUCE, 0, "3\0"), -EINVAL);
	assert_int_equal(CALL(tool, XS_INTRODUCE, 0, "3\0" "x\0" "0\0"), -EINVAL);
	assert_int_equal(CALL(tool, XS_RELEASE, 0, "0\0"), -EINVAL);
	/* What cannot be attached is not introduced. */
	assert_int_equal(CALL(tool, XS_INTRODUCE, 0, "3\0" "2989\0" "5\0"), -EINVAL);
	is_introduced("3", "F");
}

static void privileged_requests_are_refused(void **state)
{
	struct conn *guest = test_introduce(store, 3);

	assert_int_equal(CALL(guest, XS_INTRODUCE, 0, "4\0" "0\0" "0\0"), -EACCES);
	assert_int_equal(CALL(guest, XS_RELEASE, 0, "3\0"), -EACCES);
	assert_int_equal(CALL(guest, XS_RESUME, 0, "3\0"), -EACCES);
	assert_int_equal(CALL(guest, XS_SET_TARGET, 0, "3\0" "4\0"), -EACCES);
	assert_int_equal(CALL(guest, XS_CONTROL, 0, "help\0"), -EACCES);
	assert_int_equal(ASK(guest, XS_IS_DOMAIN_INTRODUCED, 0, "3\0", &reply), 0);
}

static void control(void **state)
{
	assert_int_equal(ASK(tool, XS_CONTROL, 0, "help\0", &reply), 0);
	assert_non_null(strstr(reply.data, "quota"));
	assert_int_equal(CALL(tool, XS_CONTROL, 0, "check\0"), 0);
	assert_int_equal(CALL(tool, XS_CONTROL, 0, "print\0hello\0"), 0);
	assert_int_equal(ASK(tool, XS_CONTROL, 0, "quota\0", &reply), 0);
	assert_non_null(strstr(reply.data, "nodes: 1000\n"));
	assert_int_equal(ASK(tool, XS_CONTROL, 0, "quota\0" "0\0", &reply), 0);
	assert_non_null(strstr(reply.data, "nodes: 7\n"));
	assert_int_equal(CALL(tool, XS_CONTROL, 0, "live-update\0"), -EINVAL);
	assert_int_equal(CALL(tool, XS_CONTROL, 0, "help"), -EINVAL);
	assert_int_equal(CALL(tool, XS_CONTROL, 0, ""), -EINVAL);
}

static void relative_paths(void **state)
{
	struct conn *guest = test_home(store, tool, 3);

	assert_int_equal(CALL(guest, XS_WRITE, 0, "data/x\0v"), 0);
	test_value(guest, 0, "data/x", "v");
	test_value(tool, 0, "/local/domain/3/data/x", "v");
	assert_int_equal(CALL(tool, XS_WRITE, 0, "name\0dom0"), 0);
	test_value(tool, 0, "/local/domain/0/name", "dom0");
}

static void invalid_names(void **state)
{
	char request[STORE_PATH_SIZE + 8];

	assert_int_equal(CALL(tool, XS_MKDIR, 0, "\0"), -EINVAL);
	assert_int_equal(CALL(tool, XS_MKDIR, 0, "/a/\0"), -EINVAL);
	assert_int_equal(CALL(tool, XS_MKDIR, 0, "/a//b\0"), -EINVAL);
	assert_int_equal(CALL(tool, XS_MKDIR, 0, "//\0"), -EINVAL);
	assert_int_equal(CALL(tool, XS_MKDIR, 0, "a/\0"), -EINVAL);
	assert_int_equal(CALL(tool, XS_MKDIR, 0, "/a b\0"), -EINVAL);
	assert_int_equal(CALL(tool, XS_MKDIR, 0, "/a.b\0"), -EINVAL);
	assert_int_equal(CALL(tool, XS_MKDIR, 0, "/a\xc3\xa9\0"), -EINVAL);
	assert_int_equal(CALL(tool, XS_MKDIR, 0, "/az-AZ_09@\0"), 0);
	memset(request, 'a', sizeof(request));
	request[0] = '/';
	request[3072] = '\0';
	assert_int_equal(test_call(tool, XS_MKDIR, 0, request, 3073, NULL), 0);
	request[3072] = 'a';
	request[3073] = '\0';
	assert_int_equal(test_call(tool, XS_MKDIR, 0, request, 3074, NULL), -EINVAL);
	request[0] = 'a';
	request[2048] = '\0';
	assert_int_equal(test_call(tool, XS_MKDIR, 0, request, 2049, NULL), 0);
	request[2048] = 'a';
	request[2049] = '\0';
	assert_int_equal(test_call(tool, XS_MKDIR, 0, request, 2050, NULL), -EINVAL);
}

static void missing_and_surplus_nuls(void **state)
{
	static const uint32_t one[] = { XS_READ, XS_DIRECTORY, XS_MKDIR, XS_RM, XS_GET_PERMS,
		XS_RELEASE, XS_RESUME, XS_GET_DOMAIN_PATH, XS_IS_DOMAIN_INTRODUCED };

	for (unsigned i = 0; i < sizeof(one) / sizeof(one[0]); i++) {
		assert_int_equal(CALL(tool, one[i], 0, ""), -EINVAL);
		assert_int_equal(CALL(tool, one[i], 0, "/tool"), -EINVAL);
		assert_int_equal(CALL(tool, one[i], 0, "/tool\0x"), -EINVAL);
		assert_int_equal(CALL(tool, one[i], 0, "/tool\0x\0"), -EINVAL);
	}
	assert_int_equal(CALL(tool, XS_WRITE, 0, "/tool"), -EINVAL);
	assert_int_equal(CALL(tool, XS_WATCH, 0, "/tool\0"), -EINVAL);
	assert_int_equal(CALL(tool, XS_WATCH, 0, "/tool\0t"), -EINVAL);
	assert_int_equal(CALL(tool, XS_UNWATCH, 0, "/tool\0"), -EINVAL);
	assert_int_equal(CALL(tool, XS_SET_TARGET, 0, "1\0" "2"), -EINVAL);
}

static void unknown_requests(void **state)
{
	static const uint32_t unknown[] = { XS_WATCH_EVENT, XS_ERROR, XS_SET_TARGET + 1,
		XS_TYPE_COUNT, XS_INVALID, 0x80000000u, UINT32_MAX };

	for (unsigned i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		assert_int_equal(CALL(tool, unknown[i], 0, "x\0"), -ENOSYS);
	test_value(tool, 0, "/tool", "");
}

static void too_long_a_payload_ends_the_connection(void **state)
{
	struct conn *guest = test_home(store, tool, 3);
	const struct xsd_sockmsg header = { .type = XS_READ, .len = 4097 };
	char *at;

	assert_int_equal(conn_input_room(guest, &at), sizeof(header));
	memcpy(at, &header, sizeof(header));
	assert_int_equal(conn_input_done(guest, sizeof(header)), -EPROTO);
	assert_non_null(guest->bad);
	assert_false(conn_may_input(guest));
	/* That one only. */
	test_value(tool, 0, "/local/domain/3", "");
}

static void longest_payload(void **state)
{
	char request[XENSTORE_PAYLOAD_MAX] = "/a";

	memset(request + 3, 'v', sizeof(request) - 3);
	assert_int_equal(test_call(tool, XS_WRITE, 0, request, sizeof(request), NULL), 0);
	assert_int_equal(ASK(tool, XS_READ, 0, "/a\0", &reply), 0);
	assert_int_equal(reply.len, sizeof(request) - 3);
}

static void special_nodes_are_no_paths(void **state)
{
	assert_int_equal(ASK(tool, XS_GET_PERMS, 0, "@releaseDomain\0", &reply), 0);
	assert_string_equal(reply.data, "n0");
	assert_int_equal(CALL(tool, XS_GET_PERMS, 0, "@nonsense\0"), -EINVAL);
	assert_int_equal(CALL(tool, XS_WRITE, 0, "@releaseDomain\0x"), 0);
	test_value(tool, 0, "/local/domain/0/@releaseDomain", "x");
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(start_state),
		TEST(write_makes_parents),
		TEST(values_may_be_binary),
		TEST(mkdir_keeps_a_value),
		TEST(rm_takes_all_below),
		TEST(rm_of_nothing),
		TEST(rm_of_a_deep_tree),
		TEST(directory_of_a_leaf_is_empty),
		TEST(directory_part_gives_all_children),
		TEST(directory_part_malformed),
		TEST(perms_round_trip),
		TEST(perms_malformed),
		TEST(paths_of_domains),
		TEST(introduce_and_release),
		TEST(introduce_malformed),
		TEST(privileged_requests_are_refused),
		TEST(control),
		TEST(relative_paths),
		TEST(invalid_names),
		TEST(missing_and_surplus_nuls),
		TEST(unknown_requests),
		TEST(too_long_a_payload_ends_the_connection),
		TEST(longest_payload),
		TEST(special_nodes_are_no_paths),
	};

	return cmocka_run_group_tests_name("store-request", tests, NULL, NULL);
}
