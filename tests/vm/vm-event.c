// SPDX-License-Identifier: MIT
/* Event channels as a guest sees them: both ABIs, delivered by its upcall vector. */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <xenevtchn.h>
#include <xen/event_channel.h>
#include <xen/hvm/hvm_op.h>
#include <xen/sched.h>
#include <xen/vcpu.h>

#include "tests/vm/vm-harness.h"

#define MS 1000000ull

static struct hv_world world;

static void ipi_arrives(bool fifo)
{
	struct guest g;
	uint32_t port;

	guest_start(&g, &world, 1);
	guest_events_init(&g, 1, fifo);
	port = guest_bind_ipi(&g, 0, 0);
	for (unsigned i = 0; i < 10; i++) {
		guest_log_clear(&g, 0);
		assert_int_equal(guest_send(&g, 0, port), 0);
		guest_await_event(&g, 0, port);
		assert_int_equal(guest_log(&g, 0)->count, 1);
	}
	assert_int_equal(guest_mail(&g, 0)->strays, 0);
	guest_destroy(&g);
}

static void test_2level_event_arrives(void **state)
{
	ipi_arrives(false);
}

static void test_fifo_event_arrives(void **state)
{
	ipi_arrives(true);
}

static void test_2level_masked_event_waits_for_unmask(void **state)
{
	struct guest g;
	struct evtchn_unmask unmask;
	uint64_t mask;

	guest_start(&g, &world, 1);
	guest_events_init(&g, 1, false);
	unmask.port = guest_bind_ipi(&g, 0, 0);
	mask = GUEST_SHARED_INFO + offsetof(struct shared_info, evtchn_mask) + unmask.port / 64 * 8;
	guest_write(&g, mask, 8, 1ull << unmask.port % 64);
	assert_int_equal(guest_send(&g, 0, unmask.port), 0);
	guest_call(&g, 0, OP_NOP, 0, 0, 0);
	assert_false(guest_has_event(&g, 0, unmask.port));
	assert_int_equal(guest_hc(&g, 0, __HYPERVISOR_event_channel_op, EVTCHNOP_unmask, &unmask,
				 sizeof(unmask)), 0);
	guest_await_event(&g, 0, unmask.port);
	assert_int_equal(guest_read(&g, mask, 8), 0);
	guest_destroy(&g);
}

static void test_fifo_masked_event_waits_for_unmask(void **state)
{
	struct guest g;
	struct evtchn_unmask unmask;
	uint32_t *words;

	guest_start(&g, &world, 1);
	guest_events_init(&g, 1, true);
	words = (void *)(g.ram + GUEST_EVENT_ARRAY);
	unmask.port = guest_bind_ipi(&g, 0, 0);
	__atomic_fetch_or(&words[unmask.port], 1u << EVTCHN_FIFO_MASKED, __ATOMIC_SEQ_CST);
	assert_int_equal(guest_send(&g, 0, unmask.port), 0);
	guest_call(&g, 0, OP_NOP, 0, 0, 0);
	assert_false(guest_has_event(&g, 0, unmask.port));
	assert_true(words[unmask.port] & 1u << EVTCHN_FIFO_PENDING);
	assert_int_equal(guest_hc(&g, 0, __HYPERVISOR_event_channel_op, EVTCHNOP_unmask, &unmask,
				 sizeof(unmask)), 0);
	guest_await_event(&g, 0, unmask.port);
	guest_destroy(&g);
}

static int64_t set_priority(struct guest *g, uint32_t port, uint32_t priority)
{
	struct evtchn_set_priority set = { .port = port, .priority = priority };

	return guest_hc(g, 0, __HYPERVISOR_event_channel_op, EVTCHNOP_set_priority, &set, sizeof(set));
}

/* Raised while interrupts are off, in the wrong order. */
static void test_priorities_decide_the_order(void **state)
{
	static const uint32_t priority[] = { 15, 7, 0, 3, 7, 14 };
	static const unsigned order[] = { 2, 3, 1, 4, 5, 0 };
	uint32_t ports[6];
	struct guest g;

	guest_start(&g, &world, 1);
	guest_events_init(&g, 1, true);
	guest_call(&g, 0, OP_IRQS, 0, 0, 0);
	for (unsigned i = 0; i < 6; i++) {
		ports[i] = guest_bind_ipi(&g, 0, 0);
		assert_int_equal(set_priority(&g, ports[i], priority[i]), 0);
	}
	assert_int_equal(set_priority(&g, ports[0], 16), -EINVAL);
	guest_log_clear(&g, 0);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(guest_send(&g, 0, ports[i]), 0);
	assert_int_equal(guest_log(&g, 0)->count, 0);
	guest_call(&g, 0, OP_IRQS, 1, 0, 0);
	guest_await(&g, &guest_log(&g, 0)->count, 6);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(guest_log(&g, 0)->ports[i], ports[order[i]]);
	guest_destroy(&g);
}

static void ipis_between_cpus(bool fifo)
{
	struct guest g;
	uint32_t port[3];

	guest_start(&g, &world, 3);
	guest_events_init(&g, 3, fifo);
	for (unsigned to = 0; to < 3; to++)
		port[to] = guest_bind_ipi(&g, 0, to);
	for (unsigned from = 0; from < 3; from++) {
		for (unsigned to = 0; to < 3; to++) {
			for (unsigned i = 0; i < 3; i++)
				guest_log_clear(&g, i);
			assert_int_equal(guest_send(&g, from, port[to]), 0);
			guest_await_event(&g, to, port[to]);
			for (unsigned i = 0; i < 3; i++)
				assert_int_equal(guest_log(&g, i)->count, i == to);
		}
	}
	guest_destroy(&g);
}

static void test_2level_ipis_between_cpus(void **state)
{
	ipis_between_cpus(false);
}

static void test_fifo_ipis_between_cpus(void **state)
{
	ipis_between_cpus(true);
}

/* One that sleeps in HLT is woken, one that is busy is interrupted. */
static void test_event_reaches_a_cpu_in_any_state(void **state)
{
	struct guest g;
	uint32_t port;

	guest_start(&g, &world, 2);
	guest_events_init(&g, 2, true);
	port = guest_bind_ipi(&g, 0, 1);
	for (int idle = IDLE_SPIN; idle <= IDLE_HLT; idle++) {
		guest_call(&g, 1, OP_IDLE, idle, 0, 0);
		usleep(2000);
		guest_log_clear(&g, 1);
		assert_int_equal(guest_send(&g, 0, port), 0);
		guest_await_event(&g, 1, port);
	}
	guest_destroy(&g);
}

/* No loss between raising, the guest's clearing and its loop. */
static void test_many_sends_from_another_cpu(void **state)
{
	struct guest g;
	uint32_t port;
	uint64_t sent;

	guest_start(&g, &world, 2);
	guest_events_init(&g, 2, true);
	port = guest_bind_ipi(&g, 0, 1);
	guest_begin(&g, 0, OP_SEND_LOOP, port, 0, 0, 0, 0, 0);
	guest_await(&g, &guest_log(&g, 1)->count, 500);
	sent = guest_stop_op(&g, 0);
	assert_true(guest_log(&g, 1)->count <= sent);
	guest_log_clear(&g, 1);
	assert_int_equal(guest_send(&g, 0, port), 0);
	guest_await_event(&g, 1, port);
	guest_destroy(&g);
}

static uint32_t bind_timer(struct guest *g, unsigned vcpu)
{
	struct evtchn_bind_virq bind = { .virq = VIRQ_TIMER, .vcpu = vcpu };

	assert_int_equal(guest_hc(g, 0, __HYPERVISOR_event_channel_op, EVTCHNOP_bind_virq, &bind,
				 sizeof(bind)), 0);
	return bind.port;
}

static void test_singleshot_timer(void **state)
{
	struct vcpu_set_singleshot_timer timer = { 0 };
	struct guest g;
	uint32_t port;
	uint64_t now;

	guest_start(&g, &world, 1);
	guest_events_init(&g, 1, true);
	port = bind_timer(&g, 0);
	assert_int_equal(guest_vcpu_op(&g, 0, VCPUOP_stop_periodic_timer, 0, NULL, 0), 0);
	for (unsigned i = 0; i < 5; i++) {
		guest_log_clear(&g, 0);
		timer.timeout_abs_ns = guest_call(&g, 0, OP_TIME, 0, 0, 0) + 20 * MS;
		assert_int_equal(guest_vcpu_op(&g, 0, VCPUOP_set_singleshot_timer, 0, &timer,
					 sizeof(timer)), 0);
		guest_await_event(&g, 0, port);
		now = guest_call(&g, 0, OP_TIME, 0, 0, 0);
		assert_true(now >= timer.timeout_abs_ns);
		assert_int_equal(guest_log(&g, 0)->count, 1);
	}
	/* One that has gone by fires at once, or is refused with -ETIME. */
	guest_log_clear(&g, 0);
	timer.timeout_abs_ns = 1;
	if (guest_vcpu_op(&g, 0, VCPUOP_set_singleshot_timer, 0, &timer, sizeof(timer)) == 0)
		guest_await_event(&g, 0, port);
	guest_destroy(&g);
}

static void test_singleshot_timer_is_stopped(void **state)
{
	struct vcpu_set_singleshot_timer timer = { 0 };
	struct guest g;
	uint32_t port;

	guest_start(&g, &world, 1);
	guest_events_init(&g, 1, true);
	port = bind_timer(&g, 0);
	/* So far away that the request to stop it comes in time on any machine. */
	timer.timeout_abs_ns = guest_call(&g, 0, OP_TIME, 0, 0, 0) + 3000 * MS;
	assert_int_equal(guest_vcpu_op(&g, 0, VCPUOP_set_singleshot_timer, 0, &timer,
				 sizeof(timer)), 0);
	assert_int_equal(guest_vcpu_op(&g, 0, VCPUOP_stop_singleshot_timer, 0, NULL, 0), 0);
	while (guest_call(&g, 0, OP_TIME, 0, 0, 0) < timer.timeout_abs_ns + 100 * MS)
		usleep(50000);
	assert_false(guest_has_event(&g, 0, port));
	guest_destroy(&g);
}

static void test_periodic_timer(void **state)
{
	struct vcpu_set_periodic_timer timer = { .period_ns = 5 * MS };
	struct guest g;
	uint64_t start;

	guest_start(&g, &world, 1);
	guest_events_init(&g, 1, true);
	bind_timer(&g, 0);
	start = guest_call(&g, 0, OP_TIME, 0, 0, 0);
	assert_int_equal(guest_vcpu_op(&g, 0, VCPUOP_set_periodic_timer, 0, &timer,
				 sizeof(timer)), 0);
	guest_await(&g, &guest_log(&g, 0)->count, 10);
	assert_true(guest_call(&g, 0, OP_TIME, 0, 0, 0) >= start + 9 * timer.period_ns);
	assert_int_equal(guest_vcpu_op(&g, 0, VCPUOP_stop_periodic_timer, 0, NULL, 0), 0);
	timer.period_ns = 1;
	assert_int_equal(guest_vcpu_op(&g, 0, VCPUOP_set_periodic_timer, 0, &timer,
				 sizeof(timer)), -EINVAL);
	guest_destroy(&g);
}

/* Each vCPU has a timer of its own. */
static void test_timers_of_two_cpus(void **state)
{
	struct vcpu_set_singleshot_timer timer = { 0 };
	uint32_t port[2];
	struct guest g;

	guest_start(&g, &world, 2);
	guest_events_init(&g, 2, true);
	for (unsigned cpu = 0; cpu < 2; cpu++)
		port[cpu] = bind_timer(&g, cpu);
	timer.timeout_abs_ns = guest_call(&g, 0, OP_TIME, 0, 0, 0) + 30 * MS;
	for (unsigned cpu = 0; cpu < 2; cpu++)
		assert_int_equal(guest_vcpu_op(&g, cpu, VCPUOP_set_singleshot_timer, cpu, &timer,
					 sizeof(timer)), 0);
	for (unsigned cpu = 0; cpu < 2; cpu++) {
		guest_await_event(&g, cpu, port[cpu]);
		assert_int_equal(guest_log(&g, cpu)->count, 1);
	}
	guest_destroy(&g);
}

static uint64_t poll_arg(struct guest *g, const uint32_t *ports, unsigned n, uint64_t timeout)
{
	struct {
		struct sched_poll poll;
		uint32_t ports[4];
	} arg = { .poll = { .nr_ports = n, .timeout = timeout } };
	uint64_t gpa = GUEST_SCRATCH + (GUEST_MAX_CPUS + 1) * PAGE;

	memcpy(arg.ports, ports, n * sizeof(*ports));
	set_xen_guest_handle(arg.poll.ports, (void *)(gpa + sizeof(arg.poll)));
	memcpy(g->ram + gpa, &arg, sizeof(arg));
	return gpa;
}

/* It may end early, but not as a rule: that would be a loop. */
static void test_poll_ends_at_its_timeout(void **state)
{
	struct guest g;
	uint32_t port;
	uint64_t deadline;
	unsigned polls = 0;

	guest_start(&g, &world, 1);
	guest_events_init(&g, 1, true);
	guest_call(&g, 0, OP_IRQS, 0, 0, 0);
	port = guest_bind_ipi(&g, 0, 0);
	deadline = guest_call(&g, 0, OP_TIME, 0, 0, 0) + 100 * MS;
	do {
		assert_int_equal(guest_hypercall(&g, 0, __HYPERVISOR_sched_op, SCHEDOP_poll,
					 poll_arg(&g, &port, 1, deadline), 0, 0, 0), 0);
		polls++;
	} while (guest_call(&g, 0, OP_TIME, 0, 0, 0) < deadline);
	assert_true(polls <= 3);
	guest_destroy(&g);
}

static void test_poll_ends_with_its_port(void **state)
{
	struct guest g;
	uint32_t port;

	guest_start(&g, &world, 2);
	guest_events_init(&g, 2, true);
	port = guest_bind_ipi(&g, 0, 1);
	guest_call(&g, 1, OP_IRQS, 0, 0, 0);
	/* Masked, as Linux polls: no upcall helps it. */
	__atomic_fetch_or((uint32_t *)(g.ram + GUEST_EVENT_ARRAY) + port, 1u << EVTCHN_FIFO_MASKED,
		__ATOMIC_SEQ_CST);
	for (unsigned i = 0; i < 20; i++) {
		guest_begin(&g, 1, OP_HYPERCALL, __HYPERVISOR_sched_op, SCHEDOP_poll,
			poll_arg(&g, &port, 1, 0), 0, 0, 0);
		if (i & 1)
			usleep(3000);
		assert_int_equal(guest_send(&g, 0, port), 0);
		assert_int_equal((int64_t)guest_end(&g, 1), 0);
		__atomic_fetch_and((uint32_t *)(g.ram + GUEST_EVENT_ARRAY) + port,
			~(1u << EVTCHN_FIFO_PENDING), __ATOMIC_SEQ_CST);
	}
	guest_destroy(&g);
}

static void test_poll_refuses_bad_arguments(void **state)
{
	struct guest g;
	uint32_t port = 200000;

	guest_start(&g, &world, 1);
	assert_int_equal(guest_hypercall(&g, 0, __HYPERVISOR_sched_op, SCHEDOP_poll,
				 poll_arg(&g, &port, 1, 0), 0, 0, 0), -EINVAL);
	((struct sched_poll *)(g.ram + poll_arg(&g, &port, 1, 0)))->nr_ports = 129;
	assert_int_equal(guest_hypercall(&g, 0, __HYPERVISOR_sched_op, SCHEDOP_poll,
				 GUEST_SCRATCH + (GUEST_MAX_CPUS + 1) * PAGE, 0, 0, 0), -EINVAL);
	assert_int_equal(guest_hypercall(&g, 0, __HYPERVISOR_sched_op, SCHEDOP_poll,
				 1ull << 40, 0, 0, 0), -EFAULT);
	guest_destroy(&g);
}

static xenevtchn_handle *events_as(uint32_t domid)
{
	xenevtchn_handle *xce;

	hv_enter(&world, domid);
	xce = xenevtchn_open(NULL, 0);
	assert_non_null(xce);
	return xce;
}

static void expect_pending(xenevtchn_handle *xce, uint32_t port)
{
	struct pollfd p = { .fd = xenevtchn_fd(xce), .events = POLLIN };

	assert_int_equal(poll(&p, 1, 30000), 1);
	assert_int_equal(xenevtchn_pending(xce), port);
	assert_int_equal(xenevtchn_unmask(xce, port), 0);
}

static void both_ways(struct guest *g, uint32_t mine, xenevtchn_handle *xce, uint32_t theirs)
{
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(guest_send(g, 0, mine), 0);
		expect_pending(xce, theirs);
		guest_log_clear(g, 0);
		assert_int_equal(xenevtchn_notify(xce, theirs), 0);
		guest_await_event(g, 0, mine);
	}
}

static void test_process_domain_binds_to_a_vm(void **state)
{
	struct guest g;
	uint32_t mine;
	xenevtchn_handle *xce;
	int theirs;

	guest_start(&g, &world, 1);
	guest_events_init(&g, 1, true);
	mine = guest_unbound(&g, 2);
	xce = events_as(2);
	theirs = xenevtchn_bind_interdomain(xce, g.domid, mine);
	assert_true(theirs > 0);
	both_ways(&g, mine, xce, theirs);
	/* Not another's. */
	assert_true(xenevtchn_bind_interdomain(xce, g.domid, guest_unbound(&g, 3)) < 0);
	/* It goes and comes back: the guest's port waits again. */
	xenevtchn_close(xce);
	xce = events_as(2);
	do
		theirs = xenevtchn_bind_interdomain(xce, g.domid, mine);
	while (theirs < 0 && usleep(1000) == 0);
	both_ways(&g, mine, xce, theirs);
	xenevtchn_close(xce);
	guest_destroy(&g);
}

static void test_vm_binds_to_a_process_domain(void **state)
{
	xenevtchn_handle *xce = events_as(2);
	struct guest g;
	int64_t mine;
	int theirs;

	guest_start(&g, &world, 1);
	guest_events_init(&g, 1, true);
	theirs = xenevtchn_bind_unbound_port(xce, g.domid);
	assert_true(theirs > 0);
	mine = guest_bind(&g, 2, theirs);
	assert_true(mine > 0);
	both_ways(&g, mine, xce, theirs);
	assert_int_equal(guest_bind(&g, 2, theirs), -EINVAL);
	assert_int_equal(guest_bind(&g, 2, 4000), -EINVAL);
	assert_int_equal(guest_bind(&g, 999, 1), -ESRCH);
	/* The vm goes: the port waits for a successor, and sending does no harm. */
	guest_destroy(&g);
	assert_int_equal(xenevtchn_notify(xce, theirs), 0);
	xenevtchn_close(xce);
}

static void test_vm_is_destroyed_while_a_process_domain_sends(void **state)
{
	xenevtchn_handle *xce = events_as(2);
	struct guest g;
	int port;

	for (unsigned i = 0; i < 5; i++) {
		guest_start(&g, &world, 1);
		guest_events_init(&g, 1, true);
		port = xenevtchn_bind_interdomain(xce, g.domid, guest_unbound(&g, 2));
		assert_true(port > 0);
		for (unsigned n = 0; n < 1000; n++)
			assert_int_equal(xenevtchn_notify(xce, port), 0);
		guest_destroy(&g);
		assert_int_equal(xenevtchn_unbind(xce, port), 0);
	}
	xenevtchn_close(xce);
}

static void test_closed_port_is_silent(void **state)
{
	struct guest g;
	uint32_t port;

	guest_start(&g, &world, 1);
	guest_events_init(&g, 1, true);
	port = guest_bind_ipi(&g, 0, 0);
	assert_int_equal(guest_close(&g, port), 0);
	assert_int_equal(guest_send(&g, 0, port), -EINVAL);
	assert_int_equal(guest_close(&g, port), -EINVAL);
	assert_int_equal(guest_send(&g, 0, 131072), -EINVAL);
	assert_int_equal(guest_send(&g, 0, UINT32_MAX), -EINVAL);
	guest_destroy(&g);
}

/*
 * The upcall's vector is registered, with an upcall pending, while the local APIC is still off
 * and drops the interrupt: once it is on, the guest must get it.
 */
static void test_upcall_before_the_apic_is_on(void **state)
{
	struct vcpu_register_vcpu_info info = { .mfn = GUEST_VCPU_INFO >> 12 };
	struct xen_hvm_evtchn_upcall_vector vector = { .vector = GUEST_UPCALL_VECTOR };
	struct guest g;

	guest_start(&g, &world, 1);
	guest_call(&g, 0, OP_WRITE, 0xfee000f0, 4, 0xff);
	assert_int_equal(guest_vcpu_op(&g, 0, VCPUOP_register_vcpu_info, 0, &info, sizeof(info)), 0);
	assert_int_equal(guest_hc(&g, 0, __HYPERVISOR_hvm_op, HVMOP_set_evtchn_upcall_vector,
				 &vector, sizeof(vector)), 0);
	guest_call(&g, 0, OP_IRQS, 1, 0, 0);
	assert_int_equal(guest_mail(&g, 0)->upcalls, 0);
	guest_call(&g, 0, OP_WRITE, 0xfee000f0, 4, 0x1ff);
	/* Its idle loop makes hypercalls. */
	guest_await(&g, &guest_mail(&g, 0)->upcalls, 1);
	guest_destroy(&g);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_2level_event_arrives),
		cmocka_unit_test(test_fifo_event_arrives),
		cmocka_unit_test(test_2level_masked_event_waits_for_unmask),
		cmocka_unit_test(test_fifo_masked_event_waits_for_unmask),
		cmocka_unit_test(test_priorities_decide_the_order),
		cmocka_unit_test(test_2level_ipis_between_cpus),
		cmocka_unit_test(test_fifo_ipis_between_cpus),
		cmocka_unit_test(test_event_reaches_a_cpu_in_any_state),
		cmocka_unit_test(test_many_sends_from_another_cpu),
		cmocka_unit_test(test_singleshot_timer),
		cmocka_unit_test(test_singleshot_timer_is_stopped),
		cmocka_unit_test(test_periodic_timer),
		cmocka_unit_test(test_timers_of_two_cpus),
		cmocka_unit_test(test_poll_ends_at_its_timeout),
		cmocka_unit_test(test_poll_ends_with_its_port),
		cmocka_unit_test(test_poll_refuses_bad_arguments),
		cmocka_unit_test(test_process_domain_binds_to_a_vm),
		cmocka_unit_test(test_vm_binds_to_a_process_domain),
		cmocka_unit_test(test_vm_is_destroyed_while_a_process_domain_sends),
		cmocka_unit_test(test_closed_port_is_silent),
		cmocka_unit_test(test_upcall_before_the_apic_is_on),
	};

	vm_world_start(&world, argv);
	return vm_world_stop(&world, cmocka_run_group_tests(tests, NULL, NULL));
}
