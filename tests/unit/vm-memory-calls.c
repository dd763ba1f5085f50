// SPDX-License-Identifier: MIT
/* memory_op: placing the hypervisor's pages, the balloon, what there is. */
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
#include <xen/memory.h>

#include "tests/unit/vm-fake.h"

#define OUTSIDE_GFN (0x40000000ull / VM_PAGE)

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

static int64_t memory_op(uint32_t cmd, void *arg, size_t size)
{
	return fake_op(fake, 0, __HYPERVISOR_memory_op, cmd, arg, size);
}

static int64_t place(unsigned domid, unsigned space, uint64_t idx, uint64_t gfn)
{
	struct xen_add_to_physmap add = {
		.domid = domid, .space = space, .idx = idx, .gpfn = gfn
	};

	return memory_op(XENMEM_add_to_physmap, &add, sizeof(add));
}

static int64_t take_away(unsigned domid, uint64_t gfn)
{
	struct xen_remove_from_physmap remove = { .domid = domid, .gpfn = gfn };

	return memory_op(XENMEM_remove_from_physmap, &remove, sizeof(remove));
}

static void shared_info_has_the_time_of_day(void **state)
{
	struct shared_info *info = fake_shared_info(fake, 0x10);
	uint64_t boot = ((uint64_t)info->wc_sec_hi << 32 | info->wc_sec) * 1000000000ull +
		info->wc_nsec;
	uint64_t now = time(NULL) * 1000000000ull;
	uint32_t version = info->wc_version;

	assert_int_equal(version % 2, 0);
	assert_true(version > 0);
	assert_true(info->wc_nsec < 1000000000);
	/* System time began FAKE_START ago. */
	assert_in_range(boot + FAKE_START, now - 60000000000ull, now + 60000000000ull);
	/* The guest sees that page, and the parity survives what it writes there. */
	info->wc_version = 0xffffffff;
	vm_update_wallclock(&fake->vm);
	assert_int_equal(info->wc_version % 2, 0);
	fake_get(fake, 0x10000 + offsetof(struct shared_info, wc_sec), &version, sizeof(version));
	assert_int_equal(version, info->wc_sec);
}

static void shared_info_has_the_clocks(void **state)
{
	fake_shared_info(fake, 0x10);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(fake->vcpu[i].time_area,
			0x10000 + offsetof(struct shared_info, vcpu_info[i].time));
	fake_shared_info(fake, 0x11);
	assert_int_equal(fake->vcpu[0].time_area,
		0x11000 + offsetof(struct shared_info, vcpu_info[0].time));
}

static void shared_info_moves_with_what_is_in_it(void **state)
{
	uint64_t at_10 = 0x1122334455667788;

	fake_put(fake, 0x10000, &at_10, sizeof(at_10));
	fake_shared_info(fake, 0x10)->evtchn_mask[7] = 0x77;
	fake_shared_info(fake, 0x20);
	fake_get(fake, 0x20000 + offsetof(struct shared_info, evtchn_mask[7]), &at_10,
		sizeof(at_10));
	assert_int_equal(at_10, 0x77);
	/* The page that stood there is back. */
	fake_get(fake, 0x10000, &at_10, sizeof(at_10));
	assert_int_equal(at_10, 0x1122334455667788);
}

static void shared_info_has_one_index(void **state)
{
	assert_int_equal(place(DOMID_SELF, XENMAPSPACE_shared_info, 1, 0x10), -EINVAL);
	assert_int_equal(place(DOMID_SELF, XENMAPSPACE_shared_info, UINT64_MAX, 0x10), -EINVAL);
}

static void grant_frames_show_the_table(void **state)
{
	grant_entry_v1_t *table = mem_own(&fake->vm.mem, VM_OWN_GRANT_FRAMES), entry;

	/* From the last down, outside RAM: as Linux does. */
	for (unsigned i = VM_GRANT_FRAMES; i-- > 0;)
		assert_int_equal(
			place(DOMID_SELF, XENMAPSPACE_grant_table, i, OUTSIDE_GFN + i), 0);
	table[512 * 3 + 9].frame = 0xabcd;
	fake_get(fake, (OUTSIDE_GFN + 3) * VM_PAGE + 9 * sizeof(entry), &entry, sizeof(entry));
	assert_int_equal(entry.frame, 0xabcd);
	assert_ptr_equal(fake->vm.d.grants.entries, table);
	assert_int_equal(fake->vm.d.grants.nr, 64 * 512);
}

/* Then shared_info is nowhere, and its clocks stop. */
static void grant_frames_may_take_the_place_of_shared_info(void **state)
{
	fake_shared_info(fake, 0x10);
	assert_int_equal(place(DOMID_SELF, XENMAPSPACE_grant_table, 0, 0x10), 0);
	assert_int_equal(fake->vcpu[0].time_area, 0);
}

static void grant_frames_end(void **state)
{
	static const uint64_t bad[] = { VM_GRANT_FRAMES, VM_GRANT_FRAMES + 1, 0xffffffff,
		XENMAPIDX_grant_table_status, XENMAPIDX_grant_table_status + 1, 1ull << 32,
		UINT64_MAX };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(
			place(DOMID_SELF, XENMAPSPACE_grant_table, bad[i], OUTSIDE_GFN), -EINVAL);
}

static void other_spaces_are_refused(void **state)
{
	static const unsigned bad[] = { XENMAPSPACE_gmfn, XENMAPSPACE_gmfn_range,
		XENMAPSPACE_gmfn_foreign, XENMAPSPACE_dev_mmio, 6, 0xffffffff };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(place(DOMID_SELF, bad[i], 0, OUTSIDE_GFN), -EINVAL);
}

static void frames_out_of_range_are_refused(void **state)
{
	static const uint64_t bad[] = { UINT64_MAX, 1ull << 52, 1ull << 40, (1ull << 40) - 1,
		VM_LAPIC_BASE / VM_PAGE, 1ull << 63 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(place(DOMID_SELF, XENMAPSPACE_shared_info, 0, bad[i]), -EINVAL);
		assert_int_equal(place(DOMID_SELF, XENMAPSPACE_grant_table, 0, bad[i]), -EINVAL);
		assert_true(take_away(DOMID_SELF, bad[i]) < 0);
	}
}

static void a_refused_slot_is_an_error(void **state)
{
	fake->slot_error = -EEXIST;
	assert_int_equal(place(DOMID_SELF, XENMAPSPACE_shared_info, 0, OUTSIDE_GFN), -EEXIST);
	assert_int_equal(fake->vm.shared_info_gfn, 0);
	fake->slot_error = 0;
	assert_int_equal(place(DOMID_SELF, XENMAPSPACE_shared_info, 0, OUTSIDE_GFN), 0);
}

static void other_domains_are_out_of_reach(void **state)
{
	struct vm_fake *other = vm_fake_new(&test_set, "other", 1);
	domid_t domid = other->vm.d.domid;

	assert_int_equal(place(domid, XENMAPSPACE_shared_info, 0, 0x10), -EPERM);
	assert_int_equal(take_away(domid, 0x10), -EPERM);
	assert_int_equal(
		memory_op(XENMEM_current_reservation, &domid, sizeof(domid)), -EPERM);
	domid = 4711;
	assert_int_equal(place(domid, XENMAPSPACE_shared_info, 0, 0x10), -ESRCH);
	assert_int_equal(take_away(DOMID_INVALID, 0x10), -ESRCH);
	/* Its own number is as good as DOMID_SELF. */
	assert_int_equal(place(fake->vm.d.domid, XENMAPSPACE_shared_info, 0, 0x10), 0);
	vm_fake_free(other);
}

static void pages_are_taken_away_again(void **state)
{
	uint64_t word = 99;

	fake_put(fake, 0x10000, &word, sizeof(word));
	fake_shared_info(fake, 0x10);
	assert_int_equal(take_away(DOMID_SELF, 0x10), 0);
	/* Nobody writes the time there any more. */
	assert_int_equal(fake->vcpu[0].time_area, 0);
	assert_int_equal(fake->vm.shared_info_gfn, 0);
	fake_get(fake, 0x10000, &word, sizeof(word));
	assert_int_equal(word, 99);
	assert_int_equal(take_away(DOMID_SELF, 0x10), -ENOENT);
	assert_int_equal(take_away(DOMID_SELF, OUTSIDE_GFN), -ENOENT);
}

#define BATCH_IDXS 0x300000ull
#define BATCH_GPFNS 0x301000ull
#define BATCH_ERRS 0x302000ull

static struct xen_add_to_physmap_batch batch_of(unsigned space, unsigned size)
{
	struct xen_add_to_physmap_batch batch = {
		.domid = DOMID_SELF, .space = space, .size = size
	};

	batch.idxs.p = (void *)BATCH_IDXS;
	batch.gpfns.p = (void *)BATCH_GPFNS;
	batch.errs.p = (void *)BATCH_ERRS;
	return batch;
}

static void a_batch_has_an_error_for_each(void **state)
{
	struct xen_add_to_physmap_batch batch = batch_of(XENMAPSPACE_grant_table, 3);
	uint64_t idxs[] = { 0, 4000, 1 }, gfns[] = { OUTSIDE_GFN, OUTSIDE_GFN + 1, UINT64_MAX };
	int errs[3];

	fake_put(fake, BATCH_IDXS, idxs, sizeof(idxs));
	fake_put(fake, BATCH_GPFNS, gfns, sizeof(gfns));
	assert_int_equal(memory_op(XENMEM_add_to_physmap_batch, &batch, sizeof(batch)), 0);
	fake_get(fake, BATCH_ERRS, errs, sizeof(errs));
	assert_int_equal(errs[0], 0);
	assert_int_equal(errs[1], -EINVAL);
	assert_int_equal(errs[2], -EINVAL);
}

static void a_batch_is_checked(void **state)
{
	struct xen_add_to_physmap_batch batch = batch_of(XENMAPSPACE_gmfn_foreign, 1);

	assert_int_equal(memory_op(XENMEM_add_to_physmap_batch, &batch, sizeof(batch)), -EPERM);
	batch = batch_of(XENMAPSPACE_grant_table, 1);
	batch.u.res0 = 1;
	assert_int_equal(memory_op(XENMEM_add_to_physmap_batch, &batch, sizeof(batch)), -EINVAL);
	batch = batch_of(XENMAPSPACE_grant_table, 0xffff);
	assert_int_equal(memory_op(XENMEM_add_to_physmap_batch, &batch, sizeof(batch)), -E2BIG);
	batch = batch_of(XENMAPSPACE_grant_table, 1);
	batch.domid = 4711;
	assert_int_equal(memory_op(XENMEM_add_to_physmap_batch, &batch, sizeof(batch)), -ESRCH);
}

static void a_batch_faults_at_its_arrays(void **state)
{
	for (unsigned i = 0; i < 3; i++) {
		struct xen_add_to_physmap_batch batch = batch_of(XENMAPSPACE_grant_table, 2);
		void *bad = (void *)(FAKE_RAM - 4);

		if (i == 0)
			batch.idxs.p = bad;
		else if (i == 1)
			batch.gpfns.p = bad;
		else
			batch.errs.p = bad;
		assert_int_equal(
			memory_op(XENMEM_add_to_physmap_batch, &batch, sizeof(batch)), -EFAULT);
	}
}

static void amounts_are_those_of_the_vm(void **state)
{
	domid_t self = DOMID_SELF;
	uint64_t pages = FAKE_RAM / VM_PAGE;

	assert_int_equal(memory_op(XENMEM_current_reservation, &self, sizeof(self)), pages);
	assert_int_equal(memory_op(XENMEM_maximum_reservation, &self, sizeof(self)), pages);
	assert_int_equal(memory_op(XENMEM_maximum_gpfn, &self, sizeof(self)), pages - 1);
	assert_int_equal(
		fake_call(fake, 0, __HYPERVISOR_memory_op, XENMEM_maximum_ram_page, 0, 0),
		pages - 1);
}

struct e820 {
	uint64_t addr, size;
	uint32_t type;
} __attribute__((packed));

static void memory_map_is_the_layout(void **state)
{
	struct xen_memory_map map = { .nr_entries = 8 };
	struct e820 entries[3];

	map.buffer.p = (void *)0x300ff0; /* crosses a page */
	assert_int_equal(memory_op(XENMEM_memory_map, &map, sizeof(map)), 0);
	assert_int_equal(map.nr_entries, 3);
	fake_get(fake, 0x300ff0, entries, sizeof(entries));
	assert_int_equal(entries[0].addr, 0);
	assert_int_equal(entries[0].size, FAKE_RAM);
	assert_int_equal(entries[0].type, 1);
	assert_int_equal(entries[1].addr, VM_SPECIAL_BASE);
	assert_int_equal(entries[2].addr, VM_ACPI_BASE);
}

static void memory_map_needs_room(void **state)
{
	struct xen_memory_map map = { .nr_entries = 2 };

	map.buffer.p = (void *)0x300000;
	assert_int_equal(memory_op(XENMEM_memory_map, &map, sizeof(map)), -EINVAL);
	map.nr_entries = 0xffffffff;
	map.buffer.p = (void *)(FAKE_RAM - 20);
	assert_int_equal(memory_op(XENMEM_memory_map, &map, sizeof(map)), -EFAULT);
}

static struct xen_memory_reservation extents(const uint64_t *gfns, unsigned n)
{
	struct xen_memory_reservation r = { .nr_extents = n, .domid = DOMID_SELF };

	fake_put(fake, BATCH_GPFNS, gfns, n * sizeof(*gfns));
	r.extent_start.p = (void *)BATCH_GPFNS;
	return r;
}

static void the_balloon_gives_memory_back(void **state)
{
	uint64_t gfns[] = { 0x400, 0x401 }, word = 7;
	struct xen_memory_reservation r = extents(gfns, 2);

	fake_put(fake, 0x400000, &word, sizeof(word));
	assert_int_equal(memory_op(XENMEM_decrease_reservation, &r, sizeof(r)), 2);
	assert_int_equal(memory_op(XENMEM_populate_physmap, &r, sizeof(r)), 2);
	fake_get(fake, 0x400000, &word, sizeof(word));
	assert_int_equal(word, 0);
}

static void the_balloon_stops_at_what_is_no_ram(void **state)
{
	uint64_t gfns[] = { 0x400, OUTSIDE_GFN, 0x401 };
	struct xen_memory_reservation r = extents(gfns, 3);

	assert_int_equal(memory_op(XENMEM_decrease_reservation, &r, sizeof(r)), 1);
	assert_int_equal(memory_op(XENMEM_populate_physmap, &r, sizeof(r)), 1);
	gfns[0] = UINT64_MAX;
	r = extents(gfns, 1);
	assert_int_equal(memory_op(XENMEM_decrease_reservation, &r, sizeof(r)), 0);
	/* Not the hypervisor's pages either. */
	fake_shared_info(fake, 0x400);
	gfns[0] = 0x400;
	r = extents(gfns, 1);
	assert_int_equal(memory_op(XENMEM_decrease_reservation, &r, sizeof(r)), 0);
}

static void the_balloon_is_bounded(void **state)
{
	uint64_t gfn = 0x400;
	struct xen_memory_reservation r = extents(&gfn, 1);

	r.nr_extents = UINT64_MAX;
	assert_int_equal(memory_op(XENMEM_decrease_reservation, &r, sizeof(r)), 0);
	r.nr_extents = 1;
	r.extent_order = 0xffffffff;
	assert_int_equal(memory_op(XENMEM_populate_physmap, &r, sizeof(r)), 0);
	r.extent_order = 9;
	assert_int_equal(memory_op(XENMEM_decrease_reservation, &r, sizeof(r)), 1);
	gfn = 0x401;
	r = extents(&gfn, 1);
	r.extent_order = 9;
	assert_int_equal(memory_op(XENMEM_decrease_reservation, &r, sizeof(r)), 0);
	r.domid = 4711;
	assert_int_equal(memory_op(XENMEM_decrease_reservation, &r, sizeof(r)), -ESRCH);
}

static void the_balloon_does_not_hold_up_the_end(void **state)
{
	uint64_t gfn = 0x400;
	struct xen_memory_reservation r = extents(&gfn, 1);

	vm_shutdown(&fake->vm, SHUTDOWN_poweroff);
	assert_int_equal(memory_op(XENMEM_decrease_reservation, &r, sizeof(r)), 0);
}

static void operations_fault(void **state)
{
	static const unsigned cmds[] = { XENMEM_add_to_physmap, XENMEM_add_to_physmap_batch,
		XENMEM_remove_from_physmap, XENMEM_memory_map, XENMEM_current_reservation,
		XENMEM_maximum_gpfn, XENMEM_decrease_reservation, XENMEM_populate_physmap };

	for (size_t i = 0; i < sizeof(cmds) / sizeof(cmds[0]); i++) {
		assert_int_equal(fake_call(fake, 0, __HYPERVISOR_memory_op, cmds[i], FAKE_RAM - 1,
					 0), -EFAULT);
		assert_int_equal(fake_call(fake, 0, __HYPERVISOR_memory_op, cmds[i], UINT64_MAX, 0),
			-EFAULT);
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(shared_info_has_the_time_of_day),
		T(shared_info_has_the_clocks),
		T(shared_info_moves_with_what_is_in_it),
		T(shared_info_has_one_index),
		T(grant_frames_show_the_table),
		T(grant_frames_may_take_the_place_of_shared_info),
		T(grant_frames_end),
		T(other_spaces_are_refused),
		T(frames_out_of_range_are_refused),
		T(a_refused_slot_is_an_error),
		T(other_domains_are_out_of_reach),
		T(pages_are_taken_away_again),
		T(a_batch_has_an_error_for_each),
		T(a_batch_is_checked),
		T(a_batch_faults_at_its_arrays),
		T(amounts_are_those_of_the_vm),
		T(memory_map_is_the_layout),
		T(memory_map_needs_room),
		T(the_balloon_gives_memory_back),
		T(the_balloon_stops_at_what_is_no_ram),
		T(the_balloon_is_bounded),
		T(the_balloon_does_not_hold_up_the_end),
		T(operations_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
