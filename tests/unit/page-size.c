// SPDX-License-Identifier: MIT
/* A kernel with larger pages is refused by name, with a sysconf() of our own. */
#include "config.h"
#include "common/page-size.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/log.h"

static long page_bytes;

long __real_sysconf(int name);
long __wrap_sysconf(int name);
long __wrap_sysconf(int name)
{
	return name == _SC_PAGESIZE ? page_bytes : __real_sysconf(name);
}

/* What a program says that finds such pages, and its status. */
static int check_with(long bytes, char *said, size_t room)
{
	int ends[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(ends[1], STDERR_FILENO);
		page_bytes = bytes;
		log_init("program");
		page_size_check();
		_exit(0);
	}
	close(ends[1]);
	n = read(ends[0], said, room - 1);
	said[n > 0 ? n : 0] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_pages_of_4_kib(void **state)
{
	char said[512];

	assert_int_equal(check_with(4096, said, sizeof(said)), 0);
	assert_string_equal(said, "");
}

static void test_larger_pages_are_refused(void **state)
{
	static const struct {
		long bytes;
		const char *text;
	} cases[] = { { 16384, "16384 bytes" }, { 65536, "65536 bytes" } };
	char said[512];

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_not_equal(check_with(cases[i].bytes, said, sizeof(said)), 0);
		assert_non_null(strstr(said, cases[i].text));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages_of_4_kib),
		cmocka_unit_test(test_larger_pages_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
