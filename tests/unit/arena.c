// SPDX-License-Identifier: MIT
/* Arenas: what a connection sees of a vm's memory, and what a hostile one can do with it.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "hypervisor/vm/arena.h"
#include "hypervisor/vm/kvm.h"
#include "vm-fake.h"

static struct domain_set set;
static struct vm_fake *fake;
static int quiesced;
static unsigned pauses;

void vm_quiesce(struct vm *vm)
{
	assert_false(vm->zombie);
	quiesced++;
	pauses++;
}

void vm_resume(struct vm *vm)
{
	quiesced--;
}

/* One connection, and what it pays for. */
static struct payer {
	struct arena_set arenas;
	uint32_t pages, limit, fds;
} payer[2];

static bool charge(void *opaque, uint32_t pages)
{
	struct payer *p = opaque;

	if (p->pages + pages > p->limit)
		return false;
	p->pages += pages;
	p->fds++;
	return true;
}

static void uncharge(void *opaque, uint32_t pages)
{
	struct payer *p = opaque;

	p->pages -= pages;
	p->fds--;
}

static const struct arena_ops ops = { .charge = charge, .uncharge = uncharge };

static int setup(void **state)
{
	domain_set_init(&set);
	fake = vm_fake_new(&set, "lender", 2);
	for (unsigned i = 0; i < 2; i++) {
		payer[i] = (struct payer){ .limit = 100000 };
		payer[i].arenas.ops = &ops;
		payer[i].arenas.opaque = &payer[i];
	}
	pauses = 0;
	return 0;
}

static int teardown(void **state)
{
	for (unsigned i = 0; i < 2; i++) {
		assert_null(payer[i].arenas.arenas);
		assert_int_equal(payer[i].pages, 0);
		assert_int_equal(payer[i].fds, 0);
	}
	assert_int_equal(quiesced, 0);
	vm_fake_free(fake);
	domain_set_fini(&set);
	return 0;
}

static int lend(unsigned who, bool readonly, struct arena_page *pages, unsigned n)
{
	return arena_lend(&payer[who].arenas, &fake->vm, readonly, pages, n);
}

static void give_back(unsigned who, bool readonly, struct arena_page *pages, unsigned n)
{
	arena_return(&payer[who].arenas, &fake->vm, readonly, pages, n);
}

static uint8_t *see(const struct arena_page *p, int prot)
{
	uint8_t *addr = mmap(NULL, VM_PAGE, prot, MAP_SHARED, p->fd, p->index * VM_PAGE);

	assert_ptr_not_equal(addr, MAP_FAILED);
	return addr;
}

static void put(uint64_t gfn, const char *text)
{
	fake_put(fake, gfn * VM_PAGE, text, strlen(text) + 1);
}

static void expect(uint64_t gfn, const char *text)
{
	char buf[32];

	fake_get(fake, gfn * VM_PAGE, buf, strlen(text) + 1);
	assert_string_equal(buf, text);
}

static void both_see_what_either_writes(void **state)
{
	struct arena_page p = { .gfn = 10 };
	uint8_t *page;

	put(10, "guest");
	assert_int_equal(lend(0, false, &p, 1), 0);
	page = see(&p, PROT_READ | PROT_WRITE);
	assert_string_equal((char *)page, "guest");
	strcpy((char *)page, "mapper");
	expect(10, "mapper");
	put(10, "again");
	assert_string_equal((char *)page, "again");
	give_back(0, false, &p, 1);
	expect(10, "again");
	strcpy((char *)page, "stale");
	expect(10, "again");
	put(10, "secret");
	assert_string_equal((char *)page, "stale");
	munmap(page, VM_PAGE);
}

static void one_pause_per_batch(void **state)
{
	struct arena_page p[100];

	for (unsigned i = 0; i < 100; i++)
		p[i].gfn = 10 + 2 * i;
	assert_int_equal(lend(0, false, p, 100), 0);
	assert_int_equal(pauses, 1);
	give_back(0, false, p, 100);
	assert_int_equal(pauses, 2);
}

static void the_rest_of_a_chunk_is_empty(void **state)
{
	static uint8_t marker[VM_PAGE];
	struct arena_page p = { .gfn = 10 };

	memset(marker, 0x5a, sizeof(marker));
	for (unsigned gfn = 8; gfn < 64; gfn++)
		fake_put(fake, gfn * VM_PAGE, marker, sizeof(marker));
	assert_int_equal(lend(0, false, &p, 1), 0);
	for (uint32_t i = 0; i < payer[0].pages; i++) {
		struct arena_page other = { .fd = p.fd, .index = i };
		uint8_t *page = see(&other, PROT_READ);

		for (unsigned k = 0; k < VM_PAGE; k++)
			assert_int_equal(page[k], i == p.index ? 0x5a : 0);
		munmap(page, VM_PAGE);
	}
	give_back(0, false, &p, 1);
}

static void a_frame_may_be_lent_again_to_the_same_one(void **state)
{
	struct arena_page a = { .gfn = 10 }, b[2] = { { .gfn = 10 }, { .gfn = 10 } };

	assert_int_equal(lend(0, false, &a, 1), 0);
	assert_int_equal(lend(0, false, b, 2), 0);
	assert_int_equal(b[0].fd, a.fd);
	assert_int_equal(b[1].index, a.index);
	assert_int_equal(mem_lent(&fake->vm.mem), 1);
	give_back(0, false, b, 2);
	assert_int_equal(mem_kind(&fake->vm.mem, 10), MEM_LENT);
	give_back(0, false, &a, 1);
	assert_int_equal(mem_kind(&fake->vm.mem, 10), MEM_RAM);
}

static void a_frame_twice_in_a_first_batch(void **state)
{
	struct arena_page p[3] = { { .gfn = 10 }, { .gfn = 11 }, { .gfn = 10 } };

	put(10, "ten");
	assert_int_equal(lend(0, true, p, 3), 0);
	assert_int_equal(p[0].index, p[2].index);
	give_back(0, true, p, 3);
	expect(10, "ten");
	assert_int_equal(mem_lent(&fake->vm.mem), 0);
}

static void a_second_connection_gets_nothing(void **state)
{
	struct arena_page a = { .gfn = 10 }, b[2] = { { .gfn = 11 }, { .gfn = 10 } };

	assert_int_equal(lend(0, false, &a, 1), 0);
	assert_int_equal(lend(1, false, b, 2), -EBUSY);
	/* All or none. */
	assert_int_equal(mem_kind(&fake->vm.mem, 11), MEM_RAM);
	assert_int_equal(payer[1].pages, 0);
	give_back(0, false, &a, 1);
}

static void a_frame_has_one_right(void **state)
{
	struct arena_page a = { .gfn = 10 }, b = { .gfn = 10 };

	/* A page that is shown to be written would stay so when only the other grant is
	 * left. */
	assert_int_equal(lend(0, false, &a, 1), 0);
	assert_int_equal(lend(0, true, &b, 1), -EBUSY);
	give_back(0, false, &a, 1);
	assert_int_equal(lend(0, true, &a, 1), 0);
	assert_int_equal(lend(0, false, &b, 1), -EBUSY);
	give_back(0, true, &a, 1);
}

static void what_is_not_the_vms_is_not_lent(void **state)
{
	struct arena_page p[2] = { { .gfn = 10 }, { .gfn = 0x200000 } };

	put(10, "ten");
	assert_int_equal(lend(0, false, p, 2), -EBUSY);
	assert_int_equal(mem_lent(&fake->vm.mem), 0);
	expect(10, "ten");
	assert_non_null(mem_pin(&fake->vm.mem, 11));
	p[1].gfn = 11;
	assert_int_equal(lend(0, false, p, 2), -EBUSY);
	assert_int_equal(mem_lent(&fake->vm.mem), 0);
	mem_unpin(&fake->vm.mem, 11);
}

static void who_cannot_pay_gets_nothing(void **state)
{
	struct arena_page p[40];

	payer[0].limit = 20;
	for (unsigned i = 0; i < 40; i++)
		p[i].gfn = 10 + i;
	assert_int_equal(lend(0, false, p, 40), -ENOSPC);
	assert_int_equal(mem_lent(&fake->vm.mem), 0);
	assert_int_equal(lend(0, false, p, 16), 0);
	give_back(0, false, p, 16);
}

static void many_pages_and_back_in_another_order(void **state)
{
	static struct arena_page p[700];
	char text[32];

	for (unsigned i = 0; i < 700; i++) {
		p[i].gfn = 10 + i;
		snprintf(text, sizeof(text), "page %u", i);
		put(10 + i, text);
	}
	assert_int_equal(lend(0, false, p, 700), 0);
	for (unsigned i = 0; i < 700; i++) {
		uint8_t *page = see(&p[i], PROT_READ | PROT_WRITE);

		snprintf(text, sizeof(text), "page %u", i);
		assert_string_equal((char *)page, text);
		page[0] = 'P';
		munmap(page, VM_PAGE);
	}
	for (unsigned i = 0; i < 700; i++)
		give_back(0, false, &p[i * 3 % 700], 1);
	for (unsigned i = 0; i < 700; i++) {
		snprintf(text, sizeof(text), "Page %u", i);
		expect(10 + i, text);
	}
	assert_int_equal(mem_budget_spent(), 0);
}

static void a_free_page_is_used_again_with_new_content(void **state)
{
	struct arena_page a[2] = { { .gfn = 10 }, { .gfn = 11 } }, b = { .gfn = 12 };
	uint32_t index;
	uint8_t *page;

	put(10, "ten");
	put(12, "twelve");
	assert_int_equal(lend(0, false, a, 2), 0);
	index = a[0].index;
	give_back(0, false, a, 1);
	assert_int_equal(lend(0, false, &b, 1), 0);
	assert_int_equal(b.index, index);
	page = see(&b, PROT_READ);
	assert_string_equal((char *)page, "twelve");
	munmap(page, VM_PAGE);
	expect(10, "ten");
	give_back(0, false, &b, 1);
	give_back(0, false, &a[1], 1);
}

/* The hostile holder of a descriptor. */

static int reopen(int fd, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, flags);
}

static void a_readonly_arena_cannot_be_written_by_any_way(void **state)
{
	struct arena_page p = { .gfn = 10 };
	int again;

	put(10, "guest");
	assert_int_equal(lend(0, true, &p, 1), 0);
	assert_ptr_equal(mmap(NULL, VM_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, p.fd, 0),
		MAP_FAILED);
	assert_int_equal(pwrite(p.fd, "x", 1, 0), -1);
	assert_int_equal(
		fallocate(p.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, VM_PAGE),
		-1);
	assert_int_equal(ftruncate(p.fd, 0), -1);
	/* Root may open it again; the seal is the file's. */
	again = reopen(p.fd, O_RDWR);
	if (again >= 0) {
		assert_ptr_equal(
			mmap(NULL, VM_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, again, 0),
			MAP_FAILED);
		close(again);
	}
	/* A read-only mapping stays one. */
	{
		uint8_t *page = see(&p, PROT_READ);

		assert_int_equal(mprotect(page, VM_PAGE, PROT_READ | PROT_WRITE), -1);
		munmap(page, VM_PAGE);
	}
	/* The guest itself goes on writing. */
	put(10, "still");
	expect(10, "still");
	give_back(0, true, &p, 1);
	expect(10, "still");
}

static void an_arena_cannot_be_resized(void **state)
{
	struct arena_page p = { .gfn = 10 };

	assert_int_equal(lend(0, false, &p, 1), 0);
	assert_int_equal(ftruncate(p.fd, 0), -1);
	assert_int_equal(ftruncate(p.fd, 1 << 24), -1);
	assert_int_equal(fallocate(p.fd, 0, 0, 1 << 24), -1);
	give_back(0, false, &p, 1);
}

static void a_hole_is_zeroes_and_nothing_else(void **state)
{
	struct arena_page p[2] = { { .gfn = 10 }, { .gfn = 11 } };

	put(10, "ten");
	put(11, "eleven");
	assert_int_equal(lend(0, false, p, 2), 0);
	assert_int_equal(fallocate(p[0].fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				 p[0].index * VM_PAGE, VM_PAGE),
		0);
	expect(10, "");
	expect(11, "eleven");
	put(10, "new");
	give_back(0, false, p, 2);
	expect(10, "new");
	expect(11, "eleven");
}

static void seals_that_a_holder_adds_harm_only_itself(void **state)
{
	struct arena_page p[2] = { { .gfn = 10 }, { .gfn = 11 } };

	put(11, "eleven");
	assert_int_equal(lend(0, false, p, 1), 0);
	/* We have it mapped writable, and so has the vm. */
	assert_int_equal(fcntl(p[0].fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	assert_int_equal(errno, EBUSY);
	assert_int_equal(
		fcntl(p[0].fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SEAL), 0);
	/* Pages of it still move in and out, and are written by both. */
	assert_int_equal(lend(0, false, &p[1], 1), 0);
	assert_int_equal(p[1].fd, p[0].fd);
	put(10, "written");
	expect(11, "eleven");
	give_back(0, false, p, 2);
	expect(10, "written");
	expect(11, "eleven");
}

static void the_end_of_its_users_can_be_proven(void **state)
{
	struct arena_page p = { .gfn = 10 };
	uint8_t *page;
	int fd;

	assert_int_equal(lend(0, false, &p, 1), 0);
	fd = dup(p.fd);
	page = see(&p, PROT_READ | PROT_WRITE);
	give_back(0, false, &p, 1);
	/* The mapper is not done yet. */
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	munmap(page, VM_PAGE);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
	close(fd);
}

static void a_destroyed_vm_is_not_touched(void **state)
{
	struct arena_page p[2] = { { .gfn = 10 }, { .gfn = 11 } }, late = { .gfn = 12 };
	uint8_t *page;

	put(10, "last words");
	assert_int_equal(lend(0, false, p, 2), 0);
	page = see(&p[0], PROT_READ | PROT_WRITE);
	fake->vm.zombie = true;
	mem_drop(&fake->vm.mem);
	assert_string_equal((char *)page, "last words");
	assert_int_equal(lend(0, false, &late, 1), -EBUSY);
	give_back(0, false, p, 2);
	strcpy((char *)page, "alone");
	munmap(page, VM_PAGE);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(both_see_what_either_writes),
		T(one_pause_per_batch),
		T(the_rest_of_a_chunk_is_empty),
		T(a_frame_may_be_lent_again_to_the_same_one),
		T(a_frame_twice_in_a_first_batch),
		T(a_second_connection_gets_nothing),
		T(a_frame_has_one_right),
		T(what_is_not_the_vms_is_not_lent),
		T(who_cannot_pay_gets_nothing),
		T(many_pages_and_back_in_another_order),
		T(a_free_page_is_used_again_with_new_content),
		T(a_readonly_arena_cannot_be_written_by_any_way),
		T(an_arena_cannot_be_resized),
		T(a_hole_is_zeroes_and_nothing_else),
		T(seals_that_a_holder_adds_harm_only_itself),
		T(the_end_of_its_users_can_be_proven),
		T(a_destroyed_vm_is_not_touched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
