// SPDX-License-Identifier: MIT
/* event_channel_op and sched_op as a guest calls them. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <xen/xen.h>
#include <xen/event_channel.h>
#include <xen/sched.h>

#include "tests/unit/vm-fake.h"

#define SHARED_GFN 0x10u
#define CONTROL_GFN 0x300u
#define ARRAY_GFN 0x310u
#define PORTS_GPA 0x320000ull
#define NOWHERE (1ull << 50)

static struct domain_set test_set;
static struct vm_fake *fake, *other;
static struct shared_info *shared;
static uint32_t raise_in_wait;

static int setup(void **state)
{
	domain_set_init(&test_set);
	fake = vm_fake_new(&test_set, "guest", 3);
	other = vm_fake_new(&test_set, "other", 1);
	shared = fake_shared_info(fake, SHARED_GFN);
	return 0;
}

static int teardown(void **state)
{
	vm_fake_free(fake);
	vm_fake_free(other);
	domain_set_fini(&test_set);
	return 0;
}

static int64_t event_op(uint32_t cmd, void *arg, size_t size)
{
	return fake_op(fake, 0, __HYPERVISOR_event_channel_op, cmd, arg, size);
}

#define EVENT(name, arg) event_op(EVTCHNOP_##name, arg, sizeof(*(arg)))

static uint32_t new_ipi(uint32_t vcpu)
{
	struct evtchn_bind_ipi ipi = { .vcpu = vcpu };

	assert_int_equal(EVENT(bind_ipi, &ipi), 0);
	return ipi.port;
}

static int64_t send_on(uint32_t port)
{
	struct evtchn_send send = { .port = port };

	return EVENT(send, &send);
}

static int64_t status_of(uint32_t port, struct evtchn_status *st)
{
	*st = (struct evtchn_status){ .dom = DOMID_SELF, .port = port };
	return EVENT(status, st);
}

static void binding_and_status(void **state)
{
	struct evtchn_bind_virq virq = { .virq = VIRQ_TIMER, .vcpu = 1 };
	struct evtchn_alloc_unbound un = { .dom = DOMID_SELF, .remote_dom = other->vm.d.domid };
	struct evtchn_bind_interdomain inter = { .remote_dom = DOMID_SELF };
	struct evtchn_close close = { 0 };
	struct evtchn_status st;

	assert_int_equal(EVENT(bind_virq, &virq), 0);
	assert_int_equal(status_of(virq.port, &st), 0);
	assert_int_equal(st.status, EVTCHNSTAT_virq);
	assert_int_equal(st.u.virq, VIRQ_TIMER);
	assert_int_equal(st.vcpu, 1);
	assert_int_equal(status_of(new_ipi(2), &st), 0);
	assert_int_equal(st.status, EVTCHNSTAT_ipi);
	assert_int_equal(st.vcpu, 2);
	assert_int_equal(EVENT(alloc_unbound, &un), 0);
	assert_int_equal(status_of(un.port, &st), 0);
	assert_int_equal(st.status, EVTCHNSTAT_unbound);
	assert_int_equal(st.u.unbound.dom, other->vm.d.domid);
	un.remote_dom = DOMID_SELF;
	assert_int_equal(EVENT(alloc_unbound, &un), 0);
	inter.remote_port = un.port;
	assert_int_equal(EVENT(bind_interdomain, &inter), 0);
	assert_int_equal(status_of(un.port, &st), 0);
	assert_int_equal(st.status, EVTCHNSTAT_interdomain);
	assert_int_equal(st.u.interdomain.port, inter.local_port);
	assert_int_equal(st.u.interdomain.dom, fake->vm.d.domid);
	close.port = un.port;
	assert_int_equal(EVENT(close, &close), 0);
	assert_int_equal(EVENT(close, &close), -EINVAL);
	assert_int_equal(status_of(un.port, &st), 0);
	assert_int_equal(st.status, EVTCHNSTAT_closed);
	assert_int_equal(status_of(0, &st), 0);
	assert_int_equal(st.status, EVTCHNSTAT_closed);
	assert_int_equal(status_of(EVENT_MAX_PORTS, &st), -EINVAL);
}

static void binding_refused(void **state)
{
	struct evtchn_bind_virq virq = { .virq = VIRQ_TIMER };
	struct evtchn_bind_ipi ipi = { .vcpu = 3 };
	struct evtchn_bind_interdomain inter = { .remote_dom = 77, .remote_port = 1 };
	struct evtchn_bind_vcpu bind = { .port = 99 };

	assert_int_equal(EVENT(bind_virq, &virq), 0);
	assert_int_equal(EVENT(bind_virq, &virq), -EEXIST);
	virq.vcpu = 3;
	assert_int_equal(EVENT(bind_virq, &virq), -ENOENT);
	virq = (struct evtchn_bind_virq){ .virq = 24 };
	assert_int_equal(EVENT(bind_virq, &virq), -EINVAL);
	virq = (struct evtchn_bind_virq){ .virq = VIRQ_CONSOLE, .vcpu = 1 };
	assert_int_equal(EVENT(bind_virq, &virq), -EINVAL);
	assert_int_equal(EVENT(bind_ipi, &ipi), -ENOENT);
	assert_int_equal(EVENT(bind_interdomain, &inter), -ESRCH);
	inter.remote_dom = other->vm.d.domid;
	assert_int_equal(EVENT(bind_interdomain, &inter), -EINVAL);
	assert_int_equal(EVENT(bind_vcpu, &bind), -EINVAL);
	bind.vcpu = 3;
	assert_int_equal(EVENT(bind_vcpu, &bind), -ENOENT);
}

static void other_domains_are_not_its_own(void **state)
{
	domid_t domid = other->vm.d.domid;
	struct evtchn_alloc_unbound un = { .dom = domid, .remote_dom = 0 };
	struct evtchn_status st = { .dom = domid, .port = 1 };
	struct evtchn_reset reset = { .dom = domid };

	assert_int_equal(EVENT(alloc_unbound, &un), -EPERM);
	assert_int_equal(EVENT(status, &st), -EPERM);
	assert_int_equal(EVENT(reset, &reset), -EPERM);
	st.dom = 500;
	assert_int_equal(EVENT(status, &st), -ESRCH);
	st.dom = fake->vm.d.domid;
	assert_int_equal(EVENT(status, &st), 0);
}

static void between_two_vms(void **state)
{
	int theirs = event_alloc_unbound(&other->vm.d, fake->vm.d.domid, NULL, NULL);
	struct evtchn_bind_interdomain inter = {
		.remote_dom = other->vm.d.domid, .remote_port = theirs
	};
	struct shared_info *far = mem_own(&other->vm.mem, VM_OWN_SHARED_INFO);

	fake_shared_info(other, SHARED_GFN);
	assert_int_equal(EVENT(bind_interdomain, &inter), 0);
	assert_int_equal(shared->evtchn_pending[0], 1ul << inter.local_port);
	assert_int_equal(send_on(inter.local_port), 0);
	assert_int_equal(far->evtchn_pending[0], 1ul << theirs);
}

static void masks(void **state)
{
	uint32_t port = new_ipi(0);
	struct evtchn_unmask unmask = { .port = port };

	fake->vm.vcpus[0].upcall_vector = 0xf3;
	shared->evtchn_mask[0] = ~0ul;
	assert_int_equal(send_on(port), 0);
	assert_int_equal(fake->vcpu[0].upcalls, 0);
	assert_int_equal(EVENT(unmask, &unmask), 0);
	assert_int_equal(fake->vcpu[0].upcalls, 1);
	unmask.port = 99;
	assert_int_equal(EVENT(unmask, &unmask), -EINVAL);
	unmask.port = UINT32_MAX;
	assert_int_equal(EVENT(unmask, &unmask), -EINVAL);
}

static void sending_refused(void **state)
{
	struct evtchn_bind_virq virq = { .virq = VIRQ_TIMER };

	assert_int_equal(EVENT(bind_virq, &virq), 0);
	assert_int_equal(send_on(virq.port), -EINVAL);
	assert_int_equal(send_on(0), -EINVAL);
	assert_int_equal(send_on(99), -EINVAL);
	assert_int_equal(send_on(UINT32_MAX), -EINVAL);
}

static void fifo(void **state)
{
	struct evtchn_init_control init = { .control_gfn = CONTROL_GFN, .offset = 8 };
	struct evtchn_expand_array expand = { .array_gfn = ARRAY_GFN };
	struct evtchn_set_priority priority = { .priority = 2 };
	struct evtchn_reset reset = { .dom = DOMID_SELF };
	struct evtchn_fifo_control_block control;
	uint32_t port = new_ipi(0), word;

	priority.port = port;
	assert_int_equal(EVENT(set_priority, &priority), -ENOSYS);
	assert_int_equal(EVENT(init_control, &init), 0);
	assert_int_equal(init.link_bits, 17);
	assert_int_equal(EVENT(expand_array, &expand), 0);
	assert_int_equal(EVENT(set_priority, &priority), 0);
	assert_int_equal(send_on(port), 0);
	fake_get(fake, CONTROL_GFN * VM_PAGE + 8, &control, sizeof(control));
	assert_int_equal(control.ready, 1u << 2);
	assert_int_equal(control.head[2], port);
	fake_get(fake, ARRAY_GFN * VM_PAGE + port * 4, &word, sizeof(word));
	assert_int_equal(word, 1u << EVTCHN_FIFO_PENDING | 1u << EVTCHN_FIFO_LINKED);
	priority.priority = 16;
	assert_int_equal(EVENT(set_priority, &priority), -EINVAL);
	/* Pinned while they are used: nothing else can be placed there. */
	assert_int_equal(mem_place_own(&fake->vm.mem, ARRAY_GFN, 3), -EBUSY);
	assert_int_equal(EVENT(reset, &reset), 0);
	assert_false(event_abi_is_fifo(fake->vm.events));
	assert_int_equal(mem_place_own(&fake->vm.mem, ARRAY_GFN, 3), 0);
	assert_int_equal(mem_place_own(&fake->vm.mem, CONTROL_GFN, 4), 0);
}

static void fifo_refused(void **state)
{
	struct evtchn_init_control init = { .control_gfn = CONTROL_GFN, .vcpu = 3 };
	struct evtchn_expand_array expand = { .array_gfn = ARRAY_GFN };

	assert_int_equal(EVENT(expand_array, &expand), -EOPNOTSUPP);
	assert_int_equal(EVENT(init_control, &init), -ENOENT);
	init = (struct evtchn_init_control){ .control_gfn = CONTROL_GFN, .offset = 4092 };
	assert_int_equal(EVENT(init_control, &init), -EINVAL);
	init = (struct evtchn_init_control){ .control_gfn = ~0ull };
	assert_int_equal(EVENT(init_control, &init), -EINVAL);
	init.control_gfn = FAKE_RAM / VM_PAGE;
	assert_int_equal(EVENT(init_control, &init), -EINVAL);
	assert_false(event_abi_is_fifo(fake->vm.events));
	/* What was refused is not pinned. */
	assert_int_equal(mem_place_own(&fake->vm.mem, CONTROL_GFN, 3), 0);
	assert_int_equal(mem_place_own(&fake->vm.mem, ARRAY_GFN, 4), 0);
	init = (struct evtchn_init_control){ .control_gfn = CONTROL_GFN + 1 };
	assert_int_equal(EVENT(init_control, &init), 0);
	assert_int_equal(EVENT(init_control, &init), -EINVAL);
	expand.array_gfn = NOWHERE;
	assert_int_equal(EVENT(expand_array, &expand), -EINVAL);
	expand.array_gfn = ARRAY_GFN + 1;
	for (int i = 0; i < 128; i++)
		assert_int_equal(EVENT(expand_array, &expand), 0);
	assert_int_equal(EVENT(expand_array, &expand), -ENOSPC);
}

static void bad_pointers(void **state)
{
	struct vm_memory *mem = &fake->vm.mem;
	uint64_t end = FAKE_RAM;
	struct evtchn_bind_ipi ipi = { 0 };

	for (uint32_t cmd = 0; cmd <= EVTCHNOP_set_priority; cmd++) {
		if (cmd == EVTCHNOP_bind_pirq)
			continue;
		assert_int_equal(fake_call(fake, 0, __HYPERVISOR_event_channel_op, cmd, NOWHERE, 0),
			-EFAULT);
		assert_int_equal(fake_call(fake, 0, __HYPERVISOR_event_channel_op, cmd, ~0ull, 0),
			-EFAULT);
		assert_int_equal(fake_call(fake, 0, __HYPERVISOR_event_channel_op, cmd, end - 1, 0),
			-EFAULT);
	}
	assert_int_equal(mem_write(mem, end - sizeof(ipi), &ipi, sizeof(ipi)), 0);
	assert_int_equal(fake_call(fake, 0, __HYPERVISOR_event_channel_op, EVTCHNOP_bind_ipi,
				 end - sizeof(ipi), 0),
		0);
}

static void unknown_operations(void **state)
{
	uint64_t arg = 0;

	assert_int_equal(event_op(EVTCHNOP_bind_pirq, &arg, sizeof(arg)), -ENOSYS);
	assert_int_equal(event_op(14, &arg, sizeof(arg)), -ENOSYS);
	assert_int_equal(event_op(UINT32_MAX, &arg, sizeof(arg)), -ENOSYS);
	assert_int_equal(fake_call(fake, 0, __HYPERVISOR_event_channel_op_compat, FAKE_ARG, 0, 0),
		-ENOSYS);
}

/* --- sched_op ---------------------------------------------------------- */

static int64_t sched_op(uint32_t cmd, void *arg, size_t size)
{
	return fake_op(fake, 0, __HYPERVISOR_sched_op, cmd, arg, size);
}

static int64_t poll_ports(const uint32_t *ports, unsigned n, uint64_t timeout)
{
	struct sched_poll poll = { .nr_ports = n, .timeout = timeout };

	set_xen_guest_handle(poll.ports, (evtchn_port_t *)PORTS_GPA);
	if (n)
		fake_put(fake, PORTS_GPA, ports, n * sizeof(*ports));
	return sched_op(SCHEDOP_poll, &poll, sizeof(poll));
}

static void in_wait(struct vm_fake *f, struct vcpu *v)
{
	assert_true(v->waiting);
	(void)!event_send(&test_set, &f->vm.d, raise_in_wait);
}

static void poll_waits(void **state)
{
	uint32_t ports[2] = { new_ipi(1), new_ipi(1) };

	shared->evtchn_mask[0] = ~0ul;
	assert_int_equal(poll_ports(ports, 2, 0), 0);
	assert_int_equal(fake->vcpu[0].waits, 1);
	assert_false(fake->vm.vcpus[0].waiting);
	/* Pending: no wait, whichever it is. */
	assert_int_equal(send_on(ports[1]), 0);
	assert_int_equal(poll_ports(ports, 2, 0), 0);
	assert_int_equal(fake->vcpu[0].waits, 1);
	/* A deadline that has passed. */
	assert_int_equal(poll_ports(ports, 1, FAKE_START - 1), 0);
	assert_int_equal(fake->vcpu[0].waits, 1);
	assert_int_equal(poll_ports(ports, 1, FAKE_START + 1000), 0);
	assert_int_equal(fake->vcpu[0].waits, 2);
	assert_int_equal(poll_ports(NULL, 0, FAKE_START + 1000), 0);
	assert_int_equal(fake->vcpu[0].waits, 3);
}

static void poll_is_woken(void **state)
{
	uint32_t ports[2] = { new_ipi(1), new_ipi(1) };

	shared->evtchn_mask[0] = ~0ul;
	fake->in_wait = in_wait;
	raise_in_wait = ports[0];
	assert_int_equal(poll_ports(ports, 1, 0), 0);
	assert_int_equal(fake->vcpu[0].wakes, 1);
	/* Not by a port that it did not ask for. */
	raise_in_wait = ports[1];
	shared->evtchn_pending[0] = 0;
	assert_int_equal(poll_ports(ports, 1, 0), 0);
	assert_int_equal(fake->vcpu[0].wakes, 1);
}

static void poll_is_woken_by_an_upcall(void **state)
{
	uint32_t port = new_ipi(1), mine = new_ipi(0);

	fake->in_wait = in_wait;
	raise_in_wait = mine;
	assert_int_equal(poll_ports(&port, 1, 0), 0);
	assert_int_equal(fake->vcpu[0].wakes, 1);
	/* It is pending now, and the guest is to take it first, */
	assert_int_equal(poll_ports(&port, 1, 0), 0);
	assert_int_equal(fake->vcpu[0].waits, 1);
	/* unless it does not want to. */
	fake->vm.vcpus[0].irqs_off = true;
	assert_int_equal(poll_ports(&port, 1, 0), 0);
	assert_int_equal(fake->vcpu[0].waits, 2);
}

static void poll_deadlines(void **state)
{
	const uint64_t far = FAKE_START + 1000000000, soon = FAKE_START + 1000;
	uint32_t port = new_ipi(1);

	/* A guest that takes interrupts comes back soon: a wait may not see them all. */
	assert_int_equal(poll_ports(&port, 1, 0), 0);
	assert_in_range(fake->vcpu[0].wait_until, FAKE_START + 1, far - 1);
	assert_int_equal(poll_ports(&port, 1, far), 0);
	assert_in_range(fake->vcpu[0].wait_until, FAKE_START + 1, far - 1);
	assert_int_equal(poll_ports(&port, 1, soon), 0);
	assert_int_equal(fake->vcpu[0].wait_until, soon);
	/* One that takes none is woken by what it polls alone. */
	fake->vm.vcpus[0].irqs_off = true;
	assert_int_equal(poll_ports(&port, 1, 0), 0);
	assert_int_equal(fake->vcpu[0].wait_until, 0);
	assert_int_equal(poll_ports(&port, 1, far), 0);
	assert_int_equal(fake->vcpu[0].wait_until, far);
}

static void poll_refused(void **state)
{
	uint32_t ports[129] = { EVTCHN_2L_NR_CHANNELS };
	struct sched_poll poll = { .nr_ports = 1 };

	assert_int_equal(poll_ports(ports, 1, 0), -EINVAL);
	ports[0] = UINT32_MAX;
	assert_int_equal(poll_ports(ports, 1, 0), -EINVAL);
	ports[0] = 0;
	assert_int_equal(poll_ports(ports, 129, 0), -EINVAL);
	assert_int_equal(poll_ports(ports, 128, 0), 0);
	set_xen_guest_handle(poll.ports, (evtchn_port_t *)NOWHERE);
	assert_int_equal(sched_op(SCHEDOP_poll, &poll, sizeof(poll)), -EFAULT);
	poll.nr_ports = UINT32_MAX;
	assert_int_equal(sched_op(SCHEDOP_poll, &poll, sizeof(poll)), -EINVAL);
	for (uint32_t cmd = SCHEDOP_shutdown; cmd <= SCHEDOP_remote_shutdown; cmd++)
		assert_int_equal(fake_call(fake, 0, __HYPERVISOR_sched_op, cmd, NOWHERE, 0), -EFAULT);
	assert_int_equal(fake->vcpu[0].waits, 1);
}

static void block_and_yield(void **state)
{
	assert_int_equal(sched_op(SCHEDOP_block, &(int){ 0 }, sizeof(int)), 0);
	assert_int_equal(fake->vcpu[0].waits, 1);
	assert_int_equal(send_on(new_ipi(0)), 0);
	assert_int_equal(sched_op(SCHEDOP_block, &(int){ 0 }, sizeof(int)), 0);
	assert_int_equal(fake->vcpu[0].waits, 1);
	assert_int_equal(sched_op(SCHEDOP_yield, &(int){ 0 }, sizeof(int)), 0);
}

static void shutdown_reasons(void **state)
{
	struct sched_shutdown shutdown = { .reason = SHUTDOWN_suspend };

	/* Cancelled, and the guest goes on. */
	assert_int_equal(sched_op(SCHEDOP_shutdown, &shutdown, sizeof(shutdown)), 1);
	shutdown.reason = SHUTDOWN_MAX + 1;
	assert_int_equal(sched_op(SCHEDOP_shutdown, &shutdown, sizeof(shutdown)), -EINVAL);
	assert_int_equal(fake->shutdowns, 0);
	shutdown.reason = SHUTDOWN_reboot;
	assert_int_equal(sched_op(SCHEDOP_shutdown, &shutdown, sizeof(shutdown)), 0);
	assert_int_equal(fake->shutdowns, 1);
	assert_int_equal(fake->reason, SHUTDOWN_reboot);
}

static void remote_shutdown(void **state)
{
	struct sched_remote_shutdown remote = { .domain_id = other->vm.d.domid };

	assert_int_equal(sched_op(SCHEDOP_remote_shutdown, &remote, sizeof(remote)), -EPERM);
	remote.domain_id = 99;
	assert_int_equal(sched_op(SCHEDOP_remote_shutdown, &remote, sizeof(remote)), -ESRCH);
	remote.domain_id = DOMID_SELF;
	assert_int_equal(sched_op(SCHEDOP_remote_shutdown, &remote, sizeof(remote)), -EPERM);
	assert_int_equal(sched_op(SCHEDOP_watchdog, &remote, sizeof(remote)), -ENOSYS);
	assert_int_equal(other->shutdowns, 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(binding_and_status),
		CASE(binding_refused),
		CASE(other_domains_are_not_its_own),
		CASE(between_two_vms),
		CASE(masks),
		CASE(sending_refused),
		CASE(fifo),
		CASE(fifo_refused),
		CASE(bad_pointers),
		CASE(unknown_operations),
		CASE(poll_waits),
		CASE(poll_is_woken),
		CASE(poll_is_woken_by_an_upcall),
		CASE(poll_deadlines),
		CASE(poll_refused),
		CASE(block_and_yield),
		CASE(shutdown_reasons),
		CASE(remote_shutdown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
