// SPDX-License-Identifier: MIT
/* CPU time of a stack's processes, from /proc. */
#include "config.h"
#include "tools/stack.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/stack-private.h"
#include "tools/stack-process.h"

struct proc {
	pid_t pid, parent;
	double seconds;
	char name[16];
};

/* One process; false when it is gone. Its threads, io_uring's workers too, are counted. */
static bool read_proc(pid_t pid, struct proc *proc)
{
	unsigned long long user, system;
	char path[64], text[512];
	CLEANUP_CLOSE int fd = -1;
	char *open_paren, *close_paren;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return false;
	text[n] = '\0';
	open_paren = strchr(text, '(');
	close_paren = strrchr(text, ')');
	if (!open_paren || !close_paren)
		return false;
	*close_paren = '\0';
	snprintf(proc->name, sizeof(proc->name), "%s", open_paren + 1);
	if (sscanf(close_paren + 1, " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu",
			&proc->parent, &user, &system) != 3)
		return false;
	proc->pid = pid;
	proc->seconds = (double)(user + system) / sysconf(_SC_CLK_TCK);
	return true;
}

static double seconds_of(pid_t pid)
{
	struct proc proc;

	return pid > 0 && read_proc(pid, &proc) ? proc.seconds : 0;
}

/* Whether @pid descends from @ancestor; a chain is short. */
static bool descends(pid_t pid, pid_t ancestor)
{
	struct proc proc;

	for (unsigned i = 0; i < 16 && pid > 1; i++) {
		if (pid == ancestor)
			return true;
		if (!read_proc(pid, &proc))
			return false;
		pid = proc.parent;
	}
	return false;
}

void stack_get_cpu(const struct stack *st, struct stack_cpu *cpu)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;
	struct proc proc;

	*cpu = (struct stack_cpu){ .hypervisor = seconds_of(st->hypervisor),
		.store = seconds_of(st->store) };
	while (dir && (e = readdir(dir))) {
		if (!isdigit((unsigned char)e->d_name[0]) || !read_proc(atoi(e->d_name), &proc))
			continue;
		if (strncmp(proc.name, "sluice-", 7) != 0 || !descends(proc.pid, st->storage->pid))
			continue;
		if (strcmp(proc.name, "sluice-blk") == 0)
			cpu->backend += proc.seconds;
		else
			cpu->daemon += proc.seconds;
	}
	if (dir)
		closedir(dir);
}
