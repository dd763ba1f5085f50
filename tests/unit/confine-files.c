// SPDX-License-Identifier: MIT
/*
 * What stands in for files once a program is confined. Here "confined" is a function that says so:
 * what is asked is whether the program's own open64() and others answer, and for what.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/confine-files.h"
#include "common/confine.h"

static bool confined;

bool confine_is_done(void)
{
	return confined;
}

/* As libraries with 64-bit offsets call them. */
int open64_(const char *path, int flags, ...) __asm__("open64");
int openat64_(int dir, const char *path, int flags, ...) __asm__("openat64");
int mkstemp64_(char *template) __asm__("mkstemp64");
int stat64_(const char *path, struct stat *sb) __asm__("stat64");

static bool is_null(int fd)
{
	struct stat sb, null;
	bool same = fd >= 0 && fstat(fd, &sb) == 0 && stat("/dev/null", &null) == 0 && sb.st_rdev == null.st_rdev;

	if (fd >= 0)
		close(fd);
	return same;
}

static void without_confinement_all_is_as_ever(void **state)
{
	char name[] = "/tmp/sluice-confine-files-XXXXXX";
	struct stat sb, of_name;
	int fd;

	assert_int_equal(confine_files_prepare(), 0);
	fd = mkstemp64_(name);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &sb), 0);
	assert_int_equal(stat64_(name, &of_name), 0);
	assert_int_equal(sb.st_ino, of_name.st_ino);
	close(fd);
	fd = open64_(name, O_RDONLY);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(unlink(name), 0);
	assert_int_equal(open64_(name, O_RDONLY), -1);
	assert_int_equal(errno, ENOENT);
	assert_true(is_null(open64_("/dev/null", O_RDWR)));
	assert_int_equal(mkdir("/tmp", 0700), -1);
	assert_int_equal(errno, EEXIST);
}

static void confined_the_few_are_answered_for(void **state)
{
	char name[] = "/no-such-place/XXXXXX";
	char text[4] = "";
	struct stat sb;
	int fd;

	assert_int_equal(confine_files_prepare(), 0);
	confined = true;
	assert_true(is_null(open64_("/dev/null", O_WRONLY | O_CREAT | O_APPEND, 0600)));
	assert_true(is_null(openat64_(AT_FDCWD, "/dev/null", O_RDWR)));
	assert_int_equal(mkdir("/dev", 0755), -1);
	assert_int_equal(errno, EEXIST);
	assert_int_equal(stat64_("/dev/", &sb), 0);
	assert_true(S_ISDIR(sb.st_mode));
	fd = mkstemp64_(name);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "abc", 3), 3);
	assert_int_equal(pread(fd, text, 3, 0), 3);
	assert_string_equal(text, "abc");
	close(fd);
	assert_int_equal(pthread_setname_np(pthread_self(), "a name that is much too long for one"), 0);
	confined = false;
}

/* The rest is the kernel's to refuse: nothing is made up. */
static void confined_others_are_not(void **state)
{
	struct stat sb;

	assert_int_equal(confine_files_prepare(), 0);
	confined = true;
	assert_int_equal(open64_("/dev/none", O_RDONLY), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(openat64_(AT_FDCWD, "/dev//null/x", O_RDONLY), -1);
	assert_int_equal(stat64_("/dev/none", &sb), -1);
	assert_int_equal(mkdir("/no-such-place/x", 0700), -1);
	assert_int_equal(errno, ENOENT);
	confined = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_confinement_all_is_as_ever),
		cmocka_unit_test(confined_the_few_are_answered_for),
		cmocka_unit_test(confined_others_are_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
