// SPDX-License-Identifier: MIT
#include "config.h"
#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int saved_stderr, capture[2];
static char said[4096];

static int setup(void **state)
{
	if (pipe2(capture, O_CLOEXEC | O_NONBLOCK) < 0)
		return -1;
	saved_stderr = dup(STDERR_FILENO);
	log_init("test");
	log_set_level(LOG_LEVEL_WARN);
	log_set_device(NULL);
	return dup2(capture[1], STDERR_FILENO) < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	close(capture[0]);
	close(capture[1]);
	return 0;
}

/* What was written since the last call. */
static const char *output(void)
{
	ssize_t n = read(capture[0], said, sizeof(said) - 1);

	said[n > 0 ? n : 0] = '\0';
	return said;
}

static void test_form(void **state)
{
	log_err("broken: %d", 7);
	assert_string_equal(output(), "test: error: broken: 7\n");
	log_set_device("vbd/1/2");
	log_warn("odd");
	assert_string_equal(output(), "test[vbd/1/2]: warning: odd\n");
	log_set_level(LOG_LEVEL_INFO);
	log_info("good");
	assert_string_equal(output(), "test[vbd/1/2]: good\n");
}

static void test_levels(void **state)
{
	enum log_level level;

	log_info("hidden");
	log_debug("hidden");
	assert_string_equal(output(), "");
	assert_true(log_enabled(LOG_LEVEL_ERR));
	assert_false(log_enabled(LOG_LEVEL_INFO));
	assert_int_equal(log_level_parse("debug", &level), 0);
	assert_int_equal(level, LOG_LEVEL_DEBUG);
	assert_int_equal(log_level_parse("loud", &level), -EINVAL);
	assert_int_equal(log_level_parse("", &level), -EINVAL);
}

static void test_environment(void **state)
{
	setenv("SLUICE_LOG", "debug", 1);
	log_init("test");
	assert_true(log_enabled(LOG_LEVEL_DEBUG));
	log_set_level(LOG_LEVEL_WARN);
	setenv("SLUICE_LOG", "loud", 1);
	log_init("test");
	assert_non_null(strstr(output(), "SLUICE_LOG=loud"));
	assert_false(log_enabled(LOG_LEVEL_INFO));
	unsetenv("SLUICE_LOG");
}

/* A peer's text makes no second line and moves no cursor; other bytes stay. */
static void test_control_characters(void **state)
{
	log_err("%s", "a\ntest: error: forged\r\t\033[2J\177 \303\244\001");
	assert_string_equal(output(),
		"test: error: a?test: error: forged???[2J? \303\244?\n");
	log_set_device("evil\nname");
	log_err("x");
	assert_string_equal(output(), "test[evil?name]: error: x\n");
}

static void test_long_lines(void **state)
{
	char text[3000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_err("%s", text);
	output();
	assert_true(strlen(said) <= 1024);
	assert_int_equal(said[strlen(said) - 1], '\n');
	assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
	/* The longest that fits is whole. */
	text[900] = '\0';
	log_err("%s", text);
	assert_int_equal(strlen(output()), strlen("test: error: ") + 900 + 1);
}

static void test_errno_stays(void **state)
{
	errno = ERANGE;
	log_err("%s", "x");
	assert_int_equal(errno, ERANGE);
	/* Also when nobody can be told. */
	close(STDERR_FILENO);
	errno = ERANGE;
	log_err("%s", "x");
	assert_int_equal(errno, ERANGE);
	assert_int_equal(dup2(capture[1], STDERR_FILENO), STDERR_FILENO);
}

static void test_rate_limit(void **state)
{
	struct log_limit limit = { .burst = 3, .interval_ms = 3600 * 1000 };

	for (int i = 0; i < 10; i++)
		assert_int_equal(log_limit_ok(&limit), i < 3);
	assert_string_equal(output(), "");
	/* The interval passes. */
	limit.window_start_ms -= limit.interval_ms;
	assert_true(log_limit_ok(&limit));
	assert_string_equal(output(), "test: warning: 7 similar messages were left out\n");
	assert_true(log_limit_ok(&limit));
	assert_true(log_limit_ok(&limit));
	assert_false(log_limit_ok(&limit));
	/* With nothing left out nothing is said. */
	limit.left_out = 0;
	limit.window_start_ms -= limit.interval_ms;
	assert_true(log_limit_ok(&limit));
	assert_string_equal(output(), "");
}

static void test_die(void **state)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		die("no %s", "way");
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	assert_non_null(strstr(output(), "test: error: no way\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_form, setup, teardown),
		cmocka_unit_test_setup_teardown(test_levels, setup, teardown),
		cmocka_unit_test_setup_teardown(test_environment, setup, teardown),
		cmocka_unit_test_setup_teardown(test_control_characters, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_errno_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rate_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_die, setup, teardown),
	};

	unsetenv("SLUICE_LOG");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
