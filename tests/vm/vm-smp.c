// SPDX-License-Identifier: MIT
/* vCPUs as a guest sees them: all of them run, know who they are, and reach each other. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>
#include <xen/xen.h>
#include <xen/vcpu.h>

#include "tests/vm/vm-harness.h"

static struct hv_world world;

static void test_one_cpu_starts(void **state)
{
	struct guest g;

	guest_start(&g, &world, 1);
	assert_int_equal(guest_call(&g, 0, OP_NOP, 0, 0, 0), 0);
	assert_int_equal(guest_info(&g).vcpus, 1);
	guest_destroy(&g);
}

static void test_apic_id_is_vcpu_number(void **state)
{
	struct guest g;

	guest_start(&g, &world, 4);
	for (unsigned cpu = 0; cpu < 4; cpu++) {
		assert_int_equal(guest_call(&g, cpu, OP_CPUID, 1, 0, 0) >> 56, cpu);
		assert_int_equal(guest_call(&g, cpu, OP_READ, 0xfee00020, 4, 0) >> 24, cpu);
		/* Xen's leaf says the vCPU's number, too. */
		assert_int_equal(guest_call(&g, cpu, OP_CPUID, 0x40000004, 0, 0) >> 32, cpu);
		assert_true(guest_call(&g, cpu, OP_CPUID, 0x40000004, 0, 0) & 1u << 3);
	}
	guest_destroy(&g);
}

static void test_xen_is_the_only_hypervisor_in_cpuid(void **state)
{
	struct guest g;
	unsigned xens = 0;

	guest_start(&g, &world, 1);
	assert_true(guest_call(&g, 0, OP_CPUID, 1, 0, 0) + 1);
	assert_true(guest_mail(&g, 0)->extra & 1u << 31);
	for (uint32_t leaf = 0x40000000; leaf < 0x40010000; leaf += 0x100) {
		uint32_t ebx = guest_call(&g, 0, OP_CPUID, leaf, 0, 0) >> 32;

		if (ebx == 0x566e6558) /* XenV */
			xens++;
		else if (ebx == 0x4b4d564b) /* KVMK */
			fail_msg("KVM shows itself at 0x%x", leaf);
	}
	assert_int_equal(xens, 1);
	guest_destroy(&g);
}

static void all_count(struct guest *g, unsigned cpus)
{
	uint64_t *words = (void *)(g->ram + GUEST_DATA);

	for (unsigned cpu = 0; cpu < cpus; cpu++)
		guest_begin(g, cpu, OP_COUNT, GUEST_DATA + cpu * 64, 1, 0, 0, 0, 0);
	for (unsigned cpu = 0; cpu < cpus; cpu++)
		guest_await(g, (volatile uint32_t *)&guest_mail(g, cpu)->progress, 100);
	for (unsigned cpu = 0; cpu < cpus; cpu++) {
		uint64_t rounds = guest_stop_op(g, cpu);

		assert_int_equal(words[cpu * 8], rounds);
	}
}

static void test_eight_cpus_run_at_once(void **state)
{
	struct guest g;

	guest_start(&g, &world, 8);
	all_count(&g, 8);
	assert_int_equal(guest_info(&g).vcpus, 8);
	guest_destroy(&g);
}

static void test_sixtyfour_cpus_start(void **state)
{
	struct guest g;

	guest_start(&g, &world, 64);
	for (unsigned cpu = 0; cpu < 64; cpu++)
		assert_int_equal(guest_call(&g, cpu, OP_CPUID, 1, 0, 0) >> 56, cpu);
	guest_destroy(&g);
}

/* More than are online at the start: for a guest that brings them up later. */
static void test_cpus_beyond_the_online_ones_start_later(void **state)
{
	struct hvctl_vm_config config = guest_config(1);
	struct guest g;

	config.max_vcpus = 4;
	assert_int_equal(guest_create(&g, &world, &config), 0);
	guest_build(&g);
	assert_int_equal(hvctl_domain_unpause(world.ctl, g.domid), 0);
	guest_expect_state(&g, HVCTL_RUNNING);
	guest_wait_online(&g, 0);
	assert_int_equal(guest_vcpu_op(&g, 0, VCPUOP_is_up, 3, NULL, 0), 0);
	guest_start_cpus(&g, 4);
	assert_int_equal(guest_vcpu_op(&g, 0, VCPUOP_is_up, 3, NULL, 0), 1);
	all_count(&g, 4);
	guest_destroy(&g);
}

/* INIT takes a CPU out of its loop, and SIPI starts it again: hotplug. */
static void test_cpu_is_started_again(void **state)
{
	struct guest g;

	guest_start(&g, &world, 2);
	for (unsigned i = 0; i < 20; i++) {
		guest_mail(&g, 1)->online = 0;
		guest_call(&g, 0, OP_START_CPU, 1, 0, 0);
		guest_wait_online(&g, 1);
		assert_int_equal(guest_call(&g, 1, OP_NOP, 0, 0, 0), 0);
	}
	guest_destroy(&g);
}

#define MSR_KVM_SYSTEM_TIME 0x4b564d01u

static bool has_clock(struct guest *g, unsigned cpu)
{
	uint64_t at = GUEST_SHARED_INFO + offsetof(struct shared_info, vcpu_info[cpu].time);

	return guest_call(g, cpu, OP_RDMSR, MSR_KVM_SYSTEM_TIME, 0, 0) == (at | 1) &&
	       guest_call(g, cpu, OP_READ,
		       at + offsetof(struct vcpu_time_info, tsc_to_system_mul), 4, 0) != 0;
}

/* INIT makes KVM forget it, and the guest places shared_info before it starts others. */
static void test_cpus_have_clocks(void **state)
{
	struct guest g;

	guest_start(&g, &world, 4);
	for (unsigned cpu = 0; cpu < 4; cpu++)
		assert_true(has_clock(&g, cpu));
	guest_destroy(&g);
}

static void test_cpu_that_is_started_again_has_its_clock(void **state)
{
	struct guest g;

	guest_start(&g, &world, 2);
	for (unsigned i = 0; i < 20; i++) {
		guest_mail(&g, 1)->online = 0;
		guest_call(&g, 0, OP_START_CPU, 1, 0, 0);
		guest_wait_online(&g, 1);
		assert_int_equal(
			guest_vcpu_op(&g, 1, VCPUOP_stop_periodic_timer, 1, NULL, 0), 0);
		assert_true(has_clock(&g, 1));
	}
	guest_destroy(&g);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_cpu_starts),
		cmocka_unit_test(test_apic_id_is_vcpu_number),
		cmocka_unit_test(test_xen_is_the_only_hypervisor_in_cpuid),
		cmocka_unit_test(test_eight_cpus_run_at_once),
		cmocka_unit_test(test_sixtyfour_cpus_start),
		cmocka_unit_test(test_cpus_beyond_the_online_ones_start_later),
		cmocka_unit_test(test_cpu_is_started_again),
		cmocka_unit_test(test_cpus_have_clocks),
		cmocka_unit_test(test_cpu_that_is_started_again_has_its_clock),
	};

	vm_world_start(&world, argv);
	return vm_world_stop(&world, cmocka_run_group_tests(tests, NULL, NULL));
}
