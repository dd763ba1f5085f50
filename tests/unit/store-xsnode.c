// SPDX-License-Identifier: MIT
/* Typed nodes, against values that a peer could write. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store-server.h"
#include "xenstore/xsnode.h"

static struct server server;
static struct xs_handle *xs;

static int setup(void **state)
{
	server_start(&server, NULL);
	xs = server_open(&server, 0);
	return 0;
}

static int teardown(void **state)
{
	xs_close(xs);
	server_stop(&server);
	return 0;
}

static void put(const char *value, size_t len)
{
	assert_true(xs_write(xs, XBT_NULL, "/t/v", value, len));
}

static void strings(void **state)
{
	char *text, long_value[3000];

	put("text", 4);
	text = xsn_read(xs, XBT_NULL, "/t", "v");
	assert_string_equal(text, "text");
	free(text);
	text = xsn_read(xs, XBT_NULL, "/t/v", NULL);
	assert_string_equal(text, "text");
	free(text);
	put("", 0);
	assert_null(xsn_read(xs, XBT_NULL, "/t", "v"));
	assert_int_equal(errno, ENOENT);
	assert_null(xsn_read(xs, XBT_NULL, "/t", "absent"));
	assert_int_equal(errno, ENOENT);
	put("a\0b", 3);
	assert_null(xsn_read(xs, XBT_NULL, "/t", "v"));
	assert_int_equal(errno, EINVAL);
	memset(long_value, 'x', sizeof(long_value));
	put(long_value, XSN_VALUE_MAX);
	text = xsn_read(xs, XBT_NULL, "/t", "v");
	assert_int_equal(strlen(text), XSN_VALUE_MAX);
	free(text);
	put(long_value, XSN_VALUE_MAX + 1);
	assert_null(xsn_read(xs, XBT_NULL, "/t", "v"));
	assert_int_equal(errno, E2BIG);
}

static void paths_too_long(void **state)
{
	char dir[3100];

	memset(dir, 'd', sizeof(dir));
	dir[0] = '/';
	dir[sizeof(dir) - 1] = '\0';
	assert_null(xsn_read(xs, XBT_NULL, dir, "v"));
	assert_int_equal(errno, ENAMETOOLONG);
	assert_int_equal(xsn_write(xs, XBT_NULL, dir, "v", "x"), -ENAMETOOLONG);
	assert_int_equal(xsn_rm(xs, XBT_NULL, dir, "v"), -ENAMETOOLONG);
}

static int read_u32(const char *text, uint32_t *value)
{
	put(text, strlen(text));
	return xsn_read_u32(xs, XBT_NULL, "/t", "v", value);
}

static void numbers(void **state)
{
	static const char *const bad[] = { "-1", "+1", " 1", "1 ", "0x10", "1e3", "1.0", "one",
		"1\n", "\xd9\xa1" };
	uint32_t v = 0;
	uint64_t wide = 0;

	assert_int_equal(read_u32("0", &v), 0);
	assert_int_equal(read_u32("007", &v), 0);
	assert_int_equal(v, 7);
	assert_int_equal(read_u32("4294967295", &v), 0);
	assert_int_equal(v, UINT32_MAX);
	v = 5;
	assert_int_equal(read_u32("4294967296", &v), -ERANGE);
	assert_int_equal(read_u32("18446744073709551617", &v), -ERANGE);
	assert_int_equal(read_u32("99999999999999999999999999999999", &v), -ERANGE);
	assert_int_equal(read_u32("", &v), -ENOENT);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(read_u32(bad[i], &v), -EINVAL);
	assert_int_equal(v, 5);
	assert_int_equal(xsn_read_u32(xs, XBT_NULL, "/t", "absent", &v), -ENOENT);
	put("18446744073709551615", 20);
	assert_int_equal(xsn_read_u64(xs, XBT_NULL, "/t", "v", &wide), 0);
	assert_true(wide == UINT64_MAX);
	put("18446744073709551616", 20);
	assert_int_equal(xsn_read_u64(xs, XBT_NULL, "/t", "v", &wide), -ERANGE);
}

static void booleans_and_states(void **state)
{
	XenbusState s = XenbusStateUnknown;
	bool b = false;

	put("1", 1);
	assert_int_equal(xsn_read_bool(xs, XBT_NULL, "/t", "v", &b), 0);
	assert_true(b);
	put("2", 1);
	assert_int_equal(xsn_read_bool(xs, XBT_NULL, "/t", "v", &b), -ERANGE);
	put("8", 1);
	assert_int_equal(xsn_read_state(xs, XBT_NULL, "/t", "v", &s), 0);
	assert_int_equal(s, XenbusStateReconfigured);
	put("9", 1);
	assert_int_equal(xsn_read_state(xs, XBT_NULL, "/t", "v", &s), -ERANGE);
	assert_int_equal(xsn_write_state(xs, XBT_NULL, "/t", "v", XenbusStateConnected), 0);
	assert_int_equal(xsn_read_state(xs, XBT_NULL, "/t", "v", &s), 0);
	assert_int_equal(s, XenbusStateConnected);
}

static void writes(void **state)
{
	char long_value[XSN_VALUE_MAX + 2];
	uint32_t v;

	memset(long_value, 'x', sizeof(long_value));
	long_value[XSN_VALUE_MAX + 1] = '\0';
	assert_int_equal(xsn_write(xs, XBT_NULL, "/t", "v", long_value), -E2BIG);
	assert_int_equal(xsn_writef(xs, XBT_NULL, "/t", "v", "%s", long_value), -E2BIG);
	assert_int_equal(xsn_writef(xs, XBT_NULL, "/t", "v", "%u", 42u), 0);
	assert_int_equal(xsn_read_u32(xs, XBT_NULL, "/t", "v", &v), 0);
	assert_int_equal(v, 42);
	assert_int_equal(xsn_mkdir(xs, XBT_NULL, "/t", "dir"), 0);
	assert_int_equal(xsn_rm(xs, XBT_NULL, "/t", NULL), 0);
	assert_int_equal(xsn_rm(xs, XBT_NULL, "/t/no", "parent"), 0);
	assert_int_equal(xsn_read_u32(xs, XBT_NULL, "/t", "v", &v), -ENOENT);
}

static void domid(void **state)
{
	struct xs_permissions perms[2] = { { .id = 3 }, { .id = 4, .perms = XS_PERM_READ } };
	struct xs_handle *guest = server_home(&server, xs, 3);
	struct xs_permissions *got;
	uint32_t v = 0;
	unsigned count;

	assert_int_equal(xsn_own_domid(guest, &v), 0);
	assert_int_equal(v, 3);
	assert_int_equal(xsn_set_perms(guest, XBT_NULL, "domid", NULL, perms, 2), 0);
	got = xs_get_permissions(xs, XBT_NULL, "/local/domain/3/domid", &count);
	assert_int_equal(count, 2);
	assert_int_equal(got[1].id, 4);
	free(got);
	assert_int_equal(xsn_write(guest, XBT_NULL, "domid", NULL, "32752"), 0);
	assert_int_equal(xsn_own_domid(guest, &v), -ERANGE);
	assert_int_equal(xsn_write(guest, XBT_NULL, "/tool", "x", "v"), -EACCES);
	xs_close(guest);
}

struct attempt {
	struct xs_handle *other;
	int conflicts;
	int calls;
	int result;
};

/* Writes what another writes at the same time, as often as it is told to. */
static int attempt(struct xs_handle *h, xs_transaction_t t, void *opaque)
{
	struct attempt *a = opaque;
	int rc = xsn_writef(h, t, "/t", "v", "%d", a->calls);

	if (a->calls++ < a->conflicts)
		assert_true(xs_write(a->other, XBT_NULL, "/t/v", "theirs", 6));
	return rc < 0 ? rc : a->result;
}

static void transactions(void **state)
{
	struct attempt a = { .other = server_open(&server, 0), .conflicts = 3 };
	uint32_t v;

	assert_int_equal(xsn_transaction(xs, attempt, &a), 0);
	assert_int_equal(a.calls, 4);
	assert_int_equal(xsn_read_u32(xs, XBT_NULL, "/t", "v", &v), 0);
	assert_int_equal(v, 3);
	/* The function's own error ends it, and nothing was written. */
	a = (struct attempt){ .other = a.other, .result = -EXDEV };
	assert_int_equal(xsn_transaction(xs, attempt, &a), -EXDEV);
	assert_int_equal(a.calls, 1);
	assert_int_equal(xsn_read_u32(xs, XBT_NULL, "/t", "v", &v), 0);
	assert_int_equal(v, 3);
	/* It does not try for ever. */
	a = (struct attempt){ .other = a.other, .conflicts = 1000 };
	assert_int_equal(xsn_transaction(xs, attempt, &a), -EAGAIN);
	assert_int_equal(a.calls, 100);
	xs_close(a.other);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(strings),
		TEST(paths_too_long),
		TEST(numbers),
		TEST(booleans_and_states),
		TEST(writes),
		TEST(domid),
		TEST(transactions),
	};

	return cmocka_run_group_tests_name("store-xsnode", tests, NULL, NULL);
}
