// SPDX-License-Identifier: MIT
/* A vm's memory: where things are, who gets at them, what may be exchanged for what. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "memory-rig.h"

#define RAM (64ull << 20)
#define OUTSIDE 0x40000000ull /* a gpa that is no RAM */

static struct memory_rig rig;

static int setup(void **state)
{
	rig_init(&rig, RAM);
	return 0;
}

static int teardown(void **state)
{
	rig_fini(&rig);
	return 0;
}

static int mapped(uint64_t gpa)
{
	uint8_t byte;

	return mem_read(&rig.m, gpa, &byte, 1);
}

static void ram_must_be_whole_pages_within_limits(void **state)
{
	struct vm_memory m;

	assert_int_equal(mem_init(&m, VM_MIN_RAM + 1, 1, &rig_ops, &rig), -EINVAL);
	assert_int_equal(mem_init(&m, VM_MIN_RAM - VM_PAGE, 1, &rig_ops, &rig), -EINVAL);
	assert_int_equal(mem_init(&m, VM_MAX_RAM + VM_PAGE, 1, &rig_ops, &rig), -EINVAL);
	assert_int_equal(mem_init(&m, 0, 1, &rig_ops, &rig), -EINVAL);
}

static void a_refused_slot_leaves_nothing(void **state)
{
	struct memory_rig other = { .slot_error = -ENOSPC };

	assert_int_equal(mem_init(&other.m, RAM, 1, &rig_ops, &other), -ENOSPC);
	assert_int_equal(other.m.fd, -1);
}

static void low_ram_and_special_area_have_slots(void **state)
{
	assert_int_equal(rig.nr_slots, 2);
	assert_int_equal(rig.slots[0].gpa, 0);
	assert_int_equal(rig.slots[0].size, RAM);
	assert_int_equal(rig.slots[1].gpa, VM_SPECIAL_BASE);
	assert_int_equal(rig.slots[1].size, VM_SPECIAL_SIZE);
	assert_int_equal(mapped(RAM - 1), 0);
	assert_int_equal(mapped(RAM), -EFAULT);
	assert_int_equal(mapped(VM_SPECIAL_BASE - 1), -EFAULT);
	assert_int_equal(mapped(VM_SPECIAL_BASE), 0);
	assert_int_equal(mapped(VM_SPECIAL_BASE + VM_SPECIAL_SIZE), -EFAULT);
}

static void ram_beyond_the_hole_is_high(void **state)
{
	struct memory_rig big;

	rig_init(&big, VM_LOW_RAM_MAX + (32ull << 20));
	assert_int_equal(big.nr_slots, 3);
	assert_int_equal(big.slots[0].size, VM_LOW_RAM_MAX);
	assert_int_equal(big.slots[1].gpa, VM_HIGH_RAM);
	assert_int_equal(big.slots[1].size, 32ull << 20);
	assert_int_equal(mem_write(&big.m, VM_HIGH_RAM + 5, "x", 1), 0);
	assert_int_equal(big.m.base[VM_LOW_RAM_MAX + 5], 'x');
	assert_int_equal(
		mem_write(&big.m, VM_HIGH_RAM + (32ull << 20) - 1, "xy", 2), -EFAULT);
	rig_fini(&big);
}

static void the_memfd_cannot_be_resized_or_opened_again(void **state)
{
	struct stat st;

	assert_int_equal(ftruncate(rig.m.fd, VM_PAGE), -1);
	assert_int_equal(ftruncate(rig.m.fd, RAM * 2), -1);
	assert_int_equal(fcntl(rig.m.fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	assert_int_equal(fstat(rig.m.fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0);
}

static void access_crosses_pages(void **state)
{
	uint8_t out[10000], in[10000];

	for (unsigned i = 0; i < sizeof(out); i++)
		out[i] = i * 7;
	assert_int_equal(mem_write(&rig.m, 0x1ffb, out, sizeof(out)), 0);
	assert_int_equal(mem_read(&rig.m, 0x1ffb, in, sizeof(in)), 0);
	assert_memory_equal(in, out, sizeof(in));
}

static void access_must_not_wrap(void **state)
{
	uint8_t buf[16];

	assert_int_equal(mem_read(&rig.m, UINT64_MAX - 3, buf, 16), -EFAULT);
	assert_int_equal(mem_write(&rig.m, UINT64_MAX, buf, 1), -EFAULT);
	assert_int_equal(mem_read(&rig.m, UINT64_MAX, buf, 0), 0);
}

static void a_write_ends_where_memory_ends(void **state)
{
	uint8_t byte = 0;

	assert_int_equal(mem_write(&rig.m, RAM - 1, "ab", 2), -EFAULT);
	assert_int_equal(mem_read(&rig.m, RAM - 1, &byte, 1), 0);
	assert_int_equal(byte, 'a');
}

static void holds_nest(void **state)
{
	uint8_t *a = mem_hold(&rig.m, 1, true), *b = mem_hold(&rig.m, 2, false);

	assert_ptr_equal(a + VM_PAGE, b);
	assert_null(mem_hold(&rig.m, RAM / VM_PAGE, false));
	mem_release(&rig.m);
	mem_release(&rig.m);
	/* All are released: exchanging would wait for ever otherwise. */
	assert_int_equal(mem_place_own(&rig.m, 1, 0), 0);
}

static void an_own_page_stands_in_for_ram(void **state)
{
	uint8_t *own = mem_own(&rig.m, 1);

	*rig_guest(&rig, 0x5000) = 'r';
	own[3] = 'o';
	assert_int_equal(mem_place_own(&rig.m, 5, 1), 0);
	assert_int_equal(mem_kind(&rig.m, 5), MEM_SPECIAL);
	assert_int_equal(mem_own_gfn(&rig.m, 1), 5);
	assert_int_equal(*rig_guest(&rig, 0x5003), 'o');
	*rig_guest(&rig, 0x5004) = 'g';
	assert_int_equal(own[4], 'g');
	assert_int_equal(mem_remove(&rig.m, 5), 0);
	assert_int_equal(mem_kind(&rig.m, 5), MEM_RAM);
	assert_int_equal(*rig_guest(&rig, 0x5000), 'r');
	assert_int_equal(mem_remove(&rig.m, 5), -ENOENT);
	assert_true(mem_own_gfn(&rig.m, 1) == UINT64_MAX);
}

static void an_own_page_is_at_one_place(void **state)
{
	assert_int_equal(mem_place_own(&rig.m, 5, 1), 0);
	assert_int_equal(mem_place_own(&rig.m, 5, 1), 0);
	assert_int_equal(mem_place_own(&rig.m, 6, 1), 0);
	assert_int_equal(mem_kind(&rig.m, 5), MEM_RAM);
	assert_int_equal(mem_kind(&rig.m, 6), MEM_SPECIAL);
	assert_int_equal(rig.m.exchanged, 1);
}

static void an_own_page_takes_anothers_place(void **state)
{
	assert_int_equal(mem_place_own(&rig.m, 5, 1), 0);
	assert_int_equal(mem_place_own(&rig.m, 5, 2), 0);
	assert_true(mem_own_gfn(&rig.m, 1) == UINT64_MAX);
	assert_int_equal(mem_own_gfn(&rig.m, 2), 5);
	assert_int_equal(rig.m.exchanged, 1);
}

static void own_pages_that_are_not_there_are_refused(void **state)
{
	assert_null(mem_own(&rig.m, RIG_OWN));
	assert_int_equal(mem_place_own(&rig.m, 5, RIG_OWN), -EINVAL);
	assert_int_equal(mem_place_own(&rig.m, UINT64_MAX, 0), -EINVAL);
}

static void a_frame_outside_ram_gets_a_slot(void **state)
{
	uint64_t gfn = (OUTSIDE + 0x3000) / VM_PAGE;

	assert_int_equal(mem_kind(&rig.m, gfn), MEM_NONE);
	assert_int_equal(mem_place_own(&rig.m, gfn, 0), 0);
	assert_int_equal(rig.nr_slots, 3);
	assert_int_equal(rig.slots[2].gpa, OUTSIDE);
	assert_int_equal(rig.slots[2].size, MEM_EXTRA_BYTES);
	*rig_guest(&rig, OUTSIDE + 0x3001) = 'x';
	assert_int_equal(((uint8_t *)mem_own(&rig.m, 0))[1], 'x');
	/* Its neighbours are nothing still. */
	assert_int_equal(mapped(OUTSIDE + 0x2000), -EFAULT);
	assert_int_equal(mem_kind(&rig.m, gfn + 1), MEM_NONE);
	assert_int_equal(mem_place_own(&rig.m, gfn + 1, 1), 0);
	assert_int_equal(rig.nr_slots, 3);
	assert_int_equal(mem_remove(&rig.m, gfn), 0);
	assert_int_equal(mem_kind(&rig.m, gfn), MEM_NONE);
}

static void slots_keep_off_ram_and_the_apic(void **state)
{
	/* The region of 128 MiB has RAM in its first half, and then the special area's in
	 * its end. */
	assert_int_equal(mem_place_own(&rig.m, RAM / VM_PAGE, 0), 0);
	assert_int_equal(rig.slots[2].gpa, RAM);
	assert_int_equal(rig.slots[2].size, MEM_EXTRA_BYTES - RAM);
	assert_int_equal(mem_place_own(&rig.m, (VM_SPECIAL_BASE - 1) / VM_PAGE, 0), 0);
	assert_int_equal(rig.slots[3].gpa + rig.slots[3].size, VM_SPECIAL_BASE);
	assert_int_equal(mem_place_own(&rig.m, VM_LAPIC_BASE / VM_PAGE, 0), -EINVAL);
	assert_int_equal(
		mem_place_own(&rig.m, (VM_SPECIAL_BASE + VM_SPECIAL_SIZE) / VM_PAGE, 0),
		-EINVAL);
	assert_int_equal(mem_place_own(&rig.m, VM_HIGH_RAM / VM_PAGE - 1, 0), -EINVAL);
	assert_int_equal(mem_place_own(&rig.m, VM_HIGH_RAM / VM_PAGE, 0), 0);
}

static void frames_beyond_any_address_are_refused(void **state)
{
	assert_int_equal(mem_place_own(&rig.m, 1ull << 40, 0), -EINVAL);
	assert_int_equal(mem_place_own(&rig.m, 1ull << 51, 0), -EINVAL);
	assert_int_equal(mem_place_own(&rig.m, 1ull << 63, 0), -EINVAL);
	assert_int_equal(rig.nr_slots, 2);
}

static void slots_outside_ram_are_counted(void **state)
{
	for (unsigned i = 0; i < MEM_EXTRA_MAX; i++)
		assert_int_equal(
			mem_place_own(
				&rig.m, (VM_HIGH_RAM + i * MEM_EXTRA_BYTES) / VM_PAGE, 0),
			0);
	assert_int_equal(
		mem_place_own(&rig.m,
			(VM_HIGH_RAM + MEM_EXTRA_MAX * MEM_EXTRA_BYTES) / VM_PAGE, 0),
		-ENOSPC);
}

static void a_slot_that_the_machine_refuses(void **state)
{
	rig.slot_error = -EEXIST;
	assert_int_equal(mem_place_own(&rig.m, OUTSIDE / VM_PAGE, 0), -EEXIST);
	rig.slot_error = 0;
	assert_int_equal(mem_kind(&rig.m, OUTSIDE / VM_PAGE), MEM_NONE);
	assert_int_equal(mem_place_own(&rig.m, OUTSIDE / VM_PAGE, 0), 0);
}

static void pinned_frames_stay(void **state)
{
	uint8_t *page = mem_pin(&rig.m, 7);
	struct mem_move move = { .gfn = 7, .page = rig.page };

	assert_ptr_equal(page, rig_guest(&rig, 0x7000));
	assert_int_equal(mem_place_own(&rig.m, 7, 0), -EBUSY);
	assert_int_equal(mem_place_foreign(&rig.m, 7, rig.fd, 0, false), -EBUSY);
	assert_int_equal(mem_discard(&rig.m, 7), -EBUSY);
	mem_lend(&rig.m, &move, 1);
	assert_int_equal(move.status, -EBUSY);
	mem_unpin(&rig.m, 7);
	assert_int_equal(mem_place_own(&rig.m, 7, 0), 0);
}

static void a_pinned_own_page_stays_where_it_is(void **state)
{
	assert_int_equal(mem_place_own(&rig.m, 7, 0), 0);
	assert_non_null(mem_pin(&rig.m, 7));
	assert_int_equal(mem_place_own(&rig.m, 8, 0), -EBUSY);
	assert_int_equal(mem_remove(&rig.m, 7), -EBUSY);
	assert_int_equal(mem_own_gfn(&rig.m, 0), 7);
	mem_unpin(&rig.m, 7);
	assert_int_equal(mem_place_own(&rig.m, 8, 0), 0);
}

static void pins_are_counted_and_do_not_wrap(void **state)
{
	for (unsigned i = 0; i < UINT16_MAX; i++)
		assert_non_null(mem_pin(&rig.m, 7));
	assert_null(mem_pin(&rig.m, 7));
	for (unsigned i = 0; i < UINT16_MAX; i++) {
		assert_int_equal(mem_place_own(&rig.m, 7, 0), -EBUSY);
		mem_unpin(&rig.m, 7);
	}
	assert_int_equal(mem_place_own(&rig.m, 7, 0), 0);
}

static void what_is_not_the_vms_cannot_be_pinned(void **state)
{
	struct mem_move move = { .gfn = 10, .page = rig.page + VM_PAGE };
	uint64_t offset;

	assert_null(mem_pin(&rig.m, OUTSIDE / VM_PAGE));
	assert_int_equal(mem_place_foreign(&rig.m, 9, rig.fd, 0, false), 0);
	mem_lend(&rig.m, &move, 1);
	assert_int_equal(move.status, 0);
	assert_null(mem_pin(&rig.m, 9));
	assert_null(mem_pin(&rig.m, 10));
	assert_int_equal(mem_locate(&rig.m, 9, &offset), -ENOENT);
	assert_int_equal(mem_locate(&rig.m, 10, &offset), -ENOENT);
}

static void a_located_frame_is_pinned(void **state)
{
	uint64_t offset = 0;

	assert_int_equal(mem_locate(&rig.m, VM_STORE_GPA / VM_PAGE, &offset), 0);
	assert_int_equal(offset, RAM + VM_STORE_GPA - VM_SPECIAL_BASE);
	assert_int_equal(mem_place_own(&rig.m, VM_STORE_GPA / VM_PAGE, 0), -EBUSY);
	mem_unpin(&rig.m, VM_STORE_GPA / VM_PAGE);
	assert_int_equal(mem_place_own(&rig.m, VM_STORE_GPA / VM_PAGE, 0), 0);
}

static void a_foreign_page_shows_and_goes(void **state)
{
	*rig_guest(&rig, 0x9000) = 'r';
	rig.page[VM_PAGE] = 'f';
	assert_int_equal(mem_place_foreign(&rig.m, 9, rig.fd, VM_PAGE, false), 0);
	assert_int_equal(mem_kind(&rig.m, 9), MEM_FOREIGN);
	assert_int_equal(*rig_guest(&rig, 0x9000), 'f');
	assert_int_equal(mem_write(&rig.m, 0x9001, "w", 1), 0);
	assert_int_equal(rig.page[VM_PAGE + 1], 'w');
	assert_int_equal(mem_place_own(&rig.m, 9, 0), -EBUSY);
	assert_int_equal(mem_place_foreign(&rig.m, 9, rig.fd, 0, false), -EBUSY);
	assert_int_equal(mem_remove(&rig.m, 9), -ENOENT);
	assert_int_equal(mem_remove_foreign(&rig.m, 9), 0);
	assert_int_equal(mem_remove_foreign(&rig.m, 9), -ENOENT);
	assert_int_equal(*rig_guest(&rig, 0x9000), 'r');
	assert_int_equal(mem_remove_foreign(&rig.m, OUTSIDE / VM_PAGE), -ENOENT);
}

static void a_foreign_page_to_read_only(void **state)
{
	uint8_t byte = 0;

	rig.page[0] = 'f';
	assert_int_equal(mem_place_foreign(&rig.m, 9, rig.fd, 0, true), 0);
	assert_int_equal(mem_read(&rig.m, 0x9000, &byte, 1), 0);
	assert_int_equal(byte, 'f');
	assert_int_equal(mem_write(&rig.m, 0x9000, "w", 1), -EFAULT);
	assert_null(mem_hold(&rig.m, 9, true));
	assert_non_null(mem_hold(&rig.m, 9, false));
	mem_release(&rig.m);
	assert_int_equal(mem_remove_foreign(&rig.m, 9), 0);
	assert_int_equal(mem_write(&rig.m, 0x9000, "w", 1), 0);
}

static void a_foreign_page_takes_an_own_ones_place(void **state)
{
	assert_int_equal(mem_place_own(&rig.m, 9, 2), 0);
	assert_int_equal(mem_place_foreign(&rig.m, 9, rig.fd, 0, false), 0);
	assert_true(mem_own_gfn(&rig.m, 2) == UINT64_MAX);
	assert_int_equal(rig.m.exchanged, 1);
}

static void discarded_ram_reads_as_zeroes(void **state)
{
	struct stat before, after;

	memset(rig_guest(&rig, 0x100000), 'd', 16 * VM_PAGE);
	fstat(rig.m.fd, &before);
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(mem_discard(&rig.m, 0x100 + i), 0);
	fstat(rig.m.fd, &after);
	assert_int_equal(before.st_blocks - after.st_blocks, 16 * VM_PAGE / 512);
	assert_int_equal(*rig_guest(&rig, 0x100000), 0);
	assert_int_equal(mem_discard(&rig.m, OUTSIDE / VM_PAGE), -ENOENT);
	assert_int_equal(mem_place_own(&rig.m, 0x100, 0), 0);
	assert_int_equal(mem_discard(&rig.m, 0x100), -ENOENT);
}

static void dropped_memory_is_nowhere(void **state)
{
	uint8_t *own = mem_own(&rig.m, 0);
	uint64_t offset;

	assert_int_equal(mem_place_own(&rig.m, 5, 0), 0);
	assert_int_equal(mem_place_foreign(&rig.m, 6, rig.fd, 0, false), 0);
	mem_drop(&rig.m);
	assert_int_equal(rig.m.fd, -1);
	assert_int_equal(mem_budget_spent(), 0);
	own[0] = 'o';
	assert_int_equal(mapped(0), -EFAULT);
	assert_int_equal(mapped(VM_SPECIAL_BASE), -EFAULT);
	assert_null(mem_hold(&rig.m, 1, false));
	assert_null(mem_pin(&rig.m, 1));
	assert_int_equal(mem_locate(&rig.m, 1, &offset), -ENOENT);
	assert_int_equal(mem_place_own(&rig.m, 1, 0), -EINVAL);
	assert_int_equal(mem_place_foreign(&rig.m, 1, rig.fd, 0, false), -EINVAL);
	assert_int_equal(mem_remove_foreign(&rig.m, 6), -ENOENT);
	mem_unpin(&rig.m, 1);
}

static void what_another_vm_shows_outlives_its_owner(void **state)
{
	uint64_t offset;
	struct stat st;
	uint8_t *seen;

	memset(rig_guest(&rig, 0), 'm', 64 * VM_PAGE);
	assert_int_equal(mem_locate(&rig.m, 9, &offset), 0);
	seen = mmap(NULL, VM_PAGE, PROT_READ, MAP_SHARED, rig.m.fd, offset);
	mem_drop(&rig.m);
	assert_int_equal(fstat(rig.m.fd, &st), 0);
	assert_int_equal(st.st_blocks, VM_PAGE / 512);
	assert_int_equal(seen[100], 'm');
	munmap(seen, VM_PAGE);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(ram_must_be_whole_pages_within_limits),
		T(a_refused_slot_leaves_nothing),
		T(low_ram_and_special_area_have_slots),
		T(ram_beyond_the_hole_is_high),
		T(the_memfd_cannot_be_resized_or_opened_again),
		T(access_crosses_pages),
		T(access_must_not_wrap),
		T(a_write_ends_where_memory_ends),
		T(holds_nest),
		T(an_own_page_stands_in_for_ram),
		T(an_own_page_is_at_one_place),
		T(an_own_page_takes_anothers_place),
		T(own_pages_that_are_not_there_are_refused),
		T(a_frame_outside_ram_gets_a_slot),
		T(slots_keep_off_ram_and_the_apic),
		T(frames_beyond_any_address_are_refused),
		T(slots_outside_ram_are_counted),
		T(a_slot_that_the_machine_refuses),
		T(pinned_frames_stay),
		T(a_pinned_own_page_stays_where_it_is),
		T(pins_are_counted_and_do_not_wrap),
		T(what_is_not_the_vms_cannot_be_pinned),
		T(a_located_frame_is_pinned),
		T(a_foreign_page_shows_and_goes),
		T(a_foreign_page_to_read_only),
		T(a_foreign_page_takes_an_own_ones_place),
		T(discarded_ram_reads_as_zeroes),
		T(dropped_memory_is_nowhere),
		T(what_another_vm_shows_outlives_its_owner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
