// SPDX-License-Identifier: MIT
/* What the hypercall layer asks of KVM; vm.h says what each does. */
#include "config.h"

#include <errno.h>
#include <time.h>

#include "hypervisor/vm/kvm-private.h"

#define SECOND 1000000000ull
#define MSI_ASSERT (1u << 14)
#define CR4_LA57 (1u << 12)

static bool platform_upcall(struct vcpu *v)
{
	struct kvm_vm *kv = kvm_vm_of(v->vm);
	struct kvm_msi msi = {
		.address_lo = (uint32_t)VM_LAPIC_BASE | v->id << 12,
		.data = v->upcall_vector | MSI_ASSERT,
	};

	/* 0: there is such an APIC, but it does not listen. */
	return kvm_call(kv->fd, KVM_SIGNAL_MSI, &msi) > 0;
}

uint64_t kvm_platform_now(struct vm *vm)
{
	struct kvm_clock_data clock = { 0 };

	/* It cannot fail for a vm that has its descriptor. */
	(void)kvm_call(kvm_vm_of(vm)->fd, KVM_GET_CLOCK, &clock);
	return clock.clock;
}

static int platform_set_time_area(struct vcpu *v, uint64_t gpa)
{
	struct kvm_vcpu *c = kvm_vcpu_of(v);

	/* The vCPU's own thread tells KVM: anybody else would wait until it leaves the
	 * guest. */
	atomic_store(&c->time_gpa, gpa);
	atomic_store(&c->time_new, true);
	vcpu_kick(c);
	return 0;
}

/* Its own thread calls this, and looks before it enters the guest. */
static void platform_renew(struct vcpu *v)
{
	atomic_store(&kvm_vcpu_of(v)->time_new, true);
}

/* Whether the guest's own access to @gva would fault whatever its page tables say. */
static bool canonical(const struct kvm_vcpu *c, uint64_t gva)
{
	/* As they were when the vCPU left the guest. */
	unsigned high = c->run->s.regs.sregs.cr4 & CR4_LA57 ? 64 - 57 : 64 - 48;

	return (uint64_t)((int64_t)(gva << high) >> high) == gva;
}

static int platform_translate(struct vcpu *v, uint64_t gva, uint64_t *gpa)
{
	struct kvm_translation t = { .linear_address = gva };

	/* KVM's walk of the page tables does not look at the bits above. */
	if (!canonical(kvm_vcpu_of(v), gva) ||
		kvm_call(kvm_vcpu_of(v)->fd, KVM_TRANSLATE, &t) < 0 || !t.valid)
		return -EFAULT;
	*gpa = t.physical_address;
	return 0;
}

static struct timespec after(clockid_t id, uint64_t ns)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	ts.tv_sec += ns / SECOND;
	ts.tv_nsec += ns % SECOND;
	if (ts.tv_nsec >= (long)SECOND) {
		ts.tv_nsec -= SECOND;
		ts.tv_sec++;
	}
	return ts;
}

static void platform_wait(struct vcpu *v, uint64_t deadline)
{
	struct kvm_vm *kv = kvm_vm_of(v->vm);
	struct kvm_vcpu *c = kvm_vcpu_of(v);
	uint64_t now = kvm_platform_now(v->vm);
	struct timespec until;

	if (deadline && deadline <= now)
		return;
	until = after(CLOCK_MONOTONIC, deadline - now);
	while (!v->woken && !kv->no_wait) {
		if (!deadline)
			pthread_cond_wait(&c->woken, &kv->vm.d.lock);
		else if (pthread_cond_timedwait(&c->woken, &kv->vm.d.lock, &until) ==
			 ETIMEDOUT)
			return;
	}
}

static void platform_wake(struct vcpu *v)
{
	pthread_cond_signal(&kvm_vcpu_of(v)->woken);
}

const struct vm_platform kvm_platform = {
	.upcall = platform_upcall,
	.now = kvm_platform_now,
	.set_time_area = platform_set_time_area,
	.renew = platform_renew,
	.set_timer = kvm_thread_set_timer,
	.translate = platform_translate,
	.wait = platform_wait,
	.wake = platform_wake,
	.shutdown = kvm_life_end,
};
