// SPDX-License-Identifier: MIT
/*
 * The stack of sluice create: one per user, a process of its own that is started for the
 * first vm and ends with the last one.
 */
#include "config.h"
#include "tools/client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "tools/rundir.h"
#include "tools/sluice.h"

/* More than all parts of a stack may take to start. */
#define START_MS 120000

struct stack_search {
	char *dir;
	size_t room;
	int error;
};

static int is_stack(const char *dir, void *opaque)
{
	struct stack_search *s = opaque;
	char path[140], reply[BOOT_MESSAGE_MAX];
	enum boot_answer answer;

	/* No other has a log, so that others may be silent. */
	if ((size_t)snprintf(path, sizeof(path), "%s/" BOOT_LOG, dir) >= sizeof(path) || access(path, F_OK) < 0)
		return 0;
	answer = client_look(dir, "kind", reply);
	if (answer != BOOT_SILENT && (answer != BOOT_OK || strcmp(reply, "keep\n") != 0))
		return 0;
	snprintf(s->dir, s->room, "%s", dir);
	s->error = answer == BOOT_SILENT ? -ETIMEDOUT : 0;
	return s->error == 0;
}

int client_stack(char *dir, size_t room)
{
	struct stack_search s = { .dir = dir, .room = room, .error = -ENOENT };

	rundir_each(is_stack, &s);
	return s.error;
}

/* In the child: this program again, away from the terminal. */
static _Noreturn void become(int ready)
{
	char arg[32];
	char *argv[] = { (char *)"sluice", (char *)"stack", arg, NULL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	snprintf(arg, sizeof(arg), "--ready-fd=%d", ready);
	setsid();
	/* Standard error is ours until it is ready, for what may go wrong. */
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
		fcntl(ready, F_SETFD, 0) < 0 || chdir("/") < 0)
		_exit(1);
	execv("/proc/self/exe", argv);
	log_err("cannot run /proc/self/exe: %s", strerror(errno));
	_exit(1);
}

static int spawn_stack(void)
{
	struct pollfd p = { .events = POLLIN };
	int fds[2];
	char byte;
	pid_t pid;
	ssize_t n = -1;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		become(fds[1]);
	close(fds[1]);
	p.fd = fds[0];
	if (pid > 0 && poll(&p, 1, START_MS) > 0)
		n = read(fds[0], &byte, 1);
	close(fds[0]);
	if (n == 1)
		return 0;
	/* It has said why. */
	if (pid > 0)
		(void)waitpid(pid, NULL, WNOHANG);
	return -EIO;
}

int client_stack_start(char *dir, size_t room)
{
	struct rundir_lock lock;
	int error = rundir_lock(&lock);

	if (error < 0) {
		log_err("cannot make a run directory in XDG_RUNTIME_DIR, /dev/shm or /tmp: %s",
			strerror(-error));
		return error;
	}
	error = client_stack(dir, room);
	if (error == -ENOENT) {
		error = spawn_stack();
		if (error == 0)
			error = client_stack(dir, room);
		if (error < 0)
			log_err("the stack for your vms did not start");
	} else if (error == -ETIMEDOUT) {
		/* One that is busy has the request when its turn comes. A second one would hide its vms. */
		log_warn("waiting for it");
		error = 0;
	}
	rundir_unlock(&lock);
	return error;
}

int verb_stack(int argc, char **argv)
{
	struct boot_options *o = calloc(1, sizeof(*o));
	int fd = -1, status;

	if (argc != 2 || sscanf(argv[1], "--ready-fd=%d", &fd) != 1 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
		printf("Usage: sluice stack --ready-fd=N\nsluice create starts it: the process that keeps vms\n");
		free(o);
		return argc == 2 && strcmp(argv[1], "--help") == 0 ? 0 : 1;
	}
	if (!o)
		return 1;
	o->keep = true;
	o->ready_fd = fd;
	status = boot_run(o);
	free(o);
	return status;
}
