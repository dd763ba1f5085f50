// SPDX-License-Identifier: MIT
/* Children of the toolstack: they die with it and see only what they are given. */
#include "config.h"
#include "tools/stack-private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

uint64_t stack_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ull + ts.tv_nsec / 1000000;
}

void stack_sleep_ms(unsigned ms)
{
	struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000l };

	nanosleep(&ts, NULL);
}

static bool same_name(const char *a, const char *b)
{
	size_t n = strcspn(a, "=");

	return strncmp(a, b, n) == 0 && (b[n] == '=' || b[n] == '\0');
}

/* Our environment with @over's pairs in place of those of the same name. */
static char **merge_env(const char *const *over)
{
	unsigned have = 0, more = 0, n = 0;
	char **env;

	while (environ && environ[have])
		have++;
	while (over && over[more])
		more++;
	env = calloc(have + more + 1, sizeof(*env));
	if (!env)
		return NULL;
	for (unsigned i = 0; i < have; i++) {
		unsigned j;

		for (j = 0; j < more && !same_name(environ[i], over[j]); j++)
			;
		if (j == more)
			env[n++] = environ[i];
	}
	for (unsigned j = 0; j < more; j++)
		env[n++] = (char *)over[j];
	return env;
}

static int set_descriptors(const struct spawn *s)
{
	if (s->daemon) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		if (null < 0)
			return -errno;
		if (dup2(null, STDIN_FILENO) < 0 || dup2(s->log, STDOUT_FILENO) < 0 ||
			dup2(s->log, STDERR_FILENO) < 0)
			return -errno;
	}
	if (!s->keep_all && close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
		return -errno;
	for (unsigned i = 0; i < s->nkeep; i++)
		if (fcntl(s->keep[i], F_SETFD, 0) < 0)
			return -errno;
	return 0;
}

/* In the child: become the program or say why not through @report. */
static _Noreturn void become(const struct spawn *s, char **env, pid_t parent, int report)
{
	sigset_t none;
	int error;

	sigemptyset(&none);
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* The parent may have died before the line above. */
	if (getppid() != parent)
		_exit(127);
	if (s->daemon || s->session)
		setsid();
	error = set_descriptors(s);
	if (error == 0) {
		execve(s->path, s->argv, env);
		error = -errno;
	}
	(void)!write(report, &error, sizeof(error));
	_exit(127);
}

pid_t spawn(const struct spawn *s)
{
	CLEANUP_FREE char **env = merge_env(s->env);
	pid_t parent = getpid();
	int fds[2], error = 0;
	pid_t pid;

	if (!env)
		return -ENOMEM;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		become(s, env, parent, fds[1]);
	if (pid < 0)
		error = -errno;
	close(fds[1]);
	while (pid > 0 && read(fds[0], &error, sizeof(error)) < 0 && errno == EINTR)
		;
	close(fds[0]);
	if (error < 0 && pid > 0)
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	return error < 0 ? error : pid;
}

bool spawn_is_dead(pid_t pid, int *status)
{
	pid_t r;

	do
		r = waitpid(pid, status, WNOHANG);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		*status = 0;
	return r != 0;
}

static bool gone_within(pid_t pid, unsigned ms)
{
	uint64_t end = stack_now_ms() + ms;
	unsigned pause = 1;
	int status;

	while (!spawn_is_dead(pid, &status)) {
		if (stack_now_ms() >= end)
			return false;
		stack_sleep_ms(pause);
		if (pause < 16)
			pause *= 2;
	}
	return true;
}

void spawn_end(pid_t *pid, unsigned grace_ms)
{
	if (*pid <= 0)
		return;
	if (grace_ms && kill(*pid, SIGTERM) == 0 && gone_within(*pid, grace_ms)) {
		*pid = 0;
		return;
	}
	kill(*pid, SIGKILL);
	while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR)
		;
	*pid = 0;
}
