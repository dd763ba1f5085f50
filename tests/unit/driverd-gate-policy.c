// SPDX-License-Identifier: MIT
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/array.h"
#include "drivers-domain/gate-policy.h"
#include "protocol/blkif-nodes.h"
#include "protocol/netif-nodes.h"

#define OWN "/local/domain/1/backend/vbd/2/51712"
#define FRONT "/local/domain/2/device/vbd/51712"
#define ERRORS "/local/domain/1/error/backend/vbd/2/51712"
#define LITERAL(text) text, sizeof(text) - 1

static struct gate_rules rules;

static void make_rules(const char *kind, uint32_t frontend, uint32_t devid, const char *dir)
{
	struct leaf_name name = { .frontend = frontend, .devid = devid };

	assert_int_equal(scan_parse_kind(kind, &name), 0);
	assert_int_equal(gate_rules_init(&rules, 1, &name, dir), 0);
}

static int setup(void **state)
{
	make_rules("vbd", 2, 51712, FRONT);
	return 0;
}

static struct gate_request answer;

static int ask(uint32_t type, const char *payload, size_t len)
{
	static char copy[XENSTORE_PAYLOAD_MAX + 1];
	struct xsd_sockmsg header = { .type = type, .len = (uint32_t)len };

	/* What lies behind it must not matter. */
	memset(copy, 'x', sizeof(copy));
	memcpy(copy, payload, len);
	return gate_policy_check(&rules, &header, copy, &answer);
}

static int ask_path(uint32_t type, const char *path)
{
	return ask(type, path, strlen(path) + 1);
}

static int ask_write(const char *path, const char *value)
{
	char payload[XENSTORE_PAYLOAD_MAX];
	size_t n = strlen(path) + 1;

	memcpy(payload, path, n);
	memcpy(payload + n, value, strlen(value));
	return ask(XS_WRITE, payload, n + strlen(value));
}

static int ask_watch(const char *path)
{
	char payload[XENSTORE_PAYLOAD_MAX];
	int n = snprintf(payload, sizeof(payload), "%s%c%s", path, '\0', "token");

	return ask(XS_WATCH, payload, (size_t)n + 1);
}

static const uint32_t reads[] = { XS_READ, XS_DIRECTORY, XS_GET_PERMS };

static void test_own_nodes_are_read(void **state)
{
	static const char *const paths[] = { OWN, OWN "/state", OWN "/a/b/c", FRONT, FRONT "/state",
		FRONT "/queue-0/ring-ref", ERRORS, ERRORS "/error", "backend/vbd/2/51712",
		"backend/vbd/2/51712/params", "error/backend/vbd/2/51712/error" };

	for (unsigned i = 0; i < ARRAY_SIZE(paths); i++) {
		for (unsigned j = 0; j < ARRAY_SIZE(reads); j++)
			assert_int_equal(ask_path(reads[j], paths[i]), 0);
		assert_int_equal(ask_watch(paths[i]), 0);
	}
}

static void test_relative_paths_are_made_whole(void **state)
{
	assert_int_equal(ask_path(XS_READ, "backend/vbd/2/51712/state"), 0);
	assert_string_equal(answer.path, OWN "/state");
	assert_true(answer.relative);
	assert_int_equal(ask_path(XS_READ, OWN "/state"), 0);
	assert_string_equal(answer.path, OWN "/state");
	assert_false(answer.relative);
}

/* Of other devices, other guests, this domain, the system; and names that only begin alike. */
static const char *const foreign[] = {
	"/local", "/local/domain", "/local/domain/1", "/local/domain/1/backend", "backend",
	"backend/vbd", "backend/vbd/2", "backend/vbd/2/51728", "backend/vbd/2/51728/state",
	"backend/vbd/2/517120", "backend/vbd/2/5171", "backend/vbd/3/51712/state",
	"backend/qdisk/2/51712/state", "backend/vbd/02/51712/state",
	"/local/domain/1/backend/vbd/2/51712x/state", "/local/domain/10/backend/vbd/2/51712/state",
	"/local/domain/2", "/local/domain/2/device", "/local/domain/2/device/vbd",
	"/local/domain/2/device/vbd/51728/state", "/local/domain/2/device/vbd/517120",
	"/local/domain/2/device/vif/0/state", "/local/domain/2/name", "/local/domain/2/memory/target",
	"/local/domain/3/device/vbd/51712/state", "/local/domain/0/name", "device/vbd/51712/state",
	"name", "data", "control/shutdown", "error", "error/backend/vbd/2/51728/error",
	"error/backend/vbd/2", "/vm", "/tool/xenstored", "/libxl/2/device/vbd/51712", "domid/x",
	"/local/domain/2/domid", "/domid", "local/domain/1/backend/vbd/2/51712",
};

static void test_nothing_foreign_is_reached(void **state)
{
	static const uint32_t writes[] = { XS_MKDIR, XS_RM };

	for (unsigned i = 0; i < ARRAY_SIZE(foreign); i++) {
		for (unsigned j = 0; j < ARRAY_SIZE(reads); j++)
			assert_int_equal(ask_path(reads[j], foreign[i]), -EACCES);
		for (unsigned j = 0; j < ARRAY_SIZE(writes); j++)
			assert_int_equal(ask_path(writes[j], foreign[i]), -EACCES);
		assert_int_equal(ask_write(foreign[i], "1"), -EACCES);
		assert_int_equal(ask_watch(foreign[i]), -EACCES);
	}
}

static void test_spellings_that_are_no_paths(void **state)
{
	static const char *const paths[] = { "", "/", "//", OWN "/", OWN "//state", OWN "/../51728/state",
		OWN "/./state", "/" OWN, "backend/vbd/2/51712/", "backend//vbd/2/51712",
		"backend/vbd/2/51712/../51728", "../2/name", "..", ".", "@releaseDomain", "@introduceDomain",
		"@", OWN "/sta te", OWN "/state\n", OWN "/stat\xe9", OWN "/*", "./backend/vbd/2/51712" };

	for (unsigned i = 0; i < ARRAY_SIZE(paths); i++) {
		assert_int_equal(ask_path(XS_READ, paths[i]), -EINVAL);
		assert_int_equal(ask_write(paths[i], "1"), -EINVAL);
		assert_int_equal(ask_watch(paths[i]), -EINVAL);
	}
}

static void test_long_paths(void **state)
{
	char path[XENSTORE_PAYLOAD_MAX];

	memset(path, 'a', sizeof(path));
	memcpy(path, OWN "/", sizeof(OWN));
	path[XENSTORE_ABS_PATH_MAX] = '\0';
	assert_int_equal(ask_path(XS_READ, path), 0);
	path[XENSTORE_ABS_PATH_MAX] = 'a';
	path[XENSTORE_ABS_PATH_MAX + 1] = '\0';
	assert_int_equal(ask_path(XS_READ, path), -EINVAL);
	memset(path, 'a', sizeof(path));
	memcpy(path, "backend/vbd/2/51712/", strlen("backend/vbd/2/51712/"));
	path[XENSTORE_REL_PATH_MAX] = '\0';
	assert_int_equal(ask_path(XS_READ, path), 0);
	path[XENSTORE_REL_PATH_MAX] = 'a';
	path[XENSTORE_REL_PATH_MAX + 1] = '\0';
	assert_int_equal(ask_path(XS_READ, path), -EINVAL);
}

static void test_own_domid(void **state)
{
	assert_int_equal(ask_path(XS_READ, "domid"), 0);
	assert_int_equal(ask_path(XS_READ, "/local/domain/1/domid"), 0);
	assert_int_equal(ask_write("domid", "0"), -EACCES);
	assert_int_equal(ask_watch("domid"), -EACCES);
	assert_int_equal(ask_path(XS_READ, "/local/domain/2/domid"), -EACCES);
}

/* The names are also in the tables that backends write from. */
static void check_table(const struct nego_table *table)
{
	for (unsigned i = 0; i < table->count; i++) {
		const struct nego_node *node = &table->nodes[i];
		char path[256];

		if (node->writer == NEGO_FRONTEND)
			continue;
		snprintf(path, sizeof(path), OWN "/%s", node->name);
		if (ask_write(path, "1") != (node->writer == NEGO_BACKEND ? 0 : -EACCES))
			fail_msg("%s of %s", node->name, table->protocol);
	}
}

static void test_what_backends_write(void **state)
{
	static const char *const names[] = { "state", "error", "carrier", "tty" };
	char path[256];

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), OWN "/%s", names[i]);
		assert_int_equal(ask_write(path, "4"), 0);
		assert_int_equal(ask_path(XS_RM, path), 0);
		assert_int_equal(ask_path(XS_MKDIR, path), 0);
	}
	check_table(&blkif_nodes);
	check_table(&netif_nodes);
	assert_int_equal(ask_write(ERRORS "/error", "text"), 0);
	assert_int_equal(ask_path(XS_RM, ERRORS), 0);
}

/* A successor would open what they name, with all rights of its domain. */
static void test_what_the_toolstack_writes_is_not_changed(void **state)
{
	static const char *const names[] = { "frontend", "frontend-id", "params", "mode", "driver", "script",
		"bridge", "type", "hotplug-status", "hotplug-error", "resize", "limit-iops", "physical-device", "physical-device-path",
		"feature-unknown", "statex", "state/below", "queue-0/x" };
	char path[256];

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), OWN "/%s", names[i]);
		assert_int_equal(ask_write(path, "1"), -EACCES);
		assert_int_equal(ask_path(XS_RM, path), -EACCES);
		assert_int_equal(ask_path(XS_MKDIR, path), -EACCES);
		assert_int_equal(ask_path(XS_READ, path), 0);
	}
	assert_int_equal(ask_path(XS_RM, OWN), -EACCES);
	assert_int_equal(ask_write(OWN, ""), -EACCES);
	assert_int_equal(ask_write(ERRORS "/other", ""), -EACCES);
	assert_int_equal(ask_write(FRONT "/state", "6"), -EACCES);
	assert_int_equal(ask_path(XS_RM, FRONT), -EACCES);
}

static void test_a_device_is_given_up_and_not_taken_back(void **state)
{
	assert_int_equal(ask_write(OWN "/online", "0"), 0);
	assert_int_equal(ask_write(OWN "/online", "1"), -EACCES);
	assert_int_equal(ask_write(OWN "/online", ""), -EACCES);
	assert_int_equal(ask_write(OWN "/online", "01"), -EACCES);
	assert_int_equal(ask_path(XS_RM, OWN "/online"), -EACCES);
	assert_int_equal(ask_path(XS_MKDIR, OWN "/online"), -EACCES);
}

static void test_frontend_nodes_by_kind(void **state)
{
	make_rules("vif", 2, 0, "/local/domain/2/device/vif/0");
	assert_int_equal(ask_write("/local/domain/2/device/vif/0/mtu", "1500"), 0);
	assert_int_equal(ask_write("/local/domain/2/device/vif/0/mac", ""), -EACCES);
	assert_int_equal(ask_write("/local/domain/2/device/vif/0/mtu/x", ""), -EACCES);
	make_rules("console", 2, 0, "/local/domain/2/console");
	assert_int_equal(ask_write("/local/domain/2/console/tty", "/dev/pts/1"), 0);
	assert_int_equal(ask_write("/local/domain/2/console/mtu", "1"), -EACCES);
	make_rules("vbd", 2, 51712, FRONT);
	assert_int_equal(ask_write(FRONT "/mtu", "1500"), -EACCES);
}

static void test_permissions(void **state)
{
	assert_int_equal(ask(XS_SET_PERMS, LITERAL(OWN "/state\0n1\0r2\0")), 0);
	assert_int_equal(ask(XS_SET_PERMS, LITERAL(OWN "/state\0b1\0b2\0r2\0")), 0);
	assert_int_equal(ask(XS_SET_PERMS, LITERAL(OWN "/state\0n1\0r3\0")), -EACCES);
	assert_int_equal(ask(XS_SET_PERMS, LITERAL(OWN "/state\0n2\0r1\0")), -EACCES);
	assert_int_equal(ask(XS_SET_PERMS, LITERAL(OWN "/state\0n0\0")), -EACCES);
	assert_int_equal(ask(XS_SET_PERMS, LITERAL(OWN "/state\0n1\0r02\0")), -EACCES);
	assert_int_equal(ask(XS_SET_PERMS, LITERAL(OWN "/params\0n1\0r2\0")), -EACCES);
	assert_int_equal(ask(XS_SET_PERMS, LITERAL(OWN "\0n1\0r2\0")), -EACCES);
	assert_int_equal(ask(XS_SET_PERMS, LITERAL(OWN "/state\0x1\0")), -EINVAL);
	assert_int_equal(ask(XS_SET_PERMS, LITERAL(OWN "/state\0n1\0\0")), -EINVAL);
	assert_int_equal(ask(XS_SET_PERMS, LITERAL(OWN "/state\0n1\0r2")), -EINVAL);
	assert_int_equal(ask(XS_SET_PERMS, LITERAL(OWN "/state\0")), -EINVAL);
	assert_int_equal(ask(XS_SET_PERMS, LITERAL(OWN "/state\0n1\0r2\0r2\0r2\0r2\0")), -EINVAL);
}

static void test_malformed_payloads(void **state)
{
	assert_int_equal(ask(XS_READ, "", 0), -EINVAL);
	assert_int_equal(ask(XS_READ, LITERAL(OWN)), -EINVAL);
	assert_int_equal(ask(XS_READ, LITERAL(OWN "\0more\0")), -EINVAL);
	assert_int_equal(ask(XS_READ, LITERAL(OWN "\0\0")), -EINVAL);
	assert_int_equal(ask(XS_RM, LITERAL(OWN "/state\0x")), -EINVAL);
	assert_int_equal(ask(XS_WRITE, LITERAL(OWN "/state")), -EINVAL);
	assert_int_equal(ask(XS_WATCH, LITERAL(OWN "\0")), -EINVAL);
	assert_int_equal(ask(XS_WATCH, LITERAL(OWN "\0token")), -EINVAL);
	assert_int_equal(ask(XS_WATCH, LITERAL(OWN "\0token\0" "3\0")), -EINVAL);
	assert_int_equal(ask(XS_DIRECTORY_PART, LITERAL(OWN "\0" "0\0")), 0);
	assert_int_equal(ask(XS_DIRECTORY_PART, LITERAL(OWN "\0" "0")), -EINVAL);
	assert_int_equal(ask(XS_DIRECTORY_PART, LITERAL(OWN "\0-1\0")), -EINVAL);
	assert_int_equal(ask(XS_DIRECTORY_PART, LITERAL(OWN "\0\0")), -EINVAL);
	assert_int_equal(ask(XS_TRANSACTION_START, LITERAL("\0")), 0);
	assert_int_equal(ask(XS_TRANSACTION_START, LITERAL("\0\0")), -EINVAL);
	assert_int_equal(ask(XS_TRANSACTION_END, LITERAL("T\0")), 0);
	assert_int_equal(ask(XS_TRANSACTION_END, LITERAL("F\0")), 0);
	assert_int_equal(ask(XS_TRANSACTION_END, LITERAL("T")), -EINVAL);
	assert_int_equal(ask(XS_TRANSACTION_END, LITERAL("X\0")), -EINVAL);
	assert_int_equal(ask(XS_TRANSACTION_END, LITERAL("\0")), -EINVAL);
}

static void test_long_tokens(void **state)
{
	char payload[sizeof(OWN) + GATE_TOKEN_MAX + 1];

	memset(payload, 't', sizeof(payload));
	memcpy(payload, OWN, sizeof(OWN));
	payload[sizeof(OWN) + GATE_TOKEN_MAX - 1] = '\0';
	assert_int_equal(ask(XS_WATCH, payload, sizeof(OWN) + GATE_TOKEN_MAX), 0);
	payload[sizeof(OWN) + GATE_TOKEN_MAX - 1] = 't';
	payload[sizeof(OWN) + GATE_TOKEN_MAX] = '\0';
	assert_int_equal(ask(XS_WATCH, payload, sizeof(OWN) + GATE_TOKEN_MAX + 1), -EINVAL);
}

static void test_requests_that_are_not_a_backends(void **state)
{
	static const uint32_t types[] = { XS_CONTROL, XS_INTRODUCE, XS_RELEASE, XS_GET_DOMAIN_PATH,
		XS_IS_DOMAIN_INTRODUCED, XS_RESUME, XS_SET_TARGET, XS_RESET_WATCHES };
	static const uint32_t none[] = { XS_WATCH_EVENT, XS_ERROR, XS_TYPE_COUNT, XS_INVALID, 20, 1000,
		UINT32_MAX };

	for (unsigned i = 0; i < ARRAY_SIZE(types); i++)
		assert_int_equal(ask_path(types[i], "1"), -EACCES);
	for (unsigned i = 0; i < ARRAY_SIZE(none); i++)
		assert_int_equal(ask_path(none[i], OWN), -ENOSYS);
}

static void test_frontends_that_are_not_the_devices(void **state)
{
	static const char *const dirs[] = { "", "/", "/local/domain/2", "/local/domain/2/",
		"/local/domain/3/device/vbd/51712", "/local/domain/20/device/vbd/51712",
		"/local/domain/2/../3/device", "/local/domain/2//device", FRONT "/", "device/vbd/51712",
		"local/domain/2/device", "/local/domain/2/device\n" };
	struct leaf_name name = { .kind = "vbd", .frontend = 2, .devid = 51712 };
	char path[GATE_FRONTEND_MAX + 1];
	struct gate_rules r;

	for (unsigned i = 0; i < ARRAY_SIZE(dirs); i++)
		assert_int_equal(gate_rules_init(&r, 1, &name, dirs[i]), -EINVAL);
	memset(path, 'a', sizeof(path));
	memcpy(path, FRONT "/", sizeof(FRONT));
	path[GATE_FRONTEND_MAX] = '\0';
	assert_int_equal(gate_rules_init(&r, 1, &name, path), -EINVAL);
	path[GATE_FRONTEND_MAX - 1] = '\0';
	assert_int_equal(gate_rules_init(&r, 1, &name, path), 0);
	assert_string_equal(r.frontend, path);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_nodes_are_read),
		cmocka_unit_test(test_relative_paths_are_made_whole),
		cmocka_unit_test(test_nothing_foreign_is_reached),
		cmocka_unit_test(test_spellings_that_are_no_paths),
		cmocka_unit_test(test_long_paths),
		cmocka_unit_test(test_own_domid),
		cmocka_unit_test(test_what_backends_write),
		cmocka_unit_test(test_what_the_toolstack_writes_is_not_changed),
		cmocka_unit_test(test_a_device_is_given_up_and_not_taken_back),
		cmocka_unit_test(test_frontend_nodes_by_kind),
		cmocka_unit_test(test_permissions),
		cmocka_unit_test(test_malformed_payloads),
		cmocka_unit_test(test_long_tokens),
		cmocka_unit_test(test_requests_that_are_not_a_backends),
		cmocka_unit_test(test_frontends_that_are_not_the_devices),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
