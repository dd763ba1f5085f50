// SPDX-License-Identifier: MIT
/* What the names of servers are to a confined program: what they were when they were looked up. */
#include "config.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/servers-private.h"

static struct servers servers;
static struct addrinfo *list;

/* Names that nobody has: only the list can know them. */
static void add(const char *text, const char *host)
{
	char why[300];
	unsigned before = servers.count;

	if (servers_add(&servers, text, why, sizeof(why)) < 0)
		fail_msg("%s", why);
	for (unsigned i = before; i < servers.count; i++)
		strcpy(servers.list[i].host, host);
}

static int setup(void **state)
{
	memset(&servers, 0, sizeof(servers));
	list = NULL;
	return 0;
}

static int teardown(void **state)
{
	freeaddrinfo(list);
	return 0;
}

static int resolve(const char *node, const char *service, int family)
{
	const struct addrinfo hints = { .ai_family = family, .ai_socktype = SOCK_STREAM };

	return servers_resolve(&servers, node, service, &hints, &list);
}

static void is(const struct addrinfo *ai, const char *address, unsigned port)
{
	char text[INET6_ADDRSTRLEN];
	const struct sockaddr_in *four = (const void *)ai->ai_addr;
	const struct sockaddr_in6 *six = (const void *)ai->ai_addr;
	bool is_four = ai->ai_family == AF_INET;

	assert_int_equal(ai->ai_addr->sa_family, ai->ai_family);
	assert_int_equal(ai->ai_addrlen, is_four ? sizeof(*four) : sizeof(*six));
	assert_int_equal(ai->ai_socktype, SOCK_STREAM);
	assert_non_null(inet_ntop(ai->ai_family, is_four ? (const void *)&four->sin_addr : &six->sin6_addr, text,
		sizeof(text)));
	assert_string_equal(text, address);
	assert_int_equal(ntohs(is_four ? four->sin_port : six->sin6_port), port);
}

static void a_name_is_all_its_addresses_once(void **state)
{
	add("10.0.0.1:24007", "bricks.example");
	add("10.0.0.1:49152-49251", "bricks.example");
	add("[2001:db8::1]:24007", "bricks.example");
	add("10.0.0.2:24007", "other.example");
	assert_int_equal(resolve("BRICKS.example", "49152", AF_UNSPEC), 0);
	is(list, "10.0.0.1", 49152);
	assert_non_null(list->ai_next);
	is(list->ai_next, "2001:db8::1", 49152);
	assert_null(list->ai_next->ai_next);
}

static void of_the_family_that_is_asked_for(void **state)
{
	add("10.0.0.1:24007", "bricks.example");
	add("[2001:db8::1]:24007", "bricks.example");
	assert_int_equal(resolve("bricks.example", NULL, AF_INET6), 0);
	is(list, "2001:db8::1", 0);
	assert_null(list->ai_next);
}

static void addresses_are_themselves(void **state)
{
	assert_int_equal(resolve("192.0.2.7", "80", AF_UNSPEC), 0);
	is(list, "192.0.2.7", 80);
	freeaddrinfo(list);
	list = NULL;
	assert_int_equal(resolve("::1", "80", AF_UNSPEC), 0);
	is(list, "::1", 80);
	freeaddrinfo(list);
	list = NULL;
	assert_int_equal(resolve("::1", "80", AF_INET), EAI_NONAME);
}

static void others_are_unknown(void **state)
{
	add("10.0.0.1:24007", "bricks.example");
	add("unix:/run/x", "");
	assert_int_equal(resolve("bricks.example.org", NULL, AF_UNSPEC), EAI_NONAME);
	assert_int_equal(resolve("localhost", NULL, AF_UNSPEC), EAI_NONAME);
	assert_int_equal(resolve("", NULL, AF_UNSPEC), EAI_NONAME);
	assert_int_equal(resolve(NULL, "80", AF_UNSPEC), EAI_NONAME);
	assert_int_equal(resolve("bricks.example", "http", AF_UNSPEC), EAI_SERVICE);
	assert_int_equal(resolve("bricks.example", "65536", AF_UNSPEC), EAI_SERVICE);
	assert_int_equal(resolve("bricks.example", "", AF_UNSPEC), EAI_SERVICE);
	assert_null(list);
}

/* The whole program's getaddrinfo(), before and after. */
static void the_program_asks_the_list_from_then_on(void **state)
{
	assert_int_equal(getaddrinfo("localhost", NULL, NULL, &list), 0);
	freeaddrinfo(list);
	list = NULL;
	add("10.0.0.1:24007", "bricks.example");
	resolve_use(&servers);
	assert_int_equal(getaddrinfo("localhost", NULL, NULL, &list), EAI_NONAME);
	assert_int_equal(getaddrinfo("bricks.example", "1", NULL, &list), 0);
	is(list, "10.0.0.1", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_name_is_all_its_addresses_once, setup, teardown),
		cmocka_unit_test_setup_teardown(of_the_family_that_is_asked_for, setup, teardown),
		cmocka_unit_test_setup_teardown(addresses_are_themselves, setup, teardown),
		cmocka_unit_test_setup_teardown(others_are_unknown, setup, teardown),
		cmocka_unit_test_setup_teardown(the_program_asks_the_list_from_then_on, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
