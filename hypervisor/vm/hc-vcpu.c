// SPDX-License-Identifier: MIT
/* vcpu_op: where a vCPU's structures are. Its timers are in hc-timer.c. */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <xen/xen.h>
#include <xen/vcpu.h>

#include "hypervisor/vm/hc-timer.h"
#include "hypervisor/vm/vm.h"

static int vcpu_place_info(struct vcpu *v, uint64_t gfn, uint32_t offset)
{
	struct vm *vm = v->vm;
	uint8_t *page = mem_pin(&vm->mem, gfn);
	int rc;

	if (!page)
		return -EINVAL;
	rc = event_abi_set_vcpu_info(vm->events, v->id, (struct vcpu_info *)(page + offset));
	if (rc < 0) {
		mem_unpin(&vm->mem, gfn);
		return rc;
	}
	v->info_gpa = gfn * VM_PAGE + offset;
	vcpu_set_upcall(v);
	return vm->platform->set_time_area(v, v->info_gpa + offsetof(struct vcpu_info, time));
}

/* A vCPU that runs may have its structure moved by nobody but itself. */
static int64_t vcpu_register_info(struct vcpu *self, struct vcpu *v, uint64_t arg)
{
	struct vcpu_register_vcpu_info info;
	int rc;

	if (guest_read(self, arg, &info, sizeof(info)) < 0)
		return -EFAULT;
	if (info.offset > VM_PAGE - sizeof(struct vcpu_info) ||
		info.offset % __alignof__(struct vcpu_info))
		return -ENXIO;
	if (info.mfn > UINT64_MAX / VM_PAGE)
		return -EINVAL;
	domain_lock(&v->vm->d);
	if (v->info_gpa || (v != self && v->up))
		rc = -EINVAL;
	else
		rc = vcpu_place_info(v, info.mfn, info.offset);
	domain_unlock(&v->vm->d);
	return rc;
}

/*
 * A vCPU is told that it runs whenever it looks: what the host's scheduler takes from it is
 * not shown.
 */
static void vcpu_runstate(struct vcpu *self, struct vcpu *v, struct vcpu_runstate_info *info)
{
	memset(info, 0, sizeof(*info));
	info->state = v == self || v->up ? RUNSTATE_running : RUNSTATE_offline;
	info->time[info->state] = v->vm->platform->now(v->vm);
}

static int64_t vcpu_get_runstate(struct vcpu *self, struct vcpu *v, uint64_t arg)
{
	struct vcpu_runstate_info info;

	domain_lock(&v->vm->d);
	vcpu_runstate(self, v, &info);
	domain_unlock(&v->vm->d);
	return guest_write(self, arg, &info, sizeof(info));
}

/* The area is found once, as the caller sees it: it may cross a page into any other. */
static int runstate_find(struct vcpu *self, uint64_t gva, uint64_t gpa[2], uint32_t len[2])
{
	size_t size = sizeof(struct vcpu_runstate_info);
	size_t room = VM_PAGE - gva % VM_PAGE;

	len[0] = size < room ? size : room;
	len[1] = size - len[0];
	gpa[1] = 0;
	if (guest_translate(self, gva, size, &gpa[0]) < 0)
		return -EFAULT;
	if (len[1] && guest_translate(self, gva + len[0], len[1], &gpa[1]) < 0)
		return -EFAULT;
	return 0;
}

static int runstate_write(struct vm *vm, const struct vcpu_runstate_info *info,
	const uint64_t gpa[2], const uint32_t len[2])
{
	if (mem_write(&vm->mem, gpa[0], info, len[0]) < 0)
		return -EFAULT;
	if (len[1] && mem_write(&vm->mem, gpa[1], (const uint8_t *)info + len[0], len[1]) < 0)
		return -EFAULT;
	return 0;
}

static int64_t vcpu_register_runstate(struct vcpu *self, struct vcpu *v, uint64_t arg)
{
	struct vcpu_register_runstate_memory_area area;
	struct vcpu_runstate_info info;
	uint64_t gpa[2];
	uint32_t len[2];

	if (guest_read(self, arg, &area, sizeof(area)) < 0 ||
		runstate_find(self, area.addr.p, gpa, len) < 0)
		return -EFAULT;
	domain_lock(&v->vm->d);
	vcpu_runstate(self, v, &info);
	domain_unlock(&v->vm->d);
	return runstate_write(v->vm, &info, gpa, len);
}

static int64_t vcpu_is_up(struct vcpu *v)
{
	bool up;

	domain_lock(&v->vm->d);
	up = v->up;
	domain_unlock(&v->vm->d);
	return up;
}

int64_t hc_vcpu(struct vcpu *self, uint32_t cmd, uint32_t vcpu, uint64_t arg)
{
	struct vcpu *v;

	if (vcpu >= self->vm->nr_vcpus)
		return -ENOENT;
	v = &self->vm->vcpus[vcpu];
	switch (cmd) {
	case VCPUOP_is_up:
		return vcpu_is_up(v);
	case VCPUOP_get_runstate_info:
		return vcpu_get_runstate(self, v, arg);
	case VCPUOP_register_runstate_memory_area:
		return vcpu_register_runstate(self, v, arg);
	case VCPUOP_set_periodic_timer:
	case VCPUOP_stop_periodic_timer:
	case VCPUOP_set_singleshot_timer:
	case VCPUOP_stop_singleshot_timer:
		return timer_vcpu_op(self, v, cmd, arg);
	case VCPUOP_register_vcpu_info:
		return vcpu_register_info(self, v, arg);
	case VCPUOP_get_physid:
		/* For vCPUs that are pinned to a processor. */
		return -EINVAL;
	case VCPUOP_register_vcpu_time_memory_area:
		/* Optional; the copy in vcpu_info is the same. */
		return -ENOSYS;
	default:
		return hypercall_unknown(self, __HYPERVISOR_vcpu_op, cmd);
	}
}
