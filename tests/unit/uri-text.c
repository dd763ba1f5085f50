// SPDX-License-Identifier: MIT
/* Pieces of URIs: what they are, and how those are refused that are none. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "backends/blk/uri-text.h"
#include "common/array.h"

static char said[200];
static const struct uri_why why = { said, sizeof(said) };

static struct uri_text text(const char *s)
{
	return (struct uri_text){ s, strlen(s) };
}

static void test_cut(void **state)
{
	struct uri_text rest = text("a=b=c"), part = uri_cut(&rest, '=');

	assert_true(uri_is(part, "a"));
	assert_true(uri_is(rest, "b=c"));
	part = uri_cut(&rest, '/');
	assert_true(uri_is(part, "b=c"));
	assert_true(uri_is(rest, ""));
	rest = text("=");
	part = uri_cut(&rest, '=');
	assert_true(uri_is(part, "") && uri_is(rest, ""));
	assert_false(uri_is(text("ab"), "a") || uri_is(text("a"), "ab"));
}

static void test_only(void **state)
{
	assert_true(uri_has_only(text("aZ09.-"), ".-"));
	assert_true(uri_has_only(text(""), ""));
	assert_false(uri_has_only(text("a.b"), "-"));
	assert_false(uri_has_only((struct uri_text){ "a\0b", 3 }, "-"));
	/* Beside the letters, whichever bits they share with them. */
	assert_false(uri_has_only(text("@"), "") || uri_has_only(text("["), "") || uri_has_only(text("\xe1"), ""));
}

static void test_number(void **state)
{
	static const char *const none[] = { "", "-1", "+1", " 1", "1 ", "1x", "0x1", "1000000", "99999999999" };
	unsigned n = 7;

	assert_true(uri_number(text("0"), 0, 9, &n) && n == 0);
	assert_true(uri_number(text("000009"), 0, 9, &n) && n == 9);
	assert_true(uri_number(text("999999"), 1, 999999, &n) && n == 999999);
	assert_false(uri_number(text("10"), 0, 9, &n));
	assert_false(uri_number(text("0"), 1, 9, &n));
	for (unsigned i = 0; i < ARRAY_SIZE(none); i++)
		assert_false(uri_number(text(none[i]), 0, UINT32_MAX, &n));
}

static void test_decode(void **state)
{
	static const char *const bad[] = { "%", "a%4", "%4", "%zz", "%4z", "%%20", "%00", "a%0ab", "\n", "%7f" };
	char to[8];

	assert_int_equal(uri_decode(text("a%20%25%2F"), "x", to, sizeof(to), &why), 0);
	assert_string_equal(to, "a %/");
	assert_int_equal(uri_decode(text("1234567"), "x", to, sizeof(to), &why), 0);
	assert_int_equal(uri_decode(text("12345678"), "x", to, sizeof(to), &why), -EINVAL);
	assert_string_equal(said, "x: is longer than 7 bytes");
	/* Not what stands behind the piece. */
	assert_int_equal(uri_decode((struct uri_text){ "%41", 2 }, "x", to, sizeof(to), &why), -EINVAL);
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(uri_decode(text(bad[i]), "x", to, sizeof(to), &why), -EINVAL);
		for (const char *c = said; *c; c++)
			assert_true(*c >= ' ' && *c < 0x7f);
	}
}

static void test_host_and_port(void **state)
{
	static const struct {
		const char *text, *host;
		unsigned port;
	} good[] = {
		{ "h", "h", 5 }, { "a-b.c_d:65535", "a-b.c_d", 65535 }, { "192.0.2.1:1", "192.0.2.1", 1 },
		{ "[::1]", "::1", 5 }, { "[2001:db8::192.0.2.1]:80", "2001:db8::192.0.2.1", 80 },
	};
	static const struct {
		const char *text, *says;
	} bad[] = {
		{ "", "host" }, { ":1", "host" }, { "a b", "host \"a b\"" }, { "a%2eb", "host" }, { "::1", "host" },
		{ "h:1:2", "host" }, { "[", "host" }, { "[]", "host" }, { "[::1", "host" }, { "[::1]x", "host" },
		{ "[::1]x:1", "host" }, { "[h]", "host" }, { "[1.2.3.4]", "host" }, { "[::1]:1:2", "host" },
		{ "h:", "port \"\"" }, { "h:0", "port \"0\"" }, { "h:65536", "port" }, { "h:1x", "port" },
		{ "h:-1", "port" }, { "[::1]:", "port" }, { "0123456789abcdef", "host" },
	};
	char host[20];

	for (unsigned i = 0; i < ARRAY_SIZE(good); i++) {
		unsigned port = 5;

		assert_int_equal(uri_host_port(text(good[i].text), host, sizeof(host), &port, &why), 0);
		assert_string_equal(host, good[i].host);
		assert_int_equal(port, good[i].port);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		unsigned port = 5;

		assert_int_equal(uri_host_port(text(bad[i].text), host, 16, &port, &why), -EINVAL);
		if (!strstr(said, bad[i].says))
			fail_msg("%s: %s", bad[i].text, said);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_only),
		cmocka_unit_test(test_number),
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_host_and_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
