// SPDX-License-Identifier: MIT
/* What a vCPU says that it is, made from what a host offers. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "hypervisor/vm/kvm-private.h"

#define DOMID 7u
#define KHZ 2000000u
#define ALL 0xffffffffu

struct table {
	struct kvm_cpuid2 head;
	struct kvm_cpuid_entry2 entries[KVM_PRIVATE_CPUIDS];
};

static struct table host, guest;

/* cpuid_xen() is tested elsewhere: here two leaves are enough, of which one has
 * subleaves. */
bool cpuid_xen(unsigned index, unsigned subleaf, uint32_t domid, unsigned vcpu,
	uint32_t tsc_khz, struct cpuid_leaf *out)
{
	*out = (struct cpuid_leaf){
		.eax = 0x1000 + index, .ebx = subleaf, .ecx = domid, .edx = vcpu
	};
	return index <= 3;
}

static void offer(uint32_t function, uint32_t index, uint32_t value)
{
	host.head.entries[host.head.nent++] =
		(struct kvm_cpuid_entry2){ .function = function,
			.index = index,
			.eax = value,
			.ebx = value,
			.ecx = value,
			.edx = value };
}

static const struct kvm_cpuid_entry2 *find(uint32_t function, uint32_t index)
{
	for (unsigned i = 0; i < guest.head.nent; i++)
		if (guest.head.entries[i].function == function &&
			guest.head.entries[i].index == index)
			return &guest.head.entries[i];
	return NULL;
}

static void make(unsigned vcpu, unsigned nr)
{
	assert_int_equal(
		kvm_cpuid_make(&host.head, DOMID, vcpu, nr, KHZ, &guest.head), 0);
}

static int clear(void **state)
{
	memset(&host, 0, sizeof(host));
	memset(&guest, 0xff, sizeof(guest));
	return 0;
}

static void test_ordinary_leaf_is_the_hosts(void **state)
{
	offer(0xd, 1, 0x1234);
	make(0, 1);
	assert_int_equal(find(0xd, 1)->ecx, 0x1234);
}

static void test_apic_id_is_in_every_place(void **state)
{
	offer(1, 0, 0);
	offer(0x8000001e, 0, ALL);
	make(5, 8);
	assert_int_equal(find(1, 0)->ebx >> 24, 5);
	assert_int_equal((find(1, 0)->ebx >> 16) & 0xff, 8);
	assert_int_equal(find(0x8000001e, 0)->eax, 5);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(find(0xb, i)->edx, 5);
}

static void test_one_socket_of_cores(void **state)
{
	offer(0x80000008, 0, 0x3028);
	offer(0xb, 0, ALL);
	offer(0xb, 1, ALL);
	offer(0x1f, 0, ALL);
	make(2, 6);
	assert_int_equal(find(0x80000008, 0)->ecx & 0xff, 5);
	assert_int_equal((find(0x80000008, 0)->ecx >> 12) & 15, 3);
	assert_int_equal(find(0x80000008, 0)->eax, 0x3028);
	assert_int_equal(find(0xb, 0)->eax, 0);
	assert_int_equal(find(0xb, 0)->ebx, 1);
	assert_int_equal(find(0xb, 0)->ecx, 0x100);
	assert_int_equal(find(0xb, 1)->eax, 3);
	assert_int_equal(find(0xb, 1)->ebx, 6);
	assert_int_equal(find(0xb, 1)->ecx, 0x201);
	assert_int_equal(find(0xb, 2)->ebx, 0);
	assert_null(find(0x1f, 0));
}

static void test_last_cache_is_shared(void **state)
{
	offer(4, 0, 1 | 1 << 5 | 0xfffu << 14);
	offer(4, 3, 1 | 3 << 5);
	offer(4, 4, 0);
	make(0, 4);
	assert_int_equal((find(4, 0)->eax >> 14) & 0xfff, 0);
	assert_int_equal((find(4, 3)->eax >> 14) & 0xfff, 3);
	assert_int_equal(find(4, 3)->eax >> 26, 3);
	assert_int_equal(find(4, 4)->eax, 0);
}

static void test_one_cpu_is_not_many(void **state)
{
	offer(1, 0, ALL);
	offer(0x80000001, 0, ALL);
	make(0, 1);
	assert_false(find(1, 0)->edx & 1u << 28);
	assert_false(find(0x80000001, 0)->ecx & 2);
	make(0, 2);
	assert_true(find(1, 0)->edx & 1u << 28);
	assert_true(find(0x80000001, 0)->ecx & 2);
}

static void test_nested_virtualization_is_hidden(void **state)
{
	offer(1, 0, ALL);
	offer(0x80000001, 0, ALL);
	offer(0x8000000a, 0, ALL);
	make(0, 1);
	assert_false(find(1, 0)->ecx & 1u << 5);
	assert_false(find(0x80000001, 0)->ecx & 1u << 2);
	assert_null(find(0x8000000a, 0));
}

static void test_says_that_there_is_a_hypervisor(void **state)
{
	offer(1, 0, 0);
	make(0, 1);
	assert_true(find(1, 0)->ecx & 1u << 31);
}

static void test_counters_and_enclaves_are_hidden(void **state)
{
	offer(7, 0, ALL);
	offer(0xa, 0, ALL);
	offer(0x12, 0, ALL);
	make(0, 1);
	assert_false(find(7, 0)->ebx & 1u << 2);
	assert_null(find(0xa, 0));
	assert_null(find(0x12, 0));
}

/* Linux takes the highest base of those that it knows: KVM's must not be there at all. */
static void test_only_xen_leaves_are_left(void **state)
{
	offer(0x40000000, 0, ALL);
	offer(0x40000001, 0, ALL);
	offer(0x40000100, 0, ALL);
	make(3, 4);
	assert_int_equal(find(0x40000000, 0)->eax, 0x1000);
	assert_null(find(0x40000100, 0));
	assert_null(find(0x40000004, 0));
	for (unsigned sub = 0; sub < 3; sub++)
		assert_int_equal(find(0x40000003, sub)->ebx, sub);
	assert_true(find(0x40000003, 0)->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX);
	assert_int_equal(find(0x40000001, 0)->ecx, DOMID);
	assert_int_equal(find(0x40000001, 0)->edx, 3);
}

static void test_too_many_leaves(void **state)
{
	for (unsigned i = 0; i < KVM_PRIVATE_CPUIDS; i++)
		offer(0xd, i, 0);
	assert_int_equal(
		kvm_cpuid_make(&host.head, DOMID, 0, 1, KHZ, &guest.head), -ENOSPC);
	assert_true(guest.head.nent <= KVM_PRIVATE_CPUIDS);
}

#define CASE(f) cmocka_unit_test_setup(f, clear)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_ordinary_leaf_is_the_hosts),
		CASE(test_apic_id_is_in_every_place),
		CASE(test_one_socket_of_cores),
		CASE(test_last_cache_is_shared),
		CASE(test_one_cpu_is_not_many),
		CASE(test_nested_virtualization_is_hidden),
		CASE(test_says_that_there_is_a_hypervisor),
		CASE(test_counters_and_enclaves_are_hidden),
		CASE(test_only_xen_leaves_are_left),
		CASE(test_too_many_leaves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
