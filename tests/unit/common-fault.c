// SPDX-License-Identifier: MIT
#include "config.h"
#include "common/fault.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PAGE 4096

/* Memory that its owner takes away is zeroes from then on, and the neighbours stay. */
static void test_page_taken_away(void **state)
{
	int fd = memfd_create("test", MFD_CLOEXEC);
	volatile char *mem;

	/* Here, because cmocka catches SIGBUS around each test. */
	assert_int_equal(fault_guard(), 0);
	assert_int_equal(ftruncate(fd, 3 * PAGE), 0);
	mem = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(mem, MAP_FAILED);
	mem[0] = mem[PAGE] = mem[2 * PAGE] = 'x';
	assert_int_equal(ftruncate(fd, PAGE), 0);
	errno = ERANGE;
	assert_int_equal(mem[2 * PAGE + 5], 0);
	mem[PAGE + 7] = 'y';
	assert_int_equal(mem[PAGE + 7], 'y');
	assert_int_equal(mem[PAGE], 0);
	assert_int_equal(mem[0], 'x');
	assert_int_equal(errno, ERANGE);
	/* As before it is one mapping to give back. */
	assert_int_equal(munmap((char *)mem, 3 * PAGE), 0);
	close(fd);
}

static void test_other_reasons_end_it(void **state)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		assert_int_equal(fault_guard(), 0);
		raise(SIGBUS);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 128 + SIGBUS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_page_taken_away),
		cmocka_unit_test(test_other_reasons_end_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
