// SPDX-License-Identifier: MIT
/*
 * Each layer of the confinement alone, in a child: where all are on, the seccomp list
 * answers first and would hide that another is missing.
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/confine-private.h"

#define SKIPPED 77

/* Runs @fn in a child: 0 passed, SKIPPED, or the line that failed. */
static void in_child(int (*fn)(void))
{
	pid_t pid = fork();
	int status;

	/* Also brings in the rules of the C library, which are in the same file. */
	assert_false(confine_is_done());
	if (pid == 0)
		_exit(fn());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == SKIPPED)
		skip();
	if (WEXITSTATUS(status))
		fail_msg("the child failed: %d", WEXITSTATUS(status));
}

static int error_of(long rc)
{
	return rc < 0 ? errno : 0;
}

static int open_error(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);
	int error = error_of(fd);

	if (fd >= 0)
		close(fd);
	return error;
}

#define CHECK(step, condition)        \
	do {                          \
		if (!(condition))     \
			return step;  \
	} while (0)

static int landlock_child(void)
{
	int open_before = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	char byte;
	int rc;

	CHECK(1, open_error("/etc/passwd", O_RDONLY) == 0);
	rc = confine_landlock(true);
	if (rc == -ENOSYS || rc == -EOPNOTSUPP)
		return SKIPPED;
	CHECK(2, rc > 0);
	CHECK(3, open_error("/etc/passwd", O_RDONLY) == EACCES);
	CHECK(4, open_error("/tmp", O_RDONLY | O_DIRECTORY) == EACCES);
	CHECK(5, error_of(mkdir("/tmp/sluice-landlock", 0700)) == EACCES);
	CHECK(6, error_of(unlink("/tmp/sluice-landlock")) != 0);
	/* What is open stays. */
	CHECK(7, read(open_before, &byte, 1) == 1);
	return 0;
}

static void landlock_leaves_no_file(void **state)
{
	in_child(landlock_child);
}

static char kept_dir[] = "/tmp/sluice-kept-XXXXXX";

/* For who moves a log's files: that directory, and what it takes. */
static int landlock_dir_child(void)
{
	int dir = open(kept_dir, O_PATH | O_DIRECTORY | O_CLOEXEC), fd, rc;

	rc = confine_landlock_dir(true, dir);
	if (rc == -ENOSYS || rc == -EOPNOTSUPP)
		return SKIPPED;
	CHECK(1, rc > 0);
	fd = openat(dir, "log", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	CHECK(2, fd >= 0 && write(fd, "x", 1) == 1);
	CHECK(3, renameat(dir, "log", dir, "log.1") == 0);
	CHECK(4, openat(dir, "log.1", O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES);
	CHECK(5, mkdirat(dir, "folder", 0700) < 0 && errno == EACCES);
	CHECK(6, symlinkat("/etc/passwd", dir, "link") < 0 && errno == EACCES);
	CHECK(7, renameat(dir, "log.1", AT_FDCWD, "/tmp/sluice-landlock") < 0);
	CHECK(8, openat(dir, "../sluice-landlock", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0 && errno == EACCES);
	CHECK(9, open_error("/etc/passwd", O_RDONLY) == EACCES);
	CHECK(10, unlinkat(dir, "log.1", 0) == 0);
	return 0;
}

static void landlock_leaves_one_directory(void **state)
{
	assert_non_null(mkdtemp(kept_dir));
	in_child(landlock_dir_child);
	assert_int_equal(rmdir(kept_dir), 0);
}

static int connect_error(void)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(9),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int error = fd < 0 ? errno : error_of(connect(fd, (struct sockaddr *)&sa, sizeof(sa)));

	if (fd >= 0)
		close(fd);
	return error;
}

static int namespaces_child(void)
{
	int open_before = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	bool users;
	char byte;

	CHECK(1, open_before >= 0);
	if (confine_namespaces(true, &users) < 0)
		return SKIPPED;
	/* Not even the loopback interface is up. */
	CHECK(2, connect_error() == ENETUNREACH);
	CHECK(3, open_error("/etc/passwd", O_RDONLY) == 0);
	CHECK(4, confine_root() == 0);
	CHECK(5, open_error("/etc/passwd", O_RDONLY) == ENOENT);
	CHECK(6, open_error("/proc/self/status", O_RDONLY) == ENOENT);
	CHECK(7, open_error("/file", O_RDWR | O_CREAT) != 0);
	CHECK(8, open_error("/../etc/passwd", O_RDONLY) == ENOENT);
	CHECK(9, open_error("etc/passwd", O_RDONLY) == ENOENT);
	CHECK(10, read(open_before, &byte, 1) == 1);
	return 0;
}

static void namespaces_have_no_network_and_no_files(void **state)
{
	in_child(namespaces_child);
}

/* For backends that make connections. Nobody is at that port, which only the network can tell. */
static int network_child(void)
{
	bool users;

	if (confine_namespaces(false, &users) < 0 || confine_landlock(false) < 0)
		return SKIPPED;
	CHECK(1, connect_error() == ECONNREFUSED);
	CHECK(2, open_error("/etc/passwd", O_RDONLY) == EACCES);
	return 0;
}

static void network_is_kept(void **state)
{
	in_child(network_child);
}

static int privileges_child(void)
{
	CHECK(1, confine_privileges() == 0);
	CHECK(2, error_of(mount("none", "/tmp", "tmpfs", 0, NULL)) == EPERM);
	CHECK(3, error_of(chroot("/")) == EPERM);
	CHECK(4, prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	CHECK(5, prctl(PR_GET_DUMPABLE) == 0);
	CHECK(6, error_of(sethostname("x", 1)) == EPERM);
	return 0;
}

static void privileges_are_gone(void **state)
{
	in_child(privileges_child);
}

static int limits_child(void)
{
	struct rlimit limit;

	CHECK(1, confine_limits(true, 0) == 0);
	CHECK(2, getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_max == 0);
	CHECK(3, getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max <= 4096);
	CHECK(4, getrlimit(RLIMIT_NPROC, &limit) == 0 && limit.rlim_max <= 4096);
	return 0;
}

static int files_child(void)
{
	struct rlimit limit;

	CHECK(1, confine_limits(true, 100) == 0);
	CHECK(2, getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 100 && limit.rlim_max == 100);
	return 0;
}

static void limits_are_hard(void **state)
{
	in_child(limits_child);
	in_child(files_child);
}

CONFINE_TABLE(test_calls, CONFINE_CALL(getppid), CONFINE_CALL_IF(fcntl, 1, F_GETPIPE_SZ));

static int seccomp_child(void)
{
	int rc;

	CHECK(1, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	rc = confine_seccomp(&test_calls, false);
	if (rc == -ENOTSUP)
		return SKIPPED;
	CHECK(2, rc > 20);
	CHECK(3, getppid() > 0);
	CHECK(4, error_of(getpgid(0)) == EPERM);
	/* By argument: one is in the table, the other in none. */
	CHECK(5, error_of(fcntl(0, F_GETPIPE_SZ)) != EPERM);
	CHECK(6, error_of(fcntl(0, F_SETOWN, 1)) == EPERM);
	CHECK(7, open_error("/etc/passwd", O_RDONLY) == EPERM);
	CHECK(8, error_of(kill(getppid(), 0)) == EPERM);
	return 0;
}

static int no_extra_child(void)
{
	CHECK(1, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	if (confine_seccomp(NULL, false) == -ENOTSUP)
		return SKIPPED;
	errno = 0;
	(void)!fcntl(0, F_GETPIPE_SZ);
	CHECK(2, errno == EPERM);
	return 0;
}

static void the_list_is_what_tables_say(void **state)
{
	in_child(seccomp_child);
}

static void what_a_driver_alone_needs_is_its_own(void **state)
{
	in_child(no_extra_child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(landlock_leaves_no_file),
		cmocka_unit_test(landlock_leaves_one_directory),
		cmocka_unit_test(namespaces_have_no_network_and_no_files),
		cmocka_unit_test(network_is_kept),
		cmocka_unit_test(privileges_are_gone),
		cmocka_unit_test(limits_are_hard),
		cmocka_unit_test(the_list_is_what_tables_say),
		cmocka_unit_test(what_a_driver_alone_needs_is_its_own),
	};

	return cmocka_run_group_tests_name("common-confine", tests, NULL, NULL);
}
