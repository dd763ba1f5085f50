// SPDX-License-Identifier: MIT
/* The way into hypercalls, and those that have no state: version, console, CPUID. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <xen/xen.h>
#include <xen/version.h>

#include "common/log.h"
#include "tests/unit/vm-fake.h"

static struct domain_set test_set;
static struct vm_fake *fake;

static int setup(void **state)
{
	domain_set_init(&test_set);
	fake = vm_fake_new(&test_set, "guest", 2);
	return 0;
}

static int teardown(void **state)
{
	vm_fake_free(fake);
	domain_set_fini(&test_set);
	return 0;
}

static int64_t version(uint32_t cmd, uint64_t arg)
{
	return fake_call(fake, 0, __HYPERVISOR_xen_version, cmd, arg, 0);
}

static void user_code_is_refused(void **state)
{
	struct hypercall call = { .number = __HYPERVISOR_xen_version, .bits64 = true, .user = true };

	assert_int_equal(hypercall(&fake->vm.vcpus[0], &call), -EPERM);
	call.user = false;
	assert_int_equal(hypercall(&fake->vm.vcpus[0], &call), 0x40011);
}

static void unknown_numbers_are_counted(void **state)
{
	static const uint64_t numbers[] = { 0, 7, 39, 63, 64, 65, 1ull << 32, UINT64_MAX };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		assert_int_equal(fake_call(fake, 0, numbers[i], UINT64_MAX, 0, 0), -ENOSYS);
		assert_int_equal(fake->vm.nr_unknown, i + 1);
	}
	/* A number whose low half is a known one is not that one. */
	assert_int_equal(fake_call(fake, 0, (1ull << 32) + __HYPERVISOR_xen_version, 0, 0, 0),
		-ENOSYS);
}

static void unknown_operations_are_counted(void **state)
{
	static const unsigned numbers[] = { __HYPERVISOR_memory_op, __HYPERVISOR_xen_version,
		__HYPERVISOR_console_io, __HYPERVISOR_hvm_op, __HYPERVISOR_vcpu_op };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		assert_int_equal(fake_call(fake, 0, numbers[i], 0x7fffffff, 0, 0), -ENOSYS);
		assert_int_equal(fake->vm.nr_unknown, i + 1);
	}
}

/* Runs @fn with stderr in a file; returns what it said. */
static char *log_of(void (*fn)(void))
{
	static char text[65536];
	FILE *file = tmpfile();
	int saved = dup(STDERR_FILENO);
	size_t n;

	assert_non_null(file);
	assert_true(saved >= 0);
	log_set_level(LOG_LEVEL_INFO);
	fflush(stderr);
	dup2(fileno(file), STDERR_FILENO);
	fn();
	dup2(saved, STDERR_FILENO);
	close(saved);
	log_set_level(LOG_LEVEL_WARN);
	rewind(file);
	n = fread(text, 1, sizeof(text) - 1, file);
	text[n] = 0;
	fclose(file);
	return text;
}

static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

static void call_unknown(void)
{
	for (unsigned i = 0; i < 3; i++) {
		fake_call(fake, 0, 7, 1, 0, 0);
		fake_call(fake, 0, 7, 2, 0, 0);
	}
}

static void unknown_calls_are_said_once_each(void **state)
{
	assert_int_equal(count(log_of(call_unknown), "is not known"), 2);
	assert_int_equal(fake->vm.nr_unknown, 6);
}

static void call_many_unknown(void)
{
	for (unsigned i = 0; i < 64; i++)
		for (unsigned j = 0; j < 128; j++)
			hypercall_unknown(&fake->vm.vcpus[0], i, j);
}

static void unknown_calls_do_not_flood_the_log(void **state)
{
	assert_in_range(count(log_of(call_many_unknown), "\n"), 1, 50);
}

static void version_numbers(void **state)
{
	assert_int_equal(version(XENVER_version, 0), 0x40011);
	assert_int_equal(version(XENVER_pagesize, 0), 4096);
	assert_int_equal(version(XENVER_build_id, 0), -ENODATA);
}

static void features_are_those_of_a_pvh_domain(void **state)
{
	struct xen_feature_info info = { .submap_idx = 0 };

	assert_int_equal(fake_op(fake, 0, __HYPERVISOR_xen_version, XENVER_get_features, &info,
				 sizeof(info)), 0);
	assert_int_equal(info.submap, 0x12305);
	info.submap_idx = 1;
	assert_int_equal(fake_op(fake, 0, __HYPERVISOR_xen_version, XENVER_get_features, &info,
				 sizeof(info)), -EINVAL);
}

/* Each fills exactly its structure. */
static void version_texts_have_their_sizes(void **state)
{
	static const struct {
		uint32_t cmd;
		size_t size;
	} texts[] = {
		{ XENVER_extraversion, 16 },
		{ XENVER_compile_info, 144 },
		{ XENVER_capabilities, 1024 },
		{ XENVER_changeset, 64 },
		{ XENVER_platform_parameters, 8 },
		{ XENVER_guest_handle, 16 },
		{ XENVER_commandline, 1024 },
	};
	uint8_t buf[1200];

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		memset(buf, 0xee, sizeof(buf));
		fake_put(fake, FAKE_ARG, buf, sizeof(buf));
		assert_int_equal(version(texts[i].cmd, FAKE_ARG), 0);
		fake_get(fake, FAKE_ARG, buf, sizeof(buf));
		assert_int_equal(buf[texts[i].size - 1], 0);
		assert_int_equal(buf[texts[i].size], 0xee);
	}
	assert_int_equal(version(XENVER_capabilities, FAKE_ARG), 0);
	fake_get(fake, FAKE_ARG, buf, 64);
	assert_non_null(strstr((char *)buf, "hvm-3.0-x86_64"));
}

static void bad_pointers_fault(void **state)
{
	static const uint64_t bad[] = { FAKE_RAM, FAKE_RAM - 8, UINT64_MAX, UINT64_MAX - 7,
		1ull << 46, 1ull << 63, (1ull << 56) + 0x300000, (255ull << 56) - 8, VM_LAPIC_BASE };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(version(XENVER_extraversion, bad[i]), -EFAULT);
}

static void structures_may_cross_into_any_page(void **state)
{
	char text[16];

	fake->moved_gva = 0x301000;
	fake->moved_gpa = 0x555000;
	assert_int_equal(version(XENVER_extraversion, 0x300ffc), 0);
	fake_get(fake, 0x300ffc, text, 4);
	fake_get(fake, 0x555000, text + 4, 12);
	assert_string_equal(text, "-sluice");
}

static void guest_copies_are_bounded(void **state)
{
	char byte;

	assert_int_equal(guest_read(&fake->vm.vcpus[0], 0, &byte, SIZE_MAX), -EFAULT);
	assert_int_equal(guest_write(&fake->vm.vcpus[0], 0, &byte, 1u << 30), -EFAULT);
	assert_int_equal(guest_read(&fake->vm.vcpus[0], FAKE_RAM - 1, &byte, 1), 0);
}

static void vm_assist_knows_one_type(void **state)
{
	assert_int_equal(fake_call(fake, 0, __HYPERVISOR_vm_assist, VMASST_CMD_enable, 5, 0), 0);
	assert_true(fake->vm.runstate_update_flag);
	assert_int_equal(fake_call(fake, 0, __HYPERVISOR_vm_assist, VMASST_CMD_disable, 5, 0), 0);
	assert_false(fake->vm.runstate_update_flag);
	assert_int_equal(fake_call(fake, 0, __HYPERVISOR_vm_assist, 0, 4, 0), -EINVAL);
	assert_int_equal(fake_call(fake, 0, __HYPERVISOR_vm_assist, 0, 0xffffffff, 0), -EINVAL);
	assert_int_equal(fake_call(fake, 0, __HYPERVISOR_vm_assist, 2, 5, 0), -ENOSYS);
}

static void physdev_is_not_there_and_not_said(void **state)
{
	assert_int_equal(fake_call(fake, 0, __HYPERVISOR_physdev_op, 28, 0, 0), -ENOSYS);
	assert_int_equal(fake->vm.nr_unknown, 0);
}

static void multicall_gives_each_its_result(void **state)
{
	struct multicall_entry calls[3] = {
		{ .op = __HYPERVISOR_xen_version, .args = { XENVER_version } },
		{ .op = __HYPERVISOR_multicall, .args = { FAKE_ARG, 1 } },
		{ .op = 1000 },
	};

	fake_put(fake, FAKE_ARG, calls, sizeof(calls));
	assert_int_equal(fake_call(fake, 0, __HYPERVISOR_multicall, FAKE_ARG, 3, 0), 0);
	fake_get(fake, FAKE_ARG, calls, sizeof(calls));
	assert_int_equal(calls[0].result, 0x40011);
	assert_int_equal((int64_t)calls[1].result, -EINVAL);
	assert_int_equal((int64_t)calls[2].result, -ENOSYS);
}

static void multicall_is_bounded(void **state)
{
	assert_int_equal(
		fake_call(fake, 0, __HYPERVISOR_multicall, FAKE_ARG, UINT32_MAX, 0), -E2BIG);
	assert_int_equal(fake_call(fake, 0, __HYPERVISOR_multicall, FAKE_ARG, 257, 0), -E2BIG);
	assert_int_equal(fake_call(fake, 0, __HYPERVISOR_multicall, FAKE_ARG, 0, 0), 0);
}

static void multicall_faults_at_its_list(void **state)
{
	assert_int_equal(
		fake_call(fake, 0, __HYPERVISOR_multicall, FAKE_RAM - 64, 2, 0), -EFAULT);
	assert_int_equal(
		fake_call(fake, 0, __HYPERVISOR_multicall, UINT64_MAX - 63, 2, 0), -EFAULT);
}

static void multicall_ends_with_its_vm(void **state)
{
	struct multicall_entry call = { .op = __HYPERVISOR_xen_version, .result = 77 };

	fake_put(fake, FAKE_ARG, &call, sizeof(call));
	vm_shutdown(&fake->vm, SHUTDOWN_poweroff);
	assert_int_equal(fake_call(fake, 0, __HYPERVISOR_multicall, FAKE_ARG, 1, 0), 0);
	fake_get(fake, FAKE_ARG, &call, sizeof(call));
	assert_int_equal(call.result, 77);
}

static void console_put(const char *text, size_t len)
{
	fake_put(fake, FAKE_ARG, text, len);
	assert_int_equal(fake_call(fake, 0, __HYPERVISOR_console_io, CONSOLEIO_write, len, FAKE_ARG),
		0);
}

static void say_in_pieces(void)
{
	console_put("hello, ", 7);
	console_put("world\r\nmore", 11);
}

static void console_lines_are_put_together(void **state)
{
	const char *text = log_of(say_in_pieces);

	assert_non_null(strstr(text, "domain 1 says: hello, world\n"));
	assert_null(strstr(text, "more"));
}

static void say_escapes(void)
{
	console_put("\x1b[2J\x9b\x07x\0y\n", 10);
}

static void console_strips_control_characters(void **state)
{
	assert_non_null(strstr(log_of(say_escapes), "says: .[2J..x.y\n"));
}

static void say_much(void)
{
	char line[2] = "a\n";

	for (unsigned i = 0; i < 3000; i++)
		console_put(line, 2);
}

static void console_does_not_flood_the_log(void **state)
{
	assert_in_range(count(log_of(say_much), "\n"), 1, 1000);
}

static void say_long(void)
{
	static char line[4096];

	memset(line, 'z', sizeof(line));
	console_put(line, sizeof(line));
}

static void console_breaks_long_lines(void **state)
{
	const char *text = log_of(say_long);

	assert_in_range(count(text, "says: zzz"), 30, 40);
}

static void console_takes_any_count_and_pointer(void **state)
{
	assert_int_equal(fake_call(fake, 0, __HYPERVISOR_console_io, CONSOLEIO_write, UINT32_MAX, 0),
		0);
	assert_int_equal(
		fake_call(fake, 0, __HYPERVISOR_console_io, CONSOLEIO_write, 8, FAKE_RAM - 4), -EFAULT);
	assert_int_equal(fake_call(fake, 0, __HYPERVISOR_console_io, CONSOLEIO_read, 8, 0), 0);
}

static void cpuid_is_xens(void **state)
{
	struct cpuid_leaf leaf;

	assert_true(cpuid_xen(0, 0, 7, 3, 2500000, &leaf));
	assert_int_equal(leaf.eax, 0x40000005);
	assert_memory_equal(&leaf.ebx, "XenVMMXenVMM", 12);
	assert_true(cpuid_xen(1, 0, 7, 3, 2500000, &leaf));
	assert_int_equal(leaf.eax, 0x40011);
	assert_true(cpuid_xen(2, 0, 7, 3, 2500000, &leaf));
	assert_int_equal(leaf.eax, 1);
	assert_int_equal(leaf.ebx, 0x40000000);
	assert_int_equal(leaf.ecx, 0);
	assert_true(cpuid_xen(4, 0, 7, 3, 2500000, &leaf));
	assert_int_equal(leaf.eax, 1 << 2 | 1 << 3 | 1 << 4 | 1 << 6);
	assert_int_equal(leaf.ebx, 3);
	assert_int_equal(leaf.ecx, 7);
	assert_true(cpuid_xen(5, 0, 7, 3, 2500000, &leaf));
	assert_int_equal(leaf.eax | leaf.ebx | leaf.ecx | leaf.edx, 0);
	assert_false(cpuid_xen(6, 0, 7, 3, 2500000, &leaf));
}

static void cpuid_gives_the_tsc(void **state)
{
	static const uint32_t khz[] = { 1, 800000, 1000000, 2500000, 4200000, UINT32_MAX };
	struct cpuid_leaf leaf;

	assert_true(cpuid_xen(3, 0, 7, 3, 2500000, &leaf));
	assert_int_equal(leaf.eax, 2);
	assert_int_equal(leaf.ebx, 2);
	assert_int_equal(leaf.ecx, 2500000);
	assert_true(cpuid_xen(3, 2, 7, 3, 2500000, &leaf));
	assert_int_equal(leaf.eax, 2500000);
	for (size_t i = 0; i < sizeof(khz) / sizeof(khz[0]); i++) {
		uint64_t ticks = khz[i], ns;
		int8_t shift;

		assert_true(cpuid_xen(3, 1, 7, 3, khz[i], &leaf));
		shift = (int8_t)leaf.edx;
		ticks = shift < 0 ? ticks >> -shift : ticks << shift;
		ns = ((unsigned __int128)ticks * leaf.ecx) >> 32;
		/* A millisecond of ticks, to one in 10000. */
		assert_in_range(ns, 999900, 1000100);
	}
	assert_true(cpuid_xen(3, 1, 7, 3, 0, &leaf));
}

static void shutdown_is_told_once(void **state)
{
	vm_shutdown(&fake->vm, SHUTDOWN_reboot);
	vm_shutdown(&fake->vm, SHUTDOWN_crash);
	assert_int_equal(fake->shutdowns, 1);
	assert_int_equal(fake->reason, SHUTDOWN_reboot);
}

static void sizes_of_a_vm_are_checked(void **state)
{
	struct domain_limits limits = { .max_ports = 64, .max_mapped = 1 };
	struct vm vm = { 0 };

	assert_int_equal(vm_init(&vm, &test_set, "x", FAKE_RAM, 0, &limits, fake->vm.platform,
				 fake->vm.mem.ops, fake->vm.d.ops), -EINVAL);
	assert_int_equal(vm_init(&vm, &test_set, "x", FAKE_RAM, 65, &limits, fake->vm.platform,
				 fake->vm.mem.ops, fake->vm.d.ops), -EINVAL);
	assert_int_equal(vm_init(&vm, &test_set, "x", FAKE_RAM + 1, 1, &limits, fake->vm.platform,
				 fake->vm.mem.ops, fake->vm.d.ops), -EINVAL);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(user_code_is_refused),
		T(unknown_numbers_are_counted),
		T(unknown_operations_are_counted),
		T(unknown_calls_are_said_once_each),
		T(unknown_calls_do_not_flood_the_log),
		T(version_numbers),
		T(features_are_those_of_a_pvh_domain),
		T(version_texts_have_their_sizes),
		T(bad_pointers_fault),
		T(structures_may_cross_into_any_page),
		T(guest_copies_are_bounded),
		T(vm_assist_knows_one_type),
		T(physdev_is_not_there_and_not_said),
		T(multicall_gives_each_its_result),
		T(multicall_is_bounded),
		T(multicall_faults_at_its_list),
		T(multicall_ends_with_its_vm),
		T(console_lines_are_put_together),
		T(console_strips_control_characters),
		T(console_does_not_flood_the_log),
		T(console_breaks_long_lines),
		T(console_takes_any_count_and_pointer),
		T(cpuid_is_xens),
		T(cpuid_gives_the_tsc),
		T(shutdown_is_told_once),
		T(sizes_of_a_vm_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
