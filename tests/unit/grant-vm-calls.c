// SPDX-License-Identifier: MIT
/* grant_table_op's other operations, and what any of them does with bad arguments. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "grant-vm-rig.h"

#define A (&rig.a->vm.d)
#define B (&rig.b->vm.d)
#define P (&rig.p->d)
#define FRAME 0x20u
#define FRAME_GPA 0x20000ull
#define OWN 0x50u
#define OWN_GPA 0x50000ull

static int64_t call(struct vm_fake *f, uint32_t cmd, uint64_t arg, uint64_t count)
{
	return fake_call(f, 0, __HYPERVISOR_grant_table_op, cmd, arg, count);
}

static int64_t call_one(struct vm_fake *f, uint32_t cmd, void *op, size_t size)
{
	int64_t rc;

	fake_put(f, ARRAY_GPA, op, size);
	rc = call(f, cmd, ARRAY_GPA, 1);
	fake_get(f, ARRAY_GPA, op, size);
	return rc;
}

static struct gnttab_copy from_ref(
	uint16_t dom, uint32_t ref, uint16_t offset, uint16_t len)
{
	return (struct gnttab_copy){
		.source = { .u.ref = ref, .domid = dom, .offset = offset },
		.dest = { .u.gmfn = OWN, .domid = DOMID_SELF },
		.len = len,
		.flags = GNTCOPY_source_gref,
		.status = 99,
	};
}

static int copy_one(struct gnttab_copy op)
{
	assert_int_equal(call_one(rig.b, GNTTABOP_copy, &op, sizeof(op)), 0);
	return op.status;
}

static void a_copy_reads_a_grant(void **state)
{
	put(rig.a, FRAME_GPA + 100, "granted");
	grant(A, 8, GTF_permit_access | GTF_readonly, 2, FRAME);
	assert_int_equal(copy_one(from_ref(1, 8, 100, 8)), GNTST_okay);
	expect(rig.b, OWN_GPA, "granted");
	assert_int_equal(entry_flags(A, 8), GTF_permit_access | GTF_readonly);
}

static void a_copy_writes_a_grant(void **state)
{
	struct gnttab_copy op = {
		.source = { .u.gmfn = OWN, .domid = DOMID_SELF, .offset = 10 },
		.dest = { .u.ref = 8, .domid = 1, .offset = 20 },
		.len = 6,
		.flags = GNTCOPY_dest_gref,
	};

	put(rig.b, OWN_GPA + 10, "mine!");
	grant(A, 8, GTF_permit_access, 2, FRAME);
	assert_int_equal(copy_one(op), GNTST_okay);
	expect(rig.a, FRAME_GPA + 20, "mine!");
	grant(A, 8, GTF_permit_access | GTF_readonly, 2, FRAME);
	assert_int_equal(copy_one(op), GNTST_general_error);
}

static void a_copy_joins_two_other_domains(void **state)
{
	struct gnttab_copy op = {
		.source = { .u.ref = 8, .domid = 1 },
		.dest = { .u.ref = 9, .domid = 3 },
		.len = 4096,
		.flags = GNTCOPY_source_gref | GNTCOPY_dest_gref,
	};

	put(rig.a, FRAME_GPA, "through b");
	grant(A, 8, GTF_permit_access, 2, FRAME);
	grant(P, 9, GTF_permit_access, 2, 1);
	assert_int_equal(copy_one(op), GNTST_okay);
	assert_string_equal((char *)rig.p->page + VM_PAGE, "through b");
}

static void a_copy_within_the_callers_memory(void **state)
{
	struct gnttab_copy op = {
		.source = { .u.gmfn = OWN + 1, .domid = DOMID_SELF },
		.dest = { .u.gmfn = OWN, .domid = DOMID_SELF },
		.len = 16,
	};

	put(rig.b, OWN_GPA + VM_PAGE, "self");
	assert_int_equal(copy_one(op), GNTST_okay);
	expect(rig.b, OWN_GPA, "self");
}

static void nobody_elses_frames_can_be_named(void **state)
{
	struct gnttab_copy op = from_ref(1, 8, 0, 16);

	grant(A, 8, GTF_permit_access, 2, FRAME);
	op.flags = 0;
	op.source.u.gmfn = FRAME;
	assert_int_equal(copy_one(op), GNTST_permission_denied);
	/* Not even by one's own number: DOMID_SELF it must be. */
	op.source.domid = 2;
	assert_int_equal(copy_one(op), GNTST_permission_denied);
	op = from_ref(1, 8, 0, 16);
	op.dest.domid = 1;
	assert_int_equal(copy_one(op), GNTST_permission_denied);
}

static void copies_end_within_a_page(void **state)
{
	struct gnttab_copy op;

	grant(A, 8, GTF_permit_access, 2, FRAME);
	assert_int_equal(copy_one(from_ref(1, 8, 4090, 6)), GNTST_okay);
	assert_int_equal(copy_one(from_ref(1, 8, 4090, 7)), GNTST_bad_copy_arg);
	assert_int_equal(copy_one(from_ref(1, 8, 0xffff, 0xffff)), GNTST_bad_copy_arg);
	assert_int_equal(copy_one(from_ref(1, 8, 0, 4097)), GNTST_bad_copy_arg);
	op = from_ref(1, 8, 0, 7);
	op.dest.offset = 4090;
	assert_int_equal(copy_one(op), GNTST_bad_copy_arg);
	assert_int_equal(entry_flags(A, 8), GTF_permit_access);
}

static void copies_of_what_is_not_there(void **state)
{
	struct gnttab_copy op;

	grant(A, 8, GTF_permit_access, 2, FRAME);
	grant(A, 10, GTF_permit_access, 2, FAKE_RAM / VM_PAGE);
	grant(A, 11, GTF_permit_access, 3, FRAME);
	assert_int_equal(copy_one(from_ref(77, 8, 0, 8)), GNTST_bad_domain);
	assert_int_equal(copy_one(from_ref(1, 9, 0, 8)), GNTST_general_error);
	assert_int_equal(copy_one(from_ref(1, UINT32_MAX, 0, 8)), GNTST_bad_gntref);
	assert_int_equal(copy_one(from_ref(1, 10, 0, 8)), GNTST_bad_page);
	assert_int_equal(copy_one(from_ref(1, 11, 0, 8)), GNTST_general_error);
	op = from_ref(1, 8, 0, 8);
	op.dest.u.gmfn = 0x123456789abcull;
	assert_int_equal(copy_one(op), GNTST_bad_page);
	op.dest.u.gmfn = 1ull << 32 | OWN;
	assert_int_equal(copy_one(op), GNTST_bad_page);
	assert_int_equal(entry_flags(A, 10), GTF_permit_access);
}

static void a_foreign_readonly_page_is_no_destination(void **state)
{
	struct gnttab_copy op = from_ref(1, 8, 0, 8);
	uint32_t h;

	grant(A, 8, GTF_permit_access | GTF_readonly, 2, FRAME);
	assert_int_equal(map(rig.b, 1, 8, GNTMAP_host_map | GNTMAP_readonly, OWN_GPA, &h),
		GNTST_okay);
	assert_int_equal(copy_one(op), GNTST_bad_page);
	assert_int_equal(unmap(rig.b, h, OWN_GPA), GNTST_okay);
}

static void each_copy_has_its_own_status(void **state)
{
	struct gnttab_copy ops[300];

	for (unsigned i = 0; i < 300; i++) {
		ops[i] = from_ref(1, 8 + i / 100, 2 * i, 1);
		ops[i].dest.offset = i;
	}
	for (unsigned i = 0; i < 600; i++)
		put(rig.a, FRAME_GPA + i, i & 1 ? "o" : "e");
	grant(A, 8, GTF_permit_access, 2, FRAME);
	grant(A, 10, GTF_permit_access, 2, FRAME);
	fake_put(rig.b, ARRAY_GPA, ops, sizeof(ops));
	assert_int_equal(call(rig.b, GNTTABOP_copy, ARRAY_GPA, 300), 0);
	fake_get(rig.b, ARRAY_GPA, ops, sizeof(ops));
	for (unsigned i = 0; i < 300; i++)
		assert_int_equal(
			ops[i].status, i / 100 == 1 ? GNTST_general_error : GNTST_okay);
	assert_int_equal(entry_flags(A, 8), GTF_permit_access);
	assert_int_equal(entry_flags(A, 10), GTF_permit_access);
}

static void a_batch_goes_from_domain_to_domain(void **state)
{
	struct gnttab_copy ops[6] = {
		from_ref(1, 8, 0, 2),
		from_ref(3, 9, 0, 2),
		from_ref(77, 8, 0, 2),
		from_ref(1, 8, 0, 2),
		from_ref(1, 20, 0, 2),
		from_ref(1, 8, 0, 2),
	};
	static const int want[6] = { 0, 0, GNTST_bad_domain, 0, GNTST_general_error, 0 };

	put(rig.a, FRAME_GPA, "a");
	strcpy((char *)rig.p->page + VM_PAGE, "p");
	grant(A, 8, GTF_permit_access, 2, FRAME);
	grant(P, 9, GTF_permit_access, 2, 1);
	for (unsigned i = 0; i < 6; i++)
		ops[i].dest.offset = 2 * i;
	fake_put(rig.b, ARRAY_GPA, ops, sizeof(ops));
	assert_int_equal(call(rig.b, GNTTABOP_copy, ARRAY_GPA, 6), 0);
	fake_get(rig.b, ARRAY_GPA, ops, sizeof(ops));
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(ops[i].status, want[i]);
	expect(rig.b, OWN_GPA, "a");
	expect(rig.b, OWN_GPA + 2, "p");
	expect(rig.b, OWN_GPA + 6, "a");
	expect(rig.b, OWN_GPA + 10, "a");
	assert_int_equal(entry_flags(A, 8), GTF_permit_access);
}

static void an_array_that_ends_is_a_fault(void **state)
{
	uint64_t last = FAKE_RAM - sizeof(struct gnttab_copy);
	struct gnttab_copy op = from_ref(1, 8, 0, 4);

	put(rig.a, FRAME_GPA, "abc");
	grant(A, 8, GTF_permit_access, 2, FRAME);
	fake_put(rig.b, last, &op, sizeof(op));
	assert_int_equal(call(rig.b, GNTTABOP_copy, last, 2), -EFAULT);
	expect(rig.b, OWN_GPA, "abc");
	/* The pin that the first one left behind is gone. */
	assert_int_equal(entry_flags(A, 8), GTF_permit_access);
	assert_int_equal(call(rig.b, GNTTABOP_map_grant_ref, FAKE_RAM, 1), -EFAULT);
	assert_int_equal(
		call(rig.b, GNTTABOP_unmap_grant_ref, UINT64_MAX - 8, 1), -EFAULT);
	assert_int_equal(call(rig.b, GNTTABOP_query_size, FAKE_RAM, 1), -EFAULT);
	assert_int_equal(call(rig.b, GNTTABOP_setup_table, FAKE_RAM, 1), -EFAULT);
	assert_int_equal(call(rig.b, GNTTABOP_set_version, FAKE_RAM, 1), -EFAULT);
	assert_int_equal(call(rig.b, GNTTABOP_get_version, FAKE_RAM, 1), -EFAULT);
	assert_int_equal(call(rig.b, GNTTABOP_swap_grant_ref, FAKE_RAM, 1), -EFAULT);
}

static void counts_that_make_no_sense(void **state)
{
	assert_int_equal(call(rig.b, GNTTABOP_copy, ARRAY_GPA, 0), 0);
	assert_int_equal(call(rig.b, GNTTABOP_copy, ARRAY_GPA, 0x80000000u), -EINVAL);
	assert_int_equal(call(rig.b, GNTTABOP_copy, ARRAY_GPA, UINT32_MAX), -EINVAL);
	assert_int_equal(call(rig.b, GNTTABOP_query_size, ARRAY_GPA, 2), -EINVAL);
	assert_int_equal(call(rig.b, GNTTABOP_setup_table, ARRAY_GPA, 0), -EINVAL);
	assert_int_equal(call(rig.b, GNTTABOP_set_version, ARRAY_GPA, 2), -EINVAL);
	assert_int_equal(call(rig.b, GNTTABOP_get_version, ARRAY_GPA, 0), -EINVAL);
}

static void what_a_translated_guest_has_not(void **state)
{
	static const uint32_t cmds[] = { GNTTABOP_dump_table, GNTTABOP_transfer,
		GNTTABOP_unmap_and_replace, GNTTABOP_get_status_frames,
		GNTTABOP_cache_flush, 13, UINT32_MAX };

	for (unsigned i = 0; i < 7; i++)
		assert_int_equal(call(rig.b, cmds[i], ARRAY_GPA, 1), -ENOSYS);
}

static void a_long_batch_ends_with_its_vm(void **state)
{
	/* One operation again and again, as page tables can have it; here memory has
	 * enough. */
	rig.b->vm.shutting_down = true;
	assert_int_equal(call(rig.b, GNTTABOP_copy, 0, 0x7fffffff), -EINTR);
	rig.b->vm.shutting_down = false;
}

static void the_table_has_all_its_frames(void **state)
{
	struct gnttab_query_size op = { .dom = DOMID_SELF, .status = 99 };

	assert_int_equal(call_one(rig.b, GNTTABOP_query_size, &op, sizeof(op)), 0);
	assert_int_equal(op.status, GNTST_okay);
	assert_int_equal(op.nr_frames, VM_GRANT_FRAMES);
	assert_int_equal(op.max_nr_frames, VM_GRANT_FRAMES);
	op.dom = 2;
	assert_int_equal(call_one(rig.b, GNTTABOP_query_size, &op, sizeof(op)), 0);
	assert_int_equal(op.status, GNTST_okay);
	op.dom = 1;
	assert_int_equal(call_one(rig.b, GNTTABOP_query_size, &op, sizeof(op)), 0);
	assert_int_equal(op.status, GNTST_permission_denied);
	op.dom = 77;
	assert_int_equal(call_one(rig.b, GNTTABOP_query_size, &op, sizeof(op)), 0);
	assert_int_equal(op.status, GNTST_bad_domain);
}

static void setup_table_tells_where_frames_are(void **state)
{
	struct gnttab_setup_table op = {
		.dom = DOMID_SELF, .nr_frames = 2, .status = 99
	};
	uint64_t list[2] = { 0 };

	op.frame_list.p = (void *)0x320000;
	assert_int_equal(mem_place_own(&rig.b->vm.mem, 0x77, VM_OWN_GRANT_FRAMES), 0);
	assert_int_equal(call_one(rig.b, GNTTABOP_setup_table, &op, sizeof(op)), 0);
	assert_int_equal(op.status, GNTST_okay);
	fake_get(rig.b, 0x320000, list, sizeof(list));
	assert_int_equal(list[0], 0x77);
	assert_true(list[1] == UINT64_MAX);
	op.frame_list.p = (void *)(uintptr_t)(FAKE_RAM - 8);
	assert_int_equal(call_one(rig.b, GNTTABOP_setup_table, &op, sizeof(op)), 0);
	assert_int_equal(op.status, GNTST_bad_virt_addr);
	op.nr_frames = VM_GRANT_FRAMES + 1;
	assert_int_equal(call_one(rig.b, GNTTABOP_setup_table, &op, sizeof(op)), 0);
	assert_int_equal(op.status, GNTST_general_error);
	op.nr_frames = 1;
	op.dom = 1;
	assert_int_equal(call_one(rig.b, GNTTABOP_setup_table, &op, sizeof(op)), 0);
	assert_int_equal(op.status, GNTST_permission_denied);
}

static void only_version_1_there_is(void **state)
{
	struct gnttab_set_version set = { .version = 1 };
	struct gnttab_get_version get = { .dom = DOMID_SELF };

	assert_int_equal(call_one(rig.b, GNTTABOP_set_version, &set, sizeof(set)), 0);
	assert_int_equal(set.version, 1);
	set.version = 2;
	assert_int_equal(
		call_one(rig.b, GNTTABOP_set_version, &set, sizeof(set)), -ENOSYS);
	assert_int_equal(set.version, 1);
	set.version = 3;
	assert_int_equal(
		call_one(rig.b, GNTTABOP_set_version, &set, sizeof(set)), -EINVAL);
	assert_int_equal(set.version, 1);
	assert_int_equal(call_one(rig.b, GNTTABOP_get_version, &get, sizeof(get)), 0);
	assert_int_equal(get.version, 1);
	get.dom = 1;
	assert_int_equal(
		call_one(rig.b, GNTTABOP_get_version, &get, sizeof(get)), -EPERM);
	get.dom = 77;
	assert_int_equal(
		call_one(rig.b, GNTTABOP_get_version, &get, sizeof(get)), -ESRCH);
}

static void idle_entries_are_swapped(void **state)
{
	struct gnttab_swap_grant_ref op = { .ref_a = 8, .ref_b = 9, .status = 99 };
	uint32_t h;

	grant(A, 8, GTF_permit_access, 2, FRAME);
	grant(A, 9, GTF_permit_access | GTF_readonly, 3, FRAME + 1);
	assert_int_equal(call_one(rig.a, GNTTABOP_swap_grant_ref, &op, sizeof(op)), 0);
	assert_int_equal(op.status, GNTST_okay);
	assert_int_equal(A->grants.entries[8].domid, 3);
	assert_int_equal(A->grants.entries[9].frame, FRAME);
	assert_int_equal(map(rig.b, 1, 9, GNTMAP_host_map, OWN_GPA, &h), GNTST_okay);
	assert_int_equal(call_one(rig.a, GNTTABOP_swap_grant_ref, &op, sizeof(op)), 0);
	assert_int_equal(op.status, GNTST_eagain);
	op.ref_b = A->grants.nr;
	assert_int_equal(call_one(rig.a, GNTTABOP_swap_grant_ref, &op, sizeof(op)), 0);
	assert_int_equal(op.status, GNTST_bad_gntref);
}

#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_copy_reads_a_grant),
		T(a_copy_writes_a_grant),
		T(a_copy_joins_two_other_domains),
		T(a_copy_within_the_callers_memory),
		T(nobody_elses_frames_can_be_named),
		T(copies_end_within_a_page),
		T(copies_of_what_is_not_there),
		T(a_foreign_readonly_page_is_no_destination),
		T(each_copy_has_its_own_status),
		T(a_batch_goes_from_domain_to_domain),
		T(an_array_that_ends_is_a_fault),
		T(counts_that_make_no_sense),
		T(what_a_translated_guest_has_not),
		T(a_long_batch_ends_with_its_vm),
		T(the_table_has_all_its_frames),
		T(setup_table_tells_where_frames_are),
		T(only_version_1_there_is),
		T(idle_entries_are_swapped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
