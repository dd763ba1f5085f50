// SPDX-License-Identifier: MIT
/* memory_op: which of the hypervisor's pages stand where, and what there is. */
#include "config.h"
#include "hypervisor/vm/hc-memory.h"

#include <errno.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/memory.h>

#include "common/array.h"
#include "hypervisor/vm/vm.h"

/* More than a processor can address; keeps arithmetic on addresses from wrapping. */
#define GFN_LIMIT (1ull << 40)

/*
 * The pvclock of those vCPUs that registered no vcpu_info of their own goes where shared_info
 * is now, or nowhere. Linux divides by tsc_to_system_mul right after the hypercall; the platform
 * fills it in before the vCPU goes on.
 */
static int memory_shared_info_moved(struct vm *vm)
{
	uint64_t gfn = mem_own_gfn(&vm->mem, VM_OWN_SHARED_INFO);
	bool placed = gfn != UINT64_MAX;
	int rc = 0;

	vm->shared_info_gfn = placed ? gfn : 0;
	for (unsigned i = 0; i < vm->nr_vcpus && i < XEN_LEGACY_MAX_VCPUS && rc == 0; i++) {
		uint64_t offset = offsetof(struct shared_info, vcpu_info[i].time);

		if (!vm->vcpus[i].info_gpa)
			rc = vm->platform->set_time_area(
				&vm->vcpus[i], placed ? gfn * VM_PAGE + offset : 0);
	}
	return rc;
}

/* Memory has a lock of its own: others who send events need not wait for what KVM does then. */
static int memory_place_shared_info(struct vm *vm, uint64_t gfn, bool bits64)
{
	int rc = mem_place_own(&vm->mem, gfn, VM_OWN_SHARED_INFO);

	if (rc < 0)
		return rc;
	domain_lock(&vm->d);
	event_abi_set_shared_info(vm->events, mem_own(&vm->mem, VM_OWN_SHARED_INFO));
	rc = memory_shared_info_moved(vm);
	domain_unlock(&vm->d);
	if (rc == 0)
		vm_place_wallclock(vm, bits64);
	return rc;
}

/* Another page stands at @gfn, or none: it may have been shared_info's place. */
static int memory_changed(struct vm *vm, uint64_t gfn)
{
	int rc = 0;

	domain_lock(&vm->d);
	if (gfn == vm->shared_info_gfn)
		rc = memory_shared_info_moved(vm);
	domain_unlock(&vm->d);
	return rc;
}

static int memory_place_grants(struct vm *vm, uint64_t index, uint64_t gfn)
{
	int rc;

	/* Status frames (XENMAPIDX_grant_table_status) are version 2's, which there is not. */
	if (index >= VM_GRANT_FRAMES)
		return -EINVAL;
	rc = mem_place_own(&vm->mem, gfn, VM_OWN_GRANT_FRAMES + index);
	return rc < 0 ? rc : memory_changed(vm, gfn);
}

int memory_place(struct vm *vm, unsigned space, uint64_t index, uint64_t gfn, bool bits64)
{
	if (gfn >= GFN_LIMIT)
		return -EINVAL;
	switch (space) {
	case XENMAPSPACE_shared_info:
		return index ? -EINVAL : memory_place_shared_info(vm, gfn, bits64);
	case XENMAPSPACE_grant_table:
		return memory_place_grants(vm, index, gfn);
	default:
		return -EINVAL;
	}
}

static int64_t memory_add(struct vcpu *v, uint64_t arg)
{
	struct xen_add_to_physmap add;
	int rc;

	if (guest_read(v, arg, &add, sizeof(add)) < 0)
		return -EFAULT;
	rc = vm_check_self(v->vm, add.domid);
	return rc < 0 ? rc : memory_place(v->vm, add.space, add.idx, add.gpfn, true);
}

/* One page of a batch; its own result goes to its own slot. */
static int memory_add_one(struct vcpu *v, const struct xen_add_to_physmap_batch *batch, unsigned i)
{
	uint64_t idxs = (uintptr_t)batch->idxs.p, gpfns = (uintptr_t)batch->gpfns.p;
	uint64_t index, gfn;
	int rc;

	if (guest_read(v, idxs + i * sizeof(index), &index, sizeof(index)) < 0 ||
		guest_read(v, gpfns + i * sizeof(gfn), &gfn, sizeof(gfn)) < 0)
		return -EFAULT;
	rc = memory_place(v->vm, batch->space, index, gfn, true);
	return guest_write(v, (uintptr_t)batch->errs.p + i * sizeof(rc), &rc, sizeof(rc));
}

static int64_t memory_add_batch(struct vcpu *v, uint64_t arg)
{
	struct xen_add_to_physmap_batch batch;
	int rc;

	if (guest_read(v, arg, &batch, sizeof(batch)) < 0)
		return -EFAULT;
	rc = vm_check_self(v->vm, batch.domid);
	if (rc < 0)
		return rc;
	/* Pages of other domains come by grants only. */
	if (batch.space == XENMAPSPACE_gmfn_foreign)
		return -EPERM;
	if (batch.u.res0)
		return -EINVAL;
	/* No more pages than there are to place. */
	if (batch.size > VM_OWN_PAGES)
		return -E2BIG;
	for (unsigned i = 0; i < batch.size && rc == 0; i++)
		rc = memory_add_one(v, &batch, i);
	return rc;
}

static int64_t memory_remove(struct vcpu *v, uint64_t arg)
{
	struct xen_remove_from_physmap remove;
	struct vm *vm = v->vm;
	int rc;

	if (guest_read(v, arg, &remove, sizeof(remove)) < 0)
		return -EFAULT;
	rc = vm_check_self(vm, remove.domid);
	if (rc < 0)
		return rc;
	if (remove.gpfn >= GFN_LIMIT)
		return -EINVAL;
	rc = mem_remove(&vm->mem, remove.gpfn);
	return rc < 0 ? rc : memory_changed(vm, remove.gpfn);
}

/* Pages in one call; Linux asks for 512. */
#define RESERVATION_MAX 65536u
#define RESERVATION_MAX_ORDER 9u

/*
 * A frame of the balloon: its memory goes back to the host, or it may be used again, for which
 * nothing is to be done: RAM comes when it is touched.
 */
static bool reservation_frame(struct vm *vm, uint32_t cmd, uint64_t gfn)
{
	if (cmd == XENMEM_decrease_reservation)
		return mem_discard(&vm->mem, gfn) == 0;
	return mem_kind(&vm->mem, gfn) == MEM_RAM;
}

static bool reservation_extent(struct vm *vm, uint32_t cmd, uint64_t gfn, unsigned order)
{
	if (gfn >= GFN_LIMIT || gfn & ((1u << order) - 1))
		return false;
	for (uint64_t i = 0; i < 1u << order; i++)
		if (!reservation_frame(vm, cmd, gfn + i))
			return false;
	return true;
}

/* Returns how many extents were done, as Xen does; whatever is wrong with one ends the call. */
static int64_t memory_reservation(struct vcpu *v, uint32_t cmd, uint64_t arg)
{
	struct xen_memory_reservation r;
	uint64_t gfn, done;
	int rc;

	if (guest_read(v, arg, &r, sizeof(r)) < 0)
		return -EFAULT;
	rc = vm_check_self(v->vm, r.domid);
	if (rc < 0)
		return rc;
	if (r.extent_order > RESERVATION_MAX_ORDER ||
		r.nr_extents > RESERVATION_MAX >> r.extent_order)
		return 0;
	for (done = 0; done < r.nr_extents && !vm_is_ending(v->vm); done++) {
		uint64_t at = (uintptr_t)r.extent_start.p + done * sizeof(gfn);

		if (guest_read(v, at, &gfn, sizeof(gfn)) < 0 ||
			!reservation_extent(v->vm, cmd, gfn, r.extent_order))
			break;
	}
	return done;
}

static uint64_t memory_last_gfn(const struct vm *vm)
{
	uint64_t ram = vm->mem.ram_bytes;
	uint64_t end = ram <= VM_LOW_RAM_MAX ? ram : VM_HIGH_RAM + (ram - VM_LOW_RAM_MAX);

	return end / VM_PAGE - 1;
}

static int64_t memory_amount(struct vcpu *v, uint32_t cmd, uint64_t arg)
{
	struct vm *vm = v->vm;
	domid_t domid;
	int rc;

	if (guest_read(v, arg, &domid, sizeof(domid)) < 0)
		return -EFAULT;
	rc = vm_check_self(vm, domid);
	if (rc < 0)
		return rc;
	return cmd == XENMEM_maximum_gpfn ? memory_last_gfn(vm) : vm->mem.ram_bytes / VM_PAGE;
}

#define E820_RAM 1u
#define E820_RESERVED 2u
#define E820_ACPI 3u

/* As the builder's start_info has it. */
unsigned memory_map_fill(const struct vm *vm, struct memory_region map[MEMORY_REGIONS_MAX])
{
	uint64_t ram = vm->mem.ram_bytes;
	uint64_t low = ram < VM_LOW_RAM_MAX ? ram : VM_LOW_RAM_MAX;
	unsigned n = 0;

	map[n++] = (struct memory_region){ 0, low, E820_RAM };
	map[n++] = (struct memory_region){ VM_SPECIAL_BASE, VM_ACPI_BASE - VM_SPECIAL_BASE,
		E820_RESERVED };
	map[n++] = (struct memory_region){ VM_ACPI_BASE, VM_ACPI_SIZE, E820_ACPI };
	if (ram > low)
		map[n++] = (struct memory_region){ VM_HIGH_RAM, ram - low, E820_RAM };
	return n;
}

static int64_t memory_map(struct vcpu *v, uint64_t arg)
{
	struct xen_memory_map request;
	struct memory_region map[MEMORY_REGIONS_MAX];
	unsigned n;

	if (guest_read(v, arg, &request, sizeof(request)) < 0)
		return -EFAULT;
	n = memory_map_fill(v->vm, map);
	if (request.nr_entries < n)
		return -EINVAL;
	request.nr_entries = n;
	if (guest_write(v, (uintptr_t)request.buffer.p, map, n * sizeof(map[0])) < 0)
		return -EFAULT;
	return guest_write(v, arg, &request, sizeof(request));
}

int64_t hc_memory(struct vcpu *v, uint32_t cmd, uint64_t arg)
{
	switch (cmd) {
	case XENMEM_add_to_physmap:
		return memory_add(v, arg);
	case XENMEM_add_to_physmap_batch:
		return memory_add_batch(v, arg);
	case XENMEM_remove_from_physmap:
		return memory_remove(v, arg);
	case XENMEM_decrease_reservation:
	case XENMEM_populate_physmap:
		return memory_reservation(v, cmd, arg);
	case XENMEM_memory_map:
		return memory_map(v, arg);
	case XENMEM_set_memory_map:
		/* GRUB tells what it takes for itself; the kernel that it starts hears it from GRUB. */
		return -EPERM;
	case XENMEM_maximum_ram_page:
		return memory_last_gfn(v->vm);
	case XENMEM_maximum_gpfn:
	case XENMEM_current_reservation:
	case XENMEM_maximum_reservation:
		return memory_amount(v, cmd, arg);
	default:
		return hypercall_unknown(v, __HYPERVISOR_memory_op, cmd);
	}
}
