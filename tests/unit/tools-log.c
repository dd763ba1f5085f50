// SPDX-License-Identifier: MIT
/* What the parts of a stack say is shown, and does nothing to the terminal. */
#include "config.h"
#include "tools/stack-private.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void say(struct stack *st, const char *said)
{
	assert_int_equal(write(st->log_write, said, strlen(said)), (ssize_t)strlen(said));
}

/* What @show shows of a stack whose parts said @said. */
static const char *shown_by(void (*show)(struct stack *st), const char *said)
{
	struct stack *st = calloc(1, sizeof(*st));
	int fds[2], terminal = dup(STDERR_FILENO);
	static char text[4096];
	ssize_t n;

	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	assert_int_equal(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
	close(fds[1]);
	assert_int_equal(stack_log_open(st), 0);
	say(st, said);
	show(st);
	n = read(fds[0], text, sizeof(text) - 1);
	stack_log_close(st);
	assert_int_equal(dup2(terminal, STDERR_FILENO), STDERR_FILENO);
	close(terminal);
	close(fds[0]);
	free(st);
	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static const char *shown(const char *said)
{
	return shown_by(stack_log_close, said);
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

/* The part wrote the reason, then its line; the reason was found after the line was taken. */
static void find_a_reason(struct stack *st)
{
	stack_log_take(st);
	stack_log_known(st, "no such driver");
	stack_log_show(st);
}

static void a_reason_found_after_the_line_was_taken_is_not_shown_twice(void **state)
{
	assert_string_equal(shown_by(find_a_reason, "blk: error: no such driver\nother\n"), "other\n");
}

/* Whoever looked before the second was said cannot know its reason. */
static void look_too_early(struct stack *st)
{
	stack_log_take(st);
	say(st, "second\n");
	stack_log_show(st);
}

static void only_what_was_taken_is_shown(void **state)
{
	assert_string_equal(shown_by(look_too_early, "first\n"), "first\n");
}

static void take_much(struct stack *st)
{
	stack_log_take(st);
	stack_log_take(st);
	stack_pump(st);
}

static void more_than_there_is_room_for_waits(void **state)
{
	char said[4000];

	memset(said, 'x', sizeof(said));
	for (unsigned i = 99; i < sizeof(said); i += 100)
		said[i] = '\n';
	said[sizeof(said) - 1] = '\0';
	assert_int_equal(strlen(shown_by(take_much, said)), 3900);
	assert_int_equal(strlen(shown(said)), 3900);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_shown),
		cmocka_unit_test(a_terminal_is_told_nothing),
		cmocka_unit_test(a_reason_found_after_the_line_was_taken_is_not_shown_twice),
		cmocka_unit_test(only_what_was_taken_is_shown),
		cmocka_unit_test(more_than_there_is_room_for_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
