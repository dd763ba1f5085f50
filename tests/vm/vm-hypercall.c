// SPDX-License-Identifier: MIT
/* Hypercalls that no well-behaved guest makes: an error for the guest, and life goes on. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/version.h>

#include "common/array.h"
#include "tests/vm/vm-harness.h"

static struct hv_world world;
static struct guest g;

static int start(void **state)
{
	guest_start(&g, &world, 1);
	return 0;
}

static int stop(void **state)
{
	guest_destroy(&g);
	return 0;
}

/* Those that Xen has for other kinds of guests, and those that nobody has. */
static void test_unknown_hypercalls_are_counted(void **state)
{
	static const unsigned unknown[] = { __HYPERVISOR_set_trap_table, __HYPERVISOR_mmu_update,
		__HYPERVISOR_set_gdt, __HYPERVISOR_iret, __HYPERVISOR_kexec_op, 42, 50, 63, 64, 100,
		127 };

	for (unsigned i = 0; i < ARRAY_SIZE(unknown); i++) {
		uint64_t before = guest_info(&g).unknown_calls;

		for (unsigned n = 0; n < 3; n++)
			assert_int_equal(guest_hypercall(&g, 0, unknown[i], 1, 2, 3, 4, 5), -ENOSYS);
		assert_int_equal(guest_info(&g).unknown_calls, before + 3);
	}
	guest_assert_well(&g);
}

static void test_unknown_suboperations_are_counted(void **state)
{
	static const unsigned known[] = { __HYPERVISOR_memory_op, __HYPERVISOR_event_channel_op,
		__HYPERVISOR_sched_op, __HYPERVISOR_hvm_op, __HYPERVISOR_grant_table_op };

	for (unsigned i = 0; i < ARRAY_SIZE(known); i++) {
		uint64_t before = guest_info(&g).unknown_calls;

		assert_int_equal(guest_hypercall(&g, 0, known[i], 200, GUEST_SCRATCH, 1, 0, 0), -ENOSYS);
		assert_int_equal(guest_info(&g).unknown_calls, before + 1);
	}
	guest_assert_well(&g);
}

static void test_ring_3_may_not(void **state)
{
	for (unsigned nr = 0; nr < 60; nr++) {
		guest_begin(&g, 0, OP_HYPERCALL_USER, nr, 0, GUEST_SCRATCH, 0, 0, 0);
		assert_int_equal((int64_t)guest_end(&g, 0), -EPERM);
		assert_int_equal(guest_mail(&g, 0)->faulted, 0);
	}
	/* What would have ended the guest. */
	guest_arg(&g, 0, &(struct sched_shutdown){ .reason = SHUTDOWN_crash },
		sizeof(struct sched_shutdown));
	guest_begin(&g, 0, OP_HYPERCALL_USER, __HYPERVISOR_sched_op, SCHEDOP_shutdown, GUEST_SCRATCH,
		0, 0, 0);
	assert_int_equal((int64_t)guest_end(&g, 0), -EPERM);
	guest_assert_well(&g);
}

static const uint64_t bad_pointers[] = {
	UINT64_MAX,
	UINT64_MAX - 7,
	1ull << 63,
	1ull << 47,             /* not canonical */
	(1ull << 47) - 8,       /* not in the page tables */
	5ull << 30,             /* the same */
	GUEST_RAM,              /* in the page tables, but no memory */
	GUEST_RAM - 1,          /* begins in memory and ends outside */
	0xc0000000,
	0xfee00000,             /* the local APIC */
};

struct call {
	unsigned nr, cmd;
	unsigned position; /* of the pointer: 1 is behind cmd */
	unsigned count;
};

/* All that read or write an argument in guest memory. */
static const struct call pointer_calls[] = {
	{ __HYPERVISOR_xen_version, XENVER_extraversion, 1, 0 },
	{ __HYPERVISOR_xen_version, XENVER_get_features, 1, 0 },
	{ __HYPERVISOR_memory_op, XENMEM_add_to_physmap, 1, 0 },
	{ __HYPERVISOR_memory_op, XENMEM_decrease_reservation, 1, 0 },
	{ __HYPERVISOR_memory_op, XENMEM_populate_physmap, 1, 0 },
	{ __HYPERVISOR_memory_op, XENMEM_remove_from_physmap, 1, 0 },
	{ __HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, 1, 0 },
	{ __HYPERVISOR_event_channel_op, EVTCHNOP_bind_interdomain, 1, 0 },
	{ __HYPERVISOR_event_channel_op, EVTCHNOP_bind_virq, 1, 0 },
	{ __HYPERVISOR_event_channel_op, EVTCHNOP_bind_ipi, 1, 0 },
	{ __HYPERVISOR_event_channel_op, EVTCHNOP_bind_vcpu, 1, 0 },
	{ __HYPERVISOR_event_channel_op, EVTCHNOP_close, 1, 0 },
	{ __HYPERVISOR_event_channel_op, EVTCHNOP_send, 1, 0 },
	{ __HYPERVISOR_event_channel_op, EVTCHNOP_status, 1, 0 },
	{ __HYPERVISOR_event_channel_op, EVTCHNOP_unmask, 1, 0 },
	{ __HYPERVISOR_event_channel_op, EVTCHNOP_init_control, 1, 0 },
	{ __HYPERVISOR_event_channel_op, EVTCHNOP_expand_array, 1, 0 },
	{ __HYPERVISOR_event_channel_op, EVTCHNOP_set_priority, 1, 0 },
	{ __HYPERVISOR_sched_op, SCHEDOP_shutdown, 1, 0 },
	{ __HYPERVISOR_sched_op, SCHEDOP_poll, 1, 0 },
	{ __HYPERVISOR_hvm_op, HVMOP_set_param, 1, 0 },
	{ __HYPERVISOR_hvm_op, HVMOP_get_param, 1, 0 },
	{ __HYPERVISOR_hvm_op, HVMOP_set_evtchn_upcall_vector, 1, 0 },
	{ __HYPERVISOR_grant_table_op, GNTTABOP_query_size, 1, 1 },
	{ __HYPERVISOR_grant_table_op, GNTTABOP_set_version, 1, 1 },
	{ __HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, 1, 1 },
	{ __HYPERVISOR_grant_table_op, GNTTABOP_unmap_grant_ref, 1, 1 },
	{ __HYPERVISOR_grant_table_op, GNTTABOP_copy, 1, 1 },
	{ __HYPERVISOR_vcpu_op, VCPUOP_register_vcpu_info, 2, 0 },
	{ __HYPERVISOR_vcpu_op, VCPUOP_set_singleshot_timer, 2, 0 },
	{ __HYPERVISOR_vcpu_op, VCPUOP_set_periodic_timer, 2, 0 },
	{ __HYPERVISOR_vcpu_op, VCPUOP_register_runstate_memory_area, 2, 0 },
};

static void test_bad_pointers(void **state)
{
	for (unsigned i = 0; i < ARRAY_SIZE(pointer_calls); i++) {
		const struct call *c = &pointer_calls[i];

		for (unsigned p = 0; p < ARRAY_SIZE(bad_pointers); p++) {
			uint64_t arg = bad_pointers[p];
			int64_t rc = c->position == 1 ?
				guest_hypercall(&g, 0, c->nr, c->cmd, arg, c->count, 0, 0) :
				guest_hypercall(&g, 0, c->nr, c->cmd, 0, arg, 0, 0);

			if (rc != -EFAULT)
				fail_msg("call %u.%u with 0x%lx gave %ld", c->nr, c->cmd, (long)arg,
					(long)rc);
		}
	}
	guest_assert_well(&g);
}

/* Structures within structures: a good outer one, bad pointers in it. */
static void test_bad_inner_pointers(void **state)
{
	for (unsigned p = 0; p < ARRAY_SIZE(bad_pointers); p++) {
		struct xen_memory_reservation r = { .nr_extents = 1, .domid = DOMID_SELF };
		struct sched_poll poll = { .nr_ports = 1, .timeout = 1 };
		struct vcpu_register_time_memory_area area = { .addr.p = bad_pointers[p] };
		struct vcpu_register_runstate_memory_area run = { .addr.p = bad_pointers[p] };

		if (bad_pointers[p] == 0xfee00000)
			continue;
		memcpy(&r.extent_start, &bad_pointers[p], sizeof(r.extent_start));
		memcpy(&poll.ports, &bad_pointers[p], sizeof(poll.ports));
		/* None of the extents was done. */
		assert_true(guest_hc(&g, 0, __HYPERVISOR_memory_op, XENMEM_decrease_reservation, &r,
				    sizeof(r)) <= 0);
		assert_true(guest_hc(&g, 0, __HYPERVISOR_memory_op, XENMEM_populate_physmap, &r,
				    sizeof(r)) <= 0);
		assert_int_equal(guest_hc(&g, 0, __HYPERVISOR_sched_op, SCHEDOP_poll, &poll,
					 sizeof(poll)), -EFAULT);
		assert_true(guest_vcpu_op(&g, 0, VCPUOP_register_vcpu_time_memory_area, 0, &area,
				    sizeof(area)) < 0);
		assert_true(guest_vcpu_op(&g, 0, VCPUOP_register_runstate_memory_area, 0, &run,
				    sizeof(run)) < 0);
	}
	guest_assert_well(&g);
}

static void test_bad_vcpu_numbers(void **state)
{
	static const uint32_t bad[] = { 1, 63, 64, 1000, UINT32_MAX };

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		struct evtchn_bind_ipi ipi = { .vcpu = bad[i] };
		struct evtchn_bind_virq virq = { .virq = VIRQ_TIMER, .vcpu = bad[i] };
		struct evtchn_init_control control = { .control_gfn = GUEST_CONTROL >> 12,
			.vcpu = bad[i] };
		struct xen_hvm_evtchn_upcall_vector vector = { .vcpu = bad[i], .vector = 0xf3 };
		struct vcpu_register_vcpu_info info = { .mfn = GUEST_VCPU_INFO >> 12 };

		assert_int_equal(guest_hc(&g, 0, __HYPERVISOR_event_channel_op, EVTCHNOP_bind_ipi, &ipi,
					 sizeof(ipi)), -ENOENT);
		assert_int_equal(guest_hc(&g, 0, __HYPERVISOR_event_channel_op, EVTCHNOP_bind_virq,
					 &virq, sizeof(virq)), -ENOENT);
		assert_int_equal(guest_hc(&g, 0, __HYPERVISOR_event_channel_op, EVTCHNOP_init_control,
					 &control, sizeof(control)), -ENOENT);
		assert_int_equal(guest_hc(&g, 0, __HYPERVISOR_hvm_op, HVMOP_set_evtchn_upcall_vector,
					 &vector, sizeof(vector)), -ENOENT);
		assert_int_equal(guest_vcpu_op(&g, 0, VCPUOP_register_vcpu_info, bad[i], &info,
					 sizeof(info)), -ENOENT);
	}
	guest_assert_well(&g);
}

/* A page for what the hypervisor writes that is no memory, or is its own. */
static void test_bad_frames(void **state)
{
	static const uint64_t bad[] = { GUEST_RAM >> 12, 1ull << 36, 1ull << 52, UINT64_MAX,
		0xfee00, GUEST_SHARED_INFO >> 12 };

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		struct vcpu_register_vcpu_info info = { .mfn = bad[i] };
		struct evtchn_init_control control = { .control_gfn = bad[i] };

		if (bad[i] != GUEST_SHARED_INFO >> 12) {
			assert_true(guest_vcpu_op(&g, 0, VCPUOP_register_vcpu_info, 0, &info,
					    sizeof(info)) < 0);
			assert_true(guest_hc(&g, 0, __HYPERVISOR_event_channel_op,
					    EVTCHNOP_init_control, &control, sizeof(control)) < 0);
		}
	}
	guest_assert_well(&g);
}

static void test_unaligned_places(void **state)
{
	struct vcpu_register_vcpu_info info = { .mfn = GUEST_VCPU_INFO >> 12, .offset = 3 };
	struct evtchn_init_control control = { .control_gfn = GUEST_CONTROL >> 12, .offset = 4 };

	assert_int_equal(guest_vcpu_op(&g, 0, VCPUOP_register_vcpu_info, 0, &info, sizeof(info)),
		-ENXIO);
	info.offset = PAGE - 8;
	assert_int_equal(guest_vcpu_op(&g, 0, VCPUOP_register_vcpu_info, 0, &info, sizeof(info)),
		-ENXIO);
	assert_int_equal(guest_hc(&g, 0, __HYPERVISOR_event_channel_op, EVTCHNOP_init_control,
				 &control, sizeof(control)), -EINVAL);
	control.offset = PAGE - 8;
	assert_int_equal(guest_hc(&g, 0, __HYPERVISOR_event_channel_op, EVTCHNOP_init_control,
				 &control, sizeof(control)), -EINVAL);
	guest_assert_well(&g);
}

/* Nothing is done twice, and nothing of another domain's. */
static void test_wrong_states_and_domains(void **state)
{
	struct vcpu_register_vcpu_info info = { .mfn = GUEST_VCPU_INFO >> 12 };
	struct evtchn_expand_array expand = { .array_gfn = GUEST_EVENT_ARRAY >> 12 };
	struct evtchn_alloc_unbound alloc = { .dom = 0, .remote_dom = 0 };
	struct xen_hvm_param param = { .domid = 0, .index = HVM_PARAM_STORE_PFN };
	struct xen_add_to_physmap add = { .domid = 1, .space = XENMAPSPACE_shared_info, .gpfn = 16 };

	/* Before FIFO is on. */
	assert_int_equal(guest_hc(&g, 0, __HYPERVISOR_event_channel_op, EVTCHNOP_expand_array,
				 &expand, sizeof(expand)), -EOPNOTSUPP);
	assert_int_equal(guest_vcpu_op(&g, 0, VCPUOP_register_vcpu_info, 0, &info, sizeof(info)), 0);
	assert_int_equal(guest_vcpu_op(&g, 0, VCPUOP_register_vcpu_info, 0, &info, sizeof(info)),
		-EINVAL);
	assert_true(guest_hc(&g, 0, __HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, &alloc,
			    sizeof(alloc)) < 0);
	assert_true(guest_hc(&g, 0, __HYPERVISOR_hvm_op, HVMOP_get_param, &param, sizeof(param)) < 0);
	assert_true(guest_hc(&g, 0, __HYPERVISOR_memory_op, XENMEM_add_to_physmap, &add,
			    sizeof(add)) < 0);
	guest_assert_well(&g);
}

/* Where Xen raises #GP: not page 0 of the hypercall pages, or no memory there. */
static void test_hypercall_page_in_a_bad_place(void **state)
{
	static const uint64_t bad[] = { GUEST_DATA + 1, GUEST_DATA + 0xfff, GUEST_RAM, 1ull << 51,
		~0xfffull };

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		guest_call(&g, 0, OP_WRMSR, 0x40000000, bad[i], 0);
		assert_int_equal(guest_mail(&g, 0)->faulted, 1);
		assert_int_equal(guest_mail(&g, 0)->vector, 13);
	}
	guest_assert_well(&g);
	guest_call(&g, 0, OP_WRMSR, 0x40000000, GUEST_DATA, 0);
	assert_int_equal(guest_mail(&g, 0)->faulted, 0);
	/* mov imm32, %eax */
	for (unsigned nr = 0; nr < 64; nr++)
		if (nr != __HYPERVISOR_iret) {
			assert_int_equal(g.ram[GUEST_DATA + nr * 32], 0xb8);
			assert_int_equal(g.ram[GUEST_DATA + nr * 32 + 1], nr);
		}
	guest_assert_well(&g);
}

static void test_unknown_msr_is_a_fault(void **state)
{
	guest_call(&g, 0, OP_RDMSR, 0x40000001, 0, 0);
	assert_int_equal(guest_mail(&g, 0)->vector, 13);
	guest_call(&g, 0, OP_WRMSR, 0x40000001, 0, 0);
	assert_int_equal(guest_mail(&g, 0)->vector, 13);
	/* KVM's clock would have the host write where the guest says. */
	guest_call(&g, 0, OP_WRMSR, 0x4b564d01, GUEST_DATA | 1, 0);
	guest_assert_well(&g);
}

/* Garbage of all kinds for all calls but those that end or stop the guest. */
static void test_garbage_arguments(void **state)
{
	static const unsigned calls[] = { __HYPERVISOR_memory_op, __HYPERVISOR_event_channel_op,
		__HYPERVISOR_hvm_op, __HYPERVISOR_grant_table_op, __HYPERVISOR_xen_version,
		__HYPERVISOR_multicall, __HYPERVISOR_physdev_op, __HYPERVISOR_vm_assist };
	uint32_t garbage[PAGE / 4];

	srandom(1);
	for (unsigned round = 0; round < 400; round++) {
		unsigned nr = calls[random() % ARRAY_SIZE(calls)];
		int64_t rc;

		for (unsigned i = 0; i < PAGE / 4; i++) {
			garbage[i] = random() % 3 ? random() % 70000 : random() * 2;
			/* Its own image and tables stay what they are. */
			if (garbage[i] < GUEST_DATA >> 12)
				garbage[i] += GUEST_DATA >> 12;
		}
		guest_arg(&g, 0, garbage, sizeof(garbage));
		rc = guest_hypercall(&g, 0, nr, random() % 24, GUEST_SCRATCH, random() % 200, 0, 0);
		if (rc < -4095)
			fail_msg("call %u gave %ld", nr, (long)rc);
	}
	guest_assert_well(&g);
}

static void test_batches_without_end(void **state)
{
	struct gnttab_map_grant_ref map = { .flags = GNTMAP_host_map };

	guest_arg(&g, 0, &map, sizeof(map));
	assert_true(guest_hypercall(&g, 0, __HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref,
			    GUEST_SCRATCH, UINT32_MAX, 0, 0) < 0);
	assert_true(guest_hypercall(&g, 0, __HYPERVISOR_console_io, 0, UINT32_MAX, GUEST_SCRATCH, 0,
			    0) <= UINT32_MAX);
	guest_assert_well(&g);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		CASE(test_unknown_hypercalls_are_counted),
		CASE(test_unknown_suboperations_are_counted),
		CASE(test_ring_3_may_not),
		CASE(test_bad_pointers),
		CASE(test_bad_inner_pointers),
		CASE(test_bad_vcpu_numbers),
		CASE(test_bad_frames),
		CASE(test_unaligned_places),
		CASE(test_wrong_states_and_domains),
		CASE(test_hypercall_page_in_a_bad_place),
		CASE(test_unknown_msr_is_a_fault),
		CASE(test_garbage_arguments),
		CASE(test_batches_without_end),
	};

	vm_world_start(&world, argv);
	return vm_world_stop(&world, cmocka_run_group_tests(tests, NULL, NULL));
}
