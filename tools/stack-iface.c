// SPDX-License-Identifier: MIT
/*
 * Network interfaces of the host in a process driver domain. While they are there a
 * descriptor of its network namespace is kept: with the namespace, interfaces that are no
 * hardware would end, too.
 */
#include "config.h"
#include "tools/stack-process.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/net/link.h"
#include "common/log.h"
#include "tools/stack-private.h"

pid_t stack_process_first(const struct stack_process *p)
{
	char path[64];
	int pid = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", p->pid, p->pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%d", &pid) != 1)
		pid = 0;
	fclose(f);
	return pid;
}

static int open_network(pid_t pid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	fd = pid ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	return fd >= 0 ? fd : pid ? -errno : -ESRCH;
}

/* Of this network namespace to that one. */
static int move(const char *name, int to)
{
	const struct link_change change = { .netns = to };
	CLEANUP_CLOSE int nl = link_socket();
	struct link_info info;
	int error = nl < 0 ? nl : link_get(nl, name, &info);

	return error == 0 ? link_set(nl, info.index, &change) : error;
}

/* The same from another namespace: a process that goes there. */
static int move_from(int from, const char *name, int to)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(setns(from, CLONE_NEWNET) < 0 ? errno : -move(name, to));
	if (pid < 0)
		return -errno;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}

int stack_process_give(struct stack_process *p, char *why, size_t why_room)
{
	const struct stack_process_config *c = p->config;
	int net = c->ninterfaces ? open_network(stack_process_first(p)) : -1;
	int error = 0;

	if (!c->ninterfaces)
		return 0;
	if (net < 0)
		return stack_fail(why, why_room, net, "%s: its network cannot be found: %s", c->name,
			strerror(-net));
	for (unsigned i = 0; i < c->ninterfaces && error == 0; i++) {
		error = p->net >= 0 ? move_from(p->net, c->interfaces[i], net) : move(c->interfaces[i], net);
		if (error < 0)
			stack_fail(why, why_room, error, "interface %s cannot be given to %s: %s%s",
				c->interfaces[i], c->name, strerror(-error),
				error == -ENODEV ? "; is it another domain's?" : "");
	}
	if (p->net >= 0)
		close(p->net);
	p->net = net;
	return error;
}

void stack_process_take_back(struct stack_process *p)
{
	const struct stack_process_config *c = p->config;
	CLEANUP_CLOSE int home = p->net < 0 ? -1 : open_network(getpid());

	for (unsigned i = 0; i < c->ninterfaces && p->net >= 0; i++) {
		int error = home < 0 ? home : move_from(p->net, c->interfaces[i], home);

		/* One that was not given to it, or that it ended. */
		if (error < 0 && error != -ENODEV)
			log_err("interface %s of %s does not come back: %s", c->interfaces[i], c->name,
				strerror(-error));
	}
	if (p->net >= 0)
		close(p->net);
	p->net = -1;
}
