// SPDX-License-Identifier: MIT
/*
 * The terminal: its other screen, no cursor, keys as they come. Whatever ends the program
 * by a signal that can be caught arrives as a descriptor, so that the way out is one.
 */
#include "config.h"
#include "tools/top.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>

struct top_terminal {
	struct termios before;
	sigset_t mask;
	int signals;
};

static void terminal_enter(struct top_terminal *t)
{
	struct termios raw = t->before;

	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	/* The other screen, cursor off. */
	fputs("\033[?1049h\033[?25l", stdout);
	fflush(stdout);
}

static void terminal_leave(struct top_terminal *t)
{
	fputs("\033[?25h\033[?1049l", stdout);
	fflush(stdout);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &t->before);
}

struct top_terminal *top_terminal_open(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH };
	struct top_terminal *t = calloc(1, sizeof(*t));
	sigset_t set;

	if (!t)
		return NULL;
	sigemptyset(&set);
	for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(&set, signals[i]);
	t->signals = -1;
	if (tcgetattr(STDIN_FILENO, &t->before) == 0 && sigprocmask(SIG_BLOCK, &set, &t->mask) == 0)
		t->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (t->signals < 0) {
		free(t);
		return NULL;
	}
	terminal_enter(t);
	return t;
}

void top_terminal_close(struct top_terminal *t)
{
	if (!t)
		return;
	terminal_leave(t);
	close(t->signals);
	sigprocmask(SIG_SETMASK, &t->mask, NULL);
	free(t);
}

struct top_size top_terminal_size(void)
{
	struct winsize w = { 0 };

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) < 0)
		return (struct top_size){ 0, 0 };
	return (struct top_size){ w.ws_col, w.ws_row };
}

/* Ctrl-Z: the shell finds its terminal as it was. */
static void terminal_suspend(struct top_terminal *t)
{
	sigset_t stop;

	terminal_leave(t);
	sigemptyset(&stop);
	sigaddset(&stop, SIGTSTP);
	raise(SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &stop, NULL);
	/* Stopped above, until SIGCONT. */
	sigprocmask(SIG_BLOCK, &stop, NULL);
	terminal_enter(t);
}

static enum top_event on_signal(struct top_terminal *t)
{
	struct signalfd_siginfo info;

	if (read(t->signals, &info, sizeof(info)) != sizeof(info))
		return TOP_REFRESH;
	if (info.ssi_signo == SIGTSTP)
		terminal_suspend(t);
	return info.ssi_signo == SIGTSTP || info.ssi_signo == SIGWINCH ? TOP_REFRESH : TOP_QUIT;
}

enum top_event top_terminal_wait(struct top_terminal *t, double seconds)
{
	struct pollfd p[2] = { { .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = t->signals, .events = POLLIN } };
	int n = poll(p, 2, (int)ceil(seconds * 1000));
	char key = 0;

	if (n <= 0)
		return n < 0 && errno != EINTR ? TOP_QUIT : TOP_REFRESH;
	if (p[1].revents)
		return on_signal(t);
	/* Nothing to read where there was something: the terminal is gone. */
	if (read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q')
		return TOP_QUIT;
	return TOP_REFRESH;
}
