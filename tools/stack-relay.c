// SPDX-License-Identifier: MIT
#include "config.h"
#include "tools/stack-relay.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "common/fdpass.h"
#include "common/log.h"
#include "common/servers-named.h"
#include "tools/arg-list.h"
#include "tools/stack-private.h"
#include "tools/stack-process.h"

/* Beside the sockets of servers: as much as programs have by default. */
#define FILES_BESIDE 1024u

bool stack_relay_wanted(const struct stack_process *p)
{
	return p->config->servers.servers.count > 0;
}

static void put_servers(const struct servers_named *n, struct arg_list *options)
{
	char text[SERVERS_FORMAT_MAX];

	for (unsigned i = 0; i < n->servers.count; i++) {
		servers_named_format(n, i, text, sizeof(text));
		arg_list_add(options, "--server=%s", text);
	}
}

void stack_relay_options(const struct stack_process *p, int fd, struct arg_list *options)
{
	put_servers(&p->config->servers, options);
	arg_list_add(options, "--servers-fd=%d", fd);
}

/* --- the sockets --------------------------------------------------------- */

/* Room for them, as far as it may be had. */
static void raise_limit(const struct stack *st)
{
	struct rlimit limit;
	rlim_t want = FILES_BESIDE;

	for (const struct stack_process *p = st->processes; p; p = p->next) {
		want += stack_relay_wanted(p) ? SERVERS_PORTS_MAX : 0;
		for (const struct stack_relay *r = p->more; r; r = r->next)
			want += SERVERS_PORTS_MAX;
	}
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= want)
		return;
	limit.rlim_cur = want < limit.rlim_max ? want : limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static void drop_sockets(struct stack_relay *relay)
{
	while (relay->nsockets)
		close(relay->sockets[--relay->nsockets]);
	free(relay->sockets);
	relay->sockets = NULL;
}

static int take_sockets(struct stack_process *p, struct stack_relay *relay, int fd, char *why, size_t room)
{
	unsigned n = SERVERS_PORTS_MAX;
	int *fds = calloc(n, sizeof(*fds)), rc;

	if (!fds)
		return stack_fail(why, room, -ENOMEM, "out of memory");
	raise_limit(p->st);
	rc = fd_recv_many(fd, fds, &n, STACK_START_MS);
	if (rc < 0) {
		free(fds);
		return rc == -EPIPE ? rc : stack_fail(why, room, rc, "the ways of %s to its servers are not made: %s",
			p->config->name, strerror(-rc));
	}
	drop_sockets(relay);
	relay->sockets = fds;
	relay->nsockets = n;
	return 0;
}

/* --- the relay ----------------------------------------------------------- */

/* Without the sockets. */
static void end_relay(struct stack_relay *relay)
{
	spawn_end(&relay->pid, 0);
	stack_unwatch(&relay->watch);
	if (relay->control >= 0)
		close(relay->control);
	relay->control = -1;
}

static pid_t spawn_relay(struct stack_process *p, const struct stack_relay *relay, int control, char *why, size_t room)
{
	CLEANUP_FREE char *path = stack_program("hypervisor/process", "sluice-relay", why, room);
	struct arg_list args = { .argc = 0 };
	struct spawn s = { .path = path, .keep = &control, .nkeep = 1, .daemon = true, .log = p->st->log_write };
	pid_t pid;

	if (!path)
		return -ENOENT;
	arg_list_add(&args, "sluice-relay");
	arg_list_add(&args, "--control-fd=%d", control);
	arg_list_add(&args, "--domain=%s", p->config->name);
	put_servers(relay->servers, &args);
	s.argv = args.argv;
	pid = args.failed ? -ENOMEM : spawn(&s);
	arg_list_free(&args);
	return pid > 0 ? pid : stack_fail(why, room, pid, "cannot start %s: %s", path, strerror(-pid));
}

static int not_served(struct stack_process *p, char *why, size_t room)
{
	char said[400];

	if (stack_log_catch(p->st, said, sizeof(said)))
		return stack_fail(why, room, -EIO, "the servers of %s are not reached: %s", p->config->name, said);
	return stack_fail(why, room, -EIO, "the servers of %s are not reached: sluice-relay ended at its start",
		p->config->name);
}

/* It says when it is ready, and confined. */
static int await_relay(struct stack_process *p, const struct stack_relay *relay, char *why, size_t room)
{
	struct pollfd pfd = { .fd = relay->control, .events = POLLIN };
	unsigned none = 0;
	int rc, said;

	do
		rc = poll(&pfd, 1, STACK_START_MS);
	while (rc < 0 && errno == EINTR);
	if (rc == 0)
		return stack_fail(why, room, -ETIMEDOUT, "sluice-relay was not ready within %u s",
			STACK_START_MS / 1000);
	if (rc < 0 || fd_recv(relay->control, &said, sizeof(said), NULL, &none) != sizeof(said))
		return not_served(p, why, room);
	return 0;
}

static int start_relay(struct stack_process *p, struct stack_relay *relay, char *why, size_t room)
{
	int pair[2];
	pid_t pid;
	int rc;

	end_relay(relay);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return stack_fail(why, room, -errno, "cannot make a socket: %m");
	relay->control = pair[0];
	pid = spawn_relay(p, relay, pair[1], why, room);
	close(pair[1]);
	if (pid < 0)
		return pid;
	relay->pid = pid;
	relay->watch = stack_watch(p->st, pid);
	rc = fd_send_many(relay->control, relay->sockets, relay->nsockets);
	return rc < 0 ? not_served(p, why, room) : await_relay(p, relay, why, room);
}

int stack_relay_start(struct stack_process *p, struct stack_relay *relay, int fd, char *why, size_t why_room)
{
	int rc = take_sockets(p, relay, fd, why, why_room);

	relay->ended = false;
	relay->revived = 0;
	return rc < 0 ? rc : start_relay(p, relay, why, why_room);
}

/* What has ended. */
static void say_end(const struct stack_process *p, int status, char *why, size_t room)
{
	if (WIFSIGNALED(status))
		snprintf(why, room, "the way of %s to its servers (sluice-relay) was ended by signal %d (%s)",
			p->config->name, WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(why, room, "the way of %s to its servers (sluice-relay) has ended", p->config->name);
}

static void check(struct stack_process *p, struct stack_relay *relay)
{
	int status = 0;
	char why[512];

	if (!relay->sockets || relay->ended || (relay->pid > 0 && !spawn_is_dead(relay->pid, &status)))
		return;
	say_end(p, status, why, sizeof(why));
	relay->pid = 0;
	if (!stack_may_revive(p->st, &relay->revived, &relay->revived_ms)) {
		relay->ended = true;
		end_relay(relay);
		log_err("%s, too often: it stays so%s%s%s", why, p->config->own ? "" : "; sluice reboot ",
			p->config->own ? "" : p->config->name, p->config->own ? "" : " starts it again");
		return;
	}
	log_warn("%s; it is started again", why);
	/* If that fails it is tried again the next time, as often as above. */
	if (start_relay(p, relay, why, sizeof(why)) < 0) {
		end_relay(relay);
		log_err("%s", why);
	}
}

void stack_relay_check(struct stack_process *p)
{
	check(p, &p->relay);
	for (struct stack_relay *relay = p->more; relay; relay = relay->next)
		check(p, relay);
}

void stack_relay_stop(struct stack_relay *relay)
{
	end_relay(relay);
	drop_sockets(relay);
}
