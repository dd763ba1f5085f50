// SPDX-License-Identifier: MIT
/* vcpu_op's timers, and polls that they end. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <xen/xen.h>
#include <xen/event_channel.h>
#include <xen/sched.h>
#include <xen/vcpu.h>

#include "tests/unit/vm-fake.h"

static struct domain_set test_set;
static struct vm_fake *fake;

static int setup(void **state)
{
	domain_set_init(&test_set);
	fake = vm_fake_new(&test_set, "guest", VM_MAX_VCPUS);
	return 0;
}

static int teardown(void **state)
{
	vm_fake_free(fake);
	domain_set_fini(&test_set);
	return 0;
}

static int64_t set_singleshot(unsigned vcpu, uint64_t at, uint32_t flags)
{
	struct vcpu_set_singleshot_timer set = { .timeout_abs_ns = at, .flags = flags };

	return fake_vcpu_op(fake, vcpu, VCPUOP_set_singleshot_timer, vcpu, &set, sizeof(set));
}

static int64_t set_periodic(unsigned vcpu, uint64_t period)
{
	struct vcpu_set_periodic_timer set = { .period_ns = period };

	return fake_vcpu_op(fake, vcpu, VCPUOP_set_periodic_timer, vcpu, &set, sizeof(set));
}

static bool is_pending(uint32_t port)
{
	bool pending;

	domain_lock(&fake->vm.d);
	pending = event_abi_is_pending(fake->vm.events, port);
	domain_unlock(&fake->vm.d);
	return pending;
}

static void a_singleshot_timer_fires_once(void **state)
{
	uint32_t port = fake_bind_timer(fake, 5);

	assert_int_equal(set_singleshot(5, FAKE_START + 100, 0), 0);
	assert_int_equal(fake->vcpu[5].timer, FAKE_START + 100);
	vcpu_timer(&fake->vm.vcpus[5]); /* early: not yet */
	assert_false(is_pending(port));
	assert_int_equal(fake->vcpu[5].timer, FAKE_START + 100);
	fake->now += 100;
	vcpu_timer(&fake->vm.vcpus[5]);
	assert_true(is_pending(port));
	assert_int_equal(fake->vcpu[5].timer, 0);
}

static void a_timer_notifies_its_own_vcpu(void **state)
{
	uint32_t other = fake_bind_timer(fake, 4), own = fake_bind_timer(fake, 5);

	assert_int_equal(set_singleshot(5, 1, 0), 0);
	vcpu_timer(&fake->vm.vcpus[5]);
	assert_true(is_pending(own));
	assert_false(is_pending(other));
}

static void a_deadline_in_the_past(void **state)
{
	assert_int_equal(set_singleshot(0, FAKE_START - 1, VCPU_SSHOTTMR_future), -ETIME);
	assert_int_equal(fake->vcpu[0].timer, 0);
	assert_int_equal(set_singleshot(0, FAKE_START - 1, 0), 0);
	assert_int_equal(fake->vcpu[0].timer, FAKE_START - 1);
	/* 0 is a deadline here, for set_timer_op it is none. */
	assert_int_equal(set_singleshot(0, 0, 0), 0);
	assert_true(fake->vcpu[0].timer != 0);
	assert_int_equal(fake_call(fake, 0, __HYPERVISOR_set_timer_op, 0, 0, 0), 0);
	assert_int_equal(fake->vcpu[0].timer, 0);
}

static void a_deadline_far_away(void **state)
{
	assert_int_equal(set_singleshot(0, UINT64_MAX, 0), 0);
	assert_int_equal(fake->vcpu[0].timer, INT64_MAX);
	assert_int_equal(fake_call(fake, 0, __HYPERVISOR_set_timer_op, 1ull << 63, 0, 0), 0);
	assert_int_equal(fake->vcpu[0].timer, INT64_MAX);
}

static void timers_stop(void **state)
{
	assert_int_equal(set_singleshot(0, FAKE_START + 100, 0), 0);
	assert_int_equal(fake_call(fake, 0, __HYPERVISOR_vcpu_op, VCPUOP_stop_singleshot_timer, 0, 0),
		0);
	assert_int_equal(fake->vcpu[0].timer, 0);
	assert_int_equal(set_periodic(0, 1000000), 0);
	assert_int_equal(fake_call(fake, 0, __HYPERVISOR_vcpu_op, VCPUOP_stop_periodic_timer, 0, 0),
		0);
	assert_int_equal(fake->vcpu[0].timer, 0);
}

static void a_periodic_timer_goes_on(void **state)
{
	uint32_t port = fake_bind_timer(fake, 0);

	assert_int_equal(set_periodic(0, 1000000), 0);
	assert_int_equal(fake->vcpu[0].timer, FAKE_START + 1000000);
	/* Late by two and a half periods: one event, and the beat is kept. */
	fake->now += 3500000;
	vcpu_timer(&fake->vm.vcpus[0]);
	assert_true(is_pending(port));
	assert_int_equal(fake->vcpu[0].timer, FAKE_START + 4000000);
}

static void both_timers_run_together(void **state)
{
	assert_int_equal(set_periodic(0, 1000000), 0);
	assert_int_equal(set_singleshot(0, FAKE_START + 500, 0), 0);
	assert_int_equal(fake->vcpu[0].timer, FAKE_START + 500);
	fake->now += 500;
	vcpu_timer(&fake->vm.vcpus[0]);
	assert_int_equal(fake->vcpu[0].timer, FAKE_START + 1000000);
}

static void periods_are_checked(void **state)
{
	assert_int_equal(set_periodic(0, 0), -EINVAL);
	assert_int_equal(set_periodic(0, 999999), -EINVAL);
	assert_int_equal(set_periodic(0, UINT64_MAX), -EINVAL);
	assert_int_equal(set_periodic(0, 1ull << 63), -EINVAL);
	assert_int_equal(fake->vcpu[0].timers_set, 0);
}

static void timers_of_others_are_refused(void **state)
{
	for (uint32_t cmd = VCPUOP_set_periodic_timer; cmd <= VCPUOP_stop_singleshot_timer; cmd++)
		assert_int_equal(
			fake_call(fake, 0, __HYPERVISOR_vcpu_op, cmd, 1, FAKE_ARG), -EINVAL);
}

/* What poll waits for */

static void raise_in_wait(struct vm_fake *f, struct vcpu *v)
{
	event_raise_virq_vcpu(&f->vm.d, VIRQ_TIMER, 1);
}

static int64_t poll_for(unsigned vcpu, uint32_t port)
{
	struct sched_poll poll = { .nr_ports = 1 };

	poll.ports.p = (void *)0x300000;
	fake_put(fake, 0x300000, &port, sizeof(port));
	return fake_op(fake, vcpu, __HYPERVISOR_sched_op, SCHEDOP_poll, &poll, sizeof(poll));
}

static void a_poll_ends_with_its_port(void **state)
{
	uint32_t port = fake_bind_timer(fake, 1);

	fake->in_wait = raise_in_wait;
	assert_int_equal(poll_for(0, port), 0);
	assert_int_equal(fake->vcpu[0].waits, 1);
	assert_int_equal(fake->vcpu[0].wakes, 1);
}

static void a_poll_is_not_ended_by_other_ports(void **state)
{
	uint32_t other = fake_bind_timer(fake, 0);

	fake_bind_timer(fake, 1);
	fake->in_wait = raise_in_wait;
	assert_int_equal(poll_for(0, other), 0);
	assert_int_equal(fake->vcpu[0].waits, 1);
	assert_int_equal(fake->vcpu[0].wakes, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_singleshot_timer_fires_once),
		T(a_timer_notifies_its_own_vcpu),
		T(a_deadline_in_the_past),
		T(a_deadline_far_away),
		T(timers_stop),
		T(a_periodic_timer_goes_on),
		T(both_timers_run_together),
		T(periods_are_checked),
		T(timers_of_others_are_refused),
		T(a_poll_ends_with_its_port),
		T(a_poll_is_not_ended_by_other_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
