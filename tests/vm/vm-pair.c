// SPDX-License-Identifier: MIT
/* Two guests and nothing between them: events, and grants that one has mapped into the other. */
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

#include "tests/vm/vm-harness.h"

#define RW GTF_permit_access
#define RO (GTF_permit_access | GTF_readonly)
#define REF 16u
#define MARKER 0x5a5a5a5a5a5a5a5aull
#define INSIDE (GUEST_DATA + 0x100000)  /* where the mapper has RAM of its own */
#define OUTSIDE 0x50000000ull           /* where it has none, as Linux does it */

static struct hv_world world;
static struct guest a, b; /* the grantor, the mapper */

static int start(void **state)
{
	guest_start(&a, &world, 1);
	guest_start(&b, &world, 1);
	guest_grants_init(&a, 1);
	guest_grants_init(&b, 1);
	memset(a.ram + GUEST_DATA, 0x5a, 16 * PAGE);
	return 0;
}

static int stop(void **state)
{
	if (b.ram)
		guest_destroy(&b);
	if (a.ram)
		guest_destroy(&a);
	return 0;
}

static int map(uint32_t ref, uint64_t gpa, unsigned flags, uint32_t *handle)
{
	struct gnttab_map_grant_ref op = { .host_addr = gpa, .flags = flags, .ref = ref,
		.dom = a.domid };

	assert_int_equal(guest_grant_op(&b, 0, GNTTABOP_map_grant_ref, &op, sizeof(op), 1), 0);
	*handle = op.handle;
	return op.status;
}

static int unmap(uint64_t gpa, uint32_t handle)
{
	struct gnttab_unmap_grant_ref op = { .host_addr = gpa, .handle = handle };

	assert_int_equal(guest_grant_op(&b, 0, GNTTABOP_unmap_grant_ref, &op, sizeof(op), 1), 0);
	return op.status;
}

static void shared_both_ways(uint64_t at)
{
	uint32_t handle;

	guest_grant(&a, REF, 1, GUEST_DATA, b.domid, RW);
	guest_write(&a, GUEST_DATA, 8, 1);
	assert_int_equal(map(REF, at, GNTMAP_host_map, &handle), GNTST_okay);
	assert_int_equal(guest_grant_flags(&a, REF), RW | GTF_reading | GTF_writing);
	assert_int_equal(guest_info(&b).mapped_pages, 1);
	assert_int_equal(guest_read(&b, at, 8), 1);
	guest_write(&b, at + 8, 8, 2);
	assert_int_equal(guest_read(&a, GUEST_DATA + 8, 8), 2);
	guest_write(&a, GUEST_DATA + 16, 8, 3);
	assert_int_equal(guest_read(&b, at + 16, 8), 3);
	assert_int_equal(unmap(at, handle), GNTST_okay);
	assert_int_equal(guest_grant_flags(&a, REF), RW);
	assert_int_equal(guest_read(&a, GUEST_DATA + 8, 8), 2);
	assert_int_equal(guest_info(&b).mapped_pages, 0);
	assert_int_equal(unmap(at, handle), GNTST_bad_handle);
}

static void test_page_is_shared_inside_ram(void **state)
{
	guest_write(&b, INSIDE, 8, 4242);
	shared_both_ways(INSIDE);
	/* Never again the grantor's. */
	guest_write(&a, GUEST_DATA, 8, 99);
	assert_int_not_equal(guest_read(&b, INSIDE, 8), 99);
}

static void test_page_is_shared_outside_ram(void **state)
{
	shared_both_ways(OUTSIDE);
}

static void test_neighbours_are_not_seen(void **state)
{
	uint32_t handle;

	guest_grant(&a, REF, 1, GUEST_DATA + 8 * PAGE, b.domid, RW);
	guest_write(&a, GUEST_DATA + 8 * PAGE, 8, 1);
	assert_int_equal(map(REF, INSIDE, GNTMAP_host_map, &handle), GNTST_okay);
	assert_int_equal(guest_read(&b, INSIDE, 8), 1);
	assert_int_equal(guest_read(&b, INSIDE - 8, 8), 0);
	assert_int_equal(guest_read(&b, INSIDE + PAGE, 8), 0);
	assert_int_equal(unmap(INSIDE, handle), GNTST_okay);
}

static void test_readonly_page_is_not_written(void **state)
{
	uint32_t handle;

	guest_grant(&a, REF, 1, GUEST_DATA, b.domid, RO);
	assert_int_not_equal(map(REF, INSIDE, GNTMAP_host_map, &handle), GNTST_okay);
	assert_int_equal(map(REF, INSIDE, GNTMAP_host_map | GNTMAP_readonly, &handle), GNTST_okay);
	assert_int_equal(guest_read(&b, INSIDE, 8), MARKER);
	/* Ends the writer, or is ignored; the grantor's page stays what it is. */
	guest_begin(&b, 0, OP_WRITE, INSIDE, 8, 1, 0, 0, 0);
	usleep(20000);
	assert_int_equal(guest_read(&a, GUEST_DATA, 8), MARKER);
	if (guest_info(&b).state == HVCTL_RUNNING)
		guest_end(&b, 0);
	else
		assert_int_equal(guest_expect_state(&b, HVCTL_SHUTDOWN), 3);
	assert_int_equal(guest_read(&a, GUEST_DATA, 8), MARKER);
	guest_destroy(&b);
	assert_int_equal(guest_grant_flags(&a, REF), RO);
}

/* Nor by a hypercall that has the hypervisor write there. */
static void test_hypervisor_does_not_write_readonly_pages(void **state)
{
	struct gnttab_copy op = { .len = 64, .source.u.gmfn = GUEST_DATA >> 12,
		.source.domid = DOMID_SELF, .dest.u.gmfn = INSIDE >> 12, .dest.domid = DOMID_SELF };
	uint32_t handle;

	guest_grant(&a, REF, 1, GUEST_DATA, b.domid, RO);
	assert_int_equal(map(REF, INSIDE, GNTMAP_host_map | GNTMAP_readonly, &handle), GNTST_okay);
	assert_int_equal(guest_grant_op(&b, 0, GNTTABOP_copy, &op, sizeof(op), 1), 0);
	assert_int_not_equal(op.status, GNTST_okay);
	assert_true(guest_hypercall(&b, 0, __HYPERVISOR_xen_version, 1, INSIDE, 0, 0, 0) < 0);
	assert_int_equal(guest_read(&a, GUEST_DATA, 8), MARKER);
	assert_int_equal(unmap(INSIDE, handle), GNTST_okay);
}

static void test_what_is_not_granted_is_not_mapped(void **state)
{
	uint32_t handle;

	guest_grant(&a, REF, 1, GUEST_DATA, 3, RW);
	assert_int_not_equal(map(REF, INSIDE, GNTMAP_host_map, &handle), GNTST_okay);
	assert_int_not_equal(map(REF + 1, INSIDE, GNTMAP_host_map, &handle), GNTST_okay);
	assert_int_equal(map(1u << 30, INSIDE, GNTMAP_host_map, &handle), GNTST_bad_gntref);
	guest_grant(&a, REF, 1, GUEST_SHARED_INFO, b.domid, RW);
	assert_int_not_equal(map(REF, INSIDE, GNTMAP_host_map, &handle), GNTST_okay);
	guest_grant(&a, REF, 1, 0x60000000, b.domid, RW);
	assert_int_not_equal(map(REF, INSIDE, GNTMAP_host_map, &handle), GNTST_okay);
	assert_int_equal(guest_grant_flags(&a, REF), RW);
	assert_int_equal(guest_info(&b).mapped_pages, 0);
}

static void test_bad_places_and_flags(void **state)
{
	/* The hypervisor writes to the first two. */
	static const uint64_t places[] = { GUEST_VCPU_INFO, GUEST_EVENT_ARRAY, 0xfee00000,
		1ull << 52, UINT64_MAX & ~0xfffull };
	uint32_t handle;

	guest_events_init(&b, 1, true);
	guest_grant(&a, REF, 1, GUEST_DATA, b.domid, RW);
	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (map(REF, places[i], GNTMAP_host_map, &handle) == GNTST_okay)
			fail_msg("mapped at 0x%lx", (long)places[i]);
		assert_int_equal(guest_grant_flags(&a, REF), RW);
	}
	assert_int_not_equal(map(REF, INSIDE, GNTMAP_device_map, &handle), GNTST_okay);
	assert_int_not_equal(map(REF, INSIDE, 0, &handle), GNTST_okay);
	assert_int_not_equal(map(REF, INSIDE, UINT32_MAX, &handle), GNTST_okay);
	assert_int_equal(guest_grant_flags(&a, REF), RW);
	/* Bad handles, and a good one with another place. */
	assert_int_equal(unmap(INSIDE, 12345), GNTST_bad_handle);
	assert_int_equal(unmap(INSIDE, UINT32_MAX), GNTST_bad_handle);
	assert_int_equal(map(REF, INSIDE, GNTMAP_host_map, &handle), GNTST_okay);
	assert_int_not_equal(unmap(INSIDE + PAGE, handle), GNTST_okay);
	assert_int_equal(guest_read(&b, INSIDE, 8), MARKER);
	assert_int_equal(unmap(INSIDE, handle), GNTST_okay);
}

/* What it has only mapped is not its own to grant on. */
static void test_foreign_page_is_not_granted_on(void **state)
{
	struct gnttab_map_grant_ref op = { .host_addr = INSIDE, .flags = GNTMAP_host_map, .ref = REF,
		.dom = b.domid };
	uint32_t handle;

	guest_grant(&a, REF, 1, GUEST_DATA, b.domid, RW);
	assert_int_equal(map(REF, INSIDE, GNTMAP_host_map, &handle), GNTST_okay);
	guest_grant(&b, REF, 1, INSIDE, a.domid, RW);
	assert_int_equal(guest_grant_op(&a, 0, GNTTABOP_map_grant_ref, &op, sizeof(op), 1), 0);
	assert_int_not_equal(op.status, GNTST_okay);
	assert_int_equal(unmap(INSIDE, handle), GNTST_okay);
}

static void test_copy_in_both_directions(void **state)
{
	struct gnttab_copy op = { .flags = GNTCOPY_source_gref, .len = 100, .source.u.ref = REF,
		.source.domid = a.domid, .source.offset = 50, .dest.u.gmfn = INSIDE >> 12,
		.dest.domid = DOMID_SELF };

	guest_grant(&a, REF, 1, GUEST_DATA, b.domid, RW);
	assert_int_equal(guest_grant_op(&b, 0, GNTTABOP_copy, &op, sizeof(op), 1), 0);
	assert_int_equal(op.status, GNTST_okay);
	assert_int_equal(guest_read(&b, INSIDE + 92, 8), MARKER);
	assert_int_equal(guest_read(&b, INSIDE + 104, 8), 0);
	op = (struct gnttab_copy){ .flags = GNTCOPY_dest_gref, .len = 8, .dest.u.ref = REF,
		.dest.domid = a.domid, .source.u.gmfn = INSIDE >> 12, .source.domid = DOMID_SELF };
	guest_write(&b, INSIDE, 8, 0x1234);
	assert_int_equal(guest_grant_op(&b, 0, GNTTABOP_copy, &op, sizeof(op), 1), 0);
	assert_int_equal(op.status, GNTST_okay);
	assert_int_equal(guest_read(&a, GUEST_DATA, 8), 0x1234);
	/* Without a grant, a frame of another is not to be had. */
	op = (struct gnttab_copy){ .len = 8, .source.u.gmfn = GUEST_DATA >> 12,
		.source.domid = a.domid, .dest.u.gmfn = INSIDE >> 12, .dest.domid = DOMID_SELF };
	assert_int_equal(guest_grant_op(&b, 0, GNTTABOP_copy, &op, sizeof(op), 1), 0);
	assert_int_not_equal(op.status, GNTST_okay);
	assert_int_equal(guest_grant_flags(&a, REF), RW);
}

static void test_mapper_is_destroyed_first(void **state)
{
	uint32_t handle;

	guest_grant(&a, REF, 1, GUEST_DATA, b.domid, RW);
	assert_int_equal(map(REF, INSIDE, GNTMAP_host_map, &handle), GNTST_okay);
	guest_write(&b, INSIDE, 8, 0x77);
	guest_destroy(&b);
	assert_int_equal(guest_grant_flags(&a, REF), RW);
	assert_int_equal(guest_read(&a, GUEST_DATA, 8), 0x77);
	assert_true(guest_grant_end(&a, REF));
}

static void test_grantor_is_destroyed_first(void **state)
{
	uint32_t handle, other;

	guest_grant(&a, REF, 2, GUEST_DATA, b.domid, RW);
	assert_int_equal(map(REF, INSIDE, GNTMAP_host_map, &handle), GNTST_okay);
	assert_int_equal(map(REF + 1, OUTSIDE, GNTMAP_host_map, &other), GNTST_okay);
	guest_destroy(&a);
	/* It is still a page, and works; who wrote it is gone. */
	assert_int_equal(guest_read(&b, INSIDE, 8), MARKER);
	guest_write(&b, INSIDE, 8, 1);
	guest_write(&b, OUTSIDE, 8, 2);
	assert_int_equal(guest_read(&b, OUTSIDE, 8), 2);
	assert_int_equal(unmap(INSIDE, handle), GNTST_okay);
	/* The other is left to the mapper's own end. */
}

static void test_events_in_both_directions(void **state)
{
	uint32_t port;
	int64_t theirs;

	guest_events_init(&a, 1, true);
	guest_events_init(&b, 1, false);
	port = guest_unbound(&a, b.domid);
	theirs = guest_bind(&b, a.domid, port);
	assert_true(theirs > 0);
	for (unsigned i = 0; i < 20; i++) {
		uint32_t seen = guest_log(&b, 0)->count;

		assert_int_equal(guest_send(&a, 0, port), 0);
		guest_await(&b, &guest_log(&b, 0)->count, seen + 1);
		seen = guest_log(&a, 0)->count;
		assert_int_equal(guest_send(&b, 0, theirs), 0);
		guest_await(&a, &guest_log(&a, 0)->count, seen + 1);
	}
	assert_true(guest_bind(&b, a.domid, guest_unbound(&a, 3)) < 0);
	/* The other end's death leaves a port that waits. */
	guest_destroy(&b);
	assert_int_equal(guest_send(&a, 0, port), 0);
}

/* Both have pages of the other mapped, and both go, in either order. */
static void test_both_map_each_other_and_go(void **state)
{
	struct gnttab_map_grant_ref op = { .host_addr = INSIDE, .flags = GNTMAP_host_map, .ref = REF,
		.dom = b.domid };
	uint32_t handle;

	guest_grant(&a, REF, 1, GUEST_DATA, b.domid, RW);
	guest_grant(&b, REF, 1, GUEST_DATA, a.domid, RW);
	assert_int_equal(map(REF, INSIDE, GNTMAP_host_map, &handle), GNTST_okay);
	assert_int_equal(guest_grant_op(&a, 0, GNTTABOP_map_grant_ref, &op, sizeof(op), 1), 0);
	assert_int_equal(op.status, GNTST_okay);
	guest_begin(&b, 0, OP_COUNT, INSIDE, 1, 0, 0, 0, 0);
	guest_destroy(&a);
	guest_stop_op(&b, 0);
}

int main(int argc, char **argv)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, start, stop)
	const struct CMUnitTest tests[] = {
		CASE(test_page_is_shared_inside_ram),
		CASE(test_page_is_shared_outside_ram),
		CASE(test_neighbours_are_not_seen),
		CASE(test_readonly_page_is_not_written),
		CASE(test_hypervisor_does_not_write_readonly_pages),
		CASE(test_what_is_not_granted_is_not_mapped),
		CASE(test_bad_places_and_flags),
		CASE(test_foreign_page_is_not_granted_on),
		CASE(test_copy_in_both_directions),
		CASE(test_mapper_is_destroyed_first),
		CASE(test_grantor_is_destroyed_first),
		CASE(test_events_in_both_directions),
		CASE(test_both_map_each_other_and_go),
	};

	vm_world_start(&world, argv);
	return vm_world_stop(&world, cmocka_run_group_tests(tests, NULL, NULL));
}
