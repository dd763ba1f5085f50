// SPDX-License-Identifier: MIT
/*
 * A vCPU's thread, and how vCPUs are taken out of the guest and kept out.
 *
 * Who stops a vm raises kv->stops and then looks at in_guest; a vCPU sets in_guest and
 * then looks at kv->stops: sequentially consistent both, so at least one of them sees the
 * other. A vCPU that was seen in the guest is kicked by immediate_exit, for one that is
 * just about to call KVM, and by a signal, for one that is there.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "hypervisor/vm/kvm-private.h"

#define MSR_KVM_SYSTEM_TIME 0x4b564d01u

static void vcpu_left(struct kvm_vcpu *c)
{
	struct kvm_vm *kv = c->kv;

	atomic_store(&c->in_guest, false);
	if (!atomic_load(&kv->stops))
		return;
	pthread_mutex_lock(&kv->run_lock);
	pthread_cond_broadcast(&kv->run_cond);
	pthread_mutex_unlock(&kv->run_lock);
}

/* Waits until it may run; false: it is to end. */
static bool vcpu_park(struct kvm_vm *kv)
{
	bool dying;

	pthread_mutex_lock(&kv->run_lock);
	while (atomic_load(&kv->stops) && !kv->dying)
		pthread_cond_wait(&kv->run_cond, &kv->run_lock);
	dying = kv->dying;
	pthread_mutex_unlock(&kv->run_lock);
	return !dying;
}

/* KVM keeps the clock there up to date from now on; it writes it before the guest runs
 * again. */
static void time_set(struct kvm_vcpu *c)
{
	uint64_t gpa;
	int rc;

	if (!atomic_exchange(&c->time_new, false))
		return;
	gpa = atomic_load(&c->time_gpa);
	rc = kvm_set_msr(c, MSR_KVM_SYSTEM_TIME, gpa ? gpa | 1 : 0);
	if (rc < 0)
		log_err("domain %u: the clock of vCPU %u cannot be at %#llx: %s",
			c->kv->vm.d.domid, c->v->id, (unsigned long long)gpa,
			strerror(-rc));
}

/* From its return on the vCPU counts as in the guest. */
static bool vcpu_enter(struct kvm_vcpu *c)
{
	for (;;) {
		time_set(c);
		__atomic_store_n(&c->run->immediate_exit, 0, __ATOMIC_RELAXED);
		atomic_store(&c->in_guest, true);
		if (!atomic_load(&c->kv->stops) && !atomic_load(&c->time_new))
			return true;
		vcpu_left(c);
		if (!vcpu_park(c->kv))
			return false;
	}
}

static void vcpu_failed(struct kvm_vcpu *c, int err)
{
	const struct kvm_regs *regs = &c->run->s.regs.regs;

	log_err("domain %u: KVM cannot run vCPU %u any more, at %#llx: %s",
		c->kv->vm.d.domid, c->v->id, (unsigned long long)regs->rip,
		strerror(err));
	vm_shutdown(&c->kv->vm, SHUTDOWN_crash);
}

static void vcpu_up(struct kvm_vcpu *c)
{
	domain_lock(&c->kv->vm.d);
	c->v->up = true;
	domain_unlock(&c->kv->vm.d);
	/* INIT has made KVM forget where the clock is, which the vCPU that sent it has set. */
	atomic_store(&c->time_new, true);
}

/* Whether INIT has come for a vCPU that was down. A signal at that moment hides it. */
static bool vcpu_woken(struct kvm_vcpu *c, int err)
{
	struct kvm_mp_state state;

	if (c->v->up)
		return false;
	if (err == EAGAIN)
		return true;
	return err == EINTR && kvm_call(c->fd, KVM_GET_MP_STATE, &state) == 0 &&
	       state.mp_state != KVM_MP_STATE_UNINITIALIZED;
}

/*
 * Is it down: halted with interrupts off, or not started? Then only another vCPU can have
 * it go on. KVM says neither by itself.
 */
static void vcpu_look(struct kvm_vcpu *c)
{
	bool irqs = c->run->s.regs.regs.rflags & RFLAGS_IF;
	struct kvm_mp_state state;
	bool down = !c->v->up;

	/* Not of one that was not started: to ask is to take an INIT, unseen. */
	if (!down && kvm_call(c->fd, KVM_GET_MP_STATE, &state) == 0)
		down = state.mp_state == KVM_MP_STATE_INIT_RECEIVED ||
		       (state.mp_state == KVM_MP_STATE_HALTED && !irqs);
	atomic_store(&c->down, down);
}

/* What KVM_RUN returned with; false: the guest has ended. */
static bool vcpu_returned(struct kvm_vcpu *c, int err)
{
	if (vcpu_woken(c, err))
		vcpu_up(c);
	if (err == EINTR && atomic_exchange(&c->look, false))
		vcpu_look(c);
	if (err == EINTR || err == EAGAIN)
		return true;
	if (err) {
		vcpu_failed(c, err);
		return false;
	}
	return vcpu_exit(c);
}

static void *vcpu_run(void *opaque)
{
	struct kvm_vcpu *c = opaque;

	atomic_store(&c->tid, gettid());
	if (c->v->id == 0)
		vcpu_up(c);
	while (vcpu_enter(c)) {
		int err = ioctl(c->fd, KVM_RUN, NULL) < 0 ? errno : 0;

		vcpu_left(c);
		/* After the end it only waits to be told to go. */
		(void)vcpu_returned(c, err);
		if (__atomic_load_n(&c->v->upcall_lost, __ATOMIC_RELAXED))
			vcpu_upcall_again(c->v);
	}
	return NULL;
}

int vcpu_start(struct kvm_vcpu *c)
{
	int rc = thread_make(&c->thread, vcpu_run, c, true);

	c->started = rc == 0;
	return rc;
}

void vcpu_kick(struct kvm_vcpu *c)
{
	if (!atomic_load(&c->in_guest))
		return;
	__atomic_store_n(&c->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	/* It may have ended by now, and be joined: its number then is nobody's. */
	tgkill(getpid(), atomic_load(&c->tid), VCPU_KICK_SIGNAL);
}

void vcpu_kick_all(struct kvm_vm *kv)
{
	for (unsigned i = 0; i < kv->vm.nr_vcpus; i++)
		vcpu_kick(&kv->vcpus[i]);
}

static bool all_out(struct kvm_vm *kv)
{
	for (unsigned i = 0; i < kv->vm.nr_vcpus; i++)
		if (atomic_load(&kv->vcpus[i].in_guest))
			return false;
	return true;
}

void vm_quiesce(struct vm *vm)
{
	struct kvm_vm *kv = kvm_vm_of(vm);

	pthread_mutex_lock(&kv->run_lock);
	atomic_fetch_add(&kv->stops, 1);
	vcpu_kick_all(kv);
	while (!all_out(kv))
		pthread_cond_wait(&kv->run_cond, &kv->run_lock);
	pthread_mutex_unlock(&kv->run_lock);
}

void vm_resume(struct vm *vm)
{
	struct kvm_vm *kv = kvm_vm_of(vm);

	pthread_mutex_lock(&kv->run_lock);
	if (atomic_fetch_sub(&kv->stops, 1) == 1)
		pthread_cond_broadcast(&kv->run_cond);
	pthread_mutex_unlock(&kv->run_lock);
}
