// SPDX-License-Identifier: MIT
/* What a guest finds where there is no RAM, and the ways in which it ends itself. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <xen/memory.h>
#include <xen/sched.h>

#include "hypervisor/vm/layout.h"
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

static void test_nothing_outside_ram(void **state)
{
	static const uint64_t places[] = { GUEST_RAM, 0x40000000, 0xbffffff8, 0xfd000000, 0xfec00000,
		0xfed00000 };

	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		assert_int_equal(guest_read(&g, places[i], 1), 0xff);
		assert_int_equal(guest_read(&g, places[i], 4), 0xffffffff);
		assert_int_equal(guest_read(&g, places[i], 8), UINT64_MAX);
		guest_write(&g, places[i], 8, 0);
		assert_int_equal(guest_read(&g, places[i], 8), UINT64_MAX);
	}
	assert_int_equal(guest_info(&g).state, HVCTL_RUNNING);
}

static void test_all_of_ram_is_there(void **state)
{
	for (uint64_t gpa = GUEST_DATA; gpa < GUEST_RAM; gpa += 1 << 20) {
		guest_write(&g, gpa, 8, gpa);
		assert_int_equal(*(uint64_t *)(g.ram + gpa), gpa);
	}
	guest_write(&g, GUEST_RAM - 8, 8, 77);
	assert_int_equal(guest_read(&g, GUEST_RAM - 8, 8), 77);
}

/* Linux then gives up at once to measure time by it. */
static void test_clock_chip_reads_as_zeros(void **state)
{
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(guest_call(&g, 0, OP_IN, VM_PIT_CHANNEL2_PORT, 1, 0), 0);
}

static void test_special_area_is_the_builders(void **state)
{
	strcpy((char *)g.ram + GUEST_RAM + VM_ACPI_BASE - VM_SPECIAL_BASE, "tables");
	assert_int_equal(guest_read(&g, VM_ACPI_BASE, 1), 't');
	guest_write(&g, VM_CONSOLE_GPA, 4, 0x1234);
	assert_int_equal(*(uint32_t *)(g.ram + GUEST_RAM), 0x1234);
}

static void test_ports_read_as_ones(void **state)
{
	static const uint16_t ports[] = { 0, 0x10, 0x20, 0x60, 0x64, 0x70, 0x80, 0xcf8, 0xcfc, 0x3f8,
		0xb008, 0xfffc };

	for (unsigned i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		assert_int_equal(guest_call(&g, 0, OP_IN, ports[i], 1, 0), 0xff);
		assert_int_equal(guest_call(&g, 0, OP_IN, ports[i], 2, 0), 0xffff);
		assert_int_equal(guest_call(&g, 0, OP_IN, ports[i], 4, 0), 0xffffffff);
		guest_call(&g, 0, OP_OUT, ports[i], 1, 0);
		guest_call(&g, 0, OP_OUT, ports[i], 4, UINT32_MAX);
	}
	assert_int_equal(guest_info(&g).state, HVCTL_RUNNING);
}

static int64_t place_shared_info(uint64_t gpa)
{
	struct xen_add_to_physmap add = { .domid = DOMID_SELF, .space = XENMAPSPACE_shared_info,
		.gpfn = gpa >> 12 };

	return guest_hc(&g, 0, __HYPERVISOR_memory_op, XENMEM_add_to_physmap, &add, sizeof(add));
}

/* What a special page covered comes back when it goes elsewhere. */
static void test_ram_comes_back(void **state)
{
	memset(g.ram + GUEST_DATA, 0x44, PAGE);
	guest_call(&g, 0, OP_IDLE, IDLE_SPIN, 0, 0);
	assert_int_equal(place_shared_info(GUEST_DATA), 0);
	assert_int_not_equal(guest_read(&g, GUEST_DATA, 8), 0x4444444444444444);
	/* Its clock is valid. */
	assert_true(guest_read(&g, GUEST_DATA + offsetof(struct shared_info, vcpu_info[0].time) +
					   offsetof(struct vcpu_time_info, tsc_to_system_mul), 4));
	assert_int_equal(place_shared_info(GUEST_SHARED_INFO), 0);
	assert_int_equal(guest_read(&g, GUEST_DATA, 8), 0x4444444444444444);
}

static void test_special_pages_outside_ram(void **state)
{
	guest_call(&g, 0, OP_IDLE, IDLE_SPIN, 0, 0);
	assert_int_equal(place_shared_info(0x40000000), 0);
	assert_true(guest_read(&g, 0x40000000 + offsetof(struct shared_info, vcpu_info[0].time) +
					   offsetof(struct vcpu_time_info, tsc_to_system_mul), 4));
	assert_int_equal(place_shared_info(GUEST_SHARED_INFO), 0);
	/* Where the local APIC is, nothing can be placed, and beyond all addresses. */
	assert_true(place_shared_info(0xfee00000) < 0);
	assert_true(place_shared_info(1ull << 60) < 0);
}

static void ended(unsigned reason)
{
	assert_int_equal(guest_expect_state(&g, HVCTL_SHUTDOWN), reason);
	assert_int_equal(guest_info(&g).state, HVCTL_SHUTDOWN);
	assert_int_equal(guest_info(&g).shutdown_reason, reason);
	assert_int_equal(hvctl_domain_unpause(world.ctl, g.domid), -EINVAL);
	assert_int_equal(hvctl_domain_pause(world.ctl, g.domid), -EINVAL);
}

static void test_acpi_power_off(void **state)
{
	/* Other sleep states and values are nothing. */
	guest_call(&g, 0, OP_OUT, VM_SLEEP_CONTROL_PORT, 1, VM_S5_TYPE << 2);
	guest_call(&g, 0, OP_OUT, VM_SLEEP_CONTROL_PORT, 1, 0x20 | 3 << 2);
	assert_int_equal(guest_info(&g).state, HVCTL_RUNNING);
	guest_begin(&g, 0, OP_OUT, VM_SLEEP_CONTROL_PORT, 1, 0x20 | VM_S5_TYPE << 2, 0, 0, 0);
	ended(SHUTDOWN_poweroff);
}

static void test_acpi_reset(void **state)
{
	guest_call(&g, 0, OP_OUT, VM_RESET_PORT, 1, 0);
	assert_int_equal(guest_info(&g).state, HVCTL_RUNNING);
	guest_begin(&g, 0, OP_OUT, VM_RESET_PORT, 1, VM_RESET_VALUE, 0, 0, 0);
	ended(SHUTDOWN_reboot);
}

static void shutdown_call(unsigned reason)
{
	struct sched_shutdown s = { .reason = reason };

	guest_arg(&g, 0, &s, sizeof(s));
	guest_begin(&g, 0, OP_HYPERCALL, __HYPERVISOR_sched_op, SCHEDOP_shutdown, GUEST_SCRATCH, 0,
		0, 0);
	ended(reason);
}

static void test_shutdown_power_off(void **state)
{
	shutdown_call(SHUTDOWN_poweroff);
}

static void test_shutdown_reboot(void **state)
{
	shutdown_call(SHUTDOWN_reboot);
}

static void test_shutdown_crash(void **state)
{
	shutdown_call(SHUTDOWN_crash);
}

static void test_shutdown_unknown_reason(void **state)
{
	struct sched_shutdown s = { .reason = 77 };

	assert_int_equal(guest_hc(&g, 0, __HYPERVISOR_sched_op, SCHEDOP_shutdown, &s, sizeof(s)),
		-EINVAL);
	assert_int_equal(guest_info(&g).state, HVCTL_RUNNING);
}

/* As on Xen, the machine resets. */
static void test_triple_fault(void **state)
{
	guest_call(&g, 0, OP_TRIPLE_FAULT, 0, 0, 0);
	ended(SHUTDOWN_reboot);
}

int main(int argc, char **argv)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, start, stop)
	const struct CMUnitTest tests[] = {
		CASE(test_nothing_outside_ram),
		CASE(test_all_of_ram_is_there),
		CASE(test_special_area_is_the_builders),
		CASE(test_ports_read_as_ones),
		CASE(test_clock_chip_reads_as_zeros),
		CASE(test_ram_comes_back),
		CASE(test_special_pages_outside_ram),
		CASE(test_acpi_power_off),
		CASE(test_acpi_reset),
		CASE(test_shutdown_power_off),
		CASE(test_shutdown_reboot),
		CASE(test_shutdown_crash),
		CASE(test_shutdown_unknown_reason),
		CASE(test_triple_fault),
	};

	vm_world_start(&world, argv);
	return vm_world_stop(&world, cmocka_run_group_tests(tests, NULL, NULL));
}
