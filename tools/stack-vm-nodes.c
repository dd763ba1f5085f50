// SPDX-License-Identifier: MIT
/* The store nodes of vms that process domains lack, as libxl writes them for a PVH guest. */
#include "config.h"
#include "tools/stack-vm.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <xenstore.h>

#include "common/array.h"
#include "tools/stack-private.h"
#include "xenstore/xsnode.h"

/* Nodes that the guest writes itself. */
static int guest_nodes(struct xs_handle *xs, uint32_t t, const char *home, uint32_t domid)
{
	static const char *const own[] = { "control/shutdown", "control/feature-poweroff",
		"control/feature-reboot", "control/feature-suspend", "control/sysrq",
		"device/suspend/event-channel" };
	int error = stack_make_dir(xs, t, home, "device/suspend", 0, (int)domid);

	for (unsigned i = 0; i < ARRAY_SIZE(own) && error == 0; i++)
		error = stack_make_dir(xs, t, home, own[i], domid, -1);
	return error;
}

static int memory_nodes(struct xs_handle *xs, uint32_t t, const char *home, unsigned mib)
{
	int error = xsn_writef(xs, t, home, "memory/static-max", "%" PRIu64, (uint64_t)mib << 10);

	if (error == 0)
		error = xsn_writef(xs, t, home, "memory/target", "%" PRIu64, (uint64_t)mib << 10);
	return error == 0 ? xsn_write(xs, t, home, "memory/videoram", "0") : error;
}

static int cpu_nodes(struct xs_handle *xs, uint32_t t, const char *home, const struct stack_vm *vm)
{
	int error = stack_make_dir(xs, t, home, "cpu", 0, (int)vm->domid);
	char node[32];

	for (unsigned i = 0; i < vm->config->max_vcpus && error == 0; i++) {
		snprintf(node, sizeof(node), "cpu/%u/availability", i);
		error = xsn_write(xs, t, home, node, i < vm->config->vcpus ? "online" : "offline");
	}
	return error;
}

static int ring_nodes(struct xs_handle *xs, uint32_t t, const char *home, const struct stack_vm *vm)
{
	const struct {
		const char *node;
		uint64_t value;
	} numbers[] = {
		{ "store/port", vm->made.store_port },
		{ "store/ring-ref", vm->made.store_gfn },
		{ "console/port", vm->made.console_port },
		{ "console/ring-ref", vm->made.console_gfn },
		{ "console/limit", 1048576 },
	};
	int error = stack_make_dir(xs, t, home, "console", 0, (int)vm->domid);

	for (unsigned i = 0; i < ARRAY_SIZE(numbers) && error == 0; i++)
		error = xsn_writef(xs, t, home, numbers[i].node, "%" PRIu64, numbers[i].value);
	if (error == 0)
		error = xsn_write(xs, t, home, "console/type", "xenconsoled");
	return error;
}

static int image_nodes(struct xs_handle *xs, uint32_t t, const char *vm_dir,
	const struct stack_vm_config *config)
{
	int error = xsn_write(xs, t, vm_dir, "image/ostype", "linux");

	if (error == 0)
		error = xsn_write(xs, t, vm_dir, "image/kernel", config->kernel);
	if (error == 0 && config->initrd)
		error = xsn_write(xs, t, vm_dir, "image/ramdisk", config->initrd);
	/* The longest command line that a kernel takes is longer than a value. */
	if (error == 0 && config->append && strlen(config->append) <= XSN_VALUE_MAX)
		error = xsn_write(xs, t, vm_dir, "image/cmdline", config->append);
	return error == 0 ? xsn_writef(xs, t, vm_dir, "start_time", "%lld", (long long)time(NULL)) : error;
}

int stack_nodes_vm(struct xs_handle *xs, uint32_t t, const char *home, const char *vm_dir,
	const struct stack_domain *domain)
{
	const struct stack_vm *vm = domain->vm;
	int error = guest_nodes(xs, t, home, domain->domid);

	if (error == 0)
		error = memory_nodes(xs, t, home, vm->config->memory_mib);
	if (error == 0)
		error = cpu_nodes(xs, t, home, vm);
	if (error == 0)
		error = ring_nodes(xs, t, home, vm);
	return error == 0 ? image_nodes(xs, t, vm_dir, vm->config) : error;
}
