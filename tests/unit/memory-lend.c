// SPDX-License-Identifier: MIT
/* Lending pages to an arena and taking them back, and the budget of host mappings. */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "memory-rig.h"

#define RAM (64ull << 20)

static struct memory_rig rig;

static int setup(void **state)
{
	mem_budget_set(20000);
	rig_init(&rig, RAM);
	return 0;
}

static int teardown(void **state)
{
	rig_fini(&rig);
	return 0;
}

static uint8_t *arena(unsigned page)
{
	return rig.page + page * VM_PAGE;
}

static void a_lent_page_keeps_its_content(void **state)
{
	struct mem_move move = { .gfn = 3, .page = arena(1) };

	memset(rig_guest(&rig, 0x3000), 'a', VM_PAGE);
	mem_lend(&rig.m, &move, 1);
	assert_int_equal(move.status, 0);
	assert_int_equal(mem_kind(&rig.m, 3), MEM_LENT);
	assert_int_equal(mem_lent(&rig.m), 1);
	assert_memory_equal(arena(1), rig_guest(&rig, 0x3000), VM_PAGE);
	assert_int_equal(arena(1)[77], 'a');
	/* Both see what either writes. */
	*rig_guest(&rig, 0x3001) = 'g';
	arena(1)[2] = 'm';
	assert_int_equal(arena(1)[1], 'g');
	assert_int_equal(*rig_guest(&rig, 0x3002), 'm');
	mem_reclaim(&rig.m, &move, 1);
	assert_int_equal(move.status, 0);
	assert_int_equal(mem_kind(&rig.m, 3), MEM_RAM);
	assert_int_equal(mem_lent(&rig.m), 0);
	assert_memory_equal(rig_guest(&rig, 0x3000), "agm", 3);
	/* The mapper has a stale page from then on, in both directions. */
	arena(1)[3] = 'X';
	*rig_guest(&rig, 0x3004) = 'Y';
	assert_int_equal(*rig_guest(&rig, 0x3003), 'a');
	assert_int_equal(arena(1)[4], 'a');
}

static void runs_and_single_pages_all_arrive(void **state)
{
	static const uint64_t gfns[] = { 10, 11, 12, 20, 14, 13, 30, 32, 31, 40 };
	static const unsigned pages[] = { 0, 1, 2, 3, 8, 9, 10, 12, 13, 14 };
	struct mem_move moves[10];

	for (unsigned i = 0; i < 10; i++) {
		moves[i] = (struct mem_move){ .gfn = gfns[i], .page = arena(pages[i]) };
		memset(rig_guest(&rig, gfns[i] * VM_PAGE), i + 1, VM_PAGE);
	}
	mem_lend(&rig.m, moves, 10);
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(moves[i].status, 0);
		assert_int_equal(arena(pages[i])[4095], i + 1);
		arena(pages[i])[0] = 100 + i;
		assert_int_equal(*rig_guest(&rig, gfns[i] * VM_PAGE), 100 + i);
	}
	assert_int_equal(rig.m.exchanged, 10);
	mem_reclaim(&rig.m, moves, 10);
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(moves[i].status, 0);
		assert_int_equal(*rig_guest(&rig, gfns[i] * VM_PAGE), 100 + i);
		assert_int_equal(*rig_guest(&rig, gfns[i] * VM_PAGE + 4095), i + 1);
	}
	assert_int_equal(rig.m.exchanged, 0);
}

static void a_frame_is_lent_once(void **state)
{
	struct mem_move moves[3] = {
		{ .gfn = 5, .page = arena(0) },
		{ .gfn = 5, .page = arena(1) },
		{ .gfn = 6, .page = arena(2) },
	};

	mem_lend(&rig.m, moves, 3);
	assert_int_equal(moves[0].status, 0);
	assert_int_equal(moves[1].status, -EBUSY);
	assert_int_equal(moves[2].status, 0);
	assert_int_equal(mem_lent(&rig.m), 2);
	assert_int_equal(rig.m.exchanged, 2);
	assert_int_equal(mem_place_own(&rig.m, 5, 0), -EBUSY);
	assert_int_equal(mem_place_foreign(&rig.m, 5, rig.fd, 0, false), -EBUSY);
	assert_int_equal(mem_discard(&rig.m, 5), -ENOENT);
}

static void only_the_vms_own_pages_are_lent(void **state)
{
	struct mem_move moves[4] = {
		{ .gfn = 5, .page = arena(0) },
		{ .gfn = 6, .page = arena(1) },
		{ .gfn = RAM / VM_PAGE, .page = arena(2) },
		{ .gfn = UINT64_MAX, .page = arena(3) },
	};

	assert_int_equal(mem_place_own(&rig.m, 5, 0), 0);
	assert_int_equal(mem_place_foreign(&rig.m, 6, rig.fd, 0, false), 0);
	mem_lend(&rig.m, moves, 4);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(moves[i].status, -EBUSY);
}

static void what_is_not_lent_is_not_taken_back(void **state)
{
	struct mem_move moves[3] = {
		{ .gfn = 5, .page = arena(0) },
		{ .gfn = 6, .page = arena(1) },
		{ .gfn = 7, .page = arena(2) },
	};

	*rig_guest(&rig, 0x6000) = 'k';
	mem_lend(&rig.m, moves, 1);
	mem_reclaim(&rig.m, moves, 3);
	assert_int_equal(moves[0].status, 0);
	assert_int_equal(moves[1].status, -ENOENT);
	assert_int_equal(moves[2].status, -ENOENT);
	assert_int_equal(*rig_guest(&rig, 0x6000), 'k');
}

static void mappings_merge_again(void **state)
{
	struct mem_move moves[16];
	unsigned before = rig_maps(&rig);

	for (unsigned i = 0; i < 16; i++)
		moves[i] = (struct mem_move){ .gfn = 100 + 3 * i, .page = arena(i) };
	mem_lend(&rig.m, moves, 16);
	assert_true(rig_maps(&rig) >= before + 32);
	mem_reclaim(&rig.m, moves, 16);
	assert_int_equal(rig_maps(&rig), before);
	assert_int_equal(mem_place_own(&rig.m, 100, 0), 0);
	assert_int_equal(mem_remove(&rig.m, 100), 0);
	assert_int_equal(rig_maps(&rig), before);
}

static void a_neighbours_run_costs_few_mappings(void **state)
{
	struct mem_move moves[32];
	unsigned before = rig_maps(&rig);

	for (unsigned i = 0; i < 32; i++)
		moves[i] = (struct mem_move){ .gfn = 100 + i, .page = arena(i) };
	mem_lend(&rig.m, moves, 32);
	assert_int_equal(rig_maps(&rig), before + 2);
}

static void the_budget_ends_lending(void **state)
{
	struct mem_move moves[8];
	unsigned lent = 0;

	/* A quarter is what one vm gets, but its first frames are never counted out. */
	mem_budget_set(4);
	for (unsigned i = 0; i < 8; i++)
		moves[i] = (struct mem_move){ .gfn = 100 + 2 * i, .page = arena(2 * i) };
	mem_lend(&rig.m, moves, 8);
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(moves[i].status, i < 4 ? 0 : -ENOSPC);
		lent += moves[i].status == 0;
	}
	assert_int_equal(mem_budget_spent(), lent);
	assert_int_equal(mem_place_foreign(&rig.m, 5, rig.fd, 0, false), -ENOSPC);
	/* The vm's few special pages are not refused. */
	assert_int_equal(mem_place_own(&rig.m, 6, 0), 0);
	mem_reclaim(&rig.m, moves, 1);
	assert_int_equal(mem_remove(&rig.m, 6), 0);
	assert_int_equal(mem_place_foreign(&rig.m, 5, rig.fd, 0, false), 0);
}

/* Places foreign pages at every second frame from @gfn on; returns how many were granted.
 */
static unsigned place_many(struct memory_rig *r, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++)
		if (mem_place_foreign(&r->m, 1000 + 2 * i, r->fd, 0, false) < 0)
			break;
	return i;
}

static void one_vm_cannot_spend_what_the_rings_of_others_need(void **state)
{
	struct memory_rig other;

	mem_budget_set(2000);
	assert_int_equal(place_many(&rig, 2000), 500);
	rig_init(&other, RAM);
	assert_int_equal(place_many(&other, 2000), 500);
	mem_fini(&other.m);
	assert_int_equal(mem_budget_spent(), 500);
	mem_budget_set(500 + 256);
	rig_init(&other, RAM);
	/* Nothing is left but the reserve, which is for the first frames. */
	assert_int_equal(place_many(&other, 2000), 256);
	mem_fini(&other.m);
}

/* Threads that read, hold and pin against one that exchanges. */

#define READERS 3u

static struct {
	bool stop;
	unsigned reads, holds, pins, wrong;
} seen;

/* A frame shows 16 equal words, whatever stands there: never half of one and half of
 * another. */
static void *reader(void *opaque)
{
	while (!__atomic_load_n(&seen.stop, __ATOMIC_RELAXED)) {
		uint32_t *page = mem_hold(&rig.m, 5, false);
		uint32_t first;
		uint8_t byte;

		assert_non_null(page);
		/* Nested, and another memory's access in between, as a grant copy has it.
		 */
		assert_int_equal(mem_read(&rig.m, 0x6000, &byte, 1), 0);
		first = __atomic_load_n(page, __ATOMIC_RELAXED);
		for (unsigned i = 1; i < 16; i++)
			if (__atomic_load_n(page + i, __ATOMIC_RELAXED) != first)
				__atomic_add_fetch(&seen.wrong, 1, __ATOMIC_RELAXED);
		mem_release(&rig.m);
		__atomic_add_fetch(&seen.holds, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void *pinner(void *opaque)
{
	while (!__atomic_load_n(&seen.stop, __ATOMIC_RELAXED)) {
		volatile uint32_t *page = mem_pin(&rig.m, 5);

		if (!page)
			continue;
		/* The vm's own page and the hypervisor's have this mark, the others not.
		 */
		if (page[20] != 7)
			__atomic_add_fetch(&seen.wrong, 1, __ATOMIC_RELAXED);
		mem_unpin(&rig.m, 5);
		__atomic_add_fetch(&seen.pins, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void page_fill(void *page, uint32_t value)
{
	uint32_t *p = page;

	for (unsigned i = 0; i < 16; i++)
		p[i] = value;
}

static void holders_never_see_an_exchange(void **state)
{
	pthread_t threads[READERS + 1];
	unsigned done = 0;

	memset(&seen, 0, sizeof(seen));
	page_fill(rig_guest(&rig, 0x5000), 1);
	((uint32_t *)rig_guest(&rig, 0x5000))[20] = 7;
	page_fill(arena(1), 2);
	page_fill(mem_own(&rig.m, 0), 3);
	((uint32_t *)mem_own(&rig.m, 0))[20] = 7;
	for (unsigned i = 0; i < READERS; i++)
		pthread_create(&threads[i], NULL, reader, NULL);
	pthread_create(&threads[READERS], NULL, pinner, NULL);
	/* Readers that overlap all the time must not keep this out. */
	while (done < 300 || !__atomic_load_n(&seen.holds, __ATOMIC_RELAXED) ||
		!__atomic_load_n(&seen.pins, __ATOMIC_RELAXED)) {
		struct mem_move move = { .gfn = 5, .page = arena(3) };

		if (mem_place_own(&rig.m, 5, 0) == 0) {
			while (mem_remove(&rig.m, 5) == -EBUSY)
				;
			assert_int_equal(mem_kind(&rig.m, 5), MEM_RAM);
			done++;
		}
		if (mem_place_foreign(&rig.m, 5, rig.fd, VM_PAGE, true) == 0) {
			assert_int_equal(mem_remove_foreign(&rig.m, 5), 0);
			done++;
		}
		mem_lend(&rig.m, &move, 1);
		if (move.status == 0) {
			mem_reclaim(&rig.m, &move, 1);
			assert_int_equal(move.status, 0);
			done++;
		}
	}
	__atomic_store_n(&seen.stop, true, __ATOMIC_RELAXED);
	for (unsigned i = 0; i <= READERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(seen.wrong, 0);
}

/* Two that copy between two memories in opposite directions, and writers in both. */
static struct memory_rig pair;

/* Tools that look for lock cycles name this one, wrongly: who holds one never waits. */
static void *crosser(void *opaque)
{
	struct memory_rig *a = opaque, *b = a == &rig ? &pair : &rig;

	while (!__atomic_load_n(&seen.stop, __ATOMIC_RELAXED)) {
		assert_non_null(mem_hold(&a->m, 5, false));
		assert_non_null(mem_hold(&b->m, 5, true));
		mem_release(&b->m);
		mem_release(&a->m);
		__atomic_add_fetch(&seen.holds, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void *exchanger(void *opaque)
{
	struct memory_rig *r = opaque;

	for (unsigned i = 0; i < 300; i++) {
		assert_int_equal(mem_place_own(&r->m, 5, 0), 0);
		assert_int_equal(mem_remove(&r->m, 5), 0);
	}
	return NULL;
}

static void holders_of_two_memories_do_not_deadlock(void **state)
{
	pthread_t cross[2], exchange[2];

	memset(&seen, 0, sizeof(seen));
	rig_init(&pair, RAM);
	pthread_create(&cross[0], NULL, crosser, &rig);
	pthread_create(&cross[1], NULL, crosser, &pair);
	pthread_create(&exchange[0], NULL, exchanger, &rig);
	pthread_create(&exchange[1], NULL, exchanger, &pair);
	pthread_join(exchange[0], NULL);
	pthread_join(exchange[1], NULL);
	__atomic_store_n(&seen.stop, true, __ATOMIC_RELAXED);
	pthread_join(cross[0], NULL);
	pthread_join(cross[1], NULL);
	rig_fini(&pair);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_lent_page_keeps_its_content),
		T(runs_and_single_pages_all_arrive),
		T(a_frame_is_lent_once),
		T(only_the_vms_own_pages_are_lent),
		T(what_is_not_lent_is_not_taken_back),
		T(mappings_merge_again),
		T(a_neighbours_run_costs_few_mappings),
		T(the_budget_ends_lending),
		T(one_vm_cannot_spend_what_the_rings_of_others_need),
		T(holders_never_see_an_exchange),
		T(holders_of_two_memories_do_not_deadlock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
