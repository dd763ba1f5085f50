// SPDX-License-Identifier: MIT
#include "config.h"
#include "tools/stack-process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xenstore.h>

#include "common/log.h"
#include "common/paths.h"
#include "hypervisor/process/control.h"
#include "tools/arg-list.h"
#include "tools/stack-private.h"

/* --- its daemon -------------------------------------------------------- */

#define SCRIPTS "/etc/xen/scripts"
#define TUN "/dev/net/tun"

/* Programs that are not among what every confined domain has. */
static void allow_programs(struct arg_list *options)
{
	CLEANUP_FREE char *build = path_build_root();
	const char *const dirs[] = { build, build ? NULL : SLUICE_SBINDIR, build ? NULL : SLUICE_BINDIR };

	for (unsigned i = 0; i < 3; i++)
		if (dirs[i] && strncmp(dirs[i], "/usr/", 5) != 0 && access(dirs[i], X_OK) == 0)
			arg_list_add(options, "--allow-ro=%s", dirs[i]);
}

static void allow(struct arg_list *options, const char *path, bool readonly)
{
	arg_list_add(options, "--%s=%s", readonly ? "allow-ro" : "allow", path);
}

static bool has_tun(const struct stack_process_config *c)
{
	bool tun = false;

	for (unsigned i = 0; i < c->npaths; i++)
		tun |= strcmp(c->paths[i].path, TUN) == 0;
	return tun;
}

/* Whether it has something to administer: interfaces, or what makes some. */
static bool has_network(const struct stack_process_config *c)
{
	return has_tun(c) || c->ninterfaces || c->nbridges;
}

static void put_bridges(const struct stack_process_config *c, struct arg_list *options)
{
	for (unsigned i = 0; i < c->nbridges; i++) {
		unsigned before = 0;

		while (strcmp(c->bridges[before].name, c->bridges[i].name) != 0)
			before++;
		if (before == i)
			arg_list_add(options, "--bridge=%s", c->bridges[i].name);
	}
	/* What is put on them. */
	if (c->nbridges && !has_tun(c))
		allow(options, TUN, false);
}

static void put_options(const struct stack_process *p, struct arg_list *options)
{
	const struct stack_process_config *c = p->config;

	/* Somebody named what it may reach, and relies on that; or it has rights that are for there alone. */
	arg_list_add(options, c->own && !has_network(c) ? "--confined=try" : "--confined");
	if (!c->host_network)
		arg_list_add(options, has_network(c) ? "--own-network=admin" : "--own-network");
	allow_programs(options);
	put_bridges(c, options);
	/* Hotplug scripts of its interfaces. */
	if (has_network(c) && access(SCRIPTS, F_OK) == 0)
		allow(options, SCRIPTS, true);
	for (unsigned i = 0; i < c->npaths; i++)
		allow(options, c->paths[i].path, c->paths[i].readonly);
	/* One that is not there now, or does not answer, is not to keep the others from their guests. */
	for (const struct attached *at = c->own ? p->st->disks : NULL; at; at = at->next)
		if (at->backend_domid == p->domid && at->path[0] && stack_path_look(at->path) == 0)
			allow(options, at->path, at->readonly);
}

static int not_started(struct stack *st, char *why, size_t room)
{
	char said[400];

	if (stack_log_catch(st, said, sizeof(said)))
		return stack_fail(why, room, -EPIPE, "the driver domain did not start: %s", said);
	return stack_fail(why, room, -EPIPE, "sluice-driverd ended at its start; its messages are above");
}

/* Until the daemon says READY, or its domain that it has a network. */
static int await_byte(struct stack *st, int fd, char *why, size_t room)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t end = stack_now_ms() + STACK_START_MS;
	char byte;
	int r;

	do {
		int64_t left = end - stack_now_ms();

		r = poll(&p, 1, left > 0 ? left : 0);
	} while (r < 0 && errno == EINTR);
	if (r == 0)
		return stack_fail(why, room, -ETIMEDOUT, "sluice-driverd was not ready within %u s",
			STACK_START_MS / 1000);
	if (r < 0 || read(fd, &byte, 1) != 1)
		return not_started(st, why, room);
	return 0;
}

/** struct ends - of what its domain tells us on while it starts: [1] is the domain's; or -1. */
struct ends {
	int ready[2];   /* that the daemon serves */
	int net[2];     /* that interfaces can come */
	int servers[2]; /* the sockets for its servers */
};

static void close_ends(struct ends *e, unsigned which)
{
	int *const all[] = { e->ready, e->net, e->servers };

	for (unsigned i = 0; i < 3; i++) {
		if (all[i][which] >= 0)
			close(all[i][which]);
		all[i][which] = -1;
	}
}

static pid_t spawn_daemon(struct stack_process *p, const struct ends *e, char *why, size_t room)
{
	CLEANUP_FREE char *path = stack_program("drivers-domain", "sluice-driverd", why, room);
	char run_arg[160], ready_arg[32], run_dir[140];
	char *argv[] = { path, run_arg, ready_arg, (char *)"--kill-backends-with-daemon", NULL };
	int keep[3] = { e->ready[1] };
	struct spawn s = { .keep = keep, .nkeep = 1, .daemon = true, .log = p->st->log_write };
	struct arg_list options = { .argc = 0 };
	pid_t pid;

	if (!path)
		return -ENOENT;
	snprintf(run_dir, sizeof(run_dir), "%s/dom/%u/driverd", p->st->dir.path, p->domid);
	snprintf(run_arg, sizeof(run_arg), "--run-dir=%s", run_dir);
	snprintf(ready_arg, sizeof(ready_arg), "--ready-fd=%d", e->ready[1]);
	/* It is there, with what backends left, when the domain comes back. */
	if (mkdir(run_dir, 0700) < 0 && errno != EEXIST)
		return stack_fail(why, room, -errno, "cannot make %s: %m", run_dir);
	put_options(p, &options);
	if (e->net[1] >= 0) {
		arg_list_add(&options, "--network-fd=%d", e->net[1]);
		keep[s.nkeep++] = e->net[1];
	}
	if (e->servers[1] >= 0) {
		stack_relay_options(p, e->servers[1], &options);
		keep[s.nkeep++] = e->servers[1];
	}
	if (options.failed)
		pid = stack_fail(why, room, -ENOMEM, "out of memory");
	else
		pid = stack_spawn_in(p->st, p->domid, argv, &s, &options, why, room);
	arg_list_free(&options);
	return pid;
}

/*
 * Its daemon starts the backends of a domain that comes back at once, and they take a bridge's
 * MTU and their device as they are then: what belongs there is there before.
 */
static int fill_network(struct stack_process *p, int net, char *why, size_t room)
{
	const char byte = 0;
	int error = await_byte(p->st, net, why, room);

	if (error == 0)
		error = stack_process_give(p, why, room);
	if (error == 0)
		error = stack_relay_refill(p, why, room);
	if (error == 0 && send(net, &byte, 1, MSG_NOSIGNAL) != 1)
		error = not_started(p->st, why, room);
	return error;
}

static int start_relay(struct stack_process *p, int fd, char *why, size_t room)
{
	int error = stack_relay_start(p, &p->relay, fd, why, room);

	return error == -EPIPE ? not_started(p->st, why, room) : error;
}

static int start(struct stack_process *p, struct ends *e, char *why, size_t room)
{
	int error = spawn_daemon(p, e, why, room);

	close_ends(e, 1);
	if (error < 0)
		return error;
	p->pid = error;
	p->watch = stack_watch(p->st, p->pid);
	error = e->servers[0] >= 0 ? start_relay(p, e->servers[0], why, room) : 0;
	if (error == 0 && e->net[0] >= 0)
		error = fill_network(p, e->net[0], why, room);
	return error < 0 ? error : await_byte(p->st, e->ready[0], why, room);
}

int stack_process_start(struct stack_process *p, char *why, size_t why_room)
{
	struct ends e = { { -1, -1 }, { -1, -1 }, { -1, -1 } };
	int error = 0;

	stack_relay_end(p);
	if (pipe2(e.ready, O_CLOEXEC) < 0)
		error = -errno;
	else if ((p->config->ninterfaces || p->more) && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, e.net) < 0)
		error = -errno;
	else if (stack_relay_wanted(p) && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, e.servers) < 0)
		error = -errno;
	if (error < 0)
		stack_fail(why, why_room, error, "cannot make pipes: %s", strerror(-error));
	else
		error = start(p, &e, why, why_room);
	close_ends(&e, 0);
	close_ends(&e, 1);
	return error;
}

void stack_process_end(struct stack_process *p, unsigned grace_ms)
{
	spawn_end(&p->pid, grace_ms);
	stack_unwatch(&p->watch);
	stack_relay_end(p);
}

int stack_process_restart(struct stack_process *p, char *why, size_t why_room)
{
	stack_process_end(p, 0);
	p->ended = false;
	p->revived = 0;
	return stack_process_start(p, why, why_room);
}

/* --- its end ----------------------------------------------------------- */

static void say_end(const struct stack_process *p, int status, char *why, size_t room)
{
	char what[96];

	snprintf(what, sizeof(what), p->config->own ? "the %s domain" : "the driver domain %s",
		p->config->name);
	if (WIFSIGNALED(status))
		snprintf(why, room, "%s (sluice-driverd) was ended by signal %d (%s)", what, WTERMSIG(status),
			strsignal(WTERMSIG(status)));
	else
		snprintf(why, room, "%s (sluice-driverd) ended by itself with status %d", what,
			WEXITSTATUS(status));
}

int stack_process_check(struct stack_process *p, char *why, size_t why_room)
{
	char ended[256], failed[256] = "";
	int status;

	if (p->ended || p->pid <= 0)
		return stack_fail(why, why_room, -EPIPE, "the driver domain %s has ended", p->config->name);
	if (!spawn_is_dead(p->pid, &status)) {
		stack_relay_check(p);
		return 0;
	}
	p->pid = 0;
	stack_unwatch(&p->watch);
	say_end(p, status, ended, sizeof(ended));
	snprintf(why, why_room, "%s", ended);
	/* One that ends in its start, as when it is killed again, has ended once more. */
	while (stack_may_revive(p->st, &p->revived, &p->revived_ms)) {
		log_warn("%s; it is started again", why);
		if (stack_process_start(p, failed, sizeof(failed)) == 0)
			return 0;
		stack_process_end(p, 0);
		snprintf(why, why_room, "%s, and then: %s", ended, failed);
	}
	p->ended = true;
	return -EPIPE;
}

/* --- its life ---------------------------------------------------------- */

static int introduce(struct stack_process *p, char *why, size_t room)
{
	struct stack_domain d = { .domid = p->domid, .name = p->config->name, .driver = true };
	int error;

	if (p->config->uuid)
		snprintf(d.uuid, sizeof(d.uuid), "%s", p->config->uuid);
	error = stack_nodes_domain(p->st, &d);
	memcpy(p->uuid, d.uuid, sizeof(p->uuid));
	if (error == 0 && !xs_introduce_domain(p->st->xs, p->domid, 0, 0))
		error = -errno;
	return error == 0 ? 0 : stack_fail(why, room, error, "sluice-store refused the nodes of %s: %s",
		p->config->name, strerror(-error));
}

static int create(struct stack_process *p, char *why, size_t room)
{
	int error = stack_domain_create(p->st, p->domid, p->config->name, why, room);

	p->made = error == 0;
	if (error == 0)
		error = introduce(p, why, room);
	return error == 0 ? stack_process_start(p, why, room) : error;
}

struct stack_process *stack_process_create(struct stack *st, const struct stack_process_config *config,
	char *why, size_t why_room)
{
	struct stack_process *p = calloc(1, sizeof(*p));
	int error;

	if (!p || st->next_domid > STACK_LAST_DOMID) {
		free(p);
		errno = -stack_fail(why, why_room, p ? -ENOSPC : -ENOMEM, "%s", p ?
			"this stack has used up its domain ids; start another" : "out of memory");
		return NULL;
	}
	*p = (struct stack_process){ .next = st->processes, .st = st, .config = config,
		.domid = st->next_domid++, .watch = -1, .net = -1,
		.relay = STACK_RELAY_NONE(&config->servers) };
	st->processes = p;
	error = create(p, why, why_room);
	if (error == 0)
		return p;
	stack_process_destroy(p);
	errno = -error;
	return NULL;
}

void stack_process_destroy(struct stack_process *p)
{
	struct stack *st = p->st;
	struct stack_domain d = { .domid = p->domid };
	struct stack_process **at = &st->processes;

	memcpy(d.uuid, p->uuid, sizeof(d.uuid));
	stack_process_end(p, STACK_STOP_MS);
	stack_relay_forget(p);
	stack_process_take_back(p);
	if (p->uuid[0] && st->xs) {
		(void)xs_release_domain(st->xs, p->domid);
		(void)stack_nodes_remove(st, &d);
	}
	if (p->made) {
		(void)hvctl_domain_destroy(st->ctl, p->domid);
		rundir_remove_domain(&st->dir, p->domid);
	}
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	free(p);
}

struct stack_process *stack_process_find(struct stack *st, const char *name)
{
	struct stack_process *p = st->processes;

	while (p && (p->config->own || strcmp(p->config->name, name) != 0))
		p = p->next;
	return p;
}

struct stack_process *stack_process_of(struct stack *st, uint32_t domid)
{
	struct stack_process *p = st->processes;

	while (p && p->domid != domid)
		p = p->next;
	return p;
}

const struct attached *stack_user_of(const struct stack *st, uint32_t domid)
{
	const struct attached *at = st->disks;

	while (at && at->backend_domid != domid)
		at = at->next;
	return at;
}
