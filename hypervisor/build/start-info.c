// SPDX-License-Identifier: MIT
#include "config.h"
#include "hypervisor/build/start-info.h"

#include <string.h>

#include "hypervisor/vm/layout.h"

unsigned start_info_memmap(const struct place *place,
	struct hvm_memmap_table_entry map[PLACE_MEMMAP_MAX])
{
	unsigned n = 0;

	map[n++] = (struct hvm_memmap_table_entry){ 0, place->low, XEN_HVM_MEMMAP_TYPE_RAM, 0 };
	map[n++] = (struct hvm_memmap_table_entry){ VM_SPECIAL_BASE, VM_ACPI_BASE - VM_SPECIAL_BASE,
		XEN_HVM_MEMMAP_TYPE_RESERVED, 0 };
	map[n++] = (struct hvm_memmap_table_entry){ VM_ACPI_BASE, VM_ACPI_SIZE,
		XEN_HVM_MEMMAP_TYPE_ACPI, 0 };
	if (place->high)
		map[n++] = (struct hvm_memmap_table_entry){ VM_HIGH_RAM, place->high,
			XEN_HVM_MEMMAP_TYPE_RAM, 0 };
	return n;
}

void start_info_write(uint8_t *low, const struct place *place, const char *cmdline,
	uint64_t initrd_bytes, uint64_t rsdp)
{
	struct hvm_memmap_table_entry map[PLACE_MEMMAP_MAX];
	unsigned entries = start_info_memmap(place, map);
	struct hvm_modlist_entry module = { .paddr = place->initrd, .size = initrd_bytes };
	struct hvm_start_info info = {
		.magic = XEN_HVM_START_MAGIC_VALUE,
		.version = 1,
		.nr_modules = initrd_bytes ? 1 : 0,
		.modlist_paddr = initrd_bytes ? place->modlist : 0,
		.cmdline_paddr = place->cmdline,
		.rsdp_paddr = rsdp,
		.memmap_paddr = place->memmap,
		.memmap_entries = entries,
	};

	memcpy(low + place->start_info, &info, sizeof(info));
	if (initrd_bytes)
		memcpy(low + place->modlist, &module, sizeof(module));
	memcpy(low + place->memmap, map, entries * sizeof(map[0]));
	memcpy(low + place->cmdline, cmdline, strlen(cmdline) + 1);
}
