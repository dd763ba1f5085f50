// SPDX-License-Identifier: MIT
/*
 * Hypercalls of 32-bit code: those of a boot loader (GRUB's PVH image) that polls for its events.
 * Structures that hold an address or a frame number are read here, as 32-bit code has them; all
 * others have one layout. Where shared_info differs, events do: upcalls are for 64-bit kernels.
 */
#include "config.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/grant_table.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/version.h>

#include "common/array.h"
#include "hypervisor/vm/hc-grant.h"
#include "hypervisor/vm/hc-memory.h"
#include "hypervisor/vm/vm.h"

struct add_to_physmap_32 {
	uint16_t domid, size;
	uint32_t space, idx, gpfn;
};

struct memory_map_32 {
	uint32_t nr_entries, buffer;
};

struct setup_table_32 {
	uint16_t dom, pad;
	uint32_t nr_frames;
	int16_t status, pad2;
	uint32_t frame_list;
};

static int64_t add_to_physmap(struct vcpu *v, uint32_t arg)
{
	struct add_to_physmap_32 add;
	int rc;

	if (guest_read(v, arg, &add, sizeof(add)) < 0)
		return -EFAULT;
	rc = vm_check_self(v->vm, add.domid);
	return rc < 0 ? rc : memory_place(v->vm, add.space, add.idx, add.gpfn, false);
}

static int64_t memory_map(struct vcpu *v, uint32_t arg)
{
	struct memory_region map[MEMORY_REGIONS_MAX];
	struct memory_map_32 request;
	unsigned n = memory_map_fill(v->vm, map);

	if (guest_read(v, arg, &request, sizeof(request)) < 0)
		return -EFAULT;
	if (request.nr_entries < n)
		return -EINVAL;
	request.nr_entries = n;
	if (guest_write(v, request.buffer, map, n * sizeof(map[0])) < 0)
		return -EFAULT;
	return guest_write(v, arg, &request, sizeof(request));
}

static int64_t call_memory(struct vcpu *v, const uint64_t *args)
{
	switch ((uint32_t)args[0]) {
	case XENMEM_add_to_physmap:
		return add_to_physmap(v, args[1]);
	case XENMEM_memory_map:
		return memory_map(v, args[1]);
	case XENMEM_set_memory_map:
		return hc_memory(v, args[0], args[1]);
	default:
		return hypercall_unknown(v, __HYPERVISOR_memory_op, args[0]);
	}
}

/* Where the frames of its table are; one that is nowhere is all ones. */
static int setup_list(struct vcpu *v, uint32_t list, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++) {
		uint32_t gfn = mem_own_gfn(&v->vm->mem, VM_OWN_GRANT_FRAMES + i);

		if (guest_write(v, list + i * sizeof(gfn), &gfn, sizeof(gfn)) < 0)
			return GNTST_bad_virt_addr;
	}
	return GNTST_okay;
}

static int64_t setup_table(struct vcpu *v, uint32_t arg)
{
	struct setup_table_32 op;

	if (guest_read(v, arg, &op, sizeof(op)) < 0)
		return -EFAULT;
	op.status = op.nr_frames > VM_GRANT_FRAMES ? GNTST_general_error
						   : vm_grant_self_status(v->vm, op.dom);
	if (op.status == GNTST_okay)
		op.status = setup_list(v, op.frame_list, op.nr_frames);
	return guest_write(v, arg + offsetof(struct setup_table_32, status), &op.status,
		sizeof(op.status));
}

static int64_t call_grant(struct vcpu *v, const uint64_t *args)
{
	switch ((uint32_t)args[0]) {
	case GNTTABOP_setup_table:
		return args[2] == 1 ? setup_table(v, args[1]) : -EINVAL;
	case GNTTABOP_query_size:
	case GNTTABOP_set_version:
	case GNTTABOP_get_version:
	case GNTTABOP_dump_table:
		return hc_grant(v, args[0], args[1], args[2]);
	default:
		return hypercall_unknown(v, __HYPERVISOR_grant_table_op, args[0]);
	}
}

static int64_t call_sched(struct vcpu *v, const uint64_t *args)
{
	if ((uint32_t)args[0] == SCHEDOP_poll)
		return hypercall_unknown(v, __HYPERVISOR_sched_op, args[0]);
	return hc_sched(v, args[0], args[1]);
}

static int64_t call_version(struct vcpu *v, const uint64_t *args)
{
	if ((uint32_t)args[0] == XENVER_platform_parameters)
		return hypercall_unknown(v, __HYPERVISOR_xen_version, args[0]);
	return hc_version(v, args[0], args[1]);
}

static int64_t call_console(struct vcpu *v, const uint64_t *args)
{
	return hc_console(v, args[0], args[1], args[2]);
}

static int64_t call_event(struct vcpu *v, const uint64_t *args)
{
	return hc_event(v, args[0], args[1]);
}

static int64_t call_hvm(struct vcpu *v, const uint64_t *args)
{
	return hc_hvm(v, args[0], args[1]);
}

static int64_t (*const calls_32bit[])(struct vcpu *v, const uint64_t *args) = {
	[__HYPERVISOR_memory_op] = call_memory,
	[__HYPERVISOR_xen_version] = call_version,
	[__HYPERVISOR_console_io] = call_console,
	[__HYPERVISOR_grant_table_op] = call_grant,
	[__HYPERVISOR_sched_op] = call_sched,
	[__HYPERVISOR_event_channel_op] = call_event,
	[__HYPERVISOR_hvm_op] = call_hvm,
};

int64_t hypercall_32bit(struct vcpu *v, uint64_t number, const uint64_t *args)
{
	if (number < ARRAY_SIZE(calls_32bit) && calls_32bit[number])
		return calls_32bit[number](v, args);
	return hypercall_unknown(v, number < UINT32_MAX ? number : UINT32_MAX, args[0]);
}
