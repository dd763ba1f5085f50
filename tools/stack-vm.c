// SPDX-License-Identifier: MIT
#include "config.h"
#include "tools/stack-vm.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include <xen/xen.h>
#include <xen/sched.h>
#include <xenstore.h>

#include "common/log.h"
#include "common/paths.h"
#include "tools/stack-build.h"
#include "tools/stack-private.h"
#include "xenstore/xsnode.h"

/* --- the console ------------------------------------------------------- */

void stack_vm_console_path(const struct stack_vm *vm, char *path, size_t room)
{
	snprintf(path, room, "%s/console.%u", vm->st->dir.path, vm->domid);
}

static int await_console(struct stack_vm *vm, int fd, char *why, size_t room)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t end = stack_now_ms() + STACK_START_MS;
	char byte;
	int r = 0;

	while (r == 0 && stack_now_ms() < end && !stack_cancelled(vm->st)) {
		r = poll(&p, 1, 200);
		if (r < 0 && errno == EINTR)
			r = 0;
	}
	if (r > 0 && read(fd, &byte, 1) == 1)
		return 0;
	stack_pump(vm->st);
	return stack_fail(why, room, -EPIPE, "the console of %s did not start", vm->config->name);
}

/* It serves domain 0's side of the ring: with domain 0's connections. */
static int spawn_console(struct stack_vm *vm, const char *path, int ready, char *why, size_t room)
{
	const struct stack_vm_config *config = vm->config;
	bool stdio = config->console == STACK_CONSOLE_STDIO;
	CLEANUP_FREE char *libs = path_dropin_libs();
	CLEANUP_FREE char *log = NULL;
	char domain[32], ready_arg[32], socket[140], socket_path[120], hv[160], xs[140], ld[4200];
	char *argv[] = { (char *)"sluice-console", domain, ready_arg, socket, NULL, NULL, NULL };
	const char *env[] = { hv, xs, ld, NULL };
	struct spawn s = { .path = path, .argv = argv, .env = env, .keep = &ready, .nkeep = 1,
		.daemon = !stdio, .log = vm->st->log_write };

	if (!libs)
		return stack_fail(why, room, -ENOENT, "libxenevtchn.so.1 of Sluice was not found; build it"
			" (make) or install it (make install)");
	stack_vm_console_path(vm, socket_path, sizeof(socket_path));
	snprintf(domain, sizeof(domain), "--domain=%u", vm->domid);
	snprintf(ready_arg, sizeof(ready_arg), "--ready-fd=%d", ready);
	snprintf(socket, sizeof(socket), "--socket=%s", socket_path);
	snprintf(hv, sizeof(hv), "SLUICE_HYPERVISOR=%s/dom/0/hypervisor.sock", vm->st->dir.path);
	snprintf(xs, sizeof(xs), "XENSTORED_PATH=%s", vm->st->store_path);
	snprintf(ld, sizeof(ld), "LD_LIBRARY_PATH=%s", libs);
	if (config->console == STACK_CONSOLE_FILE && asprintf(&log, "--log=%s", config->console_file) < 0)
		return stack_fail(why, room, -ENOMEM, "out of memory");
	argv[4] = stdio ? (char *)"--stdio" : log;
	argv[5] = stdio ? (char *)"--stay" : NULL;
	vm->console = spawn(&s);
	if (vm->console > 0)
		return 0;
	s.log = vm->console;
	vm->console = 0;
	return stack_fail(why, room, s.log, "cannot start %s: %s", path, strerror(-s.log));
}

static int start_console(struct stack_vm *vm, char *why, size_t room)
{
	CLEANUP_FREE char *path = stack_program("backends/console", "sluice-console", why, room);
	int fds[2], error;

	if (!path)
		return -ENOENT;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return stack_fail(why, room, -errno, "cannot make a pipe: %m");
	error = spawn_console(vm, path, fds[1], why, room);
	close(fds[1]);
	if (error == 0)
		error = await_console(vm, fds[0], why, room);
	close(fds[0]);
	return error;
}

bool stack_vm_console_ended(struct stack_vm *vm, int *status)
{
	if (!vm->console || !spawn_is_dead(vm->console, status))
		return false;
	vm->console = 0;
	return true;
}

/* --- creating ---------------------------------------------------------- */

static struct stack_domain describe(const struct stack_vm *vm)
{
	struct stack_domain d = { .domid = vm->domid, .name = vm->config->name,
		.driver = vm->config->driver, .vm = vm };

	memcpy(d.uuid, vm->uuid, sizeof(d.uuid));
	return d;
}

static int introduce(struct stack_vm *vm, char *why, size_t room)
{
	struct stack_domain d = describe(vm);
	int error;

	if (vm->config->uuid)
		snprintf(d.uuid, sizeof(d.uuid), "%s", vm->config->uuid);
	error = stack_nodes_domain(vm->st, &d);
	memcpy(vm->uuid, d.uuid, sizeof(vm->uuid));
	if (error < 0)
		return stack_fail(why, room, error, "sluice-store refused the nodes of %s: %s",
			vm->config->name, strerror(-error));
	if (!xs_introduce_domain(vm->st->xs, vm->domid, vm->made.store_gfn, vm->made.store_port))
		return stack_fail(why, room, -errno, "sluice-store did not take %s: %m", vm->config->name);
	return 0;
}

static int attach_disks(struct stack_vm *vm, char *why, size_t room)
{
	int error = 0;

	for (unsigned i = 0; i < vm->config->ndisks && error == 0; i++)
		error = stack_attach_begin(vm->st, vm->domid, &vm->config->disks[i], why, room);
	return error;
}

int stack_vm_ready(struct stack_vm *vm, char *why, size_t why_room)
{
	int error = 0;

	for (unsigned i = 0; i < vm->config->ndisks && error == 0; i++)
		error = stack_attach_check(vm->st, vm->domid, &vm->config->disks[i], why, why_room);
	return error;
}

int stack_vm_serve(struct stack_vm *vm, char *why, size_t why_room)
{
	/* The terminal may be the guest's from here on. */
	return start_console(vm, why, why_room);
}

int stack_vm_start(struct stack_vm *vm, char *why, size_t why_room)
{
	int error = stack_vm_serve(vm, why, why_room);

	return error == 0 ? stack_vm_unpause(vm, why, why_room) : error;
}

static int create(struct stack_vm *vm, char *why, size_t room)
{
	int error = stack_build(vm, why, room);

	if (error == 0)
		error = introduce(vm, why, room);
	if (error == 0)
		error = attach_disks(vm, why, room);
	return error;
}

struct stack_vm *stack_vm_create(struct stack *st, const struct stack_vm_config *config, char *why,
	size_t why_room)
{
	struct stack_vm *vm = calloc(1, sizeof(*vm));
	int error;

	if (!vm || st->next_domid > STACK_LAST_DOMID) {
		free(vm);
		errno = -stack_fail(why, why_room, vm ? -ENOSPC : -ENOMEM, "%s", vm ?
			"this stack has used up its domain ids; start another" : "out of memory");
		return NULL;
	}
	*vm = (struct stack_vm){ .next = st->vms, .st = st, .config = config,
		.domid = st->next_domid++, .life_fd = -1 };
	st->vms = vm;
	error = create(vm, why, why_room);
	if (error == 0)
		return vm;
	stack_vm_destroy(vm);
	errno = -error;
	return NULL;
}

static void forget(struct stack_vm *vm)
{
	for (struct stack_vm **p = &vm->st->vms; *p; p = &(*p)->next) {
		if (*p == vm) {
			*p = vm->next;
			free(vm);
			return;
		}
	}
}

void stack_vm_destroy(struct stack_vm *vm)
{
	struct stack *st = vm->st;
	bool made = vm->state != HVCTL_PROCESS;
	struct stack_domain d = describe(vm);

	/* As xl does: it stands still first, and what it said last is still shown. */
	if (made)
		(void)hvctl_domain_pause(st->ctl, vm->domid);
	spawn_end(&vm->console, STACK_STOP_MS);
	stack_detach_all(st, vm->domid);
	if (vm->uuid[0]) {
		(void)xs_release_domain(st->xs, vm->domid);
		(void)stack_nodes_remove(st, &d);
	}
	if (made)
		(void)hvctl_domain_destroy(st->ctl, vm->domid);
	if (vm->life_fd >= 0)
		close(vm->life_fd);
	forget(vm);
}

/* --- its life ---------------------------------------------------------- */

int stack_vm_unpause(struct stack_vm *vm, char *why, size_t why_room)
{
	int error = hvctl_domain_unpause(vm->st->ctl, vm->domid);

	return error == 0 ? 0 : stack_fail(why, why_room, error, "%s cannot be unpaused: %s",
		vm->config->name, strerror(-error));
}

int stack_vm_pause(struct stack_vm *vm, char *why, size_t why_room)
{
	int error = hvctl_domain_pause(vm->st->ctl, vm->domid);

	return error == 0 ? 0 : stack_fail(why, why_room, error, "%s cannot be paused: %s",
		vm->config->name, strerror(-error));
}

int stack_vm_ask(struct stack_vm *vm, const char *what, char *why, size_t why_room)
{
	char dir[48];
	int error;

	snprintf(dir, sizeof(dir), "/local/domain/%u/control", vm->domid);
	error = xsn_write(vm->st->xs, XBT_NULL, dir, "shutdown", what);
	return error == 0 ? 0 : stack_fail(why, why_room, error, "%s cannot be asked to %s: %s",
		vm->config->name, what, strerror(-error));
}

int stack_vm_life(struct stack_vm *vm)
{
	struct hvctl_change change;
	ssize_t n;

	do
		n = read(vm->life_fd, &change, sizeof(change));
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n != sizeof(change))
		return -EPIPE;
	vm->state = (enum hvctl_state)change.state;
	vm->reason = change.reason;
	return 1;
}

int stack_vm_info(struct stack_vm *vm, struct hvctl_domain_info *info)
{
	struct hvctl_domain_info all[64];
	int count = hvctl_domain_list(vm->st->ctl, all, 64);

	for (int i = 0; i < count && i < 64; i++) {
		if (all[i].domid == vm->domid) {
			*info = all[i];
			return 0;
		}
	}
	return count < 0 ? count : -ESRCH;
}

struct stack_vm *stack_vm_find(struct stack *st, const char *name)
{
	struct stack_vm *vm = st->vms;

	while (vm && strcmp(vm->config->name, name) != 0)
		vm = vm->next;
	return vm;
}

bool stack_vm_driver(struct stack *st, const char *name, uint32_t *domid)
{
	struct stack_vm *vm = stack_vm_find(st, name);

	if (!vm || !vm->config->driver)
		return false;
	*domid = vm->domid;
	return true;
}

int stack_vm_check(struct stack *st, uint32_t domid, char *why, size_t why_room)
{
	struct stack_vm *vm = st->vms;
	struct hvctl_domain_info info;

	while (vm && vm->domid != domid)
		vm = vm->next;
	if (vm && stack_vm_info(vm, &info) == 0 && info.state != HVCTL_SHUTDOWN)
		return 0;
	return stack_fail(why, why_room, -EPIPE, "the driver domain %s has ended",
		vm ? vm->config->name : "vm");
}
