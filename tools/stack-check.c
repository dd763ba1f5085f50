// SPDX-License-Identifier: MIT
/* Parts of a stack that end before their time: noticed, and started again. */
#include "config.h"
#include "tools/stack.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "tools/stack-private.h"
#include "tools/stack-process.h"
#include "tools/stack-vm.h"

bool stack_may_revive(struct stack *st, unsigned *revived, uint64_t *revived_ms)
{
	uint64_t now = stack_now_ms();

	if (!st->may_revive)
		return false;
	if (now - *revived_ms > STACK_REVIVE_MS)
		*revived = 0;
	*revived_ms = now;
	return (*revived)++ < STACK_REVIVALS;
}

static void say_end(const char *name, int status, char *why, size_t room)
{
	if (WIFSIGNALED(status))
		snprintf(why, room, "%s was ended by signal %d (%s)", name, WTERMSIG(status),
			strsignal(WTERMSIG(status)));
	else
		snprintf(why, room, "%s ended by itself with status %d", name, WEXITSTATUS(status));
}

/* Whether the part runs; else *@pid is 0 and @why says how it ended. */
static bool part_runs(pid_t *pid, const char *name, char *why, size_t room)
{
	int status;

	if (*pid > 0 && !spawn_is_dead(*pid, &status))
		return true;
	if (*pid > 0)
		say_end(name, status, why, room);
	else
		snprintf(why, room, "%s is not running", name);
	*pid = 0;
	return false;
}

static int check_store(struct stack *st, char *why, size_t room)
{
	bool ran = st->store > 0;

	if (part_runs(&st->store, "sluice-store", why, room))
		return 0;
	stack_unwatch(&st->store_watch);
	if (!ran || !stack_may_revive(st, &st->revived, &st->revived_ms))
		return -EPIPE;
	log_warn("%s; it is started again", why);
	return stack_revive_store(st, why, room) < 0 ? -EPIPE : 0;
}

/* Without one that was named its guests wait; without the stack's own there is no stack. */
static int check_processes(struct stack *st, char *why, size_t room)
{
	for (struct stack_process *p = st->processes; p; p = p->next) {
		bool had_ended = p->ended;

		if (stack_process_check(p, why, room) == 0)
			continue;
		if (p == st->storage)
			return -EPIPE;
		if (had_ended)
			continue;
		if (p->config->own)
			log_err("%s, too often: it stays so until a further interface is attached", why);
		else
			log_err("%s, too often: it stays so; sluice reboot %s starts it again", why,
				p->config->name);
	}
	return 0;
}

int stack_check(struct stack *st, char *why, size_t why_room)
{
	int error;

	if (!part_runs(&st->hypervisor, "sluice-hypervisor", why, why_room))
		return -EPIPE;
	error = check_store(st, why, why_room);
	return error == 0 ? check_processes(st, why, why_room) : error;
}

int stack_watch(struct stack *st, pid_t pid)
{
	struct epoll_event event = { .events = EPOLLIN };
	int fd = pidfd_open(pid, 0);

	/* Without it the part is looked at now and then all the same. */
	if (fd >= 0 && epoll_ctl(st->watch_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		stack_unwatch(&fd);
	return fd < 0 ? -1 : fd;
}

void stack_unwatch(int *watch)
{
	if (*watch >= 0)
		close(*watch);
	*watch = -1;
}

int stack_watch_fd(const struct stack *st)
{
	return st->watch_fd;
}

int stack_backend_check(struct stack *st, uint32_t domid, char *why, size_t why_room)
{
	struct stack_process *p = stack_process_of(st, domid);

	if (!p)
		return stack_vm_check(st, domid, why, why_room);
	return p->ended ? stack_fail(why, why_room, -EPIPE, "the driver domain %s has ended",
		p->config->name) : 0;
}
