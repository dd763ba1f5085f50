// SPDX-License-Identifier: MIT
/* hvm_op and vcpu_op: parameters, upcalls, and a vCPU's structures. */
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
#include <xen/hvm/hvm_op.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/vcpu.h>

#include "tests/unit/vm-fake.h"

#define VECTOR 0xf3

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

/* hvm_op */

static int64_t param_op(uint32_t cmd, unsigned domid, uint32_t index, uint64_t *value)
{
	struct xen_hvm_param param = { .domid = domid, .index = index, .value = *value };
	int64_t rc = fake_op(fake, 0, __HYPERVISOR_hvm_op, cmd, &param, sizeof(param));

	*value = param.value;
	return rc;
}

static void parameters_are_read(void **state)
{
	static const uint32_t indices[] = { HVM_PARAM_STORE_PFN, HVM_PARAM_STORE_EVTCHN,
		HVM_PARAM_CONSOLE_PFN, HVM_PARAM_CONSOLE_EVTCHN, HVM_PARAM_CALLBACK_IRQ };

	for (unsigned i = 0; i < 5; i++) {
		uint64_t value = 1;

		fake->vm.params[indices[i]] = 40 + i;
		assert_int_equal(param_op(HVMOP_get_param, DOMID_SELF, indices[i], &value), 0);
		assert_int_equal(value, 40 + i);
	}
}

static void parameters_of_the_builder_are_read_only(void **state)
{
	uint64_t value = 1;

	for (uint32_t i = 1; i < HVM_NR_PARAMS; i++)
		assert_int_equal(param_op(HVMOP_set_param, DOMID_SELF, i, &value), -EPERM);
	assert_int_equal(fake->vm.params[HVM_PARAM_STORE_PFN], 0);
}

static void parameters_out_of_range(void **state)
{
	static const uint32_t bad[] = { HVM_NR_PARAMS, HVM_NR_PARAMS + 1, 0x7fffffff, 0xffffffff };
	uint64_t value = 1;

	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(param_op(HVMOP_get_param, DOMID_SELF, bad[i], &value), -EINVAL);
		assert_int_equal(param_op(HVMOP_set_param, DOMID_SELF, bad[i], &value), -EINVAL);
	}
	assert_int_equal(
		param_op(HVMOP_get_param, DOMID_SELF, HVM_PARAM_IOREQ_PFN, &value), -EPERM);
	assert_int_equal(param_op(HVMOP_get_param, 4711, HVM_PARAM_STORE_PFN, &value), -ESRCH);
}

static void a_callback_line_changes_nothing(void **state)
{
	uint64_t value = 1;

	assert_int_equal(param_op(HVMOP_set_param, DOMID_SELF, HVM_PARAM_CALLBACK_IRQ, &value), 0);
	for (unsigned i = 0; i < VM_MAX_VCPUS; i++)
		assert_int_equal(fake->vm.vcpus[i].upcall_vector, 0);
}

static void a_callback_vector_is_refused(void **state)
{
	uint64_t value = (uint64_t)HVM_PARAM_CALLBACK_TYPE_VECTOR << 56 | VECTOR;

	assert_int_equal(param_op(HVMOP_set_param, DOMID_SELF, HVM_PARAM_CALLBACK_IRQ, &value),
		-EOPNOTSUPP);
}

static int64_t set_vector(uint32_t vcpu, uint8_t vector)
{
	struct {
		struct xen_hvm_evtchn_upcall_vector op;
	} arg = { { .vcpu = vcpu, .vector = vector } };

	return fake_op(fake, 0, __HYPERVISOR_hvm_op, HVMOP_set_evtchn_upcall_vector, &arg,
		sizeof(arg));
}

static void vectors_are_checked(void **state)
{
	assert_int_equal(set_vector(0, 0), -EINVAL);
	assert_int_equal(set_vector(0, 0x0f), -EINVAL);
	assert_int_equal(set_vector(VM_MAX_VCPUS, VECTOR), -ENOENT);
	assert_int_equal(set_vector(0xffffffff, VECTOR), -ENOENT);
	assert_int_equal(set_vector(0, 0x10), 0);
	for (unsigned i = 0; i < VM_MAX_VCPUS; i++)
		assert_int_equal(set_vector(i, VECTOR), 0);
	assert_int_equal(fake->vm.vcpus[63].upcall_vector, VECTOR);
}

static void a_vector_tells_what_was_pending(void **state)
{
	fake_shared_info(fake, 0x10)->vcpu_info[0].evtchn_upcall_pending = 1;
	assert_int_equal(set_vector(1, VECTOR), 0);
	assert_int_equal(fake->vcpu[1].upcalls, 0);
	assert_int_equal(set_vector(0, VECTOR), 0);
	assert_int_equal(fake->vcpu[0].upcalls, 1);
}

static void hvm_time_is_system_time(void **state)
{
	struct xen_hvm_get_time time = { 0 };

	assert_int_equal(
		fake_op(fake, 0, __HYPERVISOR_hvm_op, HVMOP_get_time, &time, sizeof(time)), 0);
	assert_int_equal(time.now, FAKE_START);
}

static void hvm_operations_fault(void **state)
{
	static const unsigned cmds[] = { HVMOP_set_param, HVMOP_get_param,
		HVMOP_set_evtchn_upcall_vector, HVMOP_get_time };

	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(
			fake_call(fake, 0, __HYPERVISOR_hvm_op, cmds[i], FAKE_RAM - 1, 0), -EFAULT);
	assert_int_equal(fake_call(fake, 0, __HYPERVISOR_hvm_op, HVMOP_pagetable_dying, 0, 0),
		-ENOSYS);
	assert_int_equal(fake->vm.nr_unknown, 0);
}

/* vcpu_op */

static int64_t set_info(unsigned self, uint32_t vcpu, uint64_t gfn, uint32_t offset)
{
	struct vcpu_register_vcpu_info info = { .mfn = gfn, .offset = offset };

	return fake_vcpu_op(fake, self, VCPUOP_register_vcpu_info, vcpu, &info, sizeof(info));
}

static void vcpu_ids_are_checked(void **state)
{
	for (uint32_t cmd = 0; cmd < 16; cmd++) {
		assert_int_equal(fake_call(fake, 0, __HYPERVISOR_vcpu_op, cmd, VM_MAX_VCPUS,
					 FAKE_ARG), -ENOENT);
		assert_int_equal(fake_call(fake, 0, __HYPERVISOR_vcpu_op, cmd, 0xffffffff,
					 FAKE_ARG), -ENOENT);
	}
}

static void vcpu_info_is_placed(void **state)
{
	struct vcpu_info info;

	assert_int_equal(set_info(0, 0, 0x300, 0xfc0), 0);
	fake_get(fake, 0x300fc0, &info, sizeof(info));
	assert_int_equal(info.evtchn_upcall_pending, 1);
	assert_true(info.evtchn_pending_sel == ~0ul);
	assert_int_equal(fake->vcpu[0].time_area, 0x300fc0 + offsetof(struct vcpu_info, time));
	/* Placing shared_info later does not take the clock back. */
	fake_shared_info(fake, 0x10);
	assert_int_equal(fake->vcpu[0].time_area, 0x300fc0 + offsetof(struct vcpu_info, time));
}

static void vcpu_info_takes_the_old_one_along(void **state)
{
	struct vcpu_info info;

	fake_shared_info(fake, 0x10)->vcpu_info[0].arch.cr2 = 0x1234;
	assert_int_equal(set_info(0, 0, 0x300, 0x40), 0);
	fake_get(fake, 0x300040, &info, sizeof(info));
	assert_int_equal(info.arch.cr2, 0x1234);
}

static void vcpu_info_is_placed_once(void **state)
{
	assert_int_equal(set_info(0, 0, 0x300, 0), 0);
	assert_int_equal(set_info(0, 0, 0x301, 0), -EINVAL);
	/* Not even at the start of memory. */
	assert_int_equal(set_info(1, 1, 0, 0), 0);
	assert_int_equal(set_info(1, 1, 0x301, 0), -EINVAL);
}

static void vcpu_info_lies_in_one_page(void **state)
{
	static const uint32_t bad[] = { 0xfc1, 0xfc8, 0xfff, 0x1000, 1, 4, 0x7fffffff, 0xffffffc0 };

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(set_info(0, 0, 0x300, bad[i]), -ENXIO);
}

static void vcpu_info_lies_in_ram(void **state)
{
	static const uint64_t bad[] = { FAKE_RAM / VM_PAGE, UINT64_MAX, 1ull << 52,
		(1ull << 52) + 0x300, 0x40000 };

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(set_info(0, 0, bad[i], 0), -EINVAL);
	assert_int_equal(fake->vm.vcpus[0].info_gpa, 0);
}

static void vcpu_info_of_a_running_vcpu_is_its_own(void **state)
{
	fake->vm.vcpus[1].up = true;
	assert_int_equal(set_info(0, 1, 0x300, 0), -EINVAL);
	assert_int_equal(set_info(1, 1, 0x300, 0), 0);
	assert_int_equal(set_info(0, 2, 0x300, 64), 0);
}

static void vcpu_info_stays_where_it_is(void **state)
{
	struct xen_add_to_physmap add = { .domid = DOMID_SELF, .gpfn = 0x300 };

	assert_int_equal(set_info(0, 0, 0x300, 0), 0);
	assert_int_equal(fake_op(fake, 0, __HYPERVISOR_memory_op, XENMEM_add_to_physmap, &add,
				 sizeof(add)), -EBUSY);
}

static void all_64_vcpus_have_an_info(void **state)
{
	for (unsigned i = 0; i < VM_MAX_VCPUS; i++)
		assert_int_equal(set_info(0, i, 0x300, i * sizeof(struct vcpu_info)), 0);
}

/* An AP's first event is marked before its APIC is on: it must hear of it later. */
static void an_upcall_that_was_lost_is_told_again(void **state)
{
	fake->vcpu[3].apic_off = true;
	assert_int_equal(set_info(0, 3, 0x300, 0), 0);
	assert_int_equal(set_vector(3, VECTOR), 0);
	assert_true(fake->vcpu[3].lost > 0);
	assert_int_equal(fake->vcpu[3].upcalls, 0);
	fake->vcpu[3].apic_off = false;
	fake_call(fake, 3, __HYPERVISOR_xen_version, 0, 0, 0);
	assert_int_equal(fake->vcpu[3].upcalls, 1);
	fake_call(fake, 3, __HYPERVISOR_xen_version, 0, 0, 0);
	assert_int_equal(fake->vcpu[3].upcalls, 1);
}

static void a_raise_tells_a_lost_upcall_again(void **state)
{
	fake->vcpu[3].apic_off = true;
	assert_int_equal(set_info(0, 3, 0x300, 0), 0);
	assert_int_equal(set_vector(3, VECTOR), 0);
	fake_bind_timer(fake, 3);
	fake->vcpu[3].apic_off = false;
	event_raise_virq_vcpu(&fake->vm.d, VIRQ_TIMER, 3);
	assert_int_equal(fake->vcpu[3].upcalls, 1);
}

/* What the guest has handled meanwhile is not told again. */
static void an_upcall_that_was_handled_is_forgotten(void **state)
{
	struct vcpu_info none = { 0 };

	fake->vcpu[0].apic_off = true;
	assert_int_equal(set_info(0, 0, 0x300, 0), 0);
	assert_int_equal(set_vector(0, VECTOR), 0);
	fake->vcpu[0].apic_off = false;
	fake_put(fake, 0x300000, &none, sizeof(none));
	fake_call(fake, 0, __HYPERVISOR_xen_version, 0, 0, 0);
	assert_int_equal(fake->vcpu[0].upcalls, 0);
	assert_false(fake->vm.vcpus[0].upcall_lost);
}

/* INIT in between took the interrupt out of its APIC, unseen; Linux's first call tells. */
static void a_vcpu_that_starts_again_is_told_again(void **state)
{
	assert_int_equal(set_info(0, 3, 0x300, 0), 0);
	assert_int_equal(set_vector(3, VECTOR), 0);
	assert_int_equal(fake->vcpu[3].upcalls, 1);
	assert_int_equal(fake_call(fake, 3, __HYPERVISOR_vcpu_op, VCPUOP_stop_periodic_timer, 3, 0),
		0);
	assert_int_equal(fake->vcpu[3].upcalls, 2);
}

static void a_vcpu_that_starts_again_has_its_clock_renewed(void **state)
{
	assert_int_equal(fake_call(fake, 3, __HYPERVISOR_vcpu_op, VCPUOP_stop_periodic_timer, 3, 0),
		0);
	assert_int_equal(fake->vcpu[3].renewals, 1);
	assert_int_equal(fake->vcpu[0].renewals, 0);
}

static int64_t set_runstate(unsigned self, uint32_t vcpu, uint64_t gva)
{
	struct vcpu_register_runstate_memory_area area = { .addr = { .p = gva } };

	return fake_vcpu_op(fake, self, VCPUOP_register_runstate_memory_area, vcpu, &area, sizeof(area));
}

static void runstate_crosses_a_page(void **state)
{
	struct vcpu_runstate_info info;

	fake->moved_gva = 0x301000;
	fake->moved_gpa = 0x555000;
	assert_int_equal(set_runstate(0, 0, 0x300ff0), 0);
	fake_get(fake, 0x300ff0, &info, 16);
	fake_get(fake, 0x555000, (uint8_t *)&info + 16, sizeof(info) - 16);
	assert_int_equal(info.state, RUNSTATE_running);
	assert_int_equal(info.time[0] + info.time[1] + info.time[2] + info.time[3], FAKE_START);
}

static void runstate_faults(void **state)
{
	static const uint64_t bad[] = { FAKE_RAM, FAKE_RAM - 8, UINT64_MAX, UINT64_MAX - 7,
		UINT64_MAX - 4095, 1ull << 46, (1ull << 46) - 8, (1ull << 63) + 0x300000 };

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(set_runstate(0, 0, bad[i]), -EFAULT);
}

static void runstate_is_told(void **state)
{
	struct vcpu_runstate_info info;

	memset(&info, 0xee, sizeof(info));
	assert_int_equal(fake_vcpu_op(fake, 0, VCPUOP_get_runstate_info, 0, &info, sizeof(info)), 0);
	assert_int_equal(info.state, RUNSTATE_running);
	assert_int_equal(info.time[RUNSTATE_running], FAKE_START);
	assert_int_equal(fake_vcpu_op(fake, 0, VCPUOP_get_runstate_info, 5, &info, sizeof(info)), 0);
	assert_int_equal(info.state, RUNSTATE_offline);
}

static void is_up_is_told(void **state)
{
	assert_int_equal(fake_call(fake, 0, __HYPERVISOR_vcpu_op, VCPUOP_is_up, 0, 0), 1);
	assert_int_equal(fake_call(fake, 0, __HYPERVISOR_vcpu_op, VCPUOP_is_up, 1, 0), 0);
}

static void what_there_is_not(void **state)
{
	assert_int_equal(fake_call(fake, 0, __HYPERVISOR_vcpu_op, VCPUOP_get_physid, 0, 0),
		-EINVAL);
	assert_int_equal(fake_call(fake, 0, __HYPERVISOR_vcpu_op,
				 VCPUOP_register_vcpu_time_memory_area, 0, 0), -ENOSYS);
	assert_int_equal(
		fake_call(fake, 0, __HYPERVISOR_vcpu_op, VCPUOP_send_nmi, 0, 0), -ENOSYS);
}

static void vcpu_operations_fault(void **state)
{
	static const unsigned cmds[] = { VCPUOP_get_runstate_info,
		VCPUOP_register_runstate_memory_area, VCPUOP_set_periodic_timer,
		VCPUOP_set_singleshot_timer, VCPUOP_register_vcpu_info };

	for (unsigned i = 0; i < sizeof(cmds) / sizeof(cmds[0]); i++) {
		assert_int_equal(
			fake_call(fake, 0, __HYPERVISOR_vcpu_op, cmds[i], 0, FAKE_RAM - 1), -EFAULT);
		assert_int_equal(
			fake_call(fake, 0, __HYPERVISOR_vcpu_op, cmds[i], 0, UINT64_MAX), -EFAULT);
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(parameters_are_read),
		T(parameters_of_the_builder_are_read_only),
		T(parameters_out_of_range),
		T(a_callback_line_changes_nothing),
		T(a_callback_vector_is_refused),
		T(vectors_are_checked),
		T(a_vector_tells_what_was_pending),
		T(hvm_time_is_system_time),
		T(hvm_operations_fault),
		T(vcpu_ids_are_checked),
		T(vcpu_info_is_placed),
		T(vcpu_info_takes_the_old_one_along),
		T(vcpu_info_is_placed_once),
		T(vcpu_info_lies_in_one_page),
		T(vcpu_info_lies_in_ram),
		T(vcpu_info_of_a_running_vcpu_is_its_own),
		T(vcpu_info_stays_where_it_is),
		T(all_64_vcpus_have_an_info),
		T(an_upcall_that_was_lost_is_told_again),
		T(a_raise_tells_a_lost_upcall_again),
		T(an_upcall_that_was_handled_is_forgotten),
		T(a_vcpu_that_starts_again_is_told_again),
		T(a_vcpu_that_starts_again_has_its_clock_renewed),
		T(runstate_crosses_a_page),
		T(runstate_faults),
		T(runstate_is_told),
		T(is_up_is_told),
		T(what_there_is_not),
		T(vcpu_operations_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
