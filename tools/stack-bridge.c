// SPDX-License-Identifier: MIT
#include "config.h"
#include "tools/stack-bridge.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/net/link.h"
#include "tools/stack-net.h"
#include "tools/stack-private.h"
#include "tools/stack-process.h"

struct stack_own_network {
	struct stack_process_config config;
	char bridges[STACK_PROCESS_INTERFACES][IFNAMSIZ];
	char inside[STACK_PROCESS_INTERFACES][IFNAMSIZ]; /* the cables' ends in the domain */
};

struct stack_own_network *stack_network_new(void)
{
	struct stack_own_network *n = calloc(1, sizeof(*n));

	if (n)
		n->config = (struct stack_process_config){
			.name = "network",
			.own = true,
			.paths = { { "/dev/net/tun", false } },
			.npaths = 1,
		};
	return n;
}

const struct stack_process_config *stack_network_config(const struct stack_own_network *network)
{
	return &network->config;
}

/* Whether an interface of that name is in the domain's network; -errno: it cannot be seen. */
static int is_inside(const struct stack_process *p, const char *name)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		struct link_info info;
		int error = stack_network_enter(p);
		int nl = error < 0 ? error : link_socket();

		error = nl < 0 ? nl : link_get(nl, name, &info);
		_exit(-error);
	}
	if (pid < 0)
		return -errno;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status))
		return -EINTR;
	return WEXITSTATUS(status) == ENODEV ? 0 : WEXITSTATUS(status) ? -WEXITSTATUS(status) : 1;
}

static int fail_bridge(char *why, size_t room, const char *name, int error)
{
	static const char other[] = "or leave bridge= out for a network that needs no privilege";

	if (error == -ENODEV)
		return stack_fail(why, room, error, "the host has no bridge %s: make it (ip link add %s type"
			" bridge; ip link set %s up), %s", name, name, name, other);
	if (error == -EPERM)
		return stack_fail(why, room, error, "bridge %s: only root connects guests to the host's bridges;"
			" name a driver domain that has one by backend=, %s", name, other);
	return stack_fail(why, room, error, "bridge %s of the host cannot be reached: %s", name, strerror(-error));
}

/* A cable whose one end is on the host's bridge. */
static int lay_cable(const char *bridge, const char *outside, const char *inside)
{
	struct link_change change = { .alias = LINK_ALIAS, .silent = true, .up = true };
	CLEANUP_CLOSE int nl = link_socket();
	struct link_info on, info;
	int error = nl < 0 ? nl : link_get(nl, bridge, &on);

	if (error == 0 && strcmp(on.kind, "bridge") != 0)
		error = -ENODEV;
	if (error == 0)
		error = link_add_veth(nl, outside, inside);
	if (error < 0)
		return error;
	error = link_get(nl, inside, &info);
	if (error == 0)
		error = link_set(nl, info.index, &(struct link_change){ .mtu = on.mtu, .alias = LINK_ALIAS });
	if (error == 0)
		error = link_get(nl, outside, &info);
	change.master = on.index;
	change.mtu = on.mtu;
	return error == 0 ? link_set(nl, info.index, &change) : error;
}

static void take_up_cable(const char *outside)
{
	CLEANUP_CLOSE int nl = link_socket();
	struct link_info info;

	if (nl >= 0 && link_get(nl, outside, &info) == 0)
		(void)!link_delete(nl, info.index);
}

static int connect_bridge(struct stack_own_network *n, struct stack_process *p, const char *name, char *why,
	size_t room)
{
	struct stack_process_config *c = &n->config;
	unsigned at = c->nbridges;
	char outside[IFNAMSIZ];
	int error;

	snprintf(n->bridges[at], IFNAMSIZ, "%s", name);
	snprintf(n->inside[at], IFNAMSIZ, "slu%d.%u", getpid(), at);
	snprintf(outside, IFNAMSIZ, "slb%d.%u", getpid(), at);
	error = lay_cable(name, outside, n->inside[at]);
	if (error < 0) {
		take_up_cable(outside);
		return fail_bridge(why, room, name, error);
	}
	c->bridges[c->nbridges++] = (struct stack_bridge){ n->bridges[at], n->inside[at] };
	c->interfaces[c->ninterfaces++] = n->inside[at];
	error = stack_process_connect(p, why, room);
	if (error == 0)
		return 0;
	c->nbridges--;
	c->ninterfaces--;
	take_up_cable(outside);
	return error;
}

int stack_bridge_reach(struct stack_process *p, const char *name, char *why, size_t why_room)
{
	struct stack_own_network *n = p->st->network;
	int there = is_inside(p, name);

	if (there > 0)
		return 0;
	if (there < 0)
		return stack_fail(why, why_room, there, "the network of the %s domain cannot be entered: %s",
			p->config->name, strerror(-there));
	if (n->config.nbridges == STACK_PROCESS_INTERFACES)
		return stack_fail(why, why_room, -E2BIG, "at most %u bridges of the host in a stack",
			STACK_PROCESS_INTERFACES);
	return connect_bridge(n, p, name, why, why_room);
}
