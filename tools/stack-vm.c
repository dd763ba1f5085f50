// SPDX-License-Identifier: MIT
#include "config.h"
#include "tools/stack-vm.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <xen/xen.h>
#include <xen/sched.h>
#include <xenstore.h>

#include "common/log.h"
#include "tools/stack-build.h"
#include "tools/stack-console.h"
#include "tools/stack-private.h"
#include "xenstore/xsnode.h"

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

static int attach_devices(struct stack_vm *vm, char *why, size_t room)
{
	int error = 0;

	for (unsigned i = 0; i < vm->config->ndisks && error == 0; i++)
		error = stack_attach_begin(vm->st, vm->domid, &vm->config->disks[i], why, room);
	for (unsigned i = 0; i < vm->config->nvifs && error == 0; i++)
		error = stack_vif_begin(vm->st, vm->domid, &vm->config->vifs[i], why, room);
	return error;
}

int stack_vm_ready(struct stack_vm *vm, char *why, size_t why_room)
{
	int error = 0;

	for (unsigned i = 0; i < vm->config->ndisks && error == 0; i++)
		error = stack_attach_check(vm->st, vm->domid, &vm->config->disks[i], why, why_room);
	for (unsigned i = 0; i < vm->config->nvifs && error == 0; i++)
		error = stack_vif_check(vm->st, vm->domid, vm->config->vifs[i].handle, why, why_room);
	return error;
}

int stack_vm_serve(struct stack_vm *vm, char *why, size_t why_room)
{
	/* The terminal may be the guest's from here on. */
	return stack_console_start(vm, why, why_room);
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
		error = attach_devices(vm, why, room);
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
	stack_console_stop(vm);
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
	return hvctl_domain_find(vm->st->ctl, vm->domid, info);
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

const char *stack_vm_name(struct stack *st, uint32_t domid)
{
	struct stack_vm *vm = st->vms;

	while (vm && vm->domid != domid)
		vm = vm->next;
	return vm ? vm->config->name : NULL;
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
