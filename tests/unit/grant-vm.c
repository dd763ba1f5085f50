// SPDX-License-Identifier: MIT
/* A vm maps what other domains granted it: every status, and what is undone when. */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "grant-vm-rig.h"

#define RW GNTMAP_host_map
#define RO (GNTMAP_host_map | GNTMAP_readonly)
#define A (&rig.a->vm.d)
#define B (&rig.b->vm.d)
#define P (&rig.p->d)
/* A frame of A's that is granted to B, and where B shows it. */
#define FRAME 0x20u
#define FRAME_GPA 0x20000ull
#define SHOWN 0x50000ull
#define OUTSIDE 0x40000000ull

static void a_granted_page_is_shown_and_shared(void **state)
{
	uint32_t h;

	put(rig.a, FRAME_GPA, "from a");
	put(rig.b, SHOWN, "b's own");
	grant(A, 8, GTF_permit_access, 2, FRAME);
	assert_int_equal(map(rig.b, 1, 8, RW, SHOWN, &h), GNTST_okay);
	assert_int_equal(
		entry_flags(A, 8), GTF_permit_access | GTF_reading | GTF_writing);
	expect(rig.b, SHOWN, "from a");
	put(rig.b, SHOWN, "from b");
	expect(rig.a, FRAME_GPA, "from b");
	assert_int_equal(unmap(rig.b, h, SHOWN), GNTST_okay);
	assert_int_equal(entry_flags(A, 8), GTF_permit_access);
	expect(rig.b, SHOWN, "b's own");
	put(rig.a, FRAME_GPA, "private");
	expect(rig.b, SHOWN, "b's own");
}

static void a_page_outside_ram_is_gone_when_unmapped(void **state)
{
	uint32_t h;
	char byte;

	put(rig.a, FRAME_GPA, "from a");
	grant(A, 8, GTF_permit_access, 2, FRAME);
	assert_int_equal(map(rig.b, 1, 8, RW, OUTSIDE, &h), GNTST_okay);
	expect(rig.b, OUTSIDE, "from a");
	assert_int_equal(unmap(rig.b, h, OUTSIDE), GNTST_okay);
	assert_int_equal(mem_read(&rig.b->vm.mem, OUTSIDE, &byte, 1), -EFAULT);
}

static void readonly_is_readonly(void **state)
{
	uint32_t h;

	put(rig.a, FRAME_GPA, "from a");
	grant(A, 8, GTF_permit_access | GTF_readonly, 2, FRAME);
	assert_int_equal(map(rig.b, 1, 8, RW, SHOWN, &h), GNTST_general_error);
	assert_int_equal(map(rig.b, 1, 8, RO, SHOWN, &h), GNTST_okay);
	assert_int_equal(
		entry_flags(A, 8), GTF_permit_access | GTF_readonly | GTF_reading);
	expect(rig.b, SHOWN, "from a");
	assert_int_equal(mem_write(&rig.b->vm.mem, SHOWN, "x", 1), -EFAULT);
	assert_int_equal(unmap(rig.b, h, SHOWN), GNTST_okay);
}

static void pages_of_a_process_domain_are_shown(void **state)
{
	uint32_t h;

	strcpy((char *)rig.p->page + VM_PAGE, "process");
	grant(P, 9, GTF_permit_access, 2, 1);
	assert_int_equal(map(rig.b, 3, 9, RW, OUTSIDE, &h), GNTST_okay);
	assert_int_equal(rig.p->located, 1);
	expect(rig.b, OUTSIDE, "process");
	put(rig.b, OUTSIDE, "guest");
	assert_string_equal((char *)rig.p->page + VM_PAGE, "guest");
	assert_int_equal(unmap(rig.b, h, OUTSIDE), GNTST_okay);
	assert_int_equal(rig.p->located, 0);
}

static void flags_that_make_no_sense(void **state)
{
	grant(A, 8, GTF_permit_access, 2, FRAME);
	assert_int_equal(map(rig.b, 1, 8, 0, SHOWN, NULL), GNTST_bad_gntref);
	assert_int_equal(
		map(rig.b, 1, 8, GNTMAP_readonly, SHOWN, NULL), GNTST_bad_gntref);
	assert_int_equal(map(rig.b, 1, 8, RW | GNTMAP_device_map, SHOWN, NULL),
		GNTST_general_error);
	assert_int_equal(
		map(rig.b, 1, 8, GNTMAP_device_map, SHOWN, NULL), GNTST_general_error);
	assert_int_equal(map(rig.b, 1, 8, RW | GNTMAP_application_map, SHOWN, NULL),
		GNTST_general_error);
	assert_int_equal(map(rig.b, 1, 8, RW | GNTMAP_contains_pte, SHOWN, NULL),
		GNTST_general_error);
}

static void domains_that_are_not_there(void **state)
{
	assert_int_equal(map(rig.b, 77, 8, RW, SHOWN, NULL), GNTST_bad_domain);
	assert_int_equal(map(rig.b, DOMID_SELF, 8, RW, SHOWN, NULL), GNTST_bad_domain);
	assert_int_equal(map(rig.b, DOMID_XEN, 8, RW, SHOWN, NULL), GNTST_bad_domain);
	assert_int_equal(map(rig.b, 0xffff, 8, RW, SHOWN, NULL), GNTST_bad_domain);
}

static void what_is_not_granted_to_the_mapper(void **state)
{
	grant(A, 8, GTF_permit_access, 3, FRAME);
	assert_int_equal(map(rig.b, 1, 8, RO, SHOWN, NULL), GNTST_general_error);
	assert_int_equal(map(rig.b, 1, 9, RO, SHOWN, NULL), GNTST_general_error);
	assert_int_equal(map(rig.b, 1, A->grants.nr, RO, SHOWN, NULL), GNTST_bad_gntref);
	assert_int_equal(map(rig.b, 1, UINT32_MAX, RO, SHOWN, NULL), GNTST_bad_gntref);
	grant(A, 8, GTF_accept_transfer, 2, FRAME);
	assert_int_equal(map(rig.b, 1, 8, RO, SHOWN, NULL), GNTST_general_error);
	grant(A, 8, GTF_permit_access | GTF_sub_page, 2, FRAME);
	assert_int_equal(map(rig.b, 1, 8, RO, SHOWN, NULL), GNTST_general_error);
}

static void frames_that_cannot_be_shown(void **state)
{
	static const uint32_t frames[] = { FAKE_RAM / VM_PAGE, 0xfffff, UINT32_MAX };

	for (unsigned i = 0; i < 3; i++) {
		grant(A, 8, GTF_permit_access, 2, frames[i]);
		assert_int_equal(map(rig.b, 1, 8, RW, SHOWN, NULL), GNTST_general_error);
		assert_int_equal(entry_flags(A, 8), GTF_permit_access);
	}
	grant(P, 8, GTF_permit_access, 2, PAGES);
	assert_int_equal(map(rig.b, 3, 8, RW, SHOWN, NULL), GNTST_general_error);
}

static void places_that_cannot_be_had(void **state)
{
	uint32_t h;

	grant(A, 8, GTF_permit_access, 2, FRAME);
	grant(A, 9, GTF_permit_access, 2, FRAME + 1);
	assert_int_equal(map(rig.b, 1, 8, RW, SHOWN, &h), GNTST_okay);
	assert_int_equal(map(rig.b, 1, 9, RW, SHOWN, NULL), GNTST_general_error);
	assert_int_equal(map(rig.b, 1, 9, RW, VM_LAPIC_BASE, NULL), GNTST_general_error);
	assert_int_equal(map(rig.b, 1, 9, RW, UINT64_MAX, NULL), GNTST_general_error);
	assert_int_equal(map(rig.b, 1, 9, RW, 1ull << 50, NULL), GNTST_general_error);
	assert_non_null(mem_pin(&rig.b->vm.mem, 0x51));
	assert_int_equal(map(rig.b, 1, 9, RW, 0x51000, NULL), GNTST_general_error);
	mem_unpin(&rig.b->vm.mem, 0x51);
	/* Each gave its pin back. */
	assert_int_equal(entry_flags(A, 9), GTF_permit_access);
	assert_int_equal(unmap(rig.b, h, SHOWN), GNTST_okay);
}

static void a_page_that_is_lent_is_not_shown(void **state)
{
	uint8_t *arena = mmap(
		NULL, VM_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct mem_move move = { .gfn = FRAME, .page = arena };
	uint32_t h;

	mem_lend(&rig.a->vm.mem, &move, 1);
	grant(A, 8, GTF_permit_access, 2, FRAME);
	assert_int_equal(map(rig.b, 1, 8, RW, SHOWN, NULL), GNTST_general_error);
	mem_reclaim(&rig.a->vm.mem, &move, 1);
	assert_int_equal(map(rig.b, 1, 8, RW, SHOWN, &h), GNTST_okay);
	/* And the other way round. */
	mem_lend(&rig.a->vm.mem, &move, 1);
	assert_int_equal(move.status, -EBUSY);
	munmap(arena, VM_PAGE);
}

static void handles_run_out(void **state)
{
	uint32_t max = B->maptrack.max;

	grant(A, 8, GTF_permit_access, 2, FRAME);
	B->maptrack.max = 2;
	assert_int_equal(map(rig.b, 1, 8, RW, SHOWN, NULL), GNTST_okay);
	assert_int_equal(map(rig.b, 1, 8, RW, SHOWN + VM_PAGE, NULL), GNTST_okay);
	assert_int_equal(map(rig.b, 1, 8, RW, SHOWN + 2 * VM_PAGE, NULL), GNTST_no_space);
	B->maptrack.max = max;
}

static void the_budget_of_mappings_runs_out(void **state)
{
	grant(A, 8, GTF_permit_access, 2, FRAME);
	mem_budget_set(1);
	assert_int_equal(map(rig.b, 1, 8, RW, SHOWN, NULL), GNTST_okay);
	assert_int_equal(map(rig.b, 1, 8, RW, SHOWN + VM_PAGE, NULL), GNTST_no_space);
	assert_int_equal(A->grants.active[8].writers, 1);
	mem_budget_set(20000);
}

static void unmapping_needs_the_handle_and_its_address(void **state)
{
	struct gnttab_unmap_grant_ref op = { .host_addr = SHOWN, .dev_bus_addr = 1 };
	uint32_t h;

	put(rig.a, FRAME_GPA, "from a");
	grant(A, 8, GTF_permit_access, 2, FRAME);
	assert_int_equal(map(rig.b, 1, 8, RW, SHOWN, &h), GNTST_okay);
	assert_int_equal(unmap(rig.b, h, SHOWN + VM_PAGE), GNTST_general_error);
	assert_int_equal(unmap(rig.b, h + 1, SHOWN), GNTST_bad_handle);
	assert_int_equal(unmap(rig.b, UINT32_MAX, SHOWN), GNTST_bad_handle);
	op.handle = h;
	fake_put(rig.b, ARRAY_GPA, &op, sizeof(op));
	assert_int_equal(fake_call(rig.b, 0, __HYPERVISOR_grant_table_op,
				 GNTTABOP_unmap_grant_ref, ARRAY_GPA, 1),
		0);
	fake_get(rig.b, ARRAY_GPA, &op, sizeof(op));
	assert_int_equal(op.status, GNTST_bad_dev_addr);
	/* Still there after all that. */
	expect(rig.b, SHOWN, "from a");
	assert_int_equal(unmap(rig.b, h, SHOWN), GNTST_okay);
	assert_int_equal(unmap(rig.b, h, SHOWN), GNTST_bad_handle);
}

static void a_handle_of_another_domain_is_none(void **state)
{
	uint32_t h;

	grant(A, 8, GTF_permit_access, 2, FRAME);
	assert_int_equal(map(rig.b, 1, 8, RW, SHOWN, &h), GNTST_okay);
	assert_int_equal(unmap(rig.a, h, SHOWN), GNTST_bad_handle);
	assert_int_equal(unmap(rig.b, h, SHOWN), GNTST_okay);
}

static void an_entry_that_changes_later_changes_nothing(void **state)
{
	uint32_t h;

	put(rig.a, FRAME_GPA, "granted");
	put(rig.a, FRAME_GPA + VM_PAGE, "not granted");
	grant(A, 8, GTF_permit_access, 2, FRAME);
	assert_int_equal(map(rig.b, 1, 8, RW, SHOWN, &h), GNTST_okay);
	A->grants.entries[8].frame = FRAME + 1;
	A->grants.entries[8].domid = 3;
	expect(rig.b, SHOWN, "granted");
	/* What is pinned is pinned for the same frame; the entry gives nothing new. */
	assert_int_equal(
		map(rig.b, 1, 8, RW, SHOWN + VM_PAGE, NULL), GNTST_general_error);
	A->grants.entries[8].domid = 2;
	assert_int_equal(map(rig.b, 1, 8, RW, SHOWN + VM_PAGE, NULL), GNTST_okay);
	expect(rig.b, SHOWN + VM_PAGE, "granted");
	assert_int_equal(unmap(rig.b, h, SHOWN), GNTST_okay);
}

static void a_shown_page_cannot_leave_its_frame(void **state)
{
	uint32_t h;

	grant(A, 8, GTF_permit_access, 2, FRAME);
	assert_int_equal(map(rig.b, 1, 8, RW, SHOWN, &h), GNTST_okay);
	assert_int_equal(mem_place_own(&rig.a->vm.mem, FRAME, 0), -EBUSY);
	assert_int_equal(mem_discard(&rig.a->vm.mem, FRAME), -EBUSY);
	/* The mapper's frame neither. */
	assert_int_equal(mem_place_own(&rig.b->vm.mem, SHOWN / VM_PAGE, 0), -EBUSY);
	assert_int_equal(unmap(rig.b, h, SHOWN), GNTST_okay);
	assert_int_equal(mem_place_own(&rig.a->vm.mem, FRAME, 0), 0);
}

static void a_mapper_that_dies_releases_all(void **state)
{
	grant(A, 8, GTF_permit_access, 2, FRAME);
	grant(P, 9, GTF_permit_access, 2, 1);
	assert_int_equal(map(rig.b, 1, 8, RW, SHOWN, NULL), GNTST_okay);
	assert_int_equal(map(rig.b, 1, 8, RO, SHOWN + VM_PAGE, NULL), GNTST_okay);
	assert_int_equal(map(rig.b, 3, 9, RW, OUTSIDE, NULL), GNTST_okay);
	/* The order of kvm_vm_destroy(). */
	mem_drop(&rig.b->vm.mem);
	vm_grants_release(&rig.b->vm);
	assert_int_equal(entry_flags(A, 8), GTF_permit_access);
	assert_int_equal(rig.p->located, 0);
	assert_int_equal(B->maptrack.used, 0);
}

static void a_grantor_that_dies_leaves_its_page(void **state)
{
	struct vm_fake *c = vm_fake_new(&rig.set, "c", 1);
	uint32_t h;

	put(c, FRAME_GPA, "from c");
	grant(&c->vm.d, 8, GTF_permit_access, 2, FRAME);
	assert_int_equal(map(rig.b, c->vm.d.domid, 8, RW, SHOWN, &h), GNTST_okay);
	vm_fake_quit(c);
	domain_set_remove(&rig.set, &c->vm.d);
	mem_drop(&c->vm.mem);
	domain_put(&rig.set, &c->vm.d);
	assert_false(c->released);
	expect(rig.b, SHOWN, "from c");
	put(rig.b, SHOWN, "alone");
	assert_int_equal(unmap(rig.b, h, SHOWN), GNTST_okay);
	assert_true(c->released);
	free(c);
}

static void a_vm_may_map_its_own_grant(void **state)
{
	uint32_t h;

	put(rig.a, FRAME_GPA, "mine");
	grant(A, 8, GTF_permit_access, 1, FRAME);
	assert_int_equal(map(rig.a, 1, 8, RW, SHOWN, &h), GNTST_okay);
	expect(rig.a, SHOWN, "mine");
	/* Onto itself it cannot. */
	assert_int_equal(map(rig.a, 1, 8, RW, FRAME_GPA, NULL), GNTST_general_error);
	assert_int_equal(unmap(rig.a, h, SHOWN), GNTST_okay);
}

/* Four vCPUs map and unmap at the same few places, also each other's handles. */
static void *racer(void *opaque)
{
	unsigned seed = (uintptr_t)opaque;
	struct gnttab_map_grant_ref m = { .flags = RW, .ref = 8, .dom = 1 };
	struct gnttab_unmap_grant_ref u = { 0 };
	uint64_t gpa = 0x310000 + seed * VM_PAGE;

	for (unsigned i = 0; i < 500; i++) {
		m.host_addr = u.host_addr = SHOWN + (i + seed) % 3 * VM_PAGE;
		fake_put(rig.b, gpa, &m, sizeof(m));
		(void)fake_call(rig.b, seed, __HYPERVISOR_grant_table_op,
			GNTTABOP_map_grant_ref, gpa, 1);
		for (u.handle = 0; u.handle < 4; u.handle++) {
			fake_put(rig.b, gpa, &u, sizeof(u));
			(void)fake_call(rig.b, seed, __HYPERVISOR_grant_table_op,
				GNTTABOP_unmap_grant_ref, gpa, 1);
		}
	}
	return NULL;
}

static void racing_vcpus_undo_each_mapping_once(void **state)
{
	pthread_t threads[4];

	grant(A, 8, GTF_permit_access, 2, FRAME);
	for (uintptr_t i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, racer, (void *)i);
	for (unsigned i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	/* What is left is right: as many pins as handles, each with its frame. */
	assert_int_equal(A->grants.active[8].writers, B->maptrack.used);
	assert_int_equal(rig.b->vm.mem.exchanged, B->maptrack.used);
	assert_int_equal(rig.a->vm.mem.pinned, B->maptrack.used);
}

#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_granted_page_is_shown_and_shared),
		T(a_page_outside_ram_is_gone_when_unmapped),
		T(readonly_is_readonly),
		T(pages_of_a_process_domain_are_shown),
		T(flags_that_make_no_sense),
		T(domains_that_are_not_there),
		T(what_is_not_granted_to_the_mapper),
		T(frames_that_cannot_be_shown),
		T(places_that_cannot_be_had),
		T(a_page_that_is_lent_is_not_shown),
		T(handles_run_out),
		T(the_budget_of_mappings_runs_out),
		T(unmapping_needs_the_handle_and_its_address),
		T(a_handle_of_another_domain_is_none),
		T(an_entry_that_changes_later_changes_nothing),
		T(a_shown_page_cannot_leave_its_frame),
		T(a_mapper_that_dies_releases_all),
		T(a_grantor_that_dies_leaves_its_page),
		T(a_vm_may_map_its_own_grant),
		T(racing_vcpus_undo_each_mapping_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
