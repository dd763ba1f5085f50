// SPDX-License-Identifier: MIT
/* What the parts of a stack say is shown, and does nothing to the terminal. */
#include "config.h"
#include "tools/stack-private.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* What is shown of @said. */
static const char *shown(const char *said)
{
	struct stack *st = calloc(1, sizeof(*st));
	int fds[2], terminal = dup(STDERR_FILENO);
	static char text[4096];
	ssize_t n;

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
	close(fds[1]);
	assert_int_equal(stack_log_open(st), 0);
	assert_int_equal(write(st->log_write, said, strlen(said)), (ssize_t)strlen(said));
	stack_log_close(st);
	assert_int_equal(dup2(terminal, STDERR_FILENO), STDERR_FILENO);
	close(terminal);
	n = read(fds[0], text, sizeof(text) - 1);
	close(fds[0]);
	free(st);
	assert_true(n >= 0);
	text[n] = '\0';
	return text;
}

static void lines_are_shown(void **state)
{
	assert_string_equal(shown("one\nt\two\n"), "one\nt\two\n");
	assert_string_equal(shown("gr\xc3\xbc\xc3\x9f \xe2\x82\x80\n"), "gr\xc3\xbc\xc3\x9f \xe2\x82\x80\n");
}

static void a_terminal_is_told_nothing(void **state)
{
	assert_string_equal(shown("\x1b]0;title\a\x1b[2J\r\b\x7f\n"), "?]0;title??[2J???\n");
	/* CSI in one character. */
	assert_string_equal(shown("\xc2\x9b" "2J\n"), "\xc2?2J\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_shown),
		cmocka_unit_test(a_terminal_is_told_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
