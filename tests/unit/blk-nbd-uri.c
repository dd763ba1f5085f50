// SPDX-License-Identifier: MIT
/* Names of exports: what is understood, and by which part a mistake is reported. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <errno.h>
#include <cmocka.h>

#include "backends/blk/nbd-uri.h"
#include "common/array.h"

static struct nbd_uri uri;
static char why[256];

static int parse(const char *text)
{
	why[0] = '\0';
	return nbd_uri_parse(text, &uri, why, sizeof(why));
}

static void test_host(void **state)
{
	static const struct {
		const char *text, *host, *export;
		unsigned port;
	} cases[] = {
		{ "nbd://server", "server", "", 10809 },
		{ "nbd://server/", "server", "", 10809 },
		{ "nbd://server/disk", "server", "disk", 10809 },
		{ "nbd://server:1/a/b", "server", "a/b", 1 },
		{ "nbd://192.0.2.1:65535//a", "192.0.2.1", "/a", 65535 },
		{ "nbd://[2001:db8::1]/x", "2001:db8::1", "x", 10809 },
		{ "nbd://[::1]:10810/x%20y%2f", "::1", "x y/", 10810 },
		{ "nbd://a-b.c_d?timeout=5", "a-b.c_d", "", 10809 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(parse(cases[i].text), 0);
		assert_string_equal(uri.host, cases[i].host);
		assert_string_equal(uri.export, cases[i].export);
		assert_string_equal(uri.socket, "");
		assert_int_equal(uri.port, cases[i].port);
	}
}

static void test_socket(void **state)
{
	assert_int_equal(parse("nbd+unix:///?socket=/run/s"), 0);
	assert_string_equal(uri.socket, "/run/s");
	assert_string_equal(uri.export, "");
	assert_string_equal(uri.host, "");
	assert_int_equal(parse("nbd+unix:///a%3Fb?socket=/run/a%26b"), 0);
	assert_string_equal(uri.socket, "/run/a&b");
	assert_string_equal(uri.export, "a?b");
}

static void test_parameters(void **state)
{
	assert_int_equal(parse("nbd://h"), 0);
	assert_int_equal(uri.timeout_s, NBD_URI_TIMEOUT);
	assert_false(uri.unflushed_fails);
	assert_int_equal(parse("nbd://h/e?timeout=1&unflushed=fail"), 0);
	assert_int_equal(uri.timeout_s, 1);
	assert_true(uri.unflushed_fails);
	assert_int_equal(parse("nbd://h/e?unflushed=continue&timeout=86400&"), 0);
	assert_int_equal(uri.timeout_s, 86400);
	assert_false(uri.unflushed_fails);
}

/* Each names the part that is wrong. */
static void test_mistakes(void **state)
{
	static const struct {
		const char *text, *says;
		int error;
	} cases[] = {
		{ "", "scheme", -EINVAL },
		{ "nbd", "scheme", -EINVAL },
		{ "nbd:h:10809", "scheme", -EINVAL },
		{ "http://h/", "scheme \"http\"", -EINVAL },
		{ "nbds://h/", "TLS", -ENOTSUP },
		{ "nbds+unix:///?socket=/s", "TLS", -ENOTSUP },
		{ "nbd+vsock://3/", "vsock", -ENOTSUP },
		{ "nbd:///e", "host \"\"", -EINVAL },
		{ "nbd://:10809/e", "host", -EINVAL },
		{ "nbd://a b/e", "host \"a b\"", -EINVAL },
		{ "nbd://a%2eb/e", "host", -EINVAL },
		{ "nbd://2001:db8::1/e", "host", -EINVAL },
		{ "nbd://[2001:db8::1/e", "host", -EINVAL },
		{ "nbd://[::1]x/e", "host", -EINVAL },
		{ "nbd://[]/e", "host", -EINVAL },
		{ "nbd://[a.b]x:1/e", "host", -EINVAL },
		{ "nbd://h:/e", "port \"\"", -EINVAL },
		{ "nbd://h:0/e", "port \"0\"", -EINVAL },
		{ "nbd://h:65536/e", "port \"65536\"", -EINVAL },
		{ "nbd://h:1x/e", "port \"1x\"", -EINVAL },
		{ "nbd://h:-1/e", "port \"-1\"", -EINVAL },
		{ "nbd://h/%", "export", -EINVAL },
		{ "nbd://h/%4", "export", -EINVAL },
		{ "nbd://h/%zz", "export", -EINVAL },
		{ "nbd://h/%00", "export", -EINVAL },
		{ "nbd://h/a%0ab", "export", -EINVAL },
		{ "nbd://h/e#f", "#", -EINVAL },
		{ "nbd://h/e?timeout=", "timeout", -EINVAL },
		{ "nbd://h/e?timeout=0", "timeout=0", -EINVAL },
		{ "nbd://h/e?timeout=86401", "timeout=86401", -EINVAL },
		{ "nbd://h/e?timeout=1s", "timeout=1s", -EINVAL },
		{ "nbd://h/e?unflushed=maybe", "unflushed=maybe", -EINVAL },
		{ "nbd://h/e?socket=/s", "socket", -EINVAL },
		{ "nbd://h/e?tls-certificates=/etc", "TLS", -EINVAL },
		{ "nbd://h/e?x=y", "parameter \"x\"", -EINVAL },
		{ "nbd://h/e?timeouts=1", "parameter \"timeouts\"", -EINVAL },
		{ "nbd+unix:///e", "socket is missing", -EINVAL },
		{ "nbd+unix:///e?socket=", "socket", -EINVAL },
		{ "nbd+unix:///e?socket=run/s", "absolute", -EINVAL },
		{ "nbd+unix://h/e?socket=/s", "host \"h\"", -EINVAL },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		int rc = parse(cases[i].text);

		if (rc != cases[i].error || !strstr(why, cases[i].says))
			fail_msg("%s: %d, %s", cases[i].text, rc, why);
	}
}

/* It would stand in the store, and this message in a log. */
static void test_password(void **state)
{
	assert_int_equal(parse("nbd://user:secret@h/e"), -EINVAL);
	assert_non_null(strstr(why, "password"));
	assert_null(strstr(why, "secret"));
	assert_int_equal(parse("nbd://:secret@h/e"), -EINVAL);
	assert_null(strstr(why, "secret"));
	assert_int_equal(parse("nbd+unix://user:secret@/e?socket=/s"), -EINVAL);
	assert_null(strstr(why, "secret"));
	assert_int_equal(parse("nbd://user@h/e"), -EINVAL);
	assert_non_null(strstr(why, "user"));
}

static void fill(char *text, size_t room, const char *head, size_t n, const char *tail)
{
	int at = snprintf(text, room, "%s", head);

	memset(text + at, 'a', n);
	snprintf(text + at + n, room - at - n, "%s", tail);
}

static void test_lengths(void **state)
{
	static char text[8192];

	fill(text, sizeof(text), "nbd://h/", 4096, "");
	assert_int_equal(parse(text), 0);
	assert_int_equal(strlen(uri.export), 4096);
	fill(text, sizeof(text), "nbd://h/", 4097, "");
	assert_int_equal(parse(text), -EINVAL);
	fill(text, sizeof(text), "nbd://", 255, "/e");
	assert_int_equal(parse(text), 0);
	fill(text, sizeof(text), "nbd://", 256, "/e");
	assert_int_equal(parse(text), -EINVAL);
	fill(text, sizeof(text), "nbd+unix:///e?socket=/", 106, "");
	assert_int_equal(parse(text), 0);
	fill(text, sizeof(text), "nbd+unix:///e?socket=/", 107, "");
	assert_int_equal(parse(text), -EINVAL);
	assert_non_null(strstr(why, "socket"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_host),
		cmocka_unit_test(test_socket),
		cmocka_unit_test(test_parameters),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_password),
		cmocka_unit_test(test_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
