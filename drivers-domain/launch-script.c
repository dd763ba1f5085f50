// SPDX-License-Identifier: MIT
/* As in launch.c, between fork and exec only async-signal-safe functions are called. */
#include "config.h"
#include "drivers-domain/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define SCRIPT_ARGUMENTS 4

/* @out: what becomes its output. */
static void script_run(const char *path, char *const *argv, char *const *env, pid_t parent, int out)
{
	sigset_t none;
	int fd = open("/dev/null", O_RDONLY);

	(void)setpgid(0, 0);
	/* The next daemon runs it again: two at a time know nothing of each other. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		return;
	if (fd < 0 || dup2(fd, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0)
		return;
	if (close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
		return;
	(void)signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) == 0)
		execve(path, argv, env);
}

static pid_t script_start(const char *path, const char *const *arguments, char *const *env, int out)
{
	char *argv[SCRIPT_ARGUMENTS + 2] = { (char *)path };
	pid_t parent = getpid(), pid;

	for (unsigned i = 0; i < SCRIPT_ARGUMENTS && arguments[i]; i++)
		argv[i + 1] = (char *)arguments[i];
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		script_run(path, argv, env, parent, out);
		_exit(127);
	}
	/* Both do it: whoever comes first, there is a group to be killed. */
	(void)setpgid(pid, pid);
	return pid;
}

pid_t launch_script(const char *path, const char *const *arguments, char *const *env)
{
	return script_start(path, arguments, env, STDERR_FILENO);
}

pid_t launch_question(const char *path, const char *const *arguments, int *fd)
{
	int pipes[2];
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	(void)fcntl(pipes[0], F_SETFL, O_NONBLOCK); /* ours alone */
	pid = script_start(path, arguments, environ, pipes[1]);
	close(pipes[1]);
	if (pid < 0)
		close(pipes[0]);
	else
		*fd = pipes[0];
	return pid;
}
