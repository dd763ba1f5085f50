// SPDX-License-Identifier: MIT
/* Names of images on GlusterFS volumes: what they mean, and what is wrong with others. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "backends/blk/gluster-uri.h"
#include "common/array.h"

static struct gluster_uri uri;
static char why[200];

static void parse(const char *text)
{
	if (gluster_uri_parse(text, &uri, why, sizeof(why)) < 0)
		fail_msg("%s: %s", text, why);
}

static void refused(const char *text, const char *says)
{
	why[0] = '\0';
	assert_int_equal(gluster_uri_parse(text, &uri, why, sizeof(why)), -EINVAL);
	if (!strstr(why, says))
		fail_msg("%s: \"%s\" does not say \"%s\"", text, why, says);
	for (const char *c = why; *c; c++)
		assert_true(*c >= ' ' && *c < 0x7f);
}

/* --- good ones --- */

static void a_host_a_volume_and_a_path(void **state)
{
	parse("gluster://server1.example.org/vol-1/images/a.img");
	assert_false(uri.is_unix);
	assert_string_equal(uri.host, "server1.example.org");
	assert_int_equal(uri.port, 24007);
	assert_string_equal(uri.volume, "vol-1");
	assert_string_equal(uri.path, "/images/a.img");
	assert_int_equal(uri.timeout_s, 0);
	assert_int_equal(uri.first, 49152);
	assert_int_equal(uri.last, 60999);
}

static void ports_and_addresses(void **state)
{
	parse("gluster+tcp://10.0.0.1:24008/v/a");
	assert_string_equal(uri.host, "10.0.0.1");
	assert_int_equal(uri.port, 24008);
	parse("gluster://[2001:db8::1]:1/v/a");
	assert_string_equal(uri.host, "2001:db8::1");
	assert_int_equal(uri.port, 1);
	parse("gluster://[::1]/v/a");
	assert_string_equal(uri.host, "::1");
	assert_int_equal(uri.port, 24007);
}

static void a_unix_socket(void **state)
{
	parse("gluster+unix:///vol/a.img?socket=/run/glusterd.socket");
	assert_true(uri.is_unix);
	assert_string_equal(uri.host, "");
	assert_string_equal(uri.socket, "/run/glusterd.socket");
	assert_string_equal(uri.volume, "vol");
	assert_string_equal(uri.path, "/a.img");
}

static void escapes_and_options(void **state)
{
	parse("gluster://h/v/a%20%25b%3f.img?timeout=5&bricks=50000-50010");
	assert_string_equal(uri.path, "/a %b?.img");
	assert_int_equal(uri.timeout_s, 5);
	assert_int_equal(uri.first, 50000);
	assert_int_equal(uri.last, 50010);
	parse("gluster://h/v/a?bricks=49152&");
	assert_int_equal(uri.last, 49152);
	parse("gluster://h/v/..a/b..");
	assert_string_equal(uri.path, "/..a/b..");
}

/* --- bad ones --- */

static const struct bad {
	const char *text, *says;
} bad[] = {
	{ "", "://" }, { "gluster", "://" }, { "gluster:/h/v/a", "://" },
	{ "glusterfs://h/v/a", "scheme" }, { "gluste://h/v/a", "scheme" }, { "nbd://h/v/a", "scheme" },
	{ "gluster+rdma://h/v/a", "no transport rdma" }, { "gluster+quic://h/v/a", "transport \"quic\"" },
	{ "gluster+://h/v/a", "transport \"\"" }, { "gluster+tcpx://h/v/a", "transport \"tcpx\"" },
	{ "gluster:///v/a", "host \"\"" }, { "gluster://:1/v/a", "host" },
	{ "gluster://me@h/v/a", "no users" }, { "gluster://me:secret@h/v/a", "no users" },
	{ "gluster://h:/v/a", "port" }, { "gluster://h:0/v/a", "port" }, { "gluster://h:65536/v/a", "port" },
	{ "gluster://h:99999999999999999999/v/a", "port" }, { "gluster://h:1x/v/a", "port" },
	{ "gluster://h:-1/v/a", "port" }, { "gluster://h:1:2/v/a", "host" },
	{ "gluster://h h/v/a", "host" }, { "gluster://h%0a/v/a", "host" },
	{ "gluster://h%2fx/v/a", "host" }, { "gluster://h%/v/a", "host" },
	{ "gluster://[::1/v/a", "host" }, { "gluster://[]/v/a", "host" }, { "gluster://[1.2.3.4]/v/a", "host" },
	{ "gluster://[::1]x/v/a", "host" },
	{ "gluster://h", "volume is missing" }, { "gluster://h/", "volume is missing" },
	{ "gluster://h//a", "volume is missing" }, { "gluster://h?timeout=1", "volume is missing" },
	{ "gluster://h/v", "path" }, { "gluster://h/v/", "path" }, { "gluster://h/v/a/", "path" },
	{ "gluster://h/v%2e/a", "volume's name" }, { "gluster://h/-v/a", "begins with -" },
	{ "gluster://h/v/../../etc", ".." }, { "gluster://h/v/a/%2e%2E/b", ".." }, { "gluster://h/v/..", ".." },
	{ "gluster://h/v/a%", "path \"a%\"" }, { "gluster://h/v/a%4", "path \"a%4\"" },
	{ "gluster://h/v/a%zz", "path \"a%zz\"" }, { "gluster://h/v/a%00b", "control" },
	{ "gluster://h/v/a#x", "%23" }, { "gluster://h/v/a\n", "control" },
	{ "gluster://h/v/a?socket=/x", "gluster+unix only" }, { "gluster://h/v/a?timeout", "NAME=VALUE" },
	{ "gluster://h/v/a?timeout=", "timeout=" }, { "gluster://h/v/a?timeout=0", "timeout=" },
	{ "gluster://h/v/a?timeout=1s", "timeout=" }, { "gluster://h/v/a?timeout=86401", "timeout=" },
	{ "gluster://h/v/a?timeout=1&timeout=2", "twice" },
	{ "gluster://h/v/a?bricks=0", "bricks=" }, { "gluster://h/v/a?bricks=2-1", "bricks=" },
	{ "gluster://h/v/a?bricks=1-65536", "bricks=" }, { "gluster://h/v/a?bricks=1-", "bricks=" },
	{ "gluster://h/v/a?debug=9", "debug= is QEMU's" }, { "gluster://h/v/a?logfile=/x", "logfile= is QEMU's" },
	{ "gluster://h/v/a?transport=tcp", "no option transport=" }, { "gluster://h/v/a?\x01=1", "no option ?=" },
	{ "gluster+unix://h/v/a?socket=/x", "no host is named" }, { "gluster+unix:///v/a", "needs ?socket=" },
	{ "gluster+unix:///v/a?socket=x", "absolute" }, { "gluster+unix:///v/a?socket=", "absolute" },
};

static void bad_names_tell_the_part(void **state)
{
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
		refused(bad[i].text, bad[i].says);
}

static void long_parts_are_refused(void **state)
{
	static char text[8192];
	static const struct {
		const char *before, *after, *says;
	} around[] = {
		{ "gluster://", "/v/a", "host" }, { "gluster://h/", "/a", "volume: is longer" },
		{ "gluster://h/v/", "", "path: is longer" }, { "gluster://h/v/a?timeout=", "", "timeout=" },
		{ "gluster+", "://h/v/a", "transport \"xxxxxxxxxxxxxxx" },
		{ "gluster+unix:///v/a?socket=/", "", "longer" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(around); i++) {
		size_t n = strlen(around[i].before);

		memset(text, 'x', sizeof(text));
		memcpy(text, around[i].before, n);
		strcpy(text + 4096, around[i].after);
		refused(text, around[i].says);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host_a_volume_and_a_path),
		cmocka_unit_test(ports_and_addresses),
		cmocka_unit_test(a_unix_socket),
		cmocka_unit_test(escapes_and_options),
		cmocka_unit_test(bad_names_tell_the_part),
		cmocka_unit_test(long_parts_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
