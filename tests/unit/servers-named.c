// SPDX-License-Identifier: MIT
/* Servers as configurations name them, and as parts of the toolstack tell each other. */
#include "config.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/servers-named.h"

static struct servers_named named;
static char why[400];
static char texts[80][300];
static unsigned ntexts;

static int setup(void **state)
{
	memset(&named, 0, sizeof(named));
	why[0] = '\0';
	ntexts = 0;
	return 0;
}

static int add(const char *text)
{
	strcpy(texts[ntexts], text);
	return servers_named_add(&named, texts[ntexts++], why, sizeof(why));
}

static void is_format(unsigned index, const char *want)
{
	char text[SERVERS_FORMAT_MAX];

	servers_named_format(&named, index, text, sizeof(text));
	assert_string_equal(text, want);
}

static void test_format_is_read_again(void **state)
{
	static const char *const all[] = { "198.51.100.7:3260", "[2001:db8::7]:24007-24010",
		"127.0.0.1:1,store.example", "[::1]:65535,six" };

	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(add(all[i]), 0);
		is_format(i, all[i]);
	}
	assert_int_equal(named.servers.count, 4);
}

static void test_name_is_kept(void **state)
{
	assert_int_equal(add("localhost:10809"), 0);
	assert_true(named.servers.count > 0);
	for (unsigned i = 0; i < named.servers.count; i++)
		assert_string_equal(named.names[i], "localhost");
	assert_int_equal(add("127.0.0.1:10809"), 0);
	assert_null(named.names[named.servers.count - 1]);
}

static void test_several_names_of_one(void **state)
{
	assert_int_equal(add("127.0.0.1:80,one"), 0);
	assert_int_equal(add("127.0.0.1:80,two"), 0);
	is_format(0, "127.0.0.1:80,one");
	is_format(1, "127.0.0.1:80,two");
	assert_int_equal(servers_ports(&named.servers), 1);
}

static void refused(const char *text, const char *reason)
{
	assert_int_not_equal(add(text), 0);
	if (!strstr(why, reason))
		fail_msg("%s: %s", text, why);
	assert_int_equal(named.servers.count, 0);
}

static void test_refused(void **state)
{
	refused("198.51.100.7", "it is not HOST:PORT");
	refused("198.51.100.7:0", "it is not HOST:PORT");
	refused("0.0.0.0:80", "that is no address of a server");
	refused("224.0.0.1:80", "an address of many");
	refused("255.255.255.255:80", "an address of many");
	refused("[ff02::1]:80", "an address of many");
	refused("[fe80::1]:80", "name that in interfaces=");
	refused("[::ffff:239.0.0.1]:80", "an address of many");
	refused("unix:/run/x", "name that in directories=");
	refused("127.0.0.1:80,", "a comma is followed by a name");
	refused("127.0.0.1:80,a b", "a comma is followed by a name");
	refused("127.0.0.1:80,a,b", "a comma is followed by a name");
	refused("127.0.0.1:80,a\n127.0.0.2 b", "a comma is followed by a name");
}

static void test_too_many(void **state)
{
	for (unsigned i = 0; i < SERVERS_MAX; i++)
		assert_int_equal(add("127.0.0.1:80"), 0);
	assert_int_not_equal(add("127.0.0.1:80"), 0);
	assert_non_null(strstr(why, "too many addresses"));
	assert_int_equal(named.servers.count, SERVERS_MAX);
}

/* Ranges that overlap have a port of both once. */
static void test_ports(void **state)
{
	assert_int_equal(add("127.0.0.1:100-109"), 0);
	assert_int_equal(add("127.0.0.1:105-114"), 0);
	assert_int_equal(add("127.0.0.2:100"), 0);
	assert_int_equal(servers_ports(&named.servers), 16);
	assert_int_equal(add("127.0.0.3:1-65535"), 0);
	assert_int_equal(servers_ports(&named.servers), SERVERS_PORTS_MAX + 1);
}

static void test_port_of_the_first(void **state)
{
	struct sockaddr_storage to;

	assert_int_equal(add("127.0.0.1:100-109"), 0);
	assert_int_equal(add("127.0.0.1:105-114"), 0);
	assert_int_equal(servers_port(&named.servers, &named.servers.list[0], 105, &to), sizeof(struct sockaddr_in));
	assert_int_equal(((struct sockaddr_in *)&to)->sin_port, htons(105));
	assert_int_equal(servers_port(&named.servers, &named.servers.list[1], 105, &to), 0);
	assert_int_equal(servers_port(&named.servers, &named.servers.list[1], 110, &to), sizeof(struct sockaddr_in));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_format_is_read_again, setup),
		cmocka_unit_test_setup(test_name_is_kept, setup),
		cmocka_unit_test_setup(test_several_names_of_one, setup),
		cmocka_unit_test_setup(test_refused, setup),
		cmocka_unit_test_setup(test_too_many, setup),
		cmocka_unit_test_setup(test_ports, setup),
		cmocka_unit_test_setup(test_port_of_the_first, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
