/* SPDX-License-Identifier: MIT */
/* What a PVH kernel finds in %ebx: docs/misc/pvh.pandoc of Xen, start_info.h. */
#ifndef SLUICE_HYPERVISOR_BUILD_START_INFO_H
#define SLUICE_HYPERVISOR_BUILD_START_INFO_H

#include <stdint.h>

#include <xen/xen.h>
#include <xen/arch-x86/hvm/start_info.h>

#include "hypervisor/build/place.h"

/** start_info_memmap() - the memory map of a vm, as E820 has it. Return: its entries. */
unsigned start_info_memmap(const struct place *place,
	struct hvm_memmap_table_entry map[PLACE_MEMMAP_MAX]);

/**
 * start_info_write() - write start info, module list, memory map and command line.
 * @low: the guest's memory from address 0, of place->low bytes
 * @initrd_bytes: what was put at place->initrd; 0: there is none
 * @rsdp: guest physical address of the ACPI tables' root
 */
void start_info_write(uint8_t *low, const struct place *place, const char *cmdline,
	uint64_t initrd_bytes, uint64_t rsdp);

#endif
