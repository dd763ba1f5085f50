// SPDX-License-Identifier: MIT
/* What a confined builder can still do, tried in a child: each case exits with its result. */
#include "config.h"
#include "hypervisor/build/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/fdpass.h"

#define MEMORY (8ull << 30)

static int ends[2], kernel, other;
static struct build_fds fds;

static int setup(void **state)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) < 0)
		return -1;
	kernel = memfd_create("kernel", 0);
	other = memfd_create("other", 0);
	fds = (struct build_fds){ ends[1], kernel, -1 };
	return ftruncate(kernel, 4096) == 0 && ftruncate(other, 4096) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
	close(ends[0]);
	close(ends[1]);
	close(kernel);
	close(other);
	return 0;
}

/* Is @what true in a confined child? */
static void holds(bool (*what)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		int rc = build_confine(&fds, MEMORY);

		if (rc < 0)
			_exit(rc == -ENOTSUP ? 77 : 99);
		_exit(what() ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static bool refused(long rc)
{
	return rc == -1 && errno == EPERM;
}

static bool opens(void)
{
	return refused(open("/dev/null", O_RDONLY)) && refused(open("/etc/passwd", O_RDONLY)) &&
		refused(syscall(SYS_open, "/dev/null", O_RDONLY)) &&
		refused(syscall(SYS_openat2, AT_FDCWD, "/dev/null", NULL, 0)) &&
		refused(syscall(SYS_memfd_create, "x", 0));
}

static void test_opens_nothing(void **state)
{
	holds(opens);
}

static bool talks(void)
{
	return refused(socket(AF_UNIX, SOCK_STREAM, 0)) && refused(socket(AF_INET, SOCK_STREAM, 0)) &&
		refused(connect(ends[1], NULL, 0)) && refused(recv(ends[1], NULL, 0, 0)) &&
		refused(sendmsg(other, NULL, 0));
}

static void test_talks_to_nobody_else(void **state)
{
	holds(talks);
}

static bool runs(void)
{
	return refused(execl("/bin/true", "true", NULL)) && refused(syscall(SYS_fork)) &&
		refused(syscall(SYS_clone, 0, 0, 0, 0, 0)) && refused(syscall(SYS_ptrace, 0, 0, 0, 0)) &&
		refused(kill(getppid(), 0));
}

static void test_runs_nothing(void **state)
{
	holds(runs);
}

static bool maps(void)
{
	void *code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *file = mmap(NULL, 4096, PROT_READ, MAP_SHARED, kernel, 0);
	void *own = mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return code == MAP_FAILED && file == MAP_FAILED && own != MAP_FAILED &&
		refused(mprotect(own, 4096, PROT_READ | PROT_EXEC)) && munmap(own, 64 << 20) == 0;
}

static void test_maps_its_own_memory_only(void **state)
{
	holds(maps);
}

static bool reads(void)
{
	char c;

	return pread(kernel, &c, 1, 0) == 1 && read(kernel, &c, 1) == 1 &&
		refused(pread(other, &c, 1, 0)) && refused(read(other, &c, 1)) &&
		refused(write(kernel, "x", 1)) && refused(write(other, "x", 1)) &&
		refused(ftruncate(kernel, 0)) && refused(dup(kernel));
}

static void test_reads_its_inputs_only(void **state)
{
	holds(reads);
}

static bool answers(void)
{
	return fd_send(ends[1], "answer", 6, NULL, 0) == 0;
}

static void test_answers(void **state)
{
	char got[16];

	holds(answers);
	assert_int_equal(recv(ends[0], got, sizeof(got), MSG_DONTWAIT), 6);
	assert_memory_equal(got, "answer", 6);
}

/* The rest needs no filter: a child that is limited only. */
static bool limited(void)
{
	struct rlimit l;

	return build_limits(MEMORY) == 0 && prctl(PR_GET_DUMPABLE) == 0 &&
		prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 && getrlimit(RLIMIT_NOFILE, &l) == 0 &&
		l.rlim_max == 0 && getrlimit(RLIMIT_CORE, &l) == 0 && l.rlim_max == 0 &&
		getrlimit(RLIMIT_CPU, &l) == 0 && l.rlim_max != RLIM_INFINITY &&
		open("/dev/null", O_RDONLY) < 0;
}

static bool keeps_only_ours(void)
{
	int high = dup2(other, 700);

	return high == 700 && build_close_others(&fds) == 0 && fcntl(high, F_GETFD) < 0 &&
		fcntl(other, F_GETFD) < 0 && fcntl(ends[0], F_GETFD) < 0 &&
		fcntl(kernel, F_GETFD) >= 0 && fcntl(ends[1], F_GETFD) >= 0 && fcntl(2, F_GETFD) >= 0;
}

static void holds_unfiltered(bool (*what)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(what() ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_limits(void **state)
{
	holds_unfiltered(limited);
}

static void test_closes_others(void **state)
{
	holds_unfiltered(keeps_only_ours);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_opens_nothing), T(test_talks_to_nobody_else), T(test_runs_nothing),
		T(test_maps_its_own_memory_only), T(test_reads_its_inputs_only), T(test_answers),
		T(test_limits), T(test_closes_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
