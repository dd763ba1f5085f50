/* SPDX-License-Identifier: MIT */
/* A vm's first memory, from the bytes of a kernel and an initrd. Opens and reads nothing. */
#ifndef SLUICE_HYPERVISOR_BUILD_BUILD_H
#define SLUICE_HYPERVISOR_BUILD_BUILD_H

#include <stddef.h>
#include <stdint.h>

#include "hypervisor/build/build-wire.h"
#include "hypervisor/build/elf.h"
#include "hypervisor/build/error.h"
#include "hypervisor/build/place.h"

/** The largest kernel file, and the largest ELF file unpacked from one. */
#define BUILD_FILE_MAX ((size_t)1 << 30)

/** struct build_memory - the guest's, all zeroes before the build. */
struct build_memory {
	uint8_t *low;     /* from address 0; as long as the order's RAM, at most VM_LOW_RAM_MAX */
	uint8_t *special; /* VM_SPECIAL_SIZE bytes from VM_SPECIAL_BASE */
};

/** struct build_elf - an ELF file, and the memory it was unpacked to, if it was. */
struct build_elf {
	const uint8_t *file;
	size_t len;
	void *unpacked; /* munmap(unpacked, len); NULL: it is the caller's file itself */
};

/**
 * build_unpack() - the ELF file in a kernel file: itself, or what a bzImage holds.
 * Return: 0, or -EINVAL with @err set. Give @out to build_unpack_end() in the first case.
 */
int build_unpack(const uint8_t *file, size_t len, struct build_elf *out,
	struct build_error *err) must_check;
void build_unpack_end(struct build_elf *elf);

/**
 * build_kernel() - parse the kernel, find a place for everything, load it, rewrite its hypercalls.
 * @order: has passed place_check_order()
 *
 * Return: 0 with @place and @result (all but start_info) filled in, or -EINVAL with @err set;
 * then @mem is spoilt.
 */
int build_kernel(const struct build_memory *mem, const struct build_order *order,
	const uint8_t *file, size_t len, size_t cmdline_len, struct place *place,
	struct build_result *result, struct build_error *err) must_check;

/** build_finish() - write start info and ACPI tables; @initrd_bytes are at place->initrd. */
void build_finish(const struct build_memory *mem, const struct build_order *order,
	const struct place *place, const char *cmdline, uint64_t initrd_bytes,
	struct build_result *result);

#endif
