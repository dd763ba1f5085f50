/* SPDX-License-Identifier: MIT */
/*
 * Grants between domains of both kinds: two vms without a machine, and a domain whose
 * pages are in a memfd, as a process domain's are.
 */
#ifndef SLUICE_TESTS_UNIT_GRANT_VM_RIG_H
#define SLUICE_TESTS_UNIT_GRANT_VM_RIG_H

#include <stdint.h>

#include <xen/xen.h>
#include <xen/grant_table.h>

#include "hypervisor/domain.h"
#include "vm-fake.h"

#define PAGES 8u
#define ARRAY_GPA 0x300000ull /* where arrays of operations are put */

struct pages_domain {
	struct domain d; /* first: container_of */
	grant_entry_v1_t entries[64];
	int fd;
	uint8_t *page;
	unsigned located;
};

struct grant_vm_rig {
	struct domain_set set;
	struct vm_fake *a, *b; /* domids 1 and 2 */
	struct pages_domain *p; /* 3 */
};
extern struct grant_vm_rig rig;

int rig_setup(void **state);
/** rig_teardown() - asserts that no pin, place or budget is left. */
int rig_teardown(void **state);

/** grant() - the entry of a grantor: flags, to whom, which frame. */
void grant(struct domain *d, uint32_t ref, uint16_t flags, uint16_t domid, uint32_t frame);
uint16_t entry_flags(struct domain *d, uint32_t ref);

/** map() - one GNTTABOP_map_grant_ref by vm @f at @gpa; its status, and the handle. */
int map(struct vm_fake *f, uint16_t dom, uint32_t ref, uint32_t flags, uint64_t gpa,
	uint32_t *handle);
int unmap(struct vm_fake *f, uint32_t handle, uint64_t gpa);

/** put(), expect() - text in guest memory. */
void put(struct vm_fake *f, uint64_t gpa, const char *text);
void expect(struct vm_fake *f, uint64_t gpa, const char *text);

#endif
