/* SPDX-License-Identifier: MIT */
/* Where everything goes in a vm's memory (hypervisor/vm/layout.h). */
#ifndef SLUICE_HYPERVISOR_BUILD_PLACE_H
#define SLUICE_HYPERVISOR_BUILD_PLACE_H

#include <stdint.h>

#include "hypervisor/build/build-wire.h"
#include "hypervisor/build/elf.h"
#include "hypervisor/build/error.h"

/** More than any guest takes; Linux keeps 2047 bytes. */
#define PLACE_CMDLINE_MAX 4095u
/** Guests read the start info through an early mapping: below 1 GiB. */
#define PLACE_START_MAX 0x40000000ull
/** RAM, ring pages, ACPI tables, high RAM. */
#define PLACE_MEMMAP_MAX 4u

/** struct place - guest physical addresses, page aligned but for those after start_info. */
struct place {
	uint64_t low;      /* bytes of RAM from address 0 */
	uint64_t high;     /* bytes of RAM from VM_HIGH_RAM */
	uint64_t start_info;
	uint64_t modlist;
	uint64_t memmap;
	uint64_t cmdline;
	uint64_t initrd;   /* from here to low; the last thing, so that its size may come last */
};

/** place_check_order() - can a vm be built as @order says? 0, or -EINVAL with @err set. */
int place_check_order(const struct build_order *order, struct build_error *err) must_check;

/**
 * place_plan() - the kernel lies where it wants; start info, module list, memory map, command
 * line and initrd follow it.
 * @order: has passed place_check_order()
 * @cmdline_len: without its final zero
 *
 * Return: 0, or -EINVAL with @err set: the kernel is outside RAM, or no room is left.
 */
int place_plan(const struct build_order *order, const struct elf_kernel *kernel,
	size_t cmdline_len, struct place *out, struct build_error *err) must_check;

#endif
