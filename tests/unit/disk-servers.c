// SPDX-License-Identifier: MIT
/* Which servers a disk's name names, and which names name none. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tools/disk-servers.h"

static struct servers_named named;
static char why[600];

static int look(const char *name)
{
	memset(&named, 0, sizeof(named));
	return disk_servers(name, &named, why, sizeof(why));
}

/* @a, and @b if it is not NULL, and no others. */
static void names(const char *name, const char *a, const char *b)
{
	const char *const want[] = { a, b };
	char text[SERVERS_FORMAT_MAX];

	if (look(name) < 0)
		fail_msg("%s: %s", name, why);
	assert_int_equal(named.servers.count, b ? 2 : a ? 1 : 0);
	for (unsigned i = 0; i < named.servers.count; i++) {
		servers_named_format(&named, i, text, sizeof(text));
		assert_string_equal(text, want[i]);
	}
}

static void test_iscsi(void **state)
{
	names("iscsi://198.51.100.7/iqn.2026-01.net.example:t/1", "198.51.100.7:3260", NULL);
	names("iscsi://198.51.100.7:3261/iqn.2026-01.net.example:t/1?timeout=9", "198.51.100.7:3261", NULL);
	names("iscsi://[2001:db8::7]/iqn.2026-01.net.example:t/1", "[2001:db8::7]:3260", NULL);
}

static void test_nbd(void **state)
{
	names("nbd://198.51.100.7/disk", "198.51.100.7:10809", NULL);
	names("nbd://198.51.100.7:99", "198.51.100.7:99", NULL);
	names("nbd+unix:///disk?socket=/run/nbd", NULL, NULL);
}

static void test_gluster(void **state)
{
	names("gluster://198.51.100.7/vol/a.img?bricks=49152-49251", "198.51.100.7:24007",
		"198.51.100.7:49152-49251");
	names("gluster+tcp://198.51.100.7:24008/vol/a.img?bricks=49152-49152", "198.51.100.7:24008",
		"198.51.100.7:49152");
	names("gluster+unix:///vol/a.img?socket=/run/glusterd.socket", NULL, NULL);
}

/* What cannot be had is said, with what to write. */
static void test_gluster_everywhere(void **state)
{
	assert_int_equal(look("gluster://198.51.100.7/vol/a.img"), -E2BIG);
	assert_non_null(strstr(why, "?bricks=FIRST-LAST"));
	assert_int_equal(look("gluster://198.51.100.7/vol/a.img?bricks=1000-1511"), -E2BIG);
	assert_int_equal(look("gluster://198.51.100.7/vol/a.img?bricks=1000-1510"), 0);
	assert_int_equal(servers_ports(&named.servers), SERVERS_PORTS_MAX);
}

static void test_partition_of_one(void **state)
{
	names("partition:iscsi://198.51.100.7/iqn.2026-01.net.example:t/1:2", "198.51.100.7:3260", NULL);
	names("partition:/dev/sda:1", NULL, NULL);
}

/* Of this machine, or wrong, which the backend says. */
static void test_none(void **state)
{
	static const char *const none[] = { "", "/srv/disk.img", "lvm:vg/lv", "qcow2:/srv/disk.qcow2", "iscsi:/x",
		"iscsi://198.51.100.7/", "nbd://", "gluster://198.51.100.7", "ftp://198.51.100.7/x" };

	for (unsigned i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		names(none[i], NULL, NULL);
}

static void test_unknown_host(void **state)
{
	assert_true(look("nbd://no-such-host.invalid/disk") < 0);
	assert_non_null(strstr(why, "no-such-host.invalid"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_iscsi),
		cmocka_unit_test(test_nbd),
		cmocka_unit_test(test_gluster),
		cmocka_unit_test(test_gluster_everywhere),
		cmocka_unit_test(test_partition_of_one),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_unknown_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
