// SPDX-License-Identifier: MIT
/*
 * Host mappings. A frame that shows anything but its own page costs up to two of them,
 * and a process may have vm.max_map_count, 65530 unless somebody raised it. All vms share
 * what there is, so that none may use it up: the rings of a guest (its first frames) are
 * served from a part that nobody gets for more than that.
 */
#include "config.h"
#include "hypervisor/vm/memory.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "hypervisor/vm/memory-private.h"

#define DEFAULT_MAP_COUNT 65530u
#define MAX_MAP_COUNT (1u << 24)
/* For the program itself: threads, arenas, shares, and faults that the guard served. */
#define OWN_MAPPINGS 8192u
/* What every vm may have of the reserved part. */
#define FIRST_FRAMES 256u

static uint32_t budget = (DEFAULT_MAP_COUNT - OWN_MAPPINGS) / 2;
static uint32_t spent; /* atomic */

void mem_budget_init(void)
{
	CLEANUP_CLOSE int fd = open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC);
	char text[32];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	unsigned long max = DEFAULT_MAP_COUNT;

	if (n > 0) {
		text[n] = '\0';
		max = strtoul(text, NULL, 10);
	}
	if (max > MAX_MAP_COUNT)
		max = MAX_MAP_COUNT;
	if (max > 2 * OWN_MAPPINGS)
		mem_budget_set((max - OWN_MAPPINGS) / 2);
	else
		mem_budget_set(max / 4);
}

void mem_budget_set(uint32_t frames)
{
	__atomic_store_n(&budget, frames, __ATOMIC_RELAXED);
}

uint32_t mem_budget_spent(void)
{
	return __atomic_load_n(&spent, __ATOMIC_RELAXED);
}

/* How far the sum may go for a vm that has @have frames exchanged already. */
static uint32_t share_of(uint32_t have)
{
	uint32_t all = __atomic_load_n(&budget, __ATOMIC_RELAXED);

	if (have < FIRST_FRAMES)
		return all;
	return have < all / 4 ? all - all / 8 : 0;
}

bool mem_charge(struct vm_memory *m, bool force)
{
	uint32_t sum = __atomic_add_fetch(&spent, 1, __ATOMIC_RELAXED);

	if (!force && sum > share_of(m->exchanged)) {
		__atomic_sub_fetch(&spent, 1, __ATOMIC_RELAXED);
		return false;
	}
	m->exchanged++;
	return true;
}

void mem_uncharge(struct vm_memory *m, uint32_t n)
{
	m->exchanged -= n;
	__atomic_sub_fetch(&spent, n, __ATOMIC_RELAXED);
}
