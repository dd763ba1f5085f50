// SPDX-License-Identifier: MIT
#include "config.h"
#include "hypervisor/build/elf.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <xen/elfnote.h>

/* What both classes have, in the larger type. */
struct elf_header {
	bool bits64;
	uint16_t type, machine, phentsize, phnum;
	uint64_t phoff;
};

bool elf_is(const uint8_t *file, size_t len)
{
	return len >= SELFMAG && memcmp(file, ELFMAG, SELFMAG) == 0;
}

/* Is [@offset, @offset + @size) inside a file of @len bytes? */
static bool elf_inside(uint64_t offset, uint64_t size, size_t len)
{
	return offset <= len && size <= len - offset;
}

static void elf_header64(const uint8_t *file, struct elf_header *h)
{
	Elf64_Ehdr e;

	memcpy(&e, file, sizeof(e));
	*h = (struct elf_header){ true, e.e_type, e.e_machine, e.e_phentsize, e.e_phnum, e.e_phoff };
}

static void elf_header32(const uint8_t *file, struct elf_header *h)
{
	Elf32_Ehdr e;

	memcpy(&e, file, sizeof(e));
	*h = (struct elf_header){ false, e.e_type, e.e_machine, e.e_phentsize, e.e_phnum, e.e_phoff };
}

/* A program header of either class, as the 64-bit one. */
static void elf_program_header(const uint8_t *file, const struct elf_header *h, unsigned i,
	Elf64_Phdr *out)
{
	const uint8_t *at = file + h->phoff + (size_t)i * h->phentsize;
	Elf32_Phdr p;

	if (h->bits64) {
		memcpy(out, at, sizeof(*out));
		return;
	}
	memcpy(&p, at, sizeof(p));
	*out = (Elf64_Phdr){
		.p_type = p.p_type, .p_flags = p.p_flags, .p_offset = p.p_offset,
		.p_vaddr = p.p_vaddr, .p_paddr = p.p_paddr, .p_filesz = p.p_filesz,
		.p_memsz = p.p_memsz, .p_align = p.p_align,
	};
}

static int elf_check_ident(const uint8_t *file, size_t len, struct build_error *err)
{
	if (!elf_is(file, len))
		return build_fail(err, "it is no ELF file");
	if (len < sizeof(Elf64_Ehdr))
		return build_fail(err, "the ELF file is truncated: it ends inside its header");
	if (file[EI_DATA] != ELFDATA2LSB || file[EI_VERSION] != EV_CURRENT)
		return build_fail(err, "the ELF file is not for x86 (byte order or version)");
	if (file[EI_CLASS] != ELFCLASS64 && file[EI_CLASS] != ELFCLASS32)
		return build_fail(err, "the ELF file's class %u is unknown", file[EI_CLASS]);
	return 0;
}

static int elf_check_header(const struct elf_header *h, size_t len, struct build_error *err)
{
	size_t entry = h->bits64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);

	if (h->machine != EM_X86_64 && h->machine != EM_386)
		return build_fail(err, "the ELF file is for machine type %u, not x86; "
			"use a kernel for amd64", h->machine);
	if (h->type != ET_EXEC && h->type != ET_DYN)
		return build_fail(err, "the ELF file is no kernel (type %u is not executable)", h->type);
	if (h->phnum == 0 || h->phentsize < entry)
		return build_fail(err, "the ELF file is no kernel: it has no program headers");
	if (h->phnum > ELF_SEGMENTS_MAX)
		return build_fail(err, "the ELF file has %u program headers, more than %u",
			h->phnum, ELF_SEGMENTS_MAX);
	if (!elf_inside(h->phoff, (uint64_t)h->phnum * h->phentsize, len))
		return build_fail(err, "the ELF file is truncated: its program headers end outside it");
	return 0;
}

static int elf_add_segment(const Elf64_Phdr *p, size_t len, struct elf_kernel *out,
	struct build_error *err)
{
	unsigned i = out->nr_segments;

	if (p->p_memsz == 0 && p->p_filesz == 0)
		return 0;
	if (p->p_filesz > p->p_memsz)
		return build_fail(err, "the ELF file is corrupt: a segment has more bytes in the "
			"file than in memory");
	if (!elf_inside(p->p_offset, p->p_filesz, len))
		return build_fail(err, "the ELF file is truncated: the segment for 0x%" PRIx64
			" ends outside it", (uint64_t)p->p_paddr);
	if (p->p_paddr > UINT64_MAX - p->p_memsz)
		return build_fail(err, "the ELF file is corrupt: a segment ends above 64 bits");
	/* Ascending, so that overlaps are those of neighbours. */
	for (; i > 0 && out->segments[i - 1].paddr > p->p_paddr; i--)
		out->segments[i] = out->segments[i - 1];
	out->segments[i] = (struct elf_segment){ p->p_offset, p->p_filesz, p->p_paddr, p->p_memsz,
		p->p_flags & PF_X };
	out->nr_segments++;
	return 0;
}

/* Notes are made of words; a size is rounded up without leaving 64 bits, for it has 32. */
static uint64_t elf_note_round(uint32_t size)
{
	return ((uint64_t)size + 3) & ~3ull;
}

static int elf_note_entry(const uint8_t *desc, uint32_t size, uint32_t *entry,
	struct build_error *err)
{
	uint64_t value = 0;

	if (size != 4 && size != 8)
		return build_fail(err, "the kernel's PVH note has %u bytes, not 4 or 8", size);
	memcpy(&value, desc, size);
	if (value > UINT32_MAX)
		return build_fail(err, "the kernel's PVH entry 0x%" PRIx64 " is above 4 GiB", value);
	*entry = value;
	return 0;
}

/* Looks for the entry in the notes at @at; 1: found, 0: not there, or -EINVAL. */
static int elf_find_entry(const uint8_t *at, uint64_t len, uint32_t *entry,
	struct build_error *err)
{
	static const char owner[4] = "Xen";
	Elf64_Nhdr n;

	while (len >= sizeof(n)) {
		uint64_t name, desc;

		memcpy(&n, at, sizeof(n));
		name = elf_note_round(n.n_namesz);
		desc = elf_note_round(n.n_descsz);
		at += sizeof(n);
		len -= sizeof(n);
		/* The last one may lack its padding. */
		if (name > len || n.n_descsz > len - name)
			return build_fail(err, "the ELF file is corrupt: a note ends outside its segment");
		if (n.n_type == XEN_ELFNOTE_PHYS32_ENTRY && n.n_namesz == sizeof(owner) &&
			memcmp(at, owner, sizeof(owner)) == 0)
			return elf_note_entry(at + name, n.n_descsz, entry, err) < 0 ? -EINVAL : 1;
		if (desc > len - name)
			return 0;
		at += name + desc;
		len -= name + desc;
	}
	return 0;
}

static int elf_check_segments(const struct elf_kernel *k, struct build_error *err)
{
	for (unsigned i = 1; i < k->nr_segments; i++) {
		const struct elf_segment *a = &k->segments[i - 1], *b = &k->segments[i];

		if (a->paddr + a->memsz > b->paddr)
			return build_fail(err, "the ELF file is corrupt: its segments for 0x%" PRIx64
				" and 0x%" PRIx64 " overlap", a->paddr, b->paddr);
	}
	for (unsigned i = 0; i < k->nr_segments; i++)
		if (k->entry >= k->segments[i].paddr && k->entry - k->segments[i].paddr < k->segments[i].memsz)
			return 0;
	return build_fail(err, "the kernel's PVH entry 0x%x is in none of its segments", k->entry);
}

static int elf_walk(const uint8_t *file, size_t len, const struct elf_header *h,
	struct elf_kernel *out, struct build_error *err)
{
	int found = 0, rc = 0;

	for (unsigned i = 0; i < h->phnum && rc == 0; i++) {
		Elf64_Phdr p;

		elf_program_header(file, h, i, &p);
		if (p.p_type == PT_LOAD) {
			rc = elf_add_segment(&p, len, out, err);
		} else if (p.p_type == PT_NOTE && !found) {
			if (!elf_inside(p.p_offset, p.p_filesz, len))
				return build_fail(err, "the ELF file is truncated: its notes end outside it");
			found = elf_find_entry(file + p.p_offset, p.p_filesz, &out->entry, err);
			rc = found < 0 ? found : 0;
		}
	}
	if (rc < 0)
		return rc;
	if (out->nr_segments == 0)
		return build_fail(err, "the ELF file is no kernel: it has nothing to load");
	if (!found)
		return build_fail(err, "the kernel has no PVH entry; use one built with CONFIG_PVH=y");
	return 0;
}

int elf_parse(const uint8_t *file, size_t len, struct elf_kernel *out, struct build_error *err)
{
	struct elf_header h;
	int rc = elf_check_ident(file, len, err);

	memset(out, 0, sizeof(*out));
	if (rc < 0)
		return rc;
	if (file[EI_CLASS] == ELFCLASS64)
		elf_header64(file, &h);
	else
		elf_header32(file, &h);
	rc = elf_check_header(&h, len, err);
	if (rc == 0)
		rc = elf_walk(file, len, &h, out, err);
	if (rc == 0)
		rc = elf_check_segments(out, err);
	if (rc == 0)
		out->end = out->segments[out->nr_segments - 1].paddr +
			out->segments[out->nr_segments - 1].memsz;
	return rc;
}
