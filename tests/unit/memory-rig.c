// SPDX-License-Identifier: MIT
#include "config.h"
#include "memory-rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static int slot_add(void *opaque, uint64_t gpa, uint64_t size, void *hva)
{
	struct memory_rig *r = opaque;

	if (r->slot_error)
		return r->slot_error;
	assert_true(r->nr_slots < RIG_SLOTS);
	for (unsigned i = 0; i < r->nr_slots; i++)
		assert_false(gpa < r->slots[i].gpa + r->slots[i].size &&
			     r->slots[i].gpa < gpa + size);
	r->slots[r->nr_slots].gpa = gpa;
	r->slots[r->nr_slots].size = size;
	r->slots[r->nr_slots++].hva = hva;
	return 0;
}

const struct mem_ops rig_ops = { .slot_add = slot_add };

void rig_init(struct memory_rig *r, uint64_t ram)
{
	memset(r, 0, sizeof(*r));
	assert_int_equal(mem_init(&r->m, ram, RIG_OWN, &rig_ops, r), 0);
	r->fd = memfd_create("foreign", MFD_CLOEXEC);
	assert_true(r->fd >= 0);
	assert_int_equal(ftruncate(r->fd, RIG_PAGES * VM_PAGE), 0);
	r->page = mmap(
		NULL, RIG_PAGES * VM_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
	assert_ptr_not_equal(r->page, MAP_FAILED);
}

void rig_fini(struct memory_rig *r)
{
	mem_fini(&r->m);
	munmap(r->page, RIG_PAGES * VM_PAGE);
	close(r->fd);
	assert_int_equal(mem_budget_spent(), 0);
}

uint8_t *rig_guest(struct memory_rig *r, uint64_t gpa)
{
	for (unsigned i = 0; i < r->nr_slots; i++)
		if (gpa >= r->slots[i].gpa && gpa - r->slots[i].gpa < r->slots[i].size)
			return r->slots[i].hva + (gpa - r->slots[i].gpa);
	fail_msg("no slot has 0x%llx", (unsigned long long)gpa);
	return NULL;
}

unsigned rig_maps(struct memory_rig *r)
{
	uintptr_t base = (uintptr_t)r->m.base, from, to;
	FILE *f = fopen("/proc/self/maps", "r");
	char line[512];
	unsigned n = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx-%lx", &from, &to) == 2 && from >= base &&
			from < base + r->m.size)
			n++;
	fclose(f);
	return n;
}
