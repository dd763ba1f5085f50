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
#include "tools/stack-net.h"
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

/* In the domain's network, in a process of its own. 0 or -errno. */
static int in_network(const struct stack_process *p, int (*fn)(const struct stack_process_config *c))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		int error = stack_network_enter(p);

		_exit(error < 0 ? -error : -fn(p->config));
	}
	if (pid < 0)
		return -errno;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}

/* The domain has no address there. Nothing is set that would stay when the host has it again. */
static int put_on(int nl, const struct stack_bridge *b)
{
	struct link_change change = { .quiet = true, .up = true };
	struct link_info bridge, info;
	int error = link_get(nl, b->name, &bridge);

	if (error == 0)
		error = link_get(nl, b->interface, &info);
	change.master = error == 0 ? bridge.index : 0;
	return error == 0 ? link_set(nl, info.index, &change) : error;
}

static int put_all_on(const struct stack_process_config *c)
{
	CLEANUP_CLOSE int nl = link_socket();
	int error = nl < 0 ? nl : 0;

	for (unsigned i = 0; i < c->nbridges && error == 0; i++)
		if (c->bridges[i].interface)
			error = put_on(nl, &c->bridges[i]);
	return error;
}

/* The last of the bridges, which sluice-domain-init makes when it starts, and what is on it. */
static int make_last(const struct stack_process_config *c)
{
	const struct link_change change = { .silent = true, .up = true };
	const struct stack_bridge *b = &c->bridges[c->nbridges - 1];
	CLEANUP_CLOSE int nl = link_socket();
	struct link_info info;
	int error = nl < 0 ? nl : link_add_bridge(nl, b->name);

	if (error == 0)
		error = link_get(nl, b->name, &info);
	if (error == 0)
		error = link_set(nl, info.index, &change);
	return error == 0 ? put_on(nl, b) : error;
}

static int give(struct stack_process *p, const char *name, int net, char *why, size_t room)
{
	int error = p->net >= 0 ? move_from(p->net, name, net) : move(name, net);

	if (error < 0)
		stack_fail(why, room, error, "interface %s cannot be given to %s: %s%s", name, p->config->name,
			strerror(-error), error == -ENODEV ? "; is it another domain's?" : "");
	return error;
}

static void keep_network(struct stack_process *p, int net)
{
	if (p->net >= 0)
		close(p->net);
	p->net = net;
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
	for (unsigned i = 0; i < c->ninterfaces && error == 0; i++)
		error = give(p, c->interfaces[i], net, why, why_room);
	keep_network(p, net);
	if (error < 0)
		return error;
	error = in_network(p, put_all_on);
	return error == 0 ? 0 : stack_fail(why, why_room, error, "the interfaces of %s cannot be put on its"
		" bridges: %s", c->name, strerror(-error));
}

int stack_process_connect(struct stack_process *p, char *why, size_t why_room)
{
	const struct stack_process_config *c = p->config;
	const struct stack_bridge *b = &c->bridges[c->nbridges - 1];
	int net = open_network(stack_process_first(p));
	int error = net < 0 ? stack_fail(why, why_room, net, "%s: its network cannot be found: %s", c->name,
		strerror(-net)) : move(b->interface, net);

	if (net < 0)
		return error;
	keep_network(p, net);
	if (error == 0)
		error = in_network(p, make_last);
	return error == 0 ? 0 : stack_fail(why, why_room, error, "%s cannot be put on the bridge %s of %s: %s",
		b->interface, b->name, c->name, strerror(-error));
}

static void take_back(const struct stack_process *p, const char *name, int home)
{
	int error = home < 0 ? home : move_from(p->net, name, home);

	/* One that was not given to it, or that it ended. */
	if (error < 0 && error != -ENODEV)
		log_err("interface %s of %s does not come back: %s", name, p->config->name, strerror(-error));
}

void stack_process_take_back(struct stack_process *p)
{
	const struct stack_process_config *c = p->config;
	CLEANUP_CLOSE int home = p->net < 0 || c->own ? -1 : open_network(getpid());

	/* Those of the stack's own ones were made for them, and end with their network. */
	if (p->net >= 0 && !c->own)
		for (unsigned i = 0; i < c->ninterfaces; i++)
			take_back(p, c->interfaces[i], home);
	keep_network(p, -1);
}
