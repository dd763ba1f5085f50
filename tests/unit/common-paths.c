// SPDX-License-Identifier: MIT
/* Where programs are found; copies of this program in other places say what they find. */
#include "config.h"
#include "common/paths.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cleanup.h"

static char dir[64];

/* In a copy: print the path, or the error. */
static int say_what_is_found(const char *what, const char *folder, const char *name)
{
	char *path;

	if (strcmp(what, "libs") == 0)
		path = path_dropin_libs();
	else if (strcmp(what, "plugin") == 0)
		path = path_nbdkit_plugin();
	else
		path = path_program(folder, name);
	puts(path ? path : strerror(errno));
	free(path);
	return 0;
}

static void sh(const char *command)
{
	char *whole;

	assert_true(asprintf(&whole, "cd %s && %s", dir, command) > 0);
	assert_int_equal(system(whole), 0);
	free(whole);
}

/* What the copy @program says; with @expected below the test's own directory. */
static void expect(const char *program, const char *arguments, const char *expected)
{
	char line[PATH_MAX], want[PATH_MAX], *command;
	FILE *out;

	assert_true(asprintf(&command, "%s/%s %s", dir, program, arguments) > 0);
	out = popen(command, "r");
	assert_non_null(out);
	assert_non_null(fgets(line, sizeof(line), out));
	assert_int_equal(pclose(out), 0);
	line[strcspn(line, "\n")] = '\0';
	if (*expected == '/')
		snprintf(want, sizeof(want), "%s%s", dir, expected);
	else
		snprintf(want, sizeof(want), "%s", expected);
	assert_string_equal(line, want);
	free(command);
}

static int setup(void **state)
{
	char exe[PATH_MAX], *command;
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	int rc;

	if (n < 0)
		return -1;
	exe[n] = '\0';
	strcpy(dir, "/tmp/sluice-paths-XXXXXX");
	if (!mkdtemp(dir) || asprintf(&command, "cp %s %s/copy", exe, dir) < 0)
		return -1;
	rc = system(command);
	free(command);
	return rc;
}

static int teardown(void **state)
{
	sh("rm -rf tree copy && rmdir $PWD");
	return 0;
}

static void test_own_build_tree(void **state)
{
	CLEANUP_FREE char *found = path_program("tests/unit", "common-paths");
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe));

	assert_non_null(found);
	assert_true(n > 0 && (size_t)n == strlen(found));
	assert_memory_equal(found, exe, n);
	assert_null(path_program("tests/unit", "no-such-program"));
	assert_int_equal(errno, ENOENT);
}

/* A tree is known by its config.status, from any depth; siblings are found in it alone. */
static void test_tree(void **state)
{
	sh("mkdir -p tree/a/b tree/folder && cp copy tree/a/b/ && cp copy tree/ && touch tree/config.status");
	expect("tree/a/b/copy", "program folder tool", "No such file or directory");
	sh("touch tree/folder/tool");
	expect("tree/a/b/copy", "program folder tool", "Permission denied");
	sh("chmod +x tree/folder/tool");
	expect("tree/a/b/copy", "program folder tool", "/tree/folder/tool");
	expect("tree/copy", "program folder tool", "/tree/folder/tool");
	/* Through a link it is still the tree that the program is in. */
	sh("mkdir -p tree/elsewhere && ln -s ../a/b/copy tree/elsewhere/link");
	expect("tree/elsewhere/link", "program folder tool", "/tree/folder/tool");
	/* The nearest one counts. */
	sh("touch tree/a/config.status");
	expect("tree/a/b/copy", "program folder tool", "No such file or directory");
	sh("rm -rf tree");
}

static void test_libraries_and_plugin(void **state)
{
	sh("mkdir -p tree/hypervisor/process/.libs tree/frontends/nbdkit/.libs && cp copy tree/ &&"
	   " touch tree/config.status");
	expect("tree/copy", "libs", "No such file or directory");
	expect("tree/copy", "plugin", "No such file or directory");
	sh("touch tree/hypervisor/process/.libs/libxenevtchn.so.1"
	   " tree/frontends/nbdkit/.libs/nbdkit-sluice-plugin.so");
	expect("tree/copy", "libs", "/tree/hypervisor/process/.libs");
	expect("tree/copy", "plugin", "/tree/frontends/nbdkit/.libs/nbdkit-sluice-plugin.so");
	sh("rm -rf tree");
}

/* Outside of any tree it is where it was installed, which this one never is. */
static void test_installed(void **state)
{
	sh("mkdir -p folder && touch folder/sluice-no-such && chmod +x folder/sluice-no-such");
	expect("copy", "program folder sluice-no-such", "No such file or directory");
	sh("rm -r folder");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_build_tree),
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_libraries_and_plugin),
		cmocka_unit_test(test_installed),
	};

	if (argc > 1)
		return say_what_is_found(argv[1], argc > 2 ? argv[2] : "", argc > 3 ? argv[3] : "");
	return cmocka_run_group_tests(tests, setup, teardown);
}
