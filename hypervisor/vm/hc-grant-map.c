// SPDX-License-Identifier: MIT
/*
 * A mapping has three parts, made in this order and undone in the opposite one: the pin
 * of the grant with its handle, the place of the granted page (which its owner then keeps
 * where it is), and the mapping in the vm's memory. Its handle has a place only while all
 * three are there; whoever takes that away from it is the only one to undo the rest.
 */
#include "config.h"
#include "hypervisor/vm/hc-grant.h"

#include <errno.h>

#include "hypervisor/vm/vm.h"

static int errno_status(int rc)
{
	switch (rc) {
	case 0:
		return GNTST_okay;
	case -ENOSPC:
	case -ENOMEM:
		return GNTST_no_space;
	default:
		return GNTST_general_error;
	}
}

static int page_locate(struct domain *grantor, uint32_t frame, struct frame_place *place)
{
	int rc;

	domain_lock(grantor);
	rc = grantor->ops->frame_locate(grantor, frame, place);
	domain_unlock(grantor);
	return rc;
}

static void page_unlocate(struct domain *grantor, uint32_t frame)
{
	domain_lock(grantor);
	grantor->ops->frame_unlocate(grantor, frame);
	domain_unlock(grantor);
}

/* The second and third part; what fails is undone. */
static int page_show(
	struct vm *vm, const struct grant_mapped *m, uint64_t gfn, bool readonly)
{
	struct frame_place place;
	int rc = page_locate(m->grantor, m->frame, &place);

	if (rc < 0)
		return rc;
	rc = mem_place_foreign(&vm->mem, gfn, place.fd, place.offset, readonly);
	if (rc < 0)
		page_unlocate(m->grantor, m->frame);
	return rc;
}

int vm_grant_map(struct vm *vm, struct gnttab_map_grant_ref *op)
{
	uint32_t kind = op->flags & (GNTMAP_device_map | GNTMAP_host_map);
	bool readonly = op->flags & GNTMAP_readonly;
	uint64_t gfn = op->host_addr / VM_PAGE;
	struct grant_mapped m;
	int status;

	if (!kind)
		return GNTST_bad_gntref;
	/* A guest whose memory is translated has no page tables or buses to map into. */
	if ((op->flags & ~GNTMAP_readonly) != GNTMAP_host_map)
		return GNTST_general_error;
	if (op->dom >= DOMID_FIRST_RESERVED)
		return GNTST_bad_domain;
	status = grant_map(vm->set, &vm->d, op->dom, op->ref, op->flags, &m);
	if (status != GNTST_okay)
		return status;
	status = errno_status(page_show(vm, &m, gfn, readonly));
	if (status != GNTST_okay) {
		(void)grant_unmap(vm->set, &vm->d, m.handle);
		return status;
	}
	grant_place_set(&vm->d, m.handle, gfn);
	op->handle = m.handle;
	op->dev_bus_addr = 0;
	return GNTST_okay;
}

/* Undoes a mapping whose place was taken away from it. */
static void map_end(
	struct vm *vm, uint32_t handle, const struct grant_mapped *m, uint64_t gfn)
{
	/* Where it fails (the host has no memory) the frame keeps its pin: it is still
	 * seen. */
	int rc = mem_remove_foreign(&vm->mem, gfn);

	if (rc < 0 && rc != -ENOENT) {
		log_err("domain %u (%s): the host cannot take a foreign page away; it is "
			"ended",
			vm->d.domid, vm->d.name);
		grant_place_set(&vm->d, handle, gfn);
		vm_shutdown(vm, SHUTDOWN_crash);
		return;
	}
	page_unlocate(m->grantor, m->frame);
	(void)grant_unmap(vm->set, &vm->d, handle);
}

int vm_grant_unmap(struct vm *vm, const struct gnttab_unmap_grant_ref *op)
{
	uint64_t gfn = op->host_addr / VM_PAGE;
	struct grant_mapped m;
	int status;

	if (op->dev_bus_addr)
		return GNTST_bad_dev_addr;
	status = grant_place_take(&vm->d, op->handle, gfn, &m);
	if (status == GNTST_okay)
		map_end(vm, op->handle, &m, gfn);
	return status;
}

void vm_grants_release(struct vm *vm)
{
	uint32_t handle = 0;

	for (;;) {
		struct grant_mapped m;
		uint64_t gfn;

		if (!grant_place_next(&vm->d, &handle, &gfn))
			return;
		if (grant_place_take(&vm->d, handle, gfn, &m) == GNTST_okay)
			map_end(vm, handle, &m, gfn);
	}
}
