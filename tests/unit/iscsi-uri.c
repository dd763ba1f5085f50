// SPDX-License-Identifier: MIT
/* Names of iSCSI storage: what they mean, what is said of those that mean nothing, and nothing of passwords. */
#include "config.h"
#include "backends/blk/iscsi-uri.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char why[256];

static struct iscsi_uri good(const char *text)
{
	struct iscsi_uri uri;

	if (iscsi_uri_parse(text, &uri, why, sizeof(why)) != 0)
		fail_msg("%s: %s", text, why);
	return uri;
}

static void bad(const char *text, const char *says)
{
	struct iscsi_uri uri;

	assert_int_equal(iscsi_uri_parse(text, &uri, why, sizeof(why)), -EINVAL);
	if (!strstr(why, says))
		fail_msg("of \"%s\" it says: %s", text, why);
}

static void parts(void **state)
{
	struct iscsi_uri uri = good("iscsi://192.0.2.1:860/iqn.2026-01.net.example:disk/7");

	assert_string_equal(uri.host, "192.0.2.1");
	assert_int_equal(uri.port, 860);
	assert_string_equal(uri.target, "iqn.2026-01.net.example:disk");
	assert_int_equal(uri.lun, 7);
	assert_string_equal(uri.credentials, "");
	assert_string_equal(uri.initiator, "");
	assert_int_equal(uri.connect_s, 8);
	assert_int_equal(uri.timeout_s, 120);
	assert_false(uri.reserve);
	uri = good("iscsi://storage.example.net/iqn.x/16383");
	assert_string_equal(uri.host, "storage.example.net");
	assert_int_equal(uri.port, 3260);
	assert_int_equal(uri.lun, 16383);
}

static void ipv6(void **state)
{
	struct iscsi_uri uri = good("iscsi://[2001:db8::7]:3261/iqn.x/0");

	assert_string_equal(uri.host, "2001:db8::7");
	assert_int_equal(uri.port, 3261);
	uri = good("iscsi://[::1]/iqn.x/0");
	assert_string_equal(uri.host, "::1");
	assert_int_equal(uri.port, 3260);
	bad("iscsi://2001:db8::7/iqn.x/0", "host \"2001:db8::7\": write");
	bad("iscsi://[::1/iqn.x/0", "host \"[::1\"");
	bad("iscsi://[::1]3260/iqn.x/0", "host \"[::1]3260\"");
	bad("iscsi://[]/iqn.x/0", "host \"[]\"");
	bad("iscsi://[::1]:/iqn.x/0", "port \"\"");
}

static void targets_are_decoded(void **state)
{
	struct iscsi_uri uri = good("iscsi://h/iqn.x%3Adisk/1");

	assert_string_equal(uri.target, "iqn.x:disk");
	bad("iscsi://h/iqn.x%/1", "two hexadecimal digits");
	bad("iscsi://h/iqn.x%4/1", "two hexadecimal digits");
	bad("iscsi://h/iqn.x%zz/1", "two hexadecimal digits");
	bad("iscsi://h/iqn.x%00y/1", "control character"); /* and not cut off there */
}

static void offending_parts_are_named(void **state)
{
	bad("iscsi:/h/iqn.x/1", "iscsi://HOST");
	bad("iscsi://", "host \"\"");
	bad("iscsi:///iqn.x/1", "host \"\"");
	bad("iscsi://h h/iqn.x/1", "host \"h h\"");
	bad("iscsi://h:0/iqn.x/1", "port \"0\"");
	bad("iscsi://h:65536/iqn.x/1", "port \"65536\"");
	bad("iscsi://h:99999999999/iqn.x/1", "port \"99999999999\"");
	bad("iscsi://h:-1/iqn.x/1", "port \"-1\"");
	bad("iscsi://h:/iqn.x/1", "port \"\"");
	bad("iscsi://h", "target \"\"");
	bad("iscsi://h//1", "target \"\"");
	bad("iscsi://h/iqn x/1", "target \"iqn x\"");
	bad("iscsi://h/iqn.x", "unit \"\"");
	bad("iscsi://h/iqn.x/", "unit \"\"");
	bad("iscsi://h/iqn.x/one", "unit \"one\"");
	bad("iscsi://h/iqn.x/1/2", "unit \"1/2\"");
	bad("iscsi://h/iqn.x/16384", "unit \"16384\"");
	bad("iscsi://h/iqn.x/-1", "unit \"-1\"");
	bad("iscsi://h/iqn.x/4294967297", "unit \"4294967297\"");
}

static void options(void **state)
{
	struct iscsi_uri uri = good("iscsi://h/t/1?credentials=vault&timeout=9&connect-timeout=3&reserve=yes&initiator=iqn.a:b");

	assert_string_equal(uri.credentials, "vault");
	assert_int_equal(uri.timeout_s, 9);
	assert_int_equal(uri.connect_s, 3);
	assert_true(uri.reserve);
	assert_string_equal(uri.initiator, "iqn.a:b");
	assert_string_equal(good("iscsi://h/t/1?credentials=/root/chap").credentials, "/root/chap");
	assert_false(good("iscsi://h/t/1?reserve=no").reserve);
	(void)good("iscsi://h/t/1?");
	bad("iscsi://h/t/1?nonsense=1", "option \"nonsense\": is unknown");
	bad("iscsi://h/t/1?timeout=1&timeout=2", "twice");
	bad("iscsi://h/t/1?timeout=0", "timeout \"0\"");
	bad("iscsi://h/t/1?timeout=", "timeout \"\"");
	bad("iscsi://h/t/1?connect-timeout=601", "connect-timeout \"601\"");
	bad("iscsi://h/t/1?reserve=maybe", "reserve \"maybe\"");
	bad("iscsi://h/t/1?credentials=", "credentials \"\"");
	bad("iscsi://h/t/1?credentials=../x", "credentials \"../x\"");
	bad("iscsi://h/t/1?credentials=a/b", "credentials \"a/b\"");
	bad("iscsi://h/t/1?initiator=a%20b", "initiator");
}

/* Whatever form they have, and however wrong the rest is. */
static void passwords_are_refused_and_not_said(void **state)
{
	static const char *const with[] = {
		"iscsi://user%hunter2@h/iqn.x/1", "iscsi://user:hunter2@h:3260/iqn.x/1", "iscsi://hunter2@h/iqn.x/1",
		"iscsi://h/iqn.x/1?password=hunter2", "iscsi://h/iqn.x/1?target_password=hunter2",
		"iscsi://h/hunter2@x/1", "iscsi://user:hunter2@", "iscsi://user%hunter2@h:x/y z/q?r",
		"iscsi://h/iqn.x/1?passwd=hunter2", "iscsi://h/iqn.x/1?chap-secret=hunter2",
	};
	struct iscsi_uri uri;

	for (size_t i = 0; i < sizeof(with) / sizeof(with[0]); i++) {
		assert_int_equal(iscsi_uri_parse(with[i], &uri, why, sizeof(why)), -EINVAL);
		assert_null(strstr(why, "hunter2"));
		assert_non_null(strstr(why, "?credentials=FILE"));
	}
}

/* Lengths at and beyond every limit. */
static void long_names(void **state)
{
	char text[2048], name[1024];

	memset(name, 'a', sizeof(name));
	for (int n = 215; n < 300; n++) {
		struct iscsi_uri uri;
		int rc;

		snprintf(text, sizeof(text), "iscsi://h/%.*s/1", n, name);
		rc = iscsi_uri_parse(text, &uri, why, sizeof(why));
		assert_int_equal(rc, n <= 223 ? 0 : -EINVAL);
		snprintf(text, sizeof(text), "iscsi://%.*s/t/1", n, name);
		rc = iscsi_uri_parse(text, &uri, why, sizeof(why));
		assert_int_equal(rc, n < 254 ? 0 : -EINVAL);
		snprintf(text, sizeof(text), "iscsi://h/t/1?initiator=%.*s", n, name);
		rc = iscsi_uri_parse(text, &uri, why, sizeof(why));
		assert_int_equal(rc, n <= 223 ? 0 : -EINVAL);
		snprintf(text, sizeof(text), "iscsi://h/t/1?credentials=%.*s", n, name);
		rc = iscsi_uri_parse(text, &uri, why, sizeof(why));
		assert_int_equal(rc, n < 256 ? 0 : -EINVAL);
	}
}

/* Every prefix, and every single byte changed, of a good one: no crash, and no byte out of bounds (with sanitizers). */
static void anything(void **state)
{
	static const char whole[] = "iscsi://[2001:db8::7]:3260/iqn.2026-01.net%3Aexample/12?timeout=5&credentials=/a/b&reserve=yes";
	char text[sizeof(whole)];
	struct iscsi_uri uri;

	for (size_t n = 0; n < sizeof(whole) - 1; n++) {
		memcpy(text, whole, sizeof(whole));
		text[n] = '\0';
		(void)!iscsi_uri_parse(text, &uri, why, sizeof(why));
		for (int c = 1; c < 256; c++) {
			memcpy(text, whole, sizeof(whole));
			text[n] = (char)c;
			if (iscsi_uri_parse(text, &uri, why, sizeof(why)) == 0)
				assert_true(uri.port && uri.host[0] && iscsi_name_is_valid(uri.target));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts),
		cmocka_unit_test(ipv6),
		cmocka_unit_test(targets_are_decoded),
		cmocka_unit_test(offending_parts_are_named),
		cmocka_unit_test(options),
		cmocka_unit_test(passwords_are_refused_and_not_said),
		cmocka_unit_test(long_names),
		cmocka_unit_test(anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
