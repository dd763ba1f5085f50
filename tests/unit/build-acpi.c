// SPDX-License-Identifier: MIT
/* The tables as a guest reads them: by offset, from the root on. */
#include "config.h"
#include "hypervisor/build/acpi.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "hypervisor/vm/layout.h"

#define GPA VM_ACPI_BASE

static _Alignas(16) uint8_t area[ACPI_ROOM + 16];
static const uint8_t *rsdp;

static uint64_t get(const uint8_t *at, unsigned bytes)
{
	uint64_t v = 0;

	memcpy(&v, at, bytes);
	return v;
}

static uint8_t sum(const uint8_t *at, size_t len)
{
	uint8_t s = 0;

	while (len--)
		s += *at++;
	return s;
}

static const uint8_t *at_gpa(uint64_t gpa)
{
	assert_in_range(gpa, GPA, GPA + ACPI_ROOM - 1);
	return area + (gpa - GPA);
}

/* Table @i of the XSDT, sound. */
static const uint8_t *table(unsigned i)
{
	const uint8_t *xsdt = at_gpa(get(rsdp + 24, 8));
	const uint8_t *t;

	assert_memory_equal(xsdt, "XSDT", 4);
	assert_int_equal(get(xsdt + 4, 4), 36 + 2 * 8);
	assert_int_equal(sum(xsdt, get(xsdt + 4, 4)), 0);
	t = at_gpa(get(xsdt + 36 + 8 * i, 8));
	assert_true(t + get(t + 4, 4) <= area + ACPI_ROOM);
	assert_int_equal(sum(t, get(t + 4, 4)), 0);
	return t;
}

static void make(unsigned vcpus)
{
	memset(area, 0, sizeof(area));
	memset(area + ACPI_ROOM, 0x5a, 16);
	rsdp = at_gpa(acpi_write(area, GPA, vcpus));
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(area[ACPI_ROOM + i], 0x5a);
}

static void test_root(void **state)
{
	make(1);
	assert_memory_equal(rsdp, "RSD PTR ", 8);
	assert_int_equal((rsdp - area) % 16, 0);
	assert_int_equal(sum(rsdp, 20), 0);
	assert_int_equal(sum(rsdp, 36), 0);
	assert_int_equal(rsdp[15], 2);
	assert_int_equal(get(rsdp + 20, 4), 36);
	assert_int_equal(get(rsdp + 16, 4), 0); /* no RSDT */
}

static void check_port(const uint8_t *gas, uint16_t port)
{
	assert_int_equal(gas[0], 1); /* system I/O */
	assert_int_equal(gas[1], 8); /* bits */
	assert_int_equal(gas[2], 0);
	assert_int_equal(gas[3], 1); /* byte access */
	assert_int_equal(get(gas + 4, 8), port);
}

static void test_fadt(void **state)
{
	const uint8_t *f;

	make(1);
	f = table(0);
	assert_memory_equal(f, "FACP", 4);
	assert_int_equal(get(f + 4, 4), 268);
	assert_int_equal(f[8], 5);
	/* No VGA, no CMOS RTC; no legacy devices, no 8042. */
	assert_int_equal(get(f + 109, 2), 1 << 2 | 1 << 5);
	assert_true(get(f + 112, 4) & 1 << 20); /* HW_REDUCED_ACPI */
	assert_true(get(f + 112, 4) & 1 << 10); /* RESET_REG_SUP */
	assert_true(get(f + 112, 4) & 1 << 4);  /* no fixed power button */
	assert_true(get(f + 112, 4) & 1 << 5);
	check_port(f + 116, VM_RESET_PORT);
	assert_int_equal(f[128], VM_RESET_VALUE);
	check_port(f + 244, VM_SLEEP_CONTROL_PORT);
	check_port(f + 256, VM_SLEEP_STATUS_PORT);
}

/* A hardware-reduced machine has none of the fixed registers. */
static void test_fadt_without_hardware(void **state)
{
	static const uint8_t zero[244 - 148];
	const uint8_t *f;

	make(1);
	f = table(0);
	assert_memory_equal(f + 44, zero, 109 - 44);
	assert_memory_equal(f + 148, zero, 244 - 148);
	assert_int_equal(get(f + 36, 4), 0);
	assert_int_equal(get(f + 132, 8), 0);
}

static void test_s5(void **state)
{
	static const uint8_t aml[] = { 0x08, '_', 'S', '5', '_', 0x12, 8, 4, 0x0a, VM_S5_TYPE, 0x0a,
		VM_S5_TYPE, 0, 0 };
	const uint8_t *dsdt;

	make(1);
	dsdt = at_gpa(get(table(0) + 140, 8));
	assert_int_equal(get(table(0) + 40, 4), get(table(0) + 140, 8));
	assert_memory_equal(dsdt, "DSDT", 4);
	assert_int_equal(get(dsdt + 4, 4), 36 + sizeof(aml));
	assert_int_equal(sum(dsdt, get(dsdt + 4, 4)), 0);
	assert_memory_equal(dsdt + 36, aml, sizeof(aml));
}

static void check_madt(unsigned vcpus)
{
	const uint8_t *m;

	make(vcpus);
	m = table(1);
	assert_memory_equal(m, "APIC", 4);
	assert_int_equal(get(m + 4, 4), 44 + 8 * vcpus);
	assert_int_equal(get(m + 36, 4), VM_LAPIC_BASE);
	assert_int_equal(get(m + 40, 4), 0); /* no 8259 */
	for (unsigned i = 0; i < vcpus; i++) {
		const uint8_t *l = m + 44 + 8 * i;

		assert_int_equal(l[0], 0);
		assert_int_equal(l[1], 8);
		assert_int_equal(l[2], i);
		assert_int_equal(l[3], i);
		assert_int_equal(get(l + 4, 4), 1);
	}
}

static void test_madt(void **state)
{
	check_madt(1);
	check_madt(8);
	check_madt(VM_MAX_VCPUS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_root), cmocka_unit_test(test_fadt),
		cmocka_unit_test(test_fadt_without_hardware), cmocka_unit_test(test_s5),
		cmocka_unit_test(test_madt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
