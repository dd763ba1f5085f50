/* SPDX-License-Identifier: MIT */
/* The parts of an ELF kernel that a PVH boot needs. The file is hostile. */
#ifndef SLUICE_HYPERVISOR_BUILD_ELF_H
#define SLUICE_HYPERVISOR_BUILD_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hypervisor/build/error.h"

/** More than any kernel has; a bound for what a file can cost. */
#define ELF_SEGMENTS_MAX 64u

/** struct elf_segment - one PT_LOAD that is not empty; inside the file, inside 64 bits. */
struct elf_segment {
	uint64_t offset; /* in the file */
	uint64_t filesz; /* at most memsz; the rest is zeroes */
	uint64_t paddr;
	uint64_t memsz;
	bool exec;
};

/** struct elf_kernel - segments by ascending address, none overlapping another. */
struct elf_kernel {
	uint32_t entry; /* from the PVH note; inside a segment */
	uint64_t end;   /* the first address after the last segment */
	unsigned nr_segments;
	struct elf_segment segments[ELF_SEGMENTS_MAX];
};

/** elf_is() - does it begin like an ELF file? */
bool elf_is(const uint8_t *file, size_t len);

/**
 * elf_parse() - find segments and entry (XEN_ELFNOTE_PHYS32_ENTRY of elfnote.h) of @file.
 * ELF64 and ELF32, little endian, for x86. Return: 0, or -EINVAL with @err set.
 */
int elf_parse(const uint8_t *file, size_t len, struct elf_kernel *out,
	struct build_error *err) must_check;

#endif
