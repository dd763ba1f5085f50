// SPDX-License-Identifier: MIT
/*
 * grant_table_op of a vm, with the statuses and errors that Xen gives a PVH guest. Each
 * structure is read once. Version 1 tables only; they are all there from the beginning.
 */
#include "config.h"
#include "hypervisor/vm/hc-grant.h"

#include <errno.h>
#include <stddef.h>

#include "hypervisor/vm/vm.h"

/* How many operations are done between two looks at whether the vm is to end. */
#define OPS_AT_ONCE 64u

/* One operation on the structure at @arg: 0, or -EFAULT. */
typedef int grant_op_fn(struct vcpu *v, uint64_t arg, void *opaque);

/* Runs @count operations; what the guest asks for must not keep its vm from ending. */
static int64_t each_op(struct vcpu *v, uint64_t arg, uint32_t count, size_t size,
	grant_op_fn *fn, void *opaque)
{
	for (uint32_t i = 0; i < count; i++) {
		int rc;

		if (i % OPS_AT_ONCE == OPS_AT_ONCE - 1 && vm_is_ending(v->vm))
			return -EINTR;
		rc = fn(v, arg + i * size, opaque);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int op_map(struct vcpu *v, uint64_t arg, void *opaque)
{
	struct gnttab_map_grant_ref op;

	if (guest_read(v, arg, &op, sizeof(op)) < 0)
		return -EFAULT;
	op.status = vm_grant_map(v->vm, &op);
	return guest_write(v, arg, &op, sizeof(op));
}

static int op_unmap(struct vcpu *v, uint64_t arg, void *opaque)
{
	struct gnttab_unmap_grant_ref op;

	if (guest_read(v, arg, &op, sizeof(op)) < 0)
		return -EFAULT;
	op.status = vm_grant_unmap(v->vm, &op);
	return guest_write(v, arg, &op, sizeof(op));
}

/* A frame can be named in the caller's own memory only. */
static int copy_end(
	const struct gnttab_copy_ptr *ptr, bool is_ref, struct grant_copy_end *end)
{
	*end = (struct grant_copy_end){ .domid = ptr->domid, .offset = ptr->offset };
	if (is_ref) {
		end->kind = GRANT_COPY_REF;
		end->ref = ptr->u.ref;
		return GNTST_okay;
	}
	if (ptr->domid != DOMID_SELF)
		return GNTST_permission_denied;
	if (ptr->u.gmfn > UINT32_MAX)
		return GNTST_bad_page;
	end->kind = GRANT_COPY_FRAME;
	end->frame = ptr->u.gmfn;
	return GNTST_okay;
}

static int op_copy(struct vcpu *v, uint64_t arg, void *opaque)
{
	struct grant_copier *copier = opaque;
	struct grant_copy_op todo;
	struct gnttab_copy op;
	int status;

	if (guest_read(v, arg, &op, sizeof(op)) < 0)
		return -EFAULT;
	todo.len = op.len;
	status = copy_end(&op.source, op.flags & GNTCOPY_source_gref, &todo.source);
	if (status == GNTST_okay)
		status = copy_end(&op.dest, op.flags & GNTCOPY_dest_gref, &todo.dest);
	if (status == GNTST_okay)
		status = grant_copier_copy(copier, &todo);
	op.status = status;
	return guest_write(v, arg + offsetof(struct gnttab_copy, status), &op.status,
		sizeof(op.status));
}

static int64_t grant_copy_ops(struct vcpu *v, uint64_t arg, uint32_t count)
{
	struct grant_copier copier;
	int64_t rc;

	grant_copier_init(&copier, v->vm->set, &v->vm->d);
	rc = each_op(v, arg, count, sizeof(struct gnttab_copy), op_copy, &copier);
	grant_copier_end(&copier);
	return rc;
}

/* The caller's own table is all that it may ask about. */
int vm_grant_self_status(struct vm *vm, uint32_t domid)
{
	switch (vm_check_self(vm, domid)) {
	case 0:
		return GNTST_okay;
	case -ESRCH:
		return GNTST_bad_domain;
	default:
		return GNTST_permission_denied;
	}
}

static int64_t grant_query_size(struct vcpu *v, uint64_t arg)
{
	struct gnttab_query_size op;

	if (guest_read(v, arg, &op, sizeof(op)) < 0)
		return -EFAULT;
	op.status = vm_grant_self_status(v->vm, op.dom);
	if (op.status == GNTST_okay)
		op.nr_frames = op.max_nr_frames = VM_GRANT_FRAMES;
	return guest_write(v, arg, &op, sizeof(op));
}

/* Tells where the guest has placed the frames of its table; one that is nowhere is all
 * ones. */
static int setup_list(struct vcpu *v, uint64_t list, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++) {
		uint64_t gfn = mem_own_gfn(&v->vm->mem, VM_OWN_GRANT_FRAMES + i);

		if (guest_write(v, list + i * sizeof(gfn), &gfn, sizeof(gfn)) < 0)
			return GNTST_bad_virt_addr;
	}
	return GNTST_okay;
}

static int64_t grant_setup_table(struct vcpu *v, uint64_t arg)
{
	struct gnttab_setup_table op;

	if (guest_read(v, arg, &op, sizeof(op)) < 0)
		return -EFAULT;
	op.status = op.nr_frames > VM_GRANT_FRAMES ? GNTST_general_error
						   : vm_grant_self_status(v->vm, op.dom);
	if (op.status == GNTST_okay)
		op.status = setup_list(v, (uintptr_t)op.frame_list.p, op.nr_frames);
	return guest_write(v, arg + offsetof(struct gnttab_setup_table, status),
		&op.status, sizeof(op.status));
}

static int64_t grant_set_version(struct vcpu *v, uint64_t arg)
{
	struct gnttab_set_version op;
	int rc = 0;

	if (guest_read(v, arg, &op, sizeof(op)) < 0)
		return -EFAULT;
	if (op.version == 2)
		rc = -ENOSYS;
	else if (op.version != 1)
		rc = -EINVAL;
	op.version = 1;
	return guest_write(v, arg, &op, sizeof(op)) < 0 ? -EFAULT : rc;
}

static int64_t grant_get_version(struct vcpu *v, uint64_t arg)
{
	struct gnttab_get_version op;
	int rc;

	if (guest_read(v, arg, &op, sizeof(op)) < 0)
		return -EFAULT;
	rc = vm_check_self(v->vm, op.dom);
	if (rc < 0)
		return rc;
	op.version = 1;
	return guest_write(v, arg, &op, sizeof(op));
}

static int op_swap(struct vcpu *v, uint64_t arg, void *opaque)
{
	struct gnttab_swap_grant_ref op;

	if (guest_read(v, arg, &op, sizeof(op)) < 0)
		return -EFAULT;
	op.status = grant_swap(&v->vm->d, op.ref_a, op.ref_b);
	return guest_write(v, arg + offsetof(struct gnttab_swap_grant_ref, status),
		&op.status, sizeof(op.status));
}

int64_t hc_grant(struct vcpu *v, uint32_t cmd, uint64_t arg, uint32_t count)
{
	if ((int32_t)count < 0)
		return -EINVAL;
	switch (cmd) {
	case GNTTABOP_map_grant_ref:
		return each_op(
			v, arg, count, sizeof(struct gnttab_map_grant_ref), op_map, NULL);
	case GNTTABOP_unmap_grant_ref:
		return each_op(v, arg, count, sizeof(struct gnttab_unmap_grant_ref),
			op_unmap, NULL);
	case GNTTABOP_copy:
		return grant_copy_ops(v, arg, count);
	case GNTTABOP_swap_grant_ref:
		return each_op(v, arg, count, sizeof(struct gnttab_swap_grant_ref),
			op_swap, NULL);
	case GNTTABOP_setup_table:
		return count == 1 ? grant_setup_table(v, arg) : -EINVAL;
	case GNTTABOP_query_size:
		return count == 1 ? grant_query_size(v, arg) : -EINVAL;
	case GNTTABOP_set_version:
		return count == 1 ? grant_set_version(v, arg) : -EINVAL;
	case GNTTABOP_get_version:
		return count == 1 ? grant_get_version(v, arg) : -EINVAL;
	case GNTTABOP_dump_table:
		/* As Xen answers an HVM guest. GRUB asks for each disk: nothing to say about. */
		return -ENOSYS;
	default:
		return hypercall_unknown(v, __HYPERVISOR_grant_table_op, cmd);
	}
}
