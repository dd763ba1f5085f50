/* SPDX-License-Identifier: MIT */
/* Kernels made on the spot, for tests of the domain builder. */
#ifndef SLUICE_TESTS_UNIT_BUILD_RIG_H
#define SLUICE_TESTS_UNIT_BUILD_RIG_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>

#define RIG_SEGMENTS 3u
#define RIG_ENTRY 0x1000040u
#define RIG_TEXT 0x1000000u
#define RIG_DATA 0x1004000u
#define RIG_BSS 0x1008000u
#define RIG_END 0x1009800u
/* Offsets in the text of a call that is a Xen hypercall. */
#define RIG_VMCALL 0x100u
#define RIG_VMMCALL 0x110u

/** struct rig_bytes - a file; free(at). */
struct rig_bytes {
	uint8_t *at;
	size_t len;
};

/**
 * rig_elf64() - a kernel: text with two hypercall functions, data, and data with a bss, then
 * a PT_NOTE. Its headers can be changed where rig_phdr() points to.
 */
struct rig_bytes rig_elf64(void);
/** rig_elf32() - the same of 32 bits, as GRUB's is. */
struct rig_bytes rig_elf32(void);
Elf64_Ehdr *rig_ehdr(struct rig_bytes elf);
/** rig_phdr() - segment @i, by address; RIG_SEGMENTS is the notes'. */
Elf64_Phdr *rig_phdr(struct rig_bytes elf, unsigned i);
/** rig_note() - the PVH note, after another owner's and another type. */
Elf64_Nhdr *rig_note(struct rig_bytes elf);

/** enum rig_format - how a bzImage's payload is packed. */
enum rig_format { RIG_GZIP, RIG_XZ, RIG_LZ4, RIG_ZSTD, RIG_PLAIN, RIG_FORMATS };
extern const char *const rig_format_names[RIG_FORMATS];

/** rig_bzimage() - @elf in a bzImage. */
struct rig_bytes rig_bzimage(struct rig_bytes elf, enum rig_format format);
/** rig_bzimage_of() - a bzImage with @payload as it is. */
struct rig_bytes rig_bzimage_of(const void *payload, size_t len);

/** rig_random() - splitmix64. */
uint64_t rig_random(uint64_t *seed);

#endif
