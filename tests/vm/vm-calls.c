// SPDX-License-Identifier: MIT
/* What guests need of Xen's hypercalls, from outside. */
#include "config.h"
#include "tests/vm/vm-harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <xen/event_channel.h>
#include <xen/hvm/hvm_op.h>
#include <xen/memory.h>
#include <xen/vcpu.h>

#define LAPIC_SVR 0xfee000f0u

int64_t guest_vcpu_op(
	struct guest *g, unsigned cpu, unsigned cmd, unsigned vcpu, void *arg, size_t len)
{
	uint64_t gpa = arg ? guest_arg(g, cpu, arg, len) : 0;
	int64_t rc = guest_hypercall(g, cpu, __HYPERVISOR_vcpu_op, cmd, vcpu, gpa, 0, 0);

	if (arg)
		memcpy(arg, g->ram + gpa, len);
	return rc;
}

int64_t guest_grant_op(
	struct guest *g, unsigned cpu, unsigned cmd, void *arg, size_t len, unsigned count)
{
	uint64_t gpa = guest_arg(g, cpu, arg, len);
	int64_t rc = guest_hypercall(g, cpu, __HYPERVISOR_grant_table_op, cmd, gpa, count, 0, 0);

	memcpy(arg, g->ram + gpa, len);
	return rc;
}

int64_t guest_set_param(struct guest *g, uint32_t index, uint64_t value)
{
	struct xen_hvm_param param = { .domid = DOMID_SELF, .index = index, .value = value };

	return guest_hc(g, 0, __HYPERVISOR_hvm_op, HVMOP_set_param, &param, sizeof(param));
}

static void cpu_events_init(struct guest *g, unsigned cpu, bool fifo)
{
	struct vcpu_register_vcpu_info info = { .mfn = GUEST_VCPU_INFO >> 12, .offset = cpu * 64 };
	struct evtchn_init_control control = { .control_gfn = (GUEST_CONTROL + cpu * 128) >> 12,
		.offset = cpu * 128 % PAGE, .vcpu = cpu };
	struct xen_hvm_evtchn_upcall_vector vector = { .vcpu = cpu, .vector = GUEST_UPCALL_VECTOR };

	guest_call(g, cpu, OP_WRITE, LAPIC_SVR, 4, 0x1ff);
	assert_int_equal(
		guest_vcpu_op(g, cpu, VCPUOP_register_vcpu_info, cpu, &info, sizeof(info)), 0);
	if (fifo) {
		assert_int_equal(guest_hc(g, cpu, __HYPERVISOR_event_channel_op, EVTCHNOP_init_control,
					 &control, sizeof(control)), 0);
		assert_int_equal(control.link_bits, EVTCHN_FIFO_LINK_BITS);
	}
	assert_int_equal(guest_hc(g, cpu, __HYPERVISOR_hvm_op, HVMOP_set_evtchn_upcall_vector,
				 &vector, sizeof(vector)), 0);
}

void guest_events_init(struct guest *g, unsigned cpus, bool fifo)
{
	guest_call(g, 0, OP_EVENT_MODE, fifo, 0, 0);
	for (unsigned cpu = 0; cpu < cpus; cpu++)
		cpu_events_init(g, cpu, fifo);
	if (fifo)
		guest_events_expand(g, 1);
	for (unsigned cpu = 0; cpu < cpus; cpu++)
		guest_call(g, cpu, OP_IRQS, 1, 0, 0);
}

void guest_events_expand(struct guest *g, uint32_t ports)
{
	for (; g->event_pages * (PAGE / 4) < ports; g->event_pages++) {
		struct evtchn_expand_array expand = {
			.array_gfn = (GUEST_EVENT_ARRAY >> 12) + g->event_pages };
		int64_t rc = guest_hc(g, 0, __HYPERVISOR_event_channel_op, EVTCHNOP_expand_array,
			&expand, sizeof(expand));

		assert_int_equal(rc, 0);
	}
}

uint32_t guest_bind_ipi(struct guest *g, unsigned cpu, unsigned vcpu)
{
	struct evtchn_bind_ipi bind = { .vcpu = vcpu };

	assert_int_equal(guest_hc(g, cpu, __HYPERVISOR_event_channel_op, EVTCHNOP_bind_ipi, &bind,
				 sizeof(bind)), 0);
	return bind.port;
}

uint32_t guest_unbound(struct guest *g, uint32_t remote)
{
	struct evtchn_alloc_unbound alloc = { .dom = DOMID_SELF, .remote_dom = remote };

	assert_int_equal(guest_hc(g, 0, __HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound,
				 &alloc, sizeof(alloc)), 0);
	return alloc.port;
}

int64_t guest_bind(struct guest *g, uint32_t remote, uint32_t remote_port)
{
	struct evtchn_bind_interdomain bind = { .remote_dom = remote, .remote_port = remote_port };
	int64_t rc = guest_hc(g, 0, __HYPERVISOR_event_channel_op, EVTCHNOP_bind_interdomain, &bind,
		sizeof(bind));

	return rc < 0 ? rc : bind.local_port;
}

int64_t guest_send(struct guest *g, unsigned cpu, uint32_t port)
{
	struct evtchn_send send = { .port = port };

	return guest_hc(
		g, cpu, __HYPERVISOR_event_channel_op, EVTCHNOP_send, &send, sizeof(send));
}

int64_t guest_close(struct guest *g, uint32_t port)
{
	struct evtchn_close c = { .port = port };

	return guest_hc(g, 0, __HYPERVISOR_event_channel_op, EVTCHNOP_close, &c, sizeof(c));
}

void guest_grants_init(struct guest *g, unsigned frames)
{
	for (unsigned i = 0; i < frames; i++) {
		struct xen_add_to_physmap add = { .domid = DOMID_SELF,
			.space = XENMAPSPACE_grant_table, .idx = i,
			.gpfn = (GUEST_GRANT_TABLE >> 12) + i };

		assert_int_equal(guest_hc(g, 0, __HYPERVISOR_memory_op, XENMEM_add_to_physmap, &add,
					 sizeof(add)), 0);
	}
}

void guest_grant(struct guest *g, uint32_t ref, uint32_t count, uint64_t gpa, uint32_t domid,
	unsigned flags)
{
	guest_begin(g, 0, OP_GRANT_MANY, ref, gpa >> 12, count, domid, flags, 0);
	guest_end(g, 0);
}

uint16_t guest_grant_flags(struct guest *g, uint32_t ref)
{
	return guest_read(g, GUEST_GRANT_TABLE + ref * 8ull, 2);
}

bool guest_grant_end(struct guest *g, uint32_t ref)
{
	if (guest_grant_flags(g, ref) & (GTF_reading | GTF_writing))
		return false;
	guest_write(g, GUEST_GRANT_TABLE + ref * 8ull, 2, 0);
	return true;
}

void guest_await_grant_idle(struct guest *g, uint32_t ref)
{
	uint64_t since = now_ns();

	while (guest_grant_flags(g, ref) & (GTF_reading | GTF_writing))
		if (now_ns() - since > 30000000000ull)
			fail_msg("grant %u stays in use", ref);
}

bool guest_has_event(struct guest *g, unsigned cpu, uint32_t port)
{
	const struct guest_log *log = guest_log(g, cpu);

	for (uint32_t i = 0; i < log->count && i < GUEST_LOG_MAX; i++)
		if (log->ports[i] == port)
			return true;
	return false;
}

void guest_await_event(struct guest *g, unsigned cpu, uint32_t port)
{
	uint64_t since = now_ns();

	while (!guest_has_event(g, cpu, port)) {
		if (now_ns() - since > 30000000000ull)
			fail_msg("no event from port %u: %u upcalls, %u events", port,
				guest_mail(g, cpu)->upcalls, guest_log(g, cpu)->count);
		usleep(500);
	}
}

void guest_log_clear(struct guest *g, unsigned cpu)
{
	guest_log(g, cpu)->count = 0;
}
