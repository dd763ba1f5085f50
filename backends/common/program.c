// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/common/program.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/log.h"
#include "common/page-size.h"

struct program_signals {
	int fd;
	const struct program *program;
	void *device;
};

static void program_on_signal(void *opaque, uint32_t events)
{
	struct program_signals *s = opaque;
	struct signalfd_siginfo info;

	if (read(s->fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP)
		s->program->look(s->device);
	else
		s->program->stop(s->device);
}

static int program_take_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
		die("signals cannot be blocked");
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool program_ends_now;

/* Nothing is promised to a guest yet but what a journal has, and that outlives every end. */
static void program_end_now(int signal)
{
	_exit(0);
}

void program_may_end(bool may)
{
	struct sigaction action = { .sa_handler = program_end_now };
	sigset_t set;

	if (may == program_ends_now)
		return;
	program_ends_now = may;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	if (pthread_sigmask(may ? SIG_UNBLOCK : SIG_BLOCK, &set, NULL) != 0)
		die("signals cannot be blocked");
}

int program_run(const struct program *program, const void *options)
{
	struct program_signals s = { .fd = program_take_signals(), .program = program };
	struct loop *loop = loop_new();
	int status;

	if (!loop || s.fd < 0)
		die("no event loop: %s", strerror(errno));
	page_size_check();
	program_may_end(true);
	s.device = program->start(loop, options, &status);
	program_may_end(false);
	if (s.device) {
		if (!loop_add_fd(loop, s.fd, EPOLLIN, program_on_signal, &s))
			die("no event loop: %s", strerror(errno));
		status = loop_run(loop);
		if (status < 0)
			die("event loop: %s", strerror(-status));
	}
	program->free(s.device);
	loop_free(loop);
	close(s.fd);
	return status;
}

void program_name_device(const char *path)
{
	const char *name = strstr(path, "backend/");

	log_set_device(name ? name + strlen("backend/") : path);
}

/* Linux's backends count CPUs, too. */
unsigned program_cpus(unsigned most)
{
	cpu_set_t cpus;
	unsigned n = sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ? (unsigned)CPU_COUNT(&cpus) : 1;

	return n < most ? n : most;
}
