// SPDX-License-Identifier: MIT
/* What a volume's file says, and what a hostile one cannot do. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backends/blk/gluster-volfile.h"

static struct volfile v;
static char why[300];

/* In memory of its own, without an end, so that a sanitizer sees who reads on. */
static int parse(const char *text)
{
	size_t n = strlen(text);
	char *copy = malloc(n + !n);
	int rc;

	assert_non_null(copy);
	memcpy(copy, text, n);
	why[0] = '\0';
	rc = volfile_parse(copy, n, &v, why, sizeof(why));
	free(copy);
	return rc;
}

static void refused(const char *text, int error, const char *says)
{
	assert_int_equal(parse(text), error);
	if (!strstr(why, says))
		fail_msg("\"%s\" does not say \"%s\"", why, says);
}

#define CLIENT(name, host, more) \
	"volume " name "\n    type protocol/client\n    option ping-timeout 42\n" \
	"    option remote-host " host "\n" more "end-volume\n\n"
#define WRITE_BEHIND(more) \
	"volume vol-write-behind\n    type performance/write-behind\n" more "    subvolumes vol-dht\nend-volume\n"

static void a_replica_on_three_hosts(void **state)
{
	assert_int_equal(parse(CLIENT("c0", "one", "") CLIENT("c1", "two.example.org", "") CLIENT("c2", "10.0.0.3", "")
		CLIENT("c3", "ONE", "") "volume r\n type cluster/replicate\n subvolumes c0 c1 c2 c3\nend-volume"), 0);
	assert_int_equal(v.hosts, 3);
	assert_string_equal(v.host[0].name, "one");
	assert_int_equal(v.host[0].port, 24007);
	assert_string_equal(v.host[1].name, "two.example.org");
	assert_string_equal(v.host[2].name, "10.0.0.3");
	assert_false(v.write_behind);
}

static void a_brick_with_a_port(void **state)
{
	assert_int_equal(parse(CLIENT("c0", "one", "option remote-port 49152\n") CLIENT("c1", "one", "")), 0);
	assert_int_equal(v.hosts, 2);
	assert_int_equal(v.host[0].port, 49152);
	assert_int_equal(v.host[1].port, 24007);
}

static void write_behind_is_seen(void **state)
{
	assert_int_equal(parse(CLIENT("c0", "one", "") WRITE_BEHIND("")), 0);
	assert_true(v.write_behind);
	assert_false(v.strict_o_direct);
	assert_int_equal(parse(CLIENT("c0", "one", "") WRITE_BEHIND("option strict-O_DIRECT off\n")), 0);
	assert_false(v.strict_o_direct);
	assert_int_equal(parse(CLIENT("c0", "one", "") WRITE_BEHIND("option strict-O_DIRECT on\n")), 0);
	assert_true(v.write_behind);
	assert_true(v.strict_o_direct);
}

/* One that is not strict is enough to lose a write. */
static void all_of_several_write_behinds_count(void **state)
{
	assert_int_equal(parse(CLIENT("c0", "one", "") WRITE_BEHIND("option strict-O_DIRECT on\n") WRITE_BEHIND("")), 0);
	assert_false(v.strict_o_direct);
	assert_int_equal(parse(CLIENT("c0", "one", "") WRITE_BEHIND("") WRITE_BEHIND("option strict-O_DIRECT on\n")), 0);
	assert_false(v.strict_o_direct);
	assert_int_equal(parse(CLIENT("c0", "one", "") "volume x\ntype debug/trace\noption strict-O_DIRECT on\nend-volume\n"
		WRITE_BEHIND("")), 0);
	assert_false(v.strict_o_direct);
}

static void a_dispersed_volume_writes_no_zeroes(void **state)
{
	assert_int_equal(parse(CLIENT("c0", "one", "")), 0);
	assert_false(v.no_zerofill);
	assert_int_equal(parse(CLIENT("c0", "one", "") "volume d\n type cluster/disperse\n subvolumes c0\nend-volume\n"), 0);
	assert_true(v.no_zerofill);
}

static void what_cannot_be_served_is_told(void **state)
{
	refused(CLIENT("c0", "one", "option transport.socket.ssl-enabled on\n"), -EOPNOTSUPP, "TLS");
	refused(CLIENT("c0", "one", "option transport.socket.connect-path /x\n"), -EOPNOTSUPP, "Unix");
}

static void what_is_no_volumes_file(void **state)
{
	refused("", -EPROTO, "no bricks");
	refused("\n\n", -EPROTO, "no bricks");
	refused("volume a\n type x/y\nend-volume\n", -EPROTO, "no bricks");
	refused("hello\n", -EPROTO, "outside");
	refused("volume a\nvolume b\n", -EPROTO, "within another");
	refused("end-volume\n", -EPROTO, "outside");
	refused(CLIENT("c0", "one", "") "volume a\n", -EPROTO, "ends within");
	refused("volume a\ntype protocol/client\nend-volume\n", -EPROTO, "no name");
	refused(CLIENT("c0", "`id`", ""), -EPROTO, "no name");
	refused(CLIENT("c0", "a;b", ""), -EPROTO, "no name");
	refused(CLIENT("c0", "-h", ""), -EPROTO, "no name");
	refused(CLIENT("c0", "one", "option remote-port 0\n"), -EPROTO, "port");
	refused(CLIENT("c0", "one", "option remote-port 65536\n"), -EPROTO, "port");
	refused(CLIENT("c0", "one", "option remote-port x\n"), -EPROTO, "port");
}

static void lines_that_are_none(void **state)
{
	static char text[8192];

	memset(text, 'x', sizeof(text) - 1);
	refused(text, -EPROTO, "line");
	memcpy(text, "volume a\n option remote-host ", 29);
	text[29 + 300] = '\n';
	text[29 + 301] = '\0';
	refused(text, -EPROTO, "too long");
	assert_int_equal(volfile_parse("volume \0a\n", 10, &v, why, sizeof(why)), -EPROTO);
	assert_int_equal(parse("volume\nend-volume\noption\n"), -EPROTO);
	assert_int_equal(parse("volume\ntype\noption\noption a\nsubvolumes\nend-volume\n"), -EPROTO);
}

static void too_much_is_refused(void **state)
{
	char *text = malloc(VOLFILE_BYTES + 1), *end = text;

	assert_non_null(text);
	memset(text, '\n', VOLFILE_BYTES + 1);
	assert_int_equal(volfile_parse(text, VOLFILE_BYTES + 1, &v, why, sizeof(why)), -E2BIG);
	for (unsigned i = 0; i < VOLFILE_HOSTS + 1; i++)
		end += sprintf(end, CLIENT("c", "host%u", ""), i);
	refused(text, -E2BIG, "16 hosts");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_replica_on_three_hosts),
		cmocka_unit_test(a_brick_with_a_port),
		cmocka_unit_test(write_behind_is_seen),
		cmocka_unit_test(all_of_several_write_behinds_count),
		cmocka_unit_test(a_dispersed_volume_writes_no_zeroes),
		cmocka_unit_test(what_cannot_be_served_is_told),
		cmocka_unit_test(what_is_no_volumes_file),
		cmocka_unit_test(lines_that_are_none),
		cmocka_unit_test(too_much_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
