// SPDX-License-Identifier: MIT
/*
 * Ways to servers that disks need: a disk that names no driver domain is served by the stack's
 * own, which nobody configures. What listens there is made by a child that goes to its network.
 */
#include "config.h"
#include "tools/stack-relay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/servers-named.h"
#include "hypervisor/process/domain-listen.h"
#include "tools/disk-servers.h"
#include "tools/stack-net.h"
#include "tools/stack-private.h"
#include "tools/stack-process.h"

/* Whether it has a network of its own. Where it cannot it has the host's, and no need of a way. */
static bool has_own_network(const struct stack_process *p)
{
	pid_t pid = stack_process_first(p);
	struct stat ours, its;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	return pid && stat("/proc/self/ns/net", &ours) == 0 && stat(path, &its) == 0 &&
		(ours.st_ino != its.st_ino || ours.st_dev != its.st_dev);
}

/* --- the sockets --------------------------------------------------------- */

static _Noreturn void listen_child(const struct stack_process *p, const struct servers *s, int fd, int report)
{
	char failed[SERVERS_FORMAT_MAX] = "its network";
	int error = stack_network_enter(p);

	if (error == 0)
		error = domain_listen(s, fd, failed);
	if (error < 0)
		(void)!write(report, failed, strlen(failed));
	_exit(-error);
}

static int reap(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}

/* The sockets come to fds[0]. */
static int listen_there(struct stack_process *p, const struct servers *s, int fds[2], char *why, size_t room)
{
	char failed[SERVERS_FORMAT_MAX] = "";
	int report[2], error;
	pid_t pid;

	if (pipe2(report, O_CLOEXEC) < 0)
		return stack_fail(why, room, -errno, "cannot make a pipe: %m");
	pid = fork();
	if (pid == 0)
		listen_child(p, s, fds[1], report[1]);
	error = pid < 0 ? -errno : 0;
	close(report[1]);
	close(fds[1]);
	fds[1] = -1;
	if (pid > 0)
		error = reap(pid);
	if (error < 0 && read(report[0], failed, sizeof(failed) - 1) < 0)
		failed[0] = '\0';
	close(report[0]);
	return error == 0 ? 0 : stack_fail(why, room, error, "%s cannot be given a way to %s: %s%s",
		p->config->name, failed, strerror(-error),
		error == -EADDRINUSE ? ", by a disk that names other ports of it" : "");
}

static int start(struct stack_process *p, struct stack_relay *relay, char *why, size_t room)
{
	int fds[2], error;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return stack_fail(why, room, -errno, "cannot make a socket: %m");
	error = listen_there(p, &relay->servers->servers, fds, why, room);
	if (error == 0)
		error = stack_relay_start(p, relay, fds[0], why, room);
	close(fds[0]);
	return error;
}

int stack_relay_refill(struct stack_process *p, char *why, size_t why_room)
{
	int error = 0;

	for (struct stack_relay *relay = p->more; relay && error == 0; relay = relay->next)
		error = start(p, relay, why, why_room);
	return error;
}

/* --- whose they are ------------------------------------------------------ */

static bool same_servers(const struct servers *a, const struct servers *b)
{
	bool same = a->count == b->count;

	for (unsigned i = 0; same && i < a->count; i++)
		same = a->list[i].first == b->list[i].first && a->list[i].last == b->list[i].last &&
			memcmp(&a->list[i].address, &b->list[i].address, sizeof(a->list[i].address)) == 0;
	return same;
}

static void relay_free(struct stack_relay *relay)
{
	stack_relay_stop(relay);
	free((struct servers_named *)relay->servers);
	free(relay);
}

static void relay_drop(struct stack_relay *relay)
{
	struct stack_relay **at = &relay->owner->more;

	while (*at != relay)
		at = &(*at)->next;
	*at = relay->next;
	relay_free(relay);
}

/* Takes @n. */
static int relay_new(struct stack_process *p, struct attached *at, struct servers_named *n, char *why, size_t room)
{
	struct stack_relay *relay = calloc(1, sizeof(*relay));
	int error;

	if (!relay) {
		free(n);
		return stack_fail(why, room, -ENOMEM, "out of memory");
	}
	*relay = STACK_RELAY_NONE(n);
	relay->owner = p;
	relay->users = 1;
	relay->next = p->more;
	p->more = relay;
	error = start(p, relay, why, room);
	if (error < 0)
		relay_drop(relay);
	else
		at->relay = relay;
	return error;
}

/* Takes @n. */
static int allow_own(struct stack_process *p, struct attached *at, struct servers_named *n, char *why, size_t room)
{
	struct stack_relay *relay = p->more;

	while (relay && !same_servers(&relay->servers->servers, &n->servers))
		relay = relay->next;
	if (!relay)
		return relay_new(p, at, n, why, room);
	relay->users++;
	at->relay = relay;
	free(n);
	return 0;
}

/* The first of them that it was not given. */
static int allow_named(const struct stack_process *p, const struct servers_named *n, char *why, size_t room)
{
	const struct servers *has = &p->config->servers.servers;
	char text[SERVERS_FORMAT_MAX];

	for (unsigned i = 0; i < n->servers.count; i++) {
		const struct server *s = &n->servers.list[i];
		struct sockaddr_storage to;

		for (uint32_t port = s->first; port <= s->last; port++) {
			socklen_t length = servers_port(&n->servers, s, (uint16_t)port, &to);

			if (!length || servers_find(has, &to, length))
				continue;
			servers_named_format(n, i, text, sizeof(text));
			return stack_fail(why, room, -EACCES, "%s may not reach %s: name it in its configuration"
				" (servers=)", p->config->name, text);
		}
	}
	return 0;
}

/* By an interface, or in the host's network, it may reach what it likes. */
static bool needs_way(const struct stack_process *p)
{
	return p->config->own ? p->pid > 0 && has_own_network(p) : !p->config->ninterfaces;
}

int stack_relay_allow(struct stack_process *p, struct attached *at, char *why, size_t why_room)
{
	struct servers_named *n;
	int error;

	if (!needs_way(p))
		return 0;
	n = calloc(1, sizeof(*n));
	if (!n)
		return stack_fail(why, why_room, -ENOMEM, "out of memory");
	error = disk_servers(at->params, n, why, why_room);
	if (error == 0 && n->servers.count && p->config->own)
		return allow_own(p, at, n, why, why_room);
	if (error == 0)
		error = allow_named(p, n, why, why_room);
	free(n);
	return error;
}

void stack_relay_disallow(struct attached *at)
{
	struct stack_relay *relay = at->relay;

	at->relay = NULL;
	if (relay && --relay->users == 0)
		relay_drop(relay);
}

void stack_relay_end(struct stack_process *p)
{
	stack_relay_stop(&p->relay);
	for (struct stack_relay *relay = p->more; relay; relay = relay->next)
		stack_relay_stop(relay);
}

void stack_relay_forget(struct stack_process *p)
{
	while (p->more) {
		struct stack_relay *relay = p->more;

		p->more = relay->next;
		relay_free(relay);
	}
}
