// SPDX-License-Identifier: MIT
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/array.h"
#include "common/cgroup-where.h"

#define V1 "9:name=systemd:/s\n8:pids:/a/b\n4:memory,cpu:/c\n0::/u\n"

static int parse(const char *text, const char *controller, struct cgroup_where *w)
{
	FILE *f = fmemopen((char *)(uintptr_t)text, strlen(text), "r");
	int rc;

	assert_non_null(f);
	rc = cgroup_where_parse(f, "/cg2", controller, w);
	fclose(f);
	return rc;
}

static void test_of_version_1(void **state)
{
	struct cgroup_where w;

	assert_int_equal(parse(V1, "pids", &w), 0);
	assert_false(w.unified);
	assert_string_equal(w.mount, "/sys/fs/cgroup/pids");
	assert_string_equal(w.dir, "/sys/fs/cgroup/pids/a/b");
}

static void test_one_of_several_controllers(void **state)
{
	struct cgroup_where w;

	assert_int_equal(parse(V1, "cpu", &w), 0);
	assert_string_equal(w.mount, "/sys/fs/cgroup/memory,cpu");
	assert_string_equal(w.dir, "/sys/fs/cgroup/memory,cpu/c");
}

static void test_version_2_for_what_has_no_line(void **state)
{
	struct cgroup_where w;

	assert_int_equal(parse(V1, "io", &w), 0);
	assert_true(w.unified);
	assert_string_equal(w.mount, "/cg2");
	assert_string_equal(w.dir, "/cg2/u");
	/* Neither a part of a name nor a longer one. */
	assert_int_equal(parse(V1, "pid", &w), 0);
	assert_true(w.unified);
	assert_int_equal(parse(V1, "systemd", &w), 0);
	assert_true(w.unified);
}

static void test_the_own_line_wins_wherever_it_is(void **state)
{
	struct cgroup_where w;

	assert_int_equal(parse("0::/u\n3:pids:/p\n", "pids", &w), 0);
	assert_string_equal(w.dir, "/sys/fs/cgroup/pids/p");
}

static void test_none(void **state)
{
	static const char *const texts[] = { "x", "3:pids", "3:pids:/p\n", "\n\n" };
	struct cgroup_where w;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_int_equal(parse(texts[i], "memory", &w), -ENOENT);
}

static void test_paths_that_are_too_long(void **state)
{
	struct cgroup_where w;
	char *text = malloc(2 * PATH_MAX);
	size_t n = (size_t)sprintf(text, "0::/");

	memset(text + n, 'x', PATH_MAX);
	strcpy(text + n + PATH_MAX, "\n");
	assert_int_equal(parse(text, "pids", &w), -ENAMETOOLONG);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_of_version_1),
		cmocka_unit_test(test_one_of_several_controllers),
		cmocka_unit_test(test_version_2_for_what_has_no_line),
		cmocka_unit_test(test_the_own_line_wins_wherever_it_is),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_paths_that_are_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
