// SPDX-License-Identifier: MIT
/*
 * What the parts of a stack say goes through a pipe to our stderr, so that a reason
 * that the user is told anyway is not told twice, and no line tears a progress line.
 */
#include "config.h"
#include "tools/stack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "tools/stack-private.h"

/* Of the 64 KiB that a pipe holds. */
#define LOG_MUCH 32768

int stack_log_open(struct stack *st)
{
	int fds[2];

	/* Not even a full pipe may hold up a backend: it loses the line. */
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	st->log_read = fds[0];
	st->log_write = fds[1];
	return 0;
}

void stack_log_close(struct stack *st)
{
	stack_pump(st);
	if (st->log_read >= 0)
		close(st->log_read);
	if (st->log_write >= 0)
		close(st->log_write);
	st->log_read = st->log_write = -1;
}

void stack_log_known(struct stack *st, const char *text)
{
	snprintf(st->known, sizeof(st->known), "%s", text);
}

/* An error that somebody asked for is his to tell. */
static bool catch_line(struct stack *st, const char *line, size_t length)
{
	static const char mark[] = "error: ";
	const char *text = st->caught ? memmem(line, length, mark, strlen(mark)) : NULL;

	if (!text)
		return false;
	text += strlen(mark);
	length -= (size_t)(text - line);
	length -= length && text[length - 1] == '\n';
	snprintf(st->caught, st->caught_room, "%.*s", (int)length, text);
	return true;
}

/* A backend that a guest has taken over writes what it likes, and this may be root's terminal. */
static void make_printable(char *line, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)line[i];

		/* The second half are the control characters that UTF-8 has two bytes for. */
		if ((c < ' ' && c != '\t' && c != '\n') || c == 0x7f ||
			(c >= 0x80 && c < 0xa0 && i > 0 && (unsigned char)line[i - 1] == 0xc2))
			line[i] = '?';
	}
}

static void show_line(struct stack *st, char *line, size_t length)
{
	make_printable(line, length);
	if (catch_line(st, line, length))
		return;
	if (st->known[0] && memmem(line, length, st->known, strlen(st->known)))
		return;
	/* There is nowhere to report a stderr that cannot be written. */
	(void)!write(STDERR_FILENO, line, length);
}

/* Show the whole lines of the buffer; a line that fills it is shown in pieces. */
static void show_lines(struct stack *st)
{
	char *from = st->log, *end = st->log + st->log_used;
	char *newline;

	while ((newline = memchr(from, '\n', end - from))) {
		show_line(st, from, newline + 1 - from);
		from = newline + 1;
	}
	if (from == st->log && st->log_used == sizeof(st->log)) {
		show_line(st, from, st->log_used);
		from = end;
	}
	st->log_used = end - from;
	memmove(st->log, from, st->log_used);
}

/* Return: false when there was nothing, or there is no room. */
static bool take_some(struct stack *st)
{
	size_t room = sizeof(st->log) - st->log_used;
	ssize_t n;

	if (st->log_read < 0 || room == 0)
		return false;
	do
		n = read(st->log_read, st->log + st->log_used, room);
	while (n < 0 && errno == EINTR);
	st->log_used += n > 0 ? n : 0;
	return n > 0;
}

void stack_log_take(struct stack *st)
{
	while (take_some(st))
		;
}

void stack_log_show(struct stack *st)
{
	show_lines(st);
}

void stack_pump(struct stack *st)
{
	do
		show_lines(st);
	while (take_some(st));
}

bool stack_log_catch(struct stack *st, char *text, size_t room)
{
	text[0] = '\0';
	st->caught = text;
	st->caught_room = room;
	stack_pump(st);
	st->caught = NULL;
	return text[0];
}

void stack_pump_full(struct stack *st)
{
	int bytes = 0;

	if (st->log_read >= 0 && ioctl(st->log_read, FIONREAD, &bytes) == 0 && bytes > LOG_MUCH)
		stack_pump(st);
}

int stack_log_fd(const struct stack *st)
{
	return st->log_read;
}
