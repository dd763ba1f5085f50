// SPDX-License-Identifier: MIT
#include "config.h"
#include "tests/unit/vm-fake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/memory.h>

#include "common/array.h"

/* Also for the fuzzer, which has no cmocka. */
static void fake_check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "vm-fake: %s failed\n", what);
	abort();
}

static struct vm_fake *fake_of(struct vm *vm)
{
	return container_of(vm, struct vm_fake, vm);
}

static struct fake_vcpu *fake_vcpu(struct vcpu *v)
{
	return &fake_of(v->vm)->vcpu[v->id];
}

static bool fake_upcall(struct vcpu *v)
{
	struct fake_vcpu *fv = fake_vcpu(v);

	if (fv->apic_off)
		fv->lost++;
	else
		fv->upcalls++;
	return !fv->apic_off;
}

static uint64_t fake_now(struct vm *vm)
{
	return __atomic_load_n(&fake_of(vm)->now, __ATOMIC_RELAXED);
}

static int fake_set_time_area(struct vcpu *v, uint64_t gpa)
{
	fake_vcpu(v)->time_area = gpa;
	return 0;
}

static void fake_renew(struct vcpu *v)
{
	fake_vcpu(v)->renewals++;
}

static void fake_set_timer(struct vcpu *v, uint64_t deadline)
{
	fake_vcpu(v)->timer = deadline;
	fake_vcpu(v)->timers_set++;
}

/* As page walks do, it ignores bits that no address has. */
static int fake_translate(struct vcpu *v, uint64_t gva, uint64_t *gpa)
{
	struct vm_fake *fake = fake_of(v->vm);

	gva &= (1ull << 56) - 1;
	if (gva >= 1ull << 46)
		return -EFAULT;
	*gpa = gva;
	if (fake->moved_gva && gva / VM_PAGE == fake->moved_gva / VM_PAGE)
		*gpa = fake->moved_gpa + gva % VM_PAGE;
	return 0;
}

static void fake_wait(struct vcpu *v, uint64_t deadline)
{
	struct vm_fake *fake = fake_of(v->vm);

	fake_vcpu(v)->waits++;
	fake_vcpu(v)->wait_until = deadline;
	if (!fake->in_wait)
		return;
	domain_unlock(&v->vm->d);
	fake->in_wait(fake, v);
	domain_lock(&v->vm->d);
}

static void fake_wake(struct vcpu *v)
{
	fake_vcpu(v)->wakes++;
}

static void fake_shutdown(struct vm *vm, unsigned reason)
{
	fake_of(vm)->shutdowns++;
	fake_of(vm)->reason = reason;
}

static const struct vm_platform fake_platform = {
	.upcall = fake_upcall,
	.now = fake_now,
	.set_time_area = fake_set_time_area,
	.renew = fake_renew,
	.set_timer = fake_set_timer,
	.translate = fake_translate,
	.wait = fake_wait,
	.wake = fake_wake,
	.shutdown = fake_shutdown,
};

static int fake_slot_add(void *opaque, uint64_t gpa, uint64_t size, void *hva)
{
	struct vm *vm = opaque;

	return gpa == 0 || gpa == VM_SPECIAL_BASE ? 0 : fake_of(vm)->slot_error;
}

static const struct mem_ops fake_mem_ops = { .slot_add = fake_slot_add };

static void fake_release(struct domain *d)
{
	struct vm_fake *fake = fake_of(vm_is(d));

	vm_fini(&fake->vm);
	fake->released = true;
}

static const struct domain_ops fake_ops = {
	.raise = vm_ops_raise,
	.frame_hold = vm_ops_frame_hold,
	.frame_release = vm_ops_frame_release,
	.frame_locate = vm_ops_frame_locate,
	.frame_unlocate = vm_ops_frame_unlocate,
	.vm = true,
	.release = fake_release,
};

struct vm_fake *vm_fake_new(struct domain_set *set, const char *name, unsigned vcpus)
{
	struct domain_limits limits = { .max_ports = 4096, .max_mapped = 1024 };
	struct vm_fake *fake = calloc(1, sizeof(*fake));

	fake_check(fake, "calloc()");
	fake->now = FAKE_START;
	fake_check(vm_init(&fake->vm, set, name, FAKE_RAM, vcpus, &limits, &fake_platform,
			   &fake_mem_ops, &fake_ops) == 0, "vm_init()");
	fake_check(domain_set_add(set, &fake->vm.d, DOMID_SELF) == 0, "domain_set_add()");
	fake->vm.vcpus[0].up = true;
	return fake;
}

void vm_fake_quit(struct vm_fake *fake)
{
	struct vm *vm = &fake->vm;

	domain_lock(&vm->d);
	vm->zombie = true;
	domain_unlock(&vm->d);
	vm_grants_release(vm);
	event_close_owned(vm->set, &vm->d, NULL);
}

void vm_fake_free(struct vm_fake *fake)
{
	struct domain_set *set = fake->vm.set;

	vm_fake_quit(fake);
	domain_set_remove(set, &fake->vm.d);
	domain_put(set, &fake->vm.d);
	fake_check(fake->released, "the last reference's release");
	free(fake);
}

int64_t fake_call(struct vm_fake *fake, unsigned vcpu, uint64_t number, uint64_t a0, uint64_t a1,
	uint64_t a2)
{
	struct hypercall call = { .number = number, .args = { a0, a1, a2 }, .bits64 = true };

	return hypercall(&fake->vm.vcpus[vcpu], &call);
}

int64_t fake_op(struct vm_fake *fake, unsigned vcpu, uint64_t number, uint64_t cmd, void *arg,
	size_t size)
{
	int64_t rc;

	fake_put(fake, FAKE_ARG, arg, size);
	rc = fake_call(fake, vcpu, number, cmd, FAKE_ARG, 0);
	fake_get(fake, FAKE_ARG, arg, size);
	return rc;
}

void fake_put(struct vm_fake *fake, uint64_t gpa, const void *from, size_t len)
{
	fake_check(mem_write(&fake->vm.mem, gpa, from, len) == 0, "mem_write()");
}

void fake_get(struct vm_fake *fake, uint64_t gpa, void *to, size_t len)
{
	fake_check(mem_read(&fake->vm.mem, gpa, to, len) == 0, "mem_read()");
}

struct shared_info *fake_shared_info(struct vm_fake *fake, uint64_t gfn)
{
	struct xen_add_to_physmap add = { .domid = DOMID_SELF, .gpfn = gfn };

	fake_check(fake_op(fake, 0, __HYPERVISOR_memory_op, XENMEM_add_to_physmap, &add,
			   sizeof(add)) == 0, "placing shared_info");
	return mem_own(&fake->vm.mem, VM_OWN_SHARED_INFO);
}

int64_t fake_vcpu_op(struct vm_fake *fake, unsigned self, uint32_t cmd, uint32_t vcpu, void *arg, size_t size)
{
	int64_t rc;

	fake_put(fake, FAKE_ARG, arg, size);
	rc = fake_call(fake, self, __HYPERVISOR_vcpu_op, cmd, vcpu, FAKE_ARG);
	fake_get(fake, FAKE_ARG, arg, size);
	return rc;
}

uint32_t fake_bind_timer(struct vm_fake *fake, unsigned vcpu)
{
	struct evtchn_bind_virq bind = { .virq = VIRQ_TIMER, .vcpu = vcpu };

	if (fake_op(fake, 0, __HYPERVISOR_event_channel_op, EVTCHNOP_bind_virq, &bind, sizeof(bind)) < 0)
		abort();
	return bind.port;
}
