// SPDX-License-Identifier: MIT
/* Grant table rules, on the state machine alone. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hypervisor/domain.h"

#define NR_GRANTS 32u
#define RW GNTMAP_host_map
#define RO (GNTMAP_host_map | GNTMAP_readonly)

static struct domain_set set;
static struct domain dom[3];
static grant_entry_v1_t entries[3][NR_GRANTS];
static uint8_t frames[3][4][DOMAIN_PAGE_SIZE];
static unsigned idle[NR_GRANTS];
static unsigned released;
static int held;

static void on_raise(struct domain *d, uint32_t port)
{
}

static void *on_frame_hold(struct domain *d, uint32_t frame, bool write)
{
	if (frame >= 4)
		return NULL;
	held++;
	return frames[d - dom][frame];
}

static void on_frame_release(struct domain *d, uint32_t frame)
{
	held--;
}

static void on_idle(struct domain *d, uint32_t ref)
{
	idle[ref]++;
}

static void on_release(struct domain *d)
{
	released++;
	domain_fini(d);
}

static const struct domain_ops ops = {
	.raise = on_raise, .frame_hold = on_frame_hold, .frame_release = on_frame_release,
	.grant_idle = on_idle, .release = on_release
};

static int setup(void **state)
{
	struct domain_limits limits = { .max_ports = 8, .max_grants = NR_GRANTS, .max_mapped = 300 };

	memset(entries, 0, sizeof(entries));
	memset(frames, 0, sizeof(frames));
	memset(idle, 0, sizeof(idle));
	released = 0;
	domain_set_init(&set);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(domain_init(&dom[i], "d", &ops, &limits, entries[i]), 0);
		assert_int_equal(domain_set_add(&set, &dom[i], i), 0);
	}
	/* Of domain 1: 8 writable and 9 read-only for domain 2, 10 for domain 0. */
	grant_entry_set(&dom[1], 8, 2, 0, false);
	grant_entry_set(&dom[1], 9, 2, 1, true);
	grant_entry_set(&dom[1], 10, 0, 2, false);
	return 0;
}

static int teardown(void **state)
{
	assert_int_equal(held, 0);
	for (unsigned i = 0; i < 3; i++) {
		for (uint32_t h = 0; h < dom[i].maptrack.nr; h++)
			(void)grant_unmap(&set, &dom[i], h);
	}
	for (unsigned i = 0; i < 3; i++) {
		if (domain_get(&set, NULL, i)) {
			domain_put(&set, &dom[i]);
			domain_set_remove(&set, &dom[i]);
			domain_put(&set, &dom[i]);
		}
	}
	domain_set_fini(&set);
	return 0;
}

static int map(unsigned d, uint32_t domid, uint32_t ref, uint32_t flags, struct grant_mapped *m)
{
	return grant_map(&set, &dom[d], domid, ref, flags, m);
}

static void test_map_sets_and_clears_flags(void **state)
{
	struct grant_mapped rw, ro;

	assert_int_equal(map(2, 1, 8, RO, &ro), GNTST_okay);
	assert_int_equal(entries[1][8].flags, GTF_permit_access | GTF_reading);
	assert_int_equal(map(2, 1, 8, RW, &rw), GNTST_okay);
	assert_int_equal(entries[1][8].flags, GTF_permit_access | GTF_reading | GTF_writing);
	assert_int_equal(grant_unmap(&set, &dom[2], rw.handle), GNTST_okay);
	assert_int_equal(entries[1][8].flags, GTF_permit_access | GTF_reading);
	assert_int_equal(idle[8], 0);
	assert_int_equal(grant_unmap(&set, &dom[2], ro.handle), GNTST_okay);
	assert_int_equal(entries[1][8].flags, GTF_permit_access);
	assert_int_equal(idle[8], 1);
}

static void test_unmap_in_the_other_order(void **state)
{
	struct grant_mapped rw, ro;

	assert_int_equal(map(2, 1, 8, RW, &rw), GNTST_okay);
	assert_int_equal(map(2, 1, 8, RO, &ro), GNTST_okay);
	assert_int_equal(grant_unmap(&set, &dom[2], ro.handle), GNTST_okay);
	assert_int_equal(entries[1][8].flags, GTF_permit_access | GTF_reading | GTF_writing);
	assert_int_equal(grant_unmap(&set, &dom[2], rw.handle), GNTST_okay);
	assert_int_equal(entries[1][8].flags, GTF_permit_access);
}

static void test_bad_gntref(void **state)
{
	struct grant_mapped m;

	assert_int_equal(map(2, 1, NR_GRANTS, RW, &m), GNTST_bad_gntref);
	assert_int_equal(map(2, 1, UINT32_MAX, RW, &m), GNTST_bad_gntref);
	assert_int_equal(map(2, 1, 8, GNTMAP_readonly, &m), GNTST_bad_gntref);
	assert_int_equal(map(2, 1, 8, RW | GNTMAP_device_map, &m), GNTST_bad_gntref);
	assert_int_equal(map(2, 1, 8, RW | GNTMAP_contains_pte, &m), GNTST_bad_gntref);
}

static void test_bad_domain(void **state)
{
	struct grant_mapped m;

	assert_int_equal(map(2, 9, 8, RW, &m), GNTST_bad_domain);
	assert_int_equal(map(2, DOMID_IO, 8, RW, &m), GNTST_bad_domain);
	assert_int_equal(map(2, UINT32_MAX, 8, RW, &m), GNTST_bad_domain);
}

static void test_not_granted(void **state)
{
	struct grant_mapped m;

	assert_int_equal(map(2, 1, 10, RO, &m), GNTST_general_error); /* to domain 0 */
	assert_int_equal(map(2, 1, 11, RO, &m), GNTST_general_error); /* to nobody */
	assert_int_equal(map(2, 1, 9, RW, &m), GNTST_general_error);  /* read-only */
	entries[1][12] = (grant_entry_v1_t){ .flags = GTF_accept_transfer, .domid = 2 };
	assert_int_equal(map(2, 1, 12, RO, &m), GNTST_general_error);
	entries[1][13] = (grant_entry_v1_t){ .flags = GTF_transitive, .domid = 2 };
	assert_int_equal(map(2, 1, 13, RO, &m), GNTST_general_error);
	entries[1][14] = (grant_entry_v1_t){ .flags = GTF_permit_access | GTF_sub_page, .domid = 2 };
	assert_int_equal(map(2, 1, 14, RO, &m), GNTST_general_error);
	assert_int_equal(entries[1][9].flags, GTF_permit_access | GTF_readonly);
	assert_int_equal(dom[2].maptrack.used, 0);
}

static void test_pinned_by_another(void **state)
{
	struct grant_mapped m, n;

	assert_int_equal(map(2, 1, 8, RO, &m), GNTST_okay);
	/* The grantor rewrites a mapped entry: it takes nothing away and adds nobody. */
	entries[1][8].domid = 0;
	assert_int_equal(map(0, 1, 8, RO, &n), GNTST_general_error);
	assert_int_equal(map(2, 1, 8, RO, &n), GNTST_general_error);
}

static void test_frame_is_fixed_while_pinned(void **state)
{
	struct grant_mapped m, n;

	assert_int_equal(map(2, 1, 8, RO, &m), GNTST_okay);
	entries[1][8].frame = 3;
	assert_int_equal(map(2, 1, 8, RO, &n), GNTST_okay);
	assert_int_equal(n.frame, 0);
	assert_int_equal(grant_unmap(&set, &dom[2], m.handle), GNTST_okay);
	assert_int_equal(grant_unmap(&set, &dom[2], n.handle), GNTST_okay);
	assert_int_equal(map(2, 1, 8, RO, &n), GNTST_okay);
	assert_int_equal(n.frame, 3);
}

static void test_ended_while_mapped(void **state)
{
	struct grant_mapped m, n;

	assert_int_equal(map(2, 1, 8, RW, &m), GNTST_okay);
	domain_lock(&dom[1]);
	assert_false(grant_entry_end(&dom[1], 8));
	domain_unlock(&dom[1]);
	assert_int_equal(entries[1][8].flags, GTF_reading | GTF_writing);
	assert_int_equal(map(2, 1, 8, RO, &n), GNTST_general_error);
	assert_int_equal(grant_unmap(&set, &dom[2], m.handle), GNTST_okay);
	assert_int_equal(entries[1][8].flags, 0);
	assert_int_equal(idle[8], 1);
	domain_lock(&dom[1]);
	assert_true(grant_entry_end(&dom[1], 9));
	domain_unlock(&dom[1]);
}

static void test_bad_handle(void **state)
{
	struct grant_mapped m;

	assert_int_equal(grant_unmap(&set, &dom[2], 0), GNTST_bad_handle);
	assert_int_equal(map(2, 1, 8, RO, &m), GNTST_okay);
	assert_int_equal(grant_unmap(&set, &dom[2], m.handle + 1), GNTST_bad_handle);
	assert_int_equal(grant_unmap(&set, &dom[2], UINT32_MAX), GNTST_bad_handle);
	assert_int_equal(grant_unmap(&set, &dom[0], m.handle), GNTST_bad_handle);
	assert_int_equal(grant_unmap(&set, &dom[2], m.handle), GNTST_okay);
	assert_int_equal(grant_unmap(&set, &dom[2], m.handle), GNTST_bad_handle);
}

static void test_pin_overflow(void **state)
{
	struct grant_mapped m;

	for (int i = 0; i < 128; i++)
		assert_int_equal(map(2, 1, 8, RO, &m), GNTST_okay);
	assert_int_equal(map(2, 1, 8, RO, &m), GNTST_general_error);
	assert_int_equal(map(2, 1, 8, RW, &m), GNTST_okay); /* another counter */
}

static void test_no_space(void **state)
{
	struct grant_mapped m;

	/* Three entries, so that no pin counter is the limit. */
	grant_entry_set(&dom[1], 10, 2, 2, false);
	for (int i = 0; i < 300; i++)
		assert_int_equal(map(2, 1, 8 + i % 3, RO, &m), GNTST_okay);
	assert_int_equal(map(2, 1, 8, RO, &m), GNTST_no_space);
	assert_int_equal(grant_unmap(&set, &dom[2], 17), GNTST_okay);
	assert_int_equal(map(2, 1, 8, RO, &m), GNTST_okay);
	assert_int_equal(m.handle, 17);
}

static void test_domid_self(void **state)
{
	struct grant_mapped m;

	grant_entry_set(&dom[1], 15, 1, 3, false);
	assert_int_equal(map(1, DOMID_SELF, 15, RW, &m), GNTST_okay);
	assert_ptr_equal(m.grantor, &dom[1]);
	assert_int_equal(map(2, DOMID_SELF, 8, RW, &m), GNTST_general_error);
}

static void test_mapping_keeps_dead_grantor(void **state)
{
	struct grant_mapped m;

	assert_int_equal(map(2, 1, 8, RW, &m), GNTST_okay);
	domain_set_remove(&set, &dom[1]);
	domain_put(&set, &dom[1]);
	assert_int_equal(released, 0);
	assert_int_equal(grant_unmap(&set, &dom[2], m.handle), GNTST_okay);
	assert_int_equal(released, 1);
}

static struct grant_copy_end grant_end(uint16_t domid, uint32_t ref, uint16_t offset)
{
	return (struct grant_copy_end){ .kind = GRANT_COPY_REF, .domid = domid, .ref = ref,
		.offset = offset };
}

static int copy(unsigned d, struct grant_copy_end source, struct grant_copy_end dest, uint16_t len)
{
	struct grant_copy_op op = { .source = source, .dest = dest, .len = len };

	struct grant_copier copier;
	int status;

	grant_copier_init(&copier, &set, &dom[d]);
	status = grant_copier_copy(&copier, &op);
	grant_copier_end(&copier);
	return status;
}

static void test_copy(void **state)
{
	char buf[16] = "fifteen letters";
	struct grant_copy_end local = { .local = buf };

	assert_int_equal(copy(2, local, grant_end(1, 8, 100), 16), GNTST_okay);
	assert_memory_equal(&frames[1][0][100], "fifteen letters", 16);
	assert_int_equal(entries[1][8].flags, GTF_permit_access);
	memcpy(frames[1][1], "other", 6);
	assert_int_equal(copy(2, grant_end(1, 9, 0), local, 6), GNTST_okay);
	assert_string_equal(buf, "other");
	assert_int_equal(copy(2, grant_end(1, 9, 0), grant_end(1, 8, 4090), 6), GNTST_okay);
	assert_memory_equal(&frames[1][0][4090], "other", 6);
}

static void test_copy_refused(void **state)
{
	char buf[16] = "unchanged";
	struct grant_copy_end local = { .local = buf };

	assert_int_equal(copy(2, local, local, 1), GNTST_bad_copy_arg);
	assert_int_equal(copy(2, grant_end(1, 8, 4095), local, 2), GNTST_bad_copy_arg);
	assert_int_equal(copy(2, local, grant_end(1, 8, 65535), 65535), GNTST_bad_copy_arg);
	assert_int_equal(copy(2, grant_end(7, 8, 0), local, 1), GNTST_bad_domain);
	assert_int_equal(copy(2, grant_end(1, 999, 0), local, 1), GNTST_bad_gntref);
	assert_int_equal(copy(2, grant_end(1, 10, 0), local, 1), GNTST_general_error);
	assert_int_equal(copy(2, local, grant_end(1, 9, 0), 1), GNTST_general_error);
	grant_entry_set(&dom[1], 16, 2, 77, false);
	assert_int_equal(copy(2, grant_end(1, 16, 0), local, 1), GNTST_bad_page);
	/* The destination is bad: the source's pin is taken back. */
	assert_int_equal(copy(2, grant_end(1, 8, 0), grant_end(1, 9, 0), 1), GNTST_general_error);
	assert_int_equal(entries[1][8].flags, GTF_permit_access);
	assert_int_equal(entries[1][16].flags, GTF_permit_access);
	assert_string_equal(buf, "unchanged");
}

static void test_copy_to_the_pages_end(void **state)
{
	uint8_t page[DOMAIN_PAGE_SIZE];
	struct grant_copy_end local = { .local = page };

	memset(page, 7, sizeof(page));
	assert_int_equal(copy(2, local, grant_end(1, 8, 0), DOMAIN_PAGE_SIZE), GNTST_okay);
	assert_memory_equal(frames[1][0], page, sizeof(page));
	assert_int_equal(copy(2, local, grant_end(1, 8, 4096), 0), GNTST_okay);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_map_sets_and_clears_flags),
		CASE(test_unmap_in_the_other_order),
		CASE(test_bad_gntref),
		CASE(test_bad_domain),
		CASE(test_not_granted),
		CASE(test_pinned_by_another),
		CASE(test_frame_is_fixed_while_pinned),
		CASE(test_ended_while_mapped),
		CASE(test_bad_handle),
		CASE(test_pin_overflow),
		CASE(test_no_space),
		CASE(test_domid_self),
		CASE(test_mapping_keeps_dead_grantor),
		CASE(test_copy),
		CASE(test_copy_refused),
		CASE(test_copy_to_the_pages_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
