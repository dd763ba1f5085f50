// SPDX-License-Identifier: MIT
/* The stack's own network driver domains; see stack-net.h. */
#include "config.h"
#include "tools/stack-net.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/nsfs.h>

#include "tools/stack-bridge.h"
#include "tools/stack-private.h"
#include "tools/stack-process.h"

/* The one that there is of that name, or a new one. */
static struct stack_process *make(struct stack *st, const struct stack_process_config *config, char *why,
	size_t room)
{
	struct stack_process *p = st->processes;

	while (p && (!p->config->own || strcmp(p->config->name, config->name) != 0))
		p = p->next;
	/* It ended so often that it was left so. */
	if (p && p->ended && stack_process_restart(p, why, room) < 0) {
		errno = EPIPE;
		return NULL;
	}
	return p ? p : stack_process_create(st, config, why, room);
}

struct stack_process *stack_network(struct stack *st, char *why, size_t why_room)
{
	if (!st->network)
		st->network = stack_network_new();
	if (!st->network) {
		stack_fail(why, why_room, -ENOMEM, "out of memory");
		errno = ENOMEM;
		return NULL;
	}
	return make(st, stack_network_config(st->network), why, why_room);
}

struct stack_process *stack_user_network(struct stack *st, char *why, size_t why_room)
{
	static const struct stack_process_config config = {
		.name = "user-network",
		.own = true,
		.host_network = true,
		.paths = { { "/etc/resolv.conf", true } },
		.npaths = 1,
	};
	static const struct stack_process_config without_names = {
		.name = "user-network",
		.own = true,
		.host_network = true,
	};

	/* Where there is none guests have no name server, which the backend says. */
	return make(st, access(config.paths[0].path, R_OK) == 0 ? &config : &without_names, why, why_room);
}

int stack_network_enter(const struct stack_process *p)
{
	CLEANUP_CLOSE int net = -1, user = -1;
	pid_t pid = stack_process_first(p);
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	net = pid ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (net < 0)
		return pid ? -errno : -ESRCH;
	/* Its owner, which is not where the domain's processes are. Without user namespaces: ours. */
	user = ioctl(net, NS_GET_USERNS);
	if (user >= 0 && setns(user, CLONE_NEWUSER) < 0 && errno != EINVAL)
		return -errno;
	return setns(net, CLONE_NEWNET) < 0 ? -errno : 0;
}
