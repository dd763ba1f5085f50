// SPDX-License-Identifier: MIT
/* Two timers for each vCPU, one-shot and periodic; both raise VIRQ_TIMER there. */
#include "config.h"
#include "hypervisor/vm/hc-timer.h"

#include <errno.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/vcpu.h>

#include "hypervisor/event.h"
#include "hypervisor/vm/vm.h"

#define TIMER_PERIOD_MIN 1000000ull
/* About 292 years: later is never, and signed arithmetic below it does not overflow. */
#define TIMER_NEVER ((uint64_t)INT64_MAX)

void vcpu_arm_timer(struct vcpu *v)
{
	uint64_t deadline = v->singleshot;

	if (v->periodic && (!deadline || v->periodic_next < deadline))
		deadline = v->periodic_next;
	v->vm->platform->set_timer(v, deadline);
}

/* 0 stops it. */
static void timer_set_singleshot(struct vcpu *v, uint64_t deadline)
{
	domain_lock(&v->vm->d);
	v->singleshot = deadline < TIMER_NEVER ? deadline : TIMER_NEVER;
	vcpu_arm_timer(v);
	domain_unlock(&v->vm->d);
}

int64_t hc_set_timer(struct vcpu *v, uint64_t deadline)
{
	timer_set_singleshot(v, deadline);
	return 0;
}

static int64_t timer_singleshot(struct vcpu *self, struct vcpu *v, uint64_t arg)
{
	struct vcpu_set_singleshot_timer set;

	if (guest_read(self, arg, &set, sizeof(set)) < 0)
		return -EFAULT;
	if ((set.flags & VCPU_SSHOTTMR_future) &&
		set.timeout_abs_ns < v->vm->platform->now(v->vm))
		return -ETIME;
	/* The start of time is past, not "no timer". */
	timer_set_singleshot(v, set.timeout_abs_ns ? set.timeout_abs_ns : 1);
	return 0;
}

static int timer_set_periodic(struct vcpu *v, uint64_t period)
{
	domain_lock(&v->vm->d);
	v->periodic = period;
	v->periodic_next = v->vm->platform->now(v->vm) + period;
	vcpu_arm_timer(v);
	domain_unlock(&v->vm->d);
	return 0;
}

static int64_t timer_periodic(struct vcpu *self, struct vcpu *v, uint64_t arg)
{
	struct vcpu_set_periodic_timer set;

	if (guest_read(self, arg, &set, sizeof(set)) < 0)
		return -EFAULT;
	if (set.period_ns < TIMER_PERIOD_MIN || set.period_ns > TIMER_NEVER / 2)
		return -EINVAL;
	return timer_set_periodic(v, set.period_ns);
}

int64_t timer_vcpu_op(struct vcpu *self, struct vcpu *v, uint32_t cmd, uint64_t arg)
{
	/* A vCPU's timers are its own, as in Xen. */
	if (v != self)
		return -EINVAL;
	switch (cmd) {
	case VCPUOP_set_periodic_timer:
		return timer_periodic(self, v, arg);
	case VCPUOP_stop_periodic_timer:
		/* The first that Linux does on a vCPU that it has started, and seldom later. */
		vcpu_renew(v);
		return timer_set_periodic(v, 0);
	case VCPUOP_set_singleshot_timer:
		return timer_singleshot(self, v, arg);
	default:
		timer_set_singleshot(v, 0);
		return 0;
	}
}

/* Missed periods are one event. */
static bool timer_expire(struct vcpu *v, uint64_t now)
{
	bool fire = false;

	if (v->singleshot && v->singleshot <= now) {
		v->singleshot = 0;
		fire = true;
	}
	if (v->periodic && v->periodic_next <= now) {
		v->periodic_next += ((now - v->periodic_next) / v->periodic + 1) * v->periodic;
		fire = true;
	}
	return fire;
}

void vcpu_timer(struct vcpu *v)
{
	struct vm *vm = v->vm;
	bool fire;

	domain_lock(&vm->d);
	fire = timer_expire(v, vm->platform->now(vm));
	vcpu_arm_timer(v);
	domain_unlock(&vm->d);
	if (fire)
		event_raise_virq_vcpu(&vm->d, VIRQ_TIMER, v->id);
}
