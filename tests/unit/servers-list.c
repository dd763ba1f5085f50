// SPDX-License-Identifier: MIT
/* Which addresses are a list's, and which only look so. */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h>

#include "common/servers.h"

static struct servers servers;
static char why[300];

static int setup(void **state)
{
	memset(&servers, 0, sizeof(servers));
	why[0] = '\0';
	return 0;
}

static void add(const char *text)
{
	if (servers_add(&servers, text, why, sizeof(why)) < 0)
		fail_msg("%s", why);
}

static struct sockaddr_in four(const char *host, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };

	assert_int_equal(inet_pton(AF_INET, host, &a.sin_addr), 1);
	return a;
}

static struct sockaddr_in6 six(const char *host, uint16_t port)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	assert_int_equal(inet_pton(AF_INET6, host, &a.sin6_addr), 1);
	return a;
}

static bool has_four(const char *host, uint16_t port)
{
	struct sockaddr_in a = four(host, port);

	return servers_find(&servers, &a, sizeof(a));
}

static bool has_six(const char *host, uint16_t port)
{
	struct sockaddr_in6 a = six(host, port);

	return servers_find(&servers, &a, sizeof(a));
}

static void address_and_port_are_both_compared(void **state)
{
	add("198.51.100.7:3260");
	assert_true(has_four("198.51.100.7", 3260));
	assert_false(has_four("198.51.100.7", 3261));
	assert_false(has_four("198.51.100.7", 0));
	assert_false(has_four("198.51.100.8", 3260));
	assert_false(has_four("127.0.0.1", 3260));
	assert_false(has_six("::1", 3260));
}

static void a_range_of_ports_has_both_ends(void **state)
{
	add("198.51.100.7:24007-24009");
	assert_false(has_four("198.51.100.7", 24006));
	assert_true(has_four("198.51.100.7", 24007));
	assert_true(has_four("198.51.100.7", 24009));
	assert_false(has_four("198.51.100.7", 24010));
}

static void ipv4_in_the_form_of_ipv6_is_ipv4(void **state)
{
	struct sockaddr_in6 asked = six("::ffff:198.51.100.7", 3260);
	const struct server *server;
	struct sockaddr_storage to;

	add("198.51.100.7:3260");
	assert_true(has_six("::ffff:198.51.100.7", 3260));
	/* Those are others. */
	assert_false(has_six("::198.51.100.7", 3260));
	assert_false(has_six("64:ff9b::198.51.100.7", 3260));
	server = servers_find(&servers, &asked, sizeof(asked));
	assert_int_equal(servers_address(server, AF_INET6, &asked, &to), sizeof(asked));
	assert_memory_equal(&to, &asked, sizeof(asked));
	assert_int_equal(servers_address(server, AF_INET, &asked, &to), sizeof(struct sockaddr_in));
	assert_int_equal(((struct sockaddr_in *)&to)->sin_port, htons(3260));
	assert_int_equal(servers_address(server, AF_UNIX, &asked, &to), 0);
}

static void a_list_in_the_form_of_ipv6_is_ipv4_too(void **state)
{
	add("[::ffff:198.51.100.7]:3260");
	assert_true(has_four("198.51.100.7", 3260));
}

static void a_scope_must_be_the_same(void **state)
{
	struct sockaddr_in6 asked = six("fe80::7", 3260);

	add("[fe80::7%1]:3260");
	assert_null(servers_find(&servers, &asked, sizeof(asked)));
	asked.sin6_scope_id = 2;
	assert_null(servers_find(&servers, &asked, sizeof(asked)));
	asked.sin6_scope_id = 1;
	assert_non_null(servers_find(&servers, &asked, sizeof(asked)));
}

static void what_is_connected_to_is_the_lists(void **state)
{
	struct sockaddr_in6 asked = six("2001:db8::7", 3260), want = asked;
	const struct server *server;
	struct sockaddr_storage to;

	add("[2001:db8::7]:3260");
	asked.sin6_flowinfo = htonl(0x12345);
	server = servers_find(&servers, &asked, sizeof(asked));
	assert_non_null(server);
	assert_int_equal(servers_address(server, AF_INET6, &asked, &to), sizeof(want));
	assert_memory_equal(&to, &want, sizeof(want));
	assert_int_equal(servers_address(server, AF_INET, &asked, &to), 0);
}

static void short_and_foreign_addresses_are_none(void **state)
{
	struct sockaddr_in a = four("198.51.100.7", 3260);
	struct sockaddr_in6 b = six("::ffff:198.51.100.7", 3260);
	struct sockaddr_storage c = { .ss_family = AF_NETLINK };

	add("198.51.100.7:3260");
	for (size_t n = 0; n < sizeof(a); n++)
		assert_null(servers_find(&servers, &a, n));
	for (size_t n = 0; n < sizeof(b); n++)
		assert_null(servers_find(&servers, &b, n));
	assert_null(servers_find(&servers, &c, sizeof(c)));
	c.ss_family = AF_UNSPEC;
	assert_null(servers_find(&servers, &c, sizeof(c)));
	memcpy(&c, &a, sizeof(a));
	assert_non_null(servers_find(&servers, &c, sizeof(c)));
}

static void a_path_is_compared_whole(void **state)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "/run/nbd.sock" };
	struct sockaddr_un abstract = { .sun_family = AF_UNIX, .sun_path = "\0/run/nbd.sock" };
	size_t exact = offsetof(struct sockaddr_un, sun_path) + strlen(a.sun_path);

	add("unix:/run/nbd.sock");
	assert_non_null(servers_find(&servers, &a, sizeof(a)));
	assert_non_null(servers_find(&servers, &a, exact));
	assert_null(servers_find(&servers, &a, exact - 1));
	assert_null(servers_find(&servers, &abstract, sizeof(abstract)));
	a.sun_path[5] = 'x';
	assert_null(servers_find(&servers, &a, sizeof(a)));
	memset(a.sun_path, 'a', sizeof(a.sun_path));
	assert_null(servers_find(&servers, &a, sizeof(a)));
}

static void families_are_those_of_the_list(void **state)
{
	assert_false(servers_has_family(&servers, AF_INET));
	add("198.51.100.7:3260");
	assert_true(servers_has_family(&servers, AF_INET));
	assert_true(servers_has_family(&servers, AF_INET6));
	assert_false(servers_has_family(&servers, AF_UNIX));
	setup(NULL);
	add("[2001:db8::7]:1");
	assert_false(servers_has_family(&servers, AF_INET));
	assert_true(servers_has_family(&servers, AF_INET6));
}

static void names_that_are_none(void **state)
{
	static const char *const bad[] = { "", ":", "198.51.100.7", "198.51.100.7:", ":3260", "198.51.100.7:0",
		"198.51.100.7:65536", "198.51.100.7:99999999999999999999", "198.51.100.7:3260x", "198.51.100.7:-1",
		"198.51.100.7:20-10", "198.51.100.7:20-", "2001:db8::7:3260", "[]:3260", "[2001:db8::7]", "0.0.0.0:3260",
		"[::]:3260", "[::ffff:0.0.0.0]:3260", "unix:", "unix:relative", "unix:/run/", "a b:1", "a\nb:1",
		"198.51.100.7:3260;x:1", "198.51.100.7:1,2" };

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		why[0] = '\0';
		if (servers_add(&servers, bad[i], why, sizeof(why)) == 0)
			fail_msg("\"%s\" was taken", bad[i]);
		assert_string_not_equal(why, "");
		assert_int_equal(servers.count, 0);
	}
	assert_string_equal(servers.text, "");
}

static void a_long_list_is_bounded(void **state)
{
	char text[64];

	for (unsigned i = 0; i < SERVERS_MAX; i++) {
		snprintf(text, sizeof(text), "198.51.100.%u:3260", i);
		add(text);
	}
	assert_int_equal(servers_add(&servers, "192.0.2.1:1", why, sizeof(why)), -E2BIG);
	assert_int_equal(servers.count, SERVERS_MAX);
	assert_true(strlen(servers.text) < sizeof(servers.text));
	assert_string_equal(servers.text + strlen(servers.text) - 3, " ..");
	assert_non_null(strstr(servers.text, "198.51.100.0:3260 198.51.100.1:3260 "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(address_and_port_are_both_compared, setup),
		cmocka_unit_test_setup(a_range_of_ports_has_both_ends, setup),
		cmocka_unit_test_setup(ipv4_in_the_form_of_ipv6_is_ipv4, setup),
		cmocka_unit_test_setup(a_list_in_the_form_of_ipv6_is_ipv4_too, setup),
		cmocka_unit_test_setup(a_scope_must_be_the_same, setup),
		cmocka_unit_test_setup(what_is_connected_to_is_the_lists, setup),
		cmocka_unit_test_setup(short_and_foreign_addresses_are_none, setup),
		cmocka_unit_test_setup(a_path_is_compared_whole, setup),
		cmocka_unit_test_setup(families_are_those_of_the_list, setup),
		cmocka_unit_test_setup(names_that_are_none, setup),
		cmocka_unit_test_setup(a_long_list_is_bounded, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
