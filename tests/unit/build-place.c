// SPDX-License-Identifier: MIT
/* Where things go, and the memory map and start info that say so. */
#include "config.h"
#include "hypervisor/build/place.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/array.h"
#include "hypervisor/build/start-info.h"
#include "hypervisor/vm/layout.h"

#define MIB (1ull << 20)
#define GIB (1ull << 30)

static struct build_order order;
static struct elf_kernel kernel;
static struct place place;

static int setup(void **state)
{
	order = (struct build_order){ BUILD_WIRE_VERSION, 1, 4, 0xe4, 64 * MIB };
	kernel = (struct elf_kernel){ .entry = 0x1000000, .end = 0x1800123, .nr_segments = 1,
		.segments = { { 0, 0, 0x1000000, 0x800123, true } } };
	return 0;
}

static void order_refused(const char *why)
{
	struct build_error err = { "" };

	assert_int_equal(place_check_order(&order, &err), -EINVAL);
	if (!strstr(err.text, why))
		fail_msg("\"%s\" lacks \"%s\"", err.text, why);
}

static void order_accepted(void)
{
	struct build_error err = { "" };

	assert_int_equal(place_check_order(&order, &err), 0);
}

static void planned(size_t cmdline)
{
	struct build_error err = { "" };

	if (place_plan(&order, &kernel, cmdline, &place, &err) < 0)
		fail_msg("%s", err.text);
}

static void plan_refused(size_t cmdline, const char *why)
{
	struct build_error err = { "" };

	assert_int_equal(place_plan(&order, &kernel, cmdline, &place, &err), -EINVAL);
	if (!strstr(err.text, why))
		fail_msg("\"%s\" lacks \"%s\"", err.text, why);
}

static void test_order_version(void **state)
{
	order_accepted();
	order.version++;
	order_refused("same release");
}

static void test_order_vcpus(void **state)
{
	order.max_vcpus = VM_MAX_VCPUS;
	order.vcpus = VM_MAX_VCPUS;
	order_accepted();
	order.max_vcpus++;
	order_refused("1 to 64");
	order.max_vcpus = 4;
	order.vcpus = 5;
	order_refused("5 of 4");
	order.vcpus = 0;
	order_refused("0 of 4");
	order.max_vcpus = 0;
	order_refused("0 of 0");
}

static void test_order_port(void **state)
{
	order.hypercall_port = 0xff;
	order_accepted();
	order.hypercall_port = 0x100;
	order_refused("0x100");
}

static void test_order_ram(void **state)
{
	static const uint64_t good[] = { VM_MIN_RAM, VM_MAX_RAM, 3 * GIB + 4096 };
	static const uint64_t bad[] = { 0, VM_MIN_RAM - 4096, VM_MAX_RAM + 4096, 64 * MIB + 1,
		UINT64_MAX, UINT64_MAX - 4095 };

	for (unsigned i = 0; i < ARRAY_SIZE(good); i++) {
		order.ram_bytes = good[i];
		order_accepted();
	}
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		order.ram_bytes = bad[i];
		order_refused("whole pages");
	}
}

/* One after the other, nothing over another. */
static void test_plan(void **state)
{
	planned(100);
	assert_int_equal(place.start_info, 0x1801000);
	assert_int_equal(place.modlist, place.start_info + 56);
	assert_int_equal(place.memmap, place.modlist + 32);
	assert_int_equal(place.cmdline, place.memmap + 4 * 24);
	assert_int_equal(place.initrd, 0x1802000);
	assert_int_equal(place.low, 64 * MIB);
	assert_int_equal(place.high, 0);
	planned(PLACE_CMDLINE_MAX);
	assert_true(place.cmdline + PLACE_CMDLINE_MAX + 1 <= place.initrd);
	assert_int_equal(place.initrd % VM_PAGE, 0);
}

static void test_kernel_outside_ram(void **state)
{
	kernel.end = 64 * MIB + 1;
	plan_refused(0, "does not fit into 64 MiB: it takes memory up to 0x4000001");
	kernel.end = VM_LOW_RAM_MAX + 1;
	plan_refused(0, "there is none");
	kernel.end = UINT64_MAX;
	plan_refused(0, "there is none");
}

static void test_no_room_for_start_info(void **state)
{
	kernel.end = 64 * MIB;
	plan_refused(0, "no room is left");
	kernel.end = 64 * MIB - VM_PAGE;
	planned(0);
	assert_int_equal(place.initrd, place.low);
	plan_refused(VM_PAGE - 100, "no room is left");
}

static void test_start_info_below_1g(void **state)
{
	order.ram_bytes = 2 * GIB;
	kernel.end = GIB - VM_PAGE;
	planned(0);
	kernel.end++;
	plan_refused(0, "below 1 GiB");
	kernel.end = GIB + 5;
	plan_refused(0, "below 1 GiB");
}

static void test_long_cmdline(void **state)
{
	plan_refused(PLACE_CMDLINE_MAX + 1, "command line");
	plan_refused(SIZE_MAX, "command line");
}

static void check_map(uint64_t ram, unsigned want, uint64_t low, uint64_t high)
{
	struct hvm_memmap_table_entry map[PLACE_MEMMAP_MAX];

	order.ram_bytes = ram;
	planned(0);
	assert_int_equal(start_info_memmap(&place, map), want);
	assert_int_equal(map[0].addr, 0);
	assert_int_equal(map[0].size, low);
	assert_int_equal(map[0].type, XEN_HVM_MEMMAP_TYPE_RAM);
	assert_int_equal(map[1].addr, VM_SPECIAL_BASE);
	assert_int_equal(map[1].size, 0x10000);
	assert_int_equal(map[1].type, XEN_HVM_MEMMAP_TYPE_RESERVED);
	assert_int_equal(map[2].addr, VM_ACPI_BASE);
	assert_int_equal(map[2].addr + map[2].size, VM_SPECIAL_BASE + VM_SPECIAL_SIZE);
	assert_int_equal(map[2].type, XEN_HVM_MEMMAP_TYPE_ACPI);
	if (want > 3) {
		assert_int_equal(map[3].addr, VM_HIGH_RAM);
		assert_int_equal(map[3].size, high);
		assert_int_equal(map[3].type, XEN_HVM_MEMMAP_TYPE_RAM);
	}
	for (unsigned i = 0; i < want; i++)
		assert_int_equal(map[i].reserved, 0);
}

static void test_memmap_64m(void **state)
{
	check_map(64 * MIB, 3, 64 * MIB, 0);
}

static void test_memmap_3g(void **state)
{
	check_map(3 * GIB, 3, 3 * GIB, 0);
}

static void test_memmap_3g_and_a_page(void **state)
{
	check_map(3 * GIB + VM_PAGE, 4, 3 * GIB, VM_PAGE);
}

static void test_memmap_8g(void **state)
{
	check_map(8 * GIB, 4, 3 * GIB, 5 * GIB);
}

static void test_start_info(void **state)
{
	uint8_t *low = calloc(1, 64 * MIB);
	struct hvm_start_info info;
	struct hvm_modlist_entry module;
	struct hvm_memmap_table_entry map[PLACE_MEMMAP_MAX], want[PLACE_MEMMAP_MAX];

	assert_non_null(low);
	planned(5);
	start_info_write(low, &place, "quiet", 12345, VM_ACPI_BASE);
	memcpy(&info, low + place.start_info, sizeof(info));
	assert_int_equal(info.magic, 0x336ec578);
	assert_int_equal(info.version, 1);
	assert_int_equal(info.flags, 0);
	assert_int_equal(info.nr_modules, 1);
	assert_int_equal(info.modlist_paddr, place.modlist);
	assert_int_equal(info.cmdline_paddr, place.cmdline);
	assert_int_equal(info.rsdp_paddr, VM_ACPI_BASE);
	assert_int_equal(info.memmap_paddr, place.memmap);
	assert_int_equal(info.memmap_entries, 3);
	assert_int_equal(info.reserved, 0);
	memcpy(&module, low + place.modlist, sizeof(module));
	assert_int_equal(module.paddr, place.initrd);
	assert_int_equal(module.size, 12345);
	assert_int_equal(module.cmdline_paddr, 0);
	assert_string_equal(low + place.cmdline, "quiet");
	memcpy(map, low + place.memmap, 3 * sizeof(map[0]));
	start_info_memmap(&place, want);
	assert_memory_equal(map, want, 3 * sizeof(map[0]));
	free(low);
}

static void test_no_initrd(void **state)
{
	uint8_t *low = calloc(1, 64 * MIB);
	struct hvm_start_info info;

	assert_non_null(low);
	planned(0);
	start_info_write(low, &place, "", 0, VM_ACPI_BASE);
	memcpy(&info, low + place.start_info, sizeof(info));
	assert_int_equal(info.nr_modules, 0);
	assert_int_equal(info.modlist_paddr, 0);
	assert_string_equal(low + place.cmdline, "");
	free(low);
}

#define T(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_order_version), T(test_order_vcpus), T(test_order_port), T(test_order_ram),
		T(test_plan), T(test_kernel_outside_ram), T(test_no_room_for_start_info),
		T(test_start_info_below_1g), T(test_long_cmdline), T(test_memmap_64m),
		T(test_memmap_3g), T(test_memmap_3g_and_a_page), T(test_memmap_8g), T(test_start_info),
		T(test_no_initrd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
