// SPDX-License-Identifier: MIT
/* Paths of the host whose file system may have stopped to answer: a child asks. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/stack-private.h"

#define PATH_MS 5000
/* One that a server keeps does not end even then, and is left. */
#define PATH_KILLED_MS 500

/* Holds nothing of ours: who it waits for may never answer. */
static _Noreturn void ask(const char *path, int report)
{
	int error;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dup2(report, 0) < 0 || close_range(1, ~0u, 0) < 0)
		_exit(1);
	error = access(path, F_OK) < 0 ? -errno : 0;
	_exit(write(0, &error, sizeof(error)) != (ssize_t)sizeof(error));
}

bool stack_readable_within(int fd, unsigned ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t end = stack_now_ms() + ms, now;
	int n = 0;

	do {
		now = stack_now_ms();
		n = poll(&p, 1, now < end ? (int)(end - now) : 0);
	} while (n < 0 && errno == EINTR);
	return n > 0;
}

void stack_abandon(pid_t pid)
{
	uint64_t end = stack_now_ms() + PATH_KILLED_MS;
	int status;

	kill(pid, SIGKILL);
	while (!spawn_is_dead(pid, &status) && stack_now_ms() < end)
		stack_sleep_ms(5);
}

int stack_path_look(const char *path)
{
	int fds[2], error = -EIO;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		ask(path, fds[1]);
	if (pid < 0)
		error = -errno;
	close(fds[1]);
	if (pid > 0 && !stack_readable_within(fds[0], PATH_MS))
		error = -ETIMEDOUT;
	else if (pid > 0 && read(fds[0], &error, sizeof(error)) != (ssize_t)sizeof(error))
		error = -EIO;
	close(fds[0]);
	if (pid > 0)
		stack_abandon(pid);
	return error;
}
