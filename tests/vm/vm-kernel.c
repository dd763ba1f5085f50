// SPDX-License-Identifier: MIT
/*
 * A kernel that the guest starts itself, as GRUB does, on a host that does not pass hypercalls on: its call
 * sites are found in memory when it sets the base of GS where it is linked for.
 */
#include "config.h"

#include <fcntl.h>
#include <linux/kvm.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>
#include <xen/version.h>

#include "tests/vm/vm-harness.h"

#define HIGH_HALF 0xffffff8000000000ull
#define MSR_GS_BASE 0xc0000101u
/* mov %edi, %ecx; mov %esi, %eax; mov %rsi, %rdx; shr $32, %rdx; wrmsr; ret */
static const uint8_t code_wrmsr[] = { 0x89, 0xf9, 0x89, 0xf0, 0x48, 0x89, 0xf2, 0x48, 0xc1, 0xea, 0x20, 0x0f,
	0x30, 0xc3 };
static const uint8_t code_amd[] = { 0x0f, 0x01, 0xd9, 0xc3 };
static const uint8_t code_intel[] = { 0xf3, 0x0f, 0x1e, 0xfa, 0x0f, 0x01, 0xc1, 0xe9 };

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

/* A host with CONFIG_KVM_XEN. */
static bool kvm_passes_hypercalls(void)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int xen = fd < 0 ? 0 : ioctl(fd, KVM_CHECK_EXTENSION, KVM_CAP_XEN_HVM);

	if (fd >= 0)
		close(fd);
	return xen > 0 && (xen & KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL);
}

/* The hypervisor looks for the start of a kernel there, and then does what the processor would. */
static void test_base_of_gs_is_checked(void **state)
{
	uint64_t base = guest_call(&g, 0, OP_RDMSR, MSR_GS_BASE, 0, 0);

	assert_in_range(base, GUEST_IMAGE, GUEST_RAM);
	guest_call(&g, 0, OP_WRMSR, MSR_GS_BASE, 1ull << 60, 0);
	assert_int_equal(guest_mail(&g, 0)->faulted, 1);
	assert_int_equal(guest_mail(&g, 0)->vector, 13);
	assert_int_equal(guest_call(&g, 0, OP_RDMSR, MSR_GS_BASE, 0, 0), base);
	guest_call(&g, 0, OP_WRMSR, MSR_GS_BASE, base, 0);
	assert_int_equal(guest_mail(&g, 0)->faulted, 0);
	guest_assert_well(&g);
}

/* All of it once more where a kernel is linked for. */
static void kernel_place(void)
{
	((uint64_t *)(g.ram + GUEST_PML4))[511] = ((uint64_t *)(g.ram + GUEST_PML4))[0];
	memcpy(g.ram + GUEST_DATA, code_wrmsr, sizeof(code_wrmsr));
	memcpy(g.ram + GUEST_DATA - 16, code_amd, sizeof(code_amd));
	memcpy(g.ram + GUEST_DATA + 0x1010, code_amd, sizeof(code_amd));
	memcpy(g.ram + GUEST_DATA + 0x202020, code_intel, sizeof(code_intel));
}

static void kernel_start(uint64_t at)
{
	uint64_t base = guest_call(&g, 0, OP_RDMSR, MSR_GS_BASE, 0, 0);

	guest_call(&g, 0, OP_CALL, at + GUEST_DATA, MSR_GS_BASE, base);
	assert_int_equal(guest_mail(&g, 0)->faulted, 0);
	assert_int_equal(guest_call(&g, 0, OP_RDMSR, MSR_GS_BASE, 0, 0), base);
}

/* As by GRUB: no builder has seen it. */
static void test_kernel_that_the_guest_starts(void **state)
{
	static const uint8_t amd[] = { 0xe7, 0xe4, 0x90, 0xc3 };
	static const uint8_t intel[] = { 0xf3, 0x0f, 0x1e, 0xfa, 0xe7, 0xe4, 0x90, 0xe9 };
	uint8_t *data = g.ram + GUEST_DATA;

	if (kvm_passes_hypercalls())
		skip();
	kernel_place();
	/* Where a kernel unpacks itself nothing is looked for yet. */
	kernel_start(0);
	assert_memory_equal(data + 0x1010, code_amd, sizeof(code_amd));
	kernel_start(HIGH_HALF);
	assert_memory_equal(data + 0x1010, amd, sizeof(amd));
	assert_memory_equal(data + 0x202020, intel, sizeof(intel));
	/* What is before its image is not its own. */
	assert_memory_equal(data - 16, code_amd, sizeof(code_amd));
	/* Once. */
	memcpy(data + 0x1010, code_amd, sizeof(code_amd));
	kernel_start(HIGH_HALF);
	assert_memory_equal(data + 0x1010, code_amd, sizeof(code_amd));
	guest_assert_well(&g);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		CASE(test_base_of_gs_is_checked),
		CASE(test_kernel_that_the_guest_starts),
	};

	vm_world_start(&world, argv);
	return vm_world_stop(&world, cmocka_run_group_tests(tests, NULL, NULL));
}
