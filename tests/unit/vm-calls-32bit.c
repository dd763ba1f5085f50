// SPDX-License-Identifier: MIT
/* Hypercalls of 32-bit code, with structures as such code has them: what a boot loader asks. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <xen/xen.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/hvm/hvm_op.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/version.h>

#include "tests/unit/vm-fake.h"

/* Behind RAM, where GRUB looks for room. */
#define OUTSIDE_GFN (FAKE_RAM / VM_PAGE)
#define BUFFER 0x300000u
#define GUARD 0xa5a5a5a5u

static struct domain_set test_set;
static struct vm_fake *fake;

static int setup(void **state)
{
	domain_set_init(&test_set);
	fake = vm_fake_new(&test_set, "loader", 1);
	return 0;
}

static int teardown(void **state)
{
	vm_fake_free(fake);
	domain_set_fini(&test_set);
	return 0;
}

static int64_t call32(uint64_t number, uint32_t a, uint32_t b, uint32_t c)
{
	struct hypercall call = { .number = number, .args = { a, b, c } };

	return hypercall(&fake->vm.vcpus[0], &call);
}

/* @words are the structure; what is behind it must stay as it is. */
static int64_t op32(uint64_t number, uint32_t cmd, uint32_t *words, unsigned n)
{
	uint32_t guard = GUARD;
	int64_t rc;

	fake_put(fake, FAKE_ARG, words, n * 4);
	fake_put(fake, FAKE_ARG + n * 4, &guard, 4);
	rc = call32(number, cmd, FAKE_ARG, 1);
	fake_get(fake, FAKE_ARG, words, n * 4);
	fake_get(fake, FAKE_ARG + n * 4, &guard, 4);
	assert_int_equal(guard, GUARD);
	return rc;
}

static int64_t place32(unsigned domid, unsigned space, uint32_t idx, uint32_t gfn)
{
	uint32_t add[] = { domid, space, idx, gfn };

	return op32(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, add, 4);
}

static uint32_t word_at(uint64_t gpa)
{
	uint32_t word;

	fake_get(fake, gpa, &word, sizeof(word));
	return word;
}

static void the_time_of_day_is_where_32_bit_code_looks(void **state)
{
	uint64_t page = OUTSIDE_GFN * VM_PAGE;
	uint32_t now = time(NULL);

	assert_int_equal(place32(DOMID_SELF, XENMAPSPACE_shared_info, 0, OUTSIDE_GFN), 0);
	assert_int_equal(fake->vm.shared_info_gfn, OUTSIDE_GFN);
	assert_int_equal(word_at(page + 0x900) % 2, 0);
	assert_in_range(word_at(page + 0x904), now - 60, now + 60);
	assert_true(word_at(page + 0x908) < 1000000000);
	/* Its pvclock is in the same place for both. */
	assert_int_equal(fake->vcpu[0].time_area, page + 32);
}

/* A kernel that the loader started: those words are bits of events to it. */
static void a_64_bit_kernel_takes_shared_info_over(void **state)
{
	struct shared_info *info;

	assert_int_equal(place32(DOMID_SELF, XENMAPSPACE_shared_info, 0, OUTSIDE_GFN), 0);
	info = fake_shared_info(fake, 0x10);
	for (unsigned at = 0x900; at < 0x90c; at += 4)
		assert_int_equal(word_at(0x10000 + at), 0);
	assert_in_range(info->wc_sec, time(NULL) - 60, time(NULL) + 60);
	vm_update_wallclock(&fake->vm);
	assert_int_equal(word_at(0x10900), 0);
}

static void grant_frames_stand_where_asked(void **state)
{
	grant_entry_v1_t *table = mem_own(&fake->vm.mem, VM_OWN_GRANT_FRAMES), entry;

	assert_int_equal(place32(DOMID_SELF, XENMAPSPACE_grant_table, 0, OUTSIDE_GFN), 0);
	table[9].frame = 0xabcd;
	fake_get(fake, OUTSIDE_GFN * VM_PAGE + 9 * sizeof(entry), &entry, sizeof(entry));
	assert_int_equal(entry.frame, 0xabcd);
}

static void placing_is_refused_as_of_64_bit_code(void **state)
{
	assert_int_equal(place32(DOMID_SELF, XENMAPSPACE_grant_table, VM_GRANT_FRAMES, 0x10), -EINVAL);
	assert_int_equal(place32(DOMID_SELF, XENMAPSPACE_shared_info, 1, 0x10), -EINVAL);
	assert_int_equal(place32(77, XENMAPSPACE_shared_info, 0, 0x10), -ESRCH);
	assert_int_equal(call32(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, 0xf0000000, 0), -EFAULT);
}

static void the_memory_map_is_told(void **state)
{
	struct { uint64_t addr, size; uint32_t type; } __attribute__((packed)) map[3];
	uint32_t request[] = { 128, BUFFER };

	assert_int_equal(op32(__HYPERVISOR_memory_op, XENMEM_memory_map, request, 2), 0);
	assert_int_equal(request[0], 3);
	assert_int_equal(request[1], BUFFER);
	fake_get(fake, BUFFER, map, sizeof(map));
	assert_int_equal(map[0].addr, 0);
	assert_int_equal(map[0].size, FAKE_RAM);
	assert_int_equal(map[0].type, 1);
	assert_int_equal(map[1].addr, VM_SPECIAL_BASE);
	request[0] = 2;
	assert_int_equal(op32(__HYPERVISOR_memory_op, XENMEM_memory_map, request, 2), -EINVAL);
	request[0] = 128;
	request[1] = 0xf0000000;
	assert_int_equal(op32(__HYPERVISOR_memory_op, XENMEM_memory_map, request, 2), -EFAULT);
}

/* GRUB says what it took; nobody counts that as a call that is not known. */
static void what_grub_asks_in_vain_is_not_news(void **state)
{
	uint32_t words[3] = { DOMID_SELF };

	assert_int_equal(op32(__HYPERVISOR_memory_op, XENMEM_set_memory_map, words, 3), -EPERM);
	assert_int_equal(op32(__HYPERVISOR_grant_table_op, GNTTABOP_dump_table, words, 1), -ENOSYS);
	assert_int_equal(fake->vm.nr_unknown, 0);
}

static void the_grant_table_is_set_up(void **state)
{
	uint32_t version[] = { 1 };
	uint32_t setup[] = { DOMID_SELF, 1, 0xffff, BUFFER };

	assert_int_equal(op32(__HYPERVISOR_grant_table_op, GNTTABOP_set_version, version, 1), 0);
	assert_int_equal(place32(DOMID_SELF, XENMAPSPACE_grant_table, 0, OUTSIDE_GFN), 0);
	fake_put(fake, BUFFER + 4, &(uint32_t){ GUARD }, 4);
	assert_int_equal(op32(__HYPERVISOR_grant_table_op, GNTTABOP_setup_table, setup, 4), 0);
	assert_int_equal(setup[2] & 0xffff, GNTST_okay);
	assert_int_equal(word_at(BUFFER), OUTSIDE_GFN);
	/* A frame number has 32 bits there. */
	assert_int_equal(word_at(BUFFER + 4), GUARD);
	setup[1] = 2;
	assert_int_equal(op32(__HYPERVISOR_grant_table_op, GNTTABOP_setup_table, setup, 4), 0);
	assert_int_equal(word_at(BUFFER + 4), 0xffffffff);
	setup[3] = 0xf0000000;
	assert_int_equal(op32(__HYPERVISOR_grant_table_op, GNTTABOP_setup_table, setup, 4), 0);
	assert_int_equal((int16_t)setup[2], GNTST_bad_virt_addr);
	setup[1] = VM_GRANT_FRAMES + 1;
	assert_int_equal(op32(__HYPERVISOR_grant_table_op, GNTTABOP_setup_table, setup, 4), 0);
	assert_int_equal((int16_t)setup[2], GNTST_general_error);
}

static void the_store_is_found(void **state)
{
	uint32_t param[] = { DOMID_SELF, HVM_PARAM_STORE_PFN, 0, 0 };

	fake->vm.params[HVM_PARAM_STORE_PFN] = 0xfc001;
	assert_int_equal(op32(__HYPERVISOR_hvm_op, HVMOP_get_param, param, 4), 0);
	assert_int_equal(param[2], 0xfc001);
	assert_int_equal(param[3], 0);
}

static void channels_are_made_and_closed(void **state)
{
	uint32_t unbound[] = { DOMID_SELF | 0 << 16, 0 }, close[1];

	assert_int_equal(op32(__HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, unbound, 2), 0);
	assert_true(unbound[1] > 0);
	close[0] = unbound[1];
	assert_int_equal(op32(__HYPERVISOR_event_channel_op, EVTCHNOP_send, close, 1), 0);
	assert_int_equal(op32(__HYPERVISOR_event_channel_op, EVTCHNOP_close, close, 1), 0);
	assert_int_equal(op32(__HYPERVISOR_event_channel_op, EVTCHNOP_close, close, 1), -EINVAL);
}

static void it_yields_and_ends(void **state)
{
	uint32_t reason[] = { SHUTDOWN_poweroff };

	assert_int_equal(call32(__HYPERVISOR_sched_op, SCHEDOP_yield, 0, 0), 0);
	assert_int_equal(op32(__HYPERVISOR_sched_op, SCHEDOP_shutdown, reason, 1), 0);
	assert_int_equal(fake->shutdowns, 1);
	assert_int_equal(fake->reason, SHUTDOWN_poweroff);
}

static void the_version_is_told(void **state)
{
	assert_int_equal(call32(__HYPERVISOR_xen_version, XENVER_version, 0, 0), 0x40011);
}

/* Those whose structures have another layout there, and those that no loader needs. */
static void others_are_refused_and_counted(void **state)
{
	static const struct { unsigned number, cmd; } others[] = {
		{ __HYPERVISOR_sched_op, SCHEDOP_poll },
		{ __HYPERVISOR_xen_version, XENVER_platform_parameters },
		{ __HYPERVISOR_memory_op, XENMEM_add_to_physmap_batch },
		{ __HYPERVISOR_memory_op, XENMEM_remove_from_physmap },
		{ __HYPERVISOR_grant_table_op, GNTTABOP_copy },
		{ __HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref },
		{ __HYPERVISOR_multicall, 0 },
		{ __HYPERVISOR_set_timer_op, 0 },
		{ __HYPERVISOR_vcpu_op, 0 },
		{ 1000, 0 },
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_int_equal(call32(others[i].number, others[i].cmd, FAKE_ARG, 1), -ENOSYS);
		assert_int_equal(fake->vm.nr_unknown, i + 1);
	}
}

static void user_code_is_refused(void **state)
{
	struct hypercall call = { .number = __HYPERVISOR_xen_version, .user = true };

	assert_int_equal(hypercall(&fake->vm.vcpus[0], &call), -EPERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_time_of_day_is_where_32_bit_code_looks, setup, teardown),
		cmocka_unit_test_setup_teardown(a_64_bit_kernel_takes_shared_info_over, setup, teardown),
		cmocka_unit_test_setup_teardown(grant_frames_stand_where_asked, setup, teardown),
		cmocka_unit_test_setup_teardown(placing_is_refused_as_of_64_bit_code, setup, teardown),
		cmocka_unit_test_setup_teardown(the_memory_map_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(what_grub_asks_in_vain_is_not_news, setup, teardown),
		cmocka_unit_test_setup_teardown(the_grant_table_is_set_up, setup, teardown),
		cmocka_unit_test_setup_teardown(the_store_is_found, setup, teardown),
		cmocka_unit_test_setup_teardown(channels_are_made_and_closed, setup, teardown),
		cmocka_unit_test_setup_teardown(it_yields_and_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(the_version_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(others_are_refused_and_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(user_code_is_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
