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
#include "drivers-domain/scan.h"

#define HOME "/local/domain/7"

static void test_leaf_paths(void **state)
{
	struct leaf_name n;

	assert_int_equal(scan_parse_path("backend/vbd/2/51712", HOME, &n), SCAN_LEAF);
	assert_string_equal(n.kind, "vbd");
	assert_int_equal(n.frontend, 2);
	assert_int_equal(n.devid, 51712);
	assert_int_equal(scan_parse_path("backend/qdisk/0/0/state", HOME, &n), SCAN_INSIDE);
	assert_string_equal(n.kind, "qdisk");
	assert_int_equal(n.frontend, 0);
	assert_int_equal(n.devid, 0);
	assert_int_equal(scan_parse_path("backend/vbd/1/5/queue-0/ring-ref", HOME, &n), SCAN_INSIDE);
	assert_int_equal(scan_parse_path(HOME "/backend/vbd/1/5", HOME, &n), SCAN_LEAF);
}

static void test_paths_above_ask_for_a_scan(void **state)
{
	static const char *const paths[] = { "backend", "backend/vbd", "backend/vbd/3",
		HOME "/backend", HOME "/backend/vbd" };
	struct leaf_name n;

	for (unsigned i = 0; i < ARRAY_SIZE(paths); i++)
		assert_int_equal(scan_parse_path(paths[i], HOME, &n), SCAN_ABOVE);
}

static void test_hostile_paths(void **state)
{
	static const char *const paths[] = { "", "/", "//", "backend/", "backend//1/2",
		"backends/vbd/1/2", "backend/vbd/1/", "backend/vbd/1//state", "backend/../1/2",
		"backend/vbd/../51712", "backend/vbd/1/..", "backend/vbd/1/../state",
		"backend/VBD/1/2", "backend/v-d/1/2", "backend/9pfs/1/2", "backend/vbd/-1/2",
		"backend/vbd/+1/2", "backend/vbd/1/0x10", "backend/vbd/1/ 5", "backend/vbd/01/5",
		"backend/vbd/1/05", "backend/vbd/1/00", "backend/vbd/32752/5",
		"backend/vbd/1/2147483648", "backend/vbd/1/99999999999",
		"backend/vbd/1/18446744073709551621", "backend/abcdefghijklmnop/1/2",
		"/local/domain/70/backend/vbd/1/5", "/local/domain/7backend/vbd/1/5",
		"/local/domain/8/backend/vbd/1/5", "/backend/vbd/1/5", "backend/vbd/1/5\n" };
	struct leaf_name n = { .frontend = 99 };

	for (unsigned i = 0; i < ARRAY_SIZE(paths); i++) {
		if (scan_parse_path(paths[i], HOME, &n) != SCAN_FOREIGN)
			fail_msg("\"%s\" was taken", paths[i]);
		assert_int_equal(n.frontend, 99);
	}
}

static void test_limits_are_taken(void **state)
{
	struct leaf_name n;

	assert_int_equal(scan_parse_path("backend/vbd/32751/2147483647", HOME, &n), SCAN_LEAF);
	assert_int_equal(n.frontend, 0x7fef);
	assert_int_equal(n.devid, 0x7fffffff);
	assert_int_equal(scan_parse_path("backend/abcdefghijklmno/1/2", HOME, &n), SCAN_LEAF);
	assert_int_equal(scan_parse_kind("abcdefghijklmno", &n), 0);
	assert_int_equal(scan_parse_kind("abcdefghijklmnop", &n), -EINVAL);
}

static void test_equal_names_are_equal_bytes(void **state)
{
	struct leaf_name a, b;

	memset(&a, 0xaa, sizeof(a));
	memset(&b, 0x55, sizeof(b));
	assert_int_equal(scan_parse_path("backend/longer_kind/1/5", HOME, &a), SCAN_LEAF);
	assert_int_equal(scan_parse_path("backend/vbd/1/5", HOME, &a), SCAN_LEAF);
	assert_int_equal(scan_parse_kind("vbd", &b), 0);
	assert_int_equal(scan_parse_frontend("1", &b), 0);
	assert_int_equal(scan_parse_devid("5", &b), 0);
	assert_memory_equal(&a, &b, sizeof(a));
}

static void test_a_long_value_is_not_read_to_its_end(void **state)
{
	static char huge[1 << 20];
	struct leaf_name n;

	memset(huge, '1', sizeof(huge) - 1);
	assert_int_equal(scan_parse_devid(huge, &n), -EINVAL);
	assert_int_equal(scan_parse_frontend(huge, &n), -EINVAL);
	memset(huge, 'a', sizeof(huge) - 1);
	assert_int_equal(scan_parse_kind(huge, &n), -EINVAL);
}

static void test_names_to_text_and_back(void **state)
{
	struct leaf_name n, back;
	char text[SCAN_PATH_MAX], file[SCAN_PATH_MAX + 8];

	assert_int_equal(scan_parse_path("backend/abcdefghijklmno/32751/2147483647", HOME, &n),
		SCAN_LEAF);
	scan_leaf_path(&n, text);
	assert_string_equal(text, "backend/abcdefghijklmno/32751/2147483647");
	scan_file_name(&n, text);
	assert_string_equal(text, "abcdefghijklmno-32751-2147483647");
	snprintf(file, sizeof(file), "%s.lock", text);
	assert_int_equal(scan_parse_file_name(file, ".lock", &back), 0);
	assert_memory_equal(&n, &back, sizeof(n));
}

static void test_foreign_file_names(void **state)
{
	static const char *const files[] = { "", ".", "..", "sluice-driverd.lock", "vbd-1-2",
		"vbd-1-2.journal", "vbd-1-2.lock~", "vbd-01-2.lock", "vbd--2.lock", "vbd-1-.lock",
		"-1-2.lock", "vbd-1-2-3.lock" };
	struct leaf_name n;

	for (unsigned i = 0; i < ARRAY_SIZE(files); i++)
		assert_int_equal(scan_parse_file_name(files[i], ".lock", &n), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_leaf_paths),
		cmocka_unit_test(test_paths_above_ask_for_a_scan),
		cmocka_unit_test(test_hostile_paths),
		cmocka_unit_test(test_limits_are_taken),
		cmocka_unit_test(test_equal_names_are_equal_bytes),
		cmocka_unit_test(test_a_long_value_is_not_read_to_its_end),
		cmocka_unit_test(test_names_to_text_and_back),
		cmocka_unit_test(test_foreign_file_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
