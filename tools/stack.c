// SPDX-License-Identifier: MIT
/* A private stack: brought up in order, taken down in the opposite one. */
#include "config.h"
#include "tools/stack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <xenstore.h>

#include "common/array.h"
#include "common/log.h"
#include "common/paths.h"
#include "hypervisor/process/control.h"
#include "tools/arg-list.h"
#include "tools/stack-private.h"
#include "tools/stack-process.h"
#include "tools/stack-vm.h"
#include "xenstore/xsnode.h"

int stack_fail(char *why, size_t why_room, int error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, why_room, fmt, ap);
	va_end(ap);
	return error;
}

char *stack_program(const char *folder, const char *name, char *why, size_t why_room)
{
	char *path = path_program(folder, name);

	if (!path)
		snprintf(why, why_room, "the program %s was not found; build it (make) or install it"
			" (make install)", name);
	return path;
}

bool stack_cancelled(const struct stack *st)
{
	return st->options.cancelled && st->options.cancelled();
}

/* --- hypervisor and domains -------------------------------------------- */

static int start_hypervisor(struct stack *st, char *why, size_t room)
{
	CLEANUP_FREE char *path = stack_program("hypervisor", "sluice-hypervisor", why, room);
	char arg[32], kvm_arg[160], calls_arg[32];
	char *argv[5] = { (char *)"sluice-hypervisor", arg };
	unsigned n = 2;
	int fds[2];
	struct spawn s = { .path = path, .argv = argv, .keep = &fds[1], .nkeep = 1, .daemon = true,
		.log = st->log_write };

	if (!path)
		return -ENOENT;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return stack_fail(why, room, -errno, "cannot make a socket pair: %m");
	snprintf(arg, sizeof(arg), "--control-fd=%d", fds[1]);
	if (st->options.kvm) {
		snprintf(kvm_arg, sizeof(kvm_arg), "--kvm=%s", st->options.kvm);
		argv[n++] = kvm_arg;
	}
	if (st->options.hypercalls) {
		snprintf(calls_arg, sizeof(calls_arg), "--hypercalls=%s", st->options.hypercalls);
		argv[n++] = calls_arg;
	}
	st->hypervisor = spawn(&s);
	close(fds[1]);
	if (st->hypervisor < 0) {
		int error = st->hypervisor;

		st->hypervisor = 0;
		close(fds[0]);
		return stack_fail(why, room, error, "cannot start %s: %s", path, strerror(-error));
	}
	st->ctl = hvctl_fdopen(fds[0]);
	if (!st->ctl) {
		close(fds[0]);
		return stack_fail(why, room, -ENOMEM, "out of memory");
	}
	return 0;
}

static int set_address(struct sockaddr_un *sun, const char *path)
{
	*sun = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(sun->sun_path))
		return -ENAMETOOLONG;
	memcpy(sun->sun_path, path, strlen(path));
	return 0;
}

static int listen_at(const char *path)
{
	struct sockaddr_un sun;
	int error = set_address(&sun, path);
	int fd;

	if (error < 0)
		return error;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0 || listen(fd, 128) < 0) {
		error = -errno;
		close(fd);
		return error;
	}
	return fd;
}

/* The domain's directory with the socket whose clients are the domain. */
int stack_domain_create(struct stack *st, uint32_t domid, const char *name, char *why, size_t room)
{
	struct hvctl_domain_config config = { .domid = domid, .max_pages = 1u << 20 };
	char path[sizeof(st->dir.path) + 40];
	CLEANUP_CLOSE int fd = -1;
	uint32_t got = 0;
	int error;

	snprintf(config.name, sizeof(config.name), "%s", name);
	snprintf(path, sizeof(path), "%s/dom/%u", st->dir.path, domid);
	if (mkdir(path, 0700) < 0)
		return stack_fail(why, room, -errno, "cannot make %s: %m", path);
	snprintf(path, sizeof(path), "%s/dom/%u/hypervisor.sock", st->dir.path, domid);
	fd = listen_at(path);
	if (fd < 0)
		return stack_fail(why, room, fd, "cannot listen at %s: %s", path, strerror(-fd));
	error = hvctl_domain_create(st->ctl, &config, fd, &got);
	if (error == -EPIPE)
		return stack_fail(why, room, error, "the hypervisor ended at its start; its messages are above");
	if (error < 0)
		return stack_fail(why, room, error, "the hypervisor refused to make domain %u: %s", domid,
			strerror(-error));
	return 0;
}

static int create_domains(struct stack *st, char *why, size_t room)
{
	static const char *const names[] = { "Domain-0", "storage", "guest" };
	char path[sizeof(st->dir.path) + 8];
	int error = 0;

	snprintf(path, sizeof(path), "%s/dom", st->dir.path);
	if (mkdir(path, 0700) < 0)
		return stack_fail(why, room, -errno, "cannot make %s: %m", path);
	for (unsigned i = 0; i < st->next_domid && error == 0; i++)
		error = stack_domain_create(st, i, names[i], why, room);
	return error;
}

/* --- the store --------------------------------------------------------- */

static int try_connect(const char *path)
{
	CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un sun;

	if (set_address(&sun, path) < 0)
		return -ENAMETOOLONG;
	if (fd < 0 || connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0)
		return -errno;
	return 0;
}

/* Until the store takes connections, or is dead, or too slow. */
static int await_store(struct stack *st, char *why, size_t room)
{
	uint64_t end = stack_now_ms() + STACK_START_MS;
	int status;

	while (try_connect(st->store_path) < 0) {
		if (spawn_is_dead(st->store, &status)) {
			st->store = 0;
			return stack_fail(why, room, -EPIPE, "sluice-store ended at its start; its messages are above");
		}
		if (stack_now_ms() > end)
			return stack_fail(why, room, -ETIMEDOUT, "sluice-store did not answer within %u s",
				STACK_START_MS / 1000);
		stack_sleep_ms(2);
	}
	return 0;
}

static struct xs_handle *open_store(const char *path)
{
	const char *before = getenv("XENSTORED_PATH");
	CLEANUP_FREE char *saved = before ? strdup(before) : NULL;
	struct xs_handle *xs;

	/* libxenstore takes the socket's path from here only. */
	setenv("XENSTORED_PATH", path, 1);
	xs = xs_open(XS_OPEN_SOCKETONLY);
	if (saved)
		setenv("XENSTORED_PATH", saved, 1);
	else
		unsetenv("XENSTORED_PATH");
	return xs;
}

/*
 * A driver domain owns 28 nodes and 2 watches for each disk, 25 and 3 for each interface, and its
 * backends' transactions are open at the same time: these hold for a thousand devices.
 */
#define STORE_QUOTAS \
	(char *)"--quota-nodes=32768", (char *)"--quota-watches=4096", (char *)"--quota-transactions=256", \
	(char *)"--quota-memory=16777216"

static int spawn_store(struct stack *st, const char *path, int life, char *why, size_t room)
{
	CLEANUP_FREE char *libs = path_dropin_libs();
	char socket_arg[128], dir_arg[128], state_arg[128], life_arg[32], hv[160], ld[4200];
	char *argv[] = { (char *)"sluice-store", socket_arg, dir_arg, state_arg, life_arg,
		STORE_QUOTAS, NULL };
	const char *env[] = { hv, ld, NULL };
	struct spawn s = { .path = path, .argv = argv, .env = env, .keep = &life, .nkeep = 1,
		.daemon = true,
		.log = st->log_write };

	if (!libs)
		return stack_fail(why, room, -ENOENT, "libxenevtchn.so.1 of Sluice was not found; build it (make)"
			" or install it (make install)");
	snprintf(socket_arg, sizeof(socket_arg), "--socket=%s", st->store_path);
	snprintf(dir_arg, sizeof(dir_arg), "--domain-dir=%s/dom", st->dir.path);
	snprintf(state_arg, sizeof(state_arg), "--state-file=%s/store.state", st->dir.path);
	snprintf(life_arg, sizeof(life_arg), "--exit-with-fd=%d", life);
	snprintf(hv, sizeof(hv), "SLUICE_HYPERVISOR=%s/dom/0/hypervisor.sock", st->dir.path);
	snprintf(ld, sizeof(ld), "LD_LIBRARY_PATH=%s", libs);
	st->store = spawn(&s);
	if (st->store > 0)
		st->store_watch = stack_watch(st, st->store);
	if (st->store < 0) {
		int error = st->store;

		st->store = 0;
		return stack_fail(why, room, error, "cannot start %s: %s", path, strerror(-error));
	}
	return 0;
}

static int start_store(struct stack *st, char *why, size_t room)
{
	CLEANUP_FREE char *path = stack_program("hypervisor/store", "sluice-store", why, room);
	int fds[2], error;

	if (!path)
		return -ENOENT;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return stack_fail(why, room, -errno, "cannot make a pipe: %m");
	st->life_fd = fds[1];
	error = spawn_store(st, path, fds[0], why, room);
	close(fds[0]);
	if (error == 0)
		error = await_store(st, why, room);
	if (error < 0)
		return error;
	st->xs = open_store(st->store_path);
	if (!st->xs)
		return stack_fail(why, room, -errno, "cannot connect to sluice-store at %s: %m", st->store_path);
	return 0;
}

static int introduce_domains(struct stack *st, char *why, size_t room)
{
	struct stack_domain domains[] = {
		{ .domid = STACK_DOM0, .name = "Domain-0" },
		{ .domid = STACK_STORAGE, .name = "storage", .driver = true },
		{ .domid = STACK_GUEST, .name = "guest" },
	};
	int error = stack_nodes_host(st);

	for (unsigned i = 0; i < st->next_domid && error == 0; i++)
		error = stack_nodes_domain(st, &domains[i]);
	for (uint32_t domid = STACK_STORAGE; domid < st->next_domid && error == 0; domid++)
		if (!xs_introduce_domain(st->xs, domid, 0, 0))
			error = -errno;
	if (error < 0)
		stack_fail(why, room, error, "sluice-store refused the domains' nodes: %s", strerror(-error));
	return error;
}

/* --- processes in domains ---------------------------------------------- */

pid_t stack_spawn_in(struct stack *st, uint32_t domid, char *const *argv, const struct spawn *how,
	const struct arg_list *options, char *why, size_t why_room)
{
	CLEANUP_FREE char *path = stack_program("hypervisor/process", "sluice-domain-init", why, why_room);
	struct arg_list full = { .argc = 0 };
	struct spawn s = *how;
	pid_t pid;

	if (!path)
		return -ENOENT;
	arg_list_add(&full, "sluice-domain-init");
	arg_list_add(&full, "--run-dir=%s", st->dir.parent);
	arg_list_add(&full, "--domain-dir=%s/dom/%u", st->dir.path, domid);
	for (unsigned i = 0; options && i < options->argc; i++)
		arg_list_add(&full, "%s", options->argv[i]);
	arg_list_add(&full, "--");
	for (; *argv; argv++)
		arg_list_add(&full, "%s", *argv);
	s.path = path;
	s.argv = full.argv;
	pid = full.failed ? -ENOMEM : spawn(&s);
	arg_list_free(&full);
	if (pid < 0)
		stack_fail(why, why_room, pid, "cannot start %s: %s", path, strerror(-pid));
	return pid;
}

/* The one that serves disks which name no other. */
static int start_storage(struct stack *st, char *why, size_t room)
{
	static const struct stack_process_config config = { .name = "storage", .own = true };
	struct stack_process *p = calloc(1, sizeof(*p));

	if (!p)
		return stack_fail(why, room, -ENOMEM, "out of memory");
	*p = (struct stack_process){ .st = st, .config = &config, .domid = STACK_STORAGE, .watch = -1,
		.net = -1, .relay = STACK_RELAY_NONE(&config.servers) };
	st->processes = st->storage = p;
	return stack_process_start(p, why, room);
}

static void end_storage(struct stack *st)
{
	if (!st->storage)
		return;
	stack_process_end(st->storage, STACK_STOP_MS);
	stack_relay_forget(st->storage);
	free(st->storage);
	st->processes = st->storage = NULL;
}

/* --- the whole --------------------------------------------------------- */

struct stack *stack_start(char *why, size_t why_room)
{
	struct stack_options options = { .guest = true };

	return stack_start_with(&options, why, why_room);
}

struct stack *stack_start_with(const struct stack_options *options, char *why, size_t why_room)
{
	struct stack *st = calloc(1, sizeof(*st));
	int error;

	if (!st) {
		stack_fail(why, why_room, -ENOMEM, "out of memory");
		return NULL;
	}
	st->options = *options;
	st->next_domid = options->guest ? STACK_GUEST + 1 : STACK_GUEST;
	st->life_fd = st->log_read = st->log_write = st->store_watch = -1;
	st->watch_fd = epoll_create1(EPOLL_CLOEXEC);
	error = rundir_create(&st->dir, why, why_room);
	if (error == 0 && st->watch_fd < 0)
		error = stack_fail(why, why_room, -EMFILE, "cannot watch processes: too many open files");
	if (error == 0 && (error = stack_log_open(st)) < 0)
		stack_fail(why, why_room, error, "cannot make a pipe: %s", strerror(-error));
	snprintf(st->store_path, sizeof(st->store_path), "%s/store.sock", st->dir.path);
	if (error == 0)
		error = start_hypervisor(st, why, why_room);
	if (error == 0)
		error = create_domains(st, why, why_room);
	if (error == 0)
		error = start_store(st, why, why_room);
	if (error == 0)
		error = introduce_domains(st, why, why_room);
	if (error == 0)
		error = start_storage(st, why, why_room);
	st->may_revive = error == 0;
	if (error == 0)
		return st;
	stack_stop(st);
	errno = -error;
	return NULL;
}

pid_t stack_spawn_guest_in(struct stack *st, uint32_t domid, char *const argv[], int pass_fd,
	unsigned flags)
{
	CLEANUP_FREE char *plugin = path_nbdkit_plugin();
	CLEANUP_FREE char *assign = NULL;
	const char *env[2] = { NULL, NULL };
	char why[256];
	struct spawn s = { .env = env, .keep = &pass_fd, .nkeep = pass_fd >= 0,
		.session = flags & STACK_SPAWN_SESSION, .keep_all = !(flags & STACK_SPAWN_SESSION) };
	struct arg_list options = { .argc = 0 };
	pid_t pid;

	if (!st->options.guest)
		return -ENOENT;
	if (st->nguests == ARRAY_SIZE(st->guests))
		return -EAGAIN;
	if (plugin && asprintf(&assign, "SLUICE_NBDKIT_PLUGIN=%s", plugin) < 0)
		return -ENOMEM;
	env[0] = assign;
	if (flags & STACK_SPAWN_MAY_MOUNT)
		arg_list_add(&options, "--may-mount");
	pid = options.failed ? stack_fail(why, sizeof(why), -ENOMEM, "out of memory") :
		stack_spawn_in(st, domid, argv, &s, &options, why, sizeof(why));
	arg_list_free(&options);
	if (pid < 0)
		log_err("%s", why);
	else
		st->guests[st->nguests++] = pid;
	return pid;
}

pid_t stack_spawn_guest_flags(struct stack *st, char *const argv[], int pass_fd, unsigned flags)
{
	return stack_spawn_guest_in(st, STACK_GUEST, argv, pass_fd, flags);
}

pid_t stack_spawn_guest(struct stack *st, char *const argv[], int pass_fd)
{
	return stack_spawn_guest_flags(st, argv, pass_fd, STACK_SPAWN_MAY_MOUNT);
}

void stack_guest_reaped(struct stack *st, pid_t pid)
{
	for (unsigned i = 0; i < st->nguests; i++) {
		if (st->guests[i] == pid) {
			st->guests[i] = st->guests[--st->nguests];
			return;
		}
	}
}

/* The tree and the guests' rings are as they were: --state-file. */
int stack_revive_store(struct stack *st, char *why, size_t room)
{
	if (st->xs)
		xs_close(st->xs);
	st->xs = NULL;
	close(st->life_fd);
	st->life_fd = -1;
	return start_store(st, why, room);
}

/* --- the end ----------------------------------------------------------- */

static bool all_run(struct stack *st)
{
	char why[128];

	return st->xs && stack_check(st, why, sizeof(why)) == 0;
}

void stack_stop(struct stack *st)
{
	if (!st)
		return;
	st->may_revive = false;
	while (st->nguests)
		spawn_end(&st->guests[--st->nguests], STACK_STOP_MS);
	while (st->vms)
		stack_vm_destroy(st->vms);
	while (st->processes && st->processes != st->storage)
		stack_process_destroy(st->processes);
	while (st->disks) {
		if (all_run(st) && stack_close_disk(st, st->disks, true) == -ETIMEDOUT)
			log_warn("the backend of %s did not end in time: it is killed", st->disks->backend);
		stack_forget(st, st->disks);
	}
	end_storage(st);
	if (st->xs)
		xs_close(st->xs);
	if (st->life_fd >= 0)
		close(st->life_fd);
	spawn_end(&st->store, STACK_STOP_MS);
	hvctl_close(st->ctl);
	spawn_end(&st->hypervisor, STACK_STOP_MS);
	stack_unwatch(&st->store_watch);
	stack_unwatch(&st->watch_fd);
	stack_log_close(st);
	rundir_remove(&st->dir);
	free(st->network);
	free(st);
}

const char *stack_run_dir(const struct stack *st)
{
	return st->dir.path;
}

uint32_t stack_guest_domid(const struct stack *st)
{
	return STACK_GUEST;
}

uint32_t stack_storage_domid(const struct stack *st)
{
	return STACK_STORAGE;
}

