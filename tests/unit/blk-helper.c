// SPDX-License-Identifier: MIT
/* Programs that a backend asks: what they get, what they answer, and how long they may take. */
#include "config.h"
#include "backends/blk/helper.h"

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
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char out[64], why[256];

static int run(const char *script, int fd, unsigned timeout_ms)
{
	const char *const argv[] = { "sh", "-c", script, NULL };

	return helper_run(NULL, argv, fd, timeout_ms, out, sizeof(out), why, sizeof(why));
}

static void it_answers(void **state)
{
	assert_int_equal(run("echo hello", -1, 10000), 0);
	assert_string_equal(out, "hello\n");
	assert_int_equal(run("echo first >&2; echo 'the reason' >&2; exit 3", -1, 10000), -EIO);
	assert_string_equal(why, "the reason");
	assert_int_equal(run("kill -9 $$", -1, 10000), -EIO);
	assert_non_null(strstr(why, "without a reason"));
}

static void it_has_what_it_was_given_and_nothing_else(void **state)
{
	int left = open("/dev/null", O_RDONLY), other = dup2(left, 20), fds[2];

	assert_int_equal(other, 20);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "given\n", 6), 6);
	close(fds[1]);
	assert_int_equal(run("cat <&3; [ ! -e /proc/self/fd/20 ] || echo other", fds[0], 10000), 0);
	assert_string_equal(out, "given\n");
	assert_int_equal(run("[ ! -e /proc/self/fd/3 ] || echo three; [ ! -e /proc/self/fd/20 ] || echo other",
		-1, 10000), 0);
	assert_string_equal(out, "");
	close(fds[0]);
	close(left);
	close(other);
}

static void it_says_too_much(void **state)
{
	assert_int_equal(run("i=0; while [ $i -lt 100 ]; do echo line; i=$((i + 1)); done", -1, 10000), -EMSGSIZE);
	/* What fits to the byte is not too much. */
	assert_int_equal(run("printf %63s x", -1, 10000), 0);
	assert_int_equal(strlen(out), 63);
	assert_int_equal(run("printf %64s x", -1, 10000), -EMSGSIZE);
}

/* With what it started; nobody is left who holds the pipe, or it would not end before that. */
static void it_takes_too_long(void **state)
{
	assert_int_equal(run("sleep 1000", -1, 100), -ETIMEDOUT);
	assert_non_null(strstr(why, "did not answer"));
	assert_int_equal(run("sleep 1000 & exec sleep 1000", -1, 100), -ETIMEDOUT);
	assert_int_equal(run("exec >&- 2>&-; sleep 1000", -1, 100), -ETIMEDOUT);
}

static void it_is_not_there(void **state)
{
	const char *const argv[] = { "sluice-no-such-program", NULL };

	assert_true(helper_run(NULL, argv, -1, 1000, out, sizeof(out), why, sizeof(why)) < 0);
	assert_non_null(strstr(why, "sluice-no-such-program"));
}

static int keep(const char *script, unsigned timeout_ms, struct helper_kept *kept)
{
	const char *const argv[] = { "sh", "-c", script, NULL };

	why[0] = '\0';
	return helper_keep(NULL, argv, timeout_ms, out, sizeof(out), kept, why, sizeof(why));
}

static void one_that_stays_ends_when_it_is_told(void **state)
{
	struct helper_kept kept;
	char marker[] = "/tmp/sluice-helper-XXXXXX";
	int fd = mkstemp(marker);
	char script[200];

	snprintf(script, sizeof(script), "echo ready; head -c 1 >%s; sleep 0.2; echo done >>%s", marker, marker);
	assert_int_equal(keep(script, 10000, &kept), 0);
	assert_string_equal(out, "ready");
	/* Told, and waited for. */
	assert_int_equal(helper_end(&kept, true, 10000), 0);
	assert_int_equal(pread(fd, out, sizeof(out), 0), 6);
	assert_memory_equal(out, "edone\n", 6);
	/* A second time there is nobody to tell. */
	assert_int_equal(helper_end(&kept, true, 10000), 0);
	unlink(marker);
	close(fd);
}

static void one_that_stays_sees_that_we_are_gone(void **state)
{
	struct helper_kept kept;
	char marker[] = "/tmp/sluice-helper-XXXXXX";
	int fd = mkstemp(marker);
	char script[200];
	struct stat sb = { .st_size = 0 };

	snprintf(script, sizeof(script), "echo ready; cat >%s; echo gone >>%s", marker, marker);
	assert_int_equal(keep(script, 10000, &kept), 0);
	assert_int_equal(helper_end(&kept, false, 10000), 0);
	for (unsigned i = 0; i < 1000 && sb.st_size == 0; i++) {
		usleep(10000);
		assert_int_equal(fstat(fd, &sb), 0);
	}
	assert_int_equal(sb.st_size, 5); /* no "e" before it */
	unlink(marker);
	close(fd);
}

static void one_that_should_stay_does_not(void **state)
{
	struct helper_kept kept;

	assert_int_equal(keep("echo 'sh: error: the reason' >&2; exit 1", 10000, &kept), -EIO);
	assert_string_equal(why, "the reason");
	assert_int_equal(kept.out, -1);
	assert_int_equal(keep("exit 0", 10000, &kept), -EPROTO);
	assert_int_equal(keep("printf 'ready\\nand more'; sleep 100", 10000, &kept), -ETIMEDOUT);
	assert_int_equal(keep("sleep 100", 100, &kept), -ETIMEDOUT);
	assert_int_equal(keep("printf %100s x; sleep 100", 1000, &kept), -ETIMEDOUT);
	assert_int_equal(helper_end(&kept, true, 10000), 0);
}

static void one_that_does_not_end_is_left(void **state)
{
	struct helper_kept kept;

	assert_int_equal(keep("echo ready; exec sleep 5", 10000, &kept), 0);
	assert_int_equal(helper_end(&kept, true, 100), -ETIMEDOUT);
	kill(kept.pid, SIGKILL);
	waitpid(kept.pid, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_answers),
		cmocka_unit_test(it_has_what_it_was_given_and_nothing_else),
		cmocka_unit_test(it_says_too_much),
		cmocka_unit_test(it_takes_too_long),
		cmocka_unit_test(it_is_not_there),
		cmocka_unit_test(one_that_stays_ends_when_it_is_told),
		cmocka_unit_test(one_that_stays_sees_that_we_are_gone),
		cmocka_unit_test(one_that_should_stay_does_not),
		cmocka_unit_test(one_that_does_not_end_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
