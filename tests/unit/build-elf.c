// SPDX-License-Identifier: MIT
#include "config.h"
#include "hypervisor/build/elf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/build-rig.h"

static struct rig_bytes elf;
static struct elf_kernel kernel;

static int setup(void **state)
{
	elf = rig_elf64();
	return 0;
}

static int teardown(void **state)
{
	free(elf.at);
	return 0;
}

static void accepted(void)
{
	struct build_error err = { "" };

	if (elf_parse(elf.at, elf.len, &kernel, &err) != 0)
		fail_msg("%s", err.text);
}

/* Refused, and the reason has @why in it. */
static void refused(const char *why)
{
	struct build_error err = { "" };

	assert_int_equal(elf_parse(elf.at, elf.len, &kernel, &err), -EINVAL);
	if (!strstr(err.text, why))
		fail_msg("\"%s\" lacks \"%s\"", err.text, why);
}

static void check_rig(void)
{
	accepted();
	assert_int_equal(kernel.entry, RIG_ENTRY);
	assert_int_equal(kernel.end, RIG_END);
	assert_int_equal(kernel.nr_segments, RIG_SEGMENTS);
	assert_int_equal(kernel.segments[0].paddr, RIG_TEXT);
	assert_true(kernel.segments[0].exec);
	assert_int_equal(kernel.segments[1].paddr, RIG_DATA);
	assert_false(kernel.segments[1].exec);
	assert_int_equal(kernel.segments[2].paddr, RIG_BSS);
	assert_int_equal(kernel.segments[2].filesz, 0x10);
	assert_int_equal(kernel.segments[2].memsz, RIG_END - RIG_BSS);
}

static void test_elf64(void **state)
{
	check_rig();
}

static void test_elf32(void **state)
{
	free(elf.at);
	elf = rig_elf32();
	check_rig();
}

static void test_any_order(void **state)
{
	Elf64_Phdr first = *rig_phdr(elf, 0);

	*rig_phdr(elf, 0) = *rig_phdr(elf, 2);
	*rig_phdr(elf, 2) = first;
	check_rig();
}

static void test_empty_segment(void **state)
{
	rig_phdr(elf, 1)->p_memsz = rig_phdr(elf, 1)->p_filesz = 0;
	rig_phdr(elf, 1)->p_paddr = RIG_TEXT;
	accepted();
	assert_int_equal(kernel.nr_segments, 2);
}

static void test_larger_headers(void **state)
{
	/* Fields that a later ELF may add. */
	uint8_t *at = elf.at + sizeof(Elf64_Ehdr);

	for (unsigned i = RIG_SEGMENTS + 1; i-- > 0;)
		memmove(at + i * 64, at + i * sizeof(Elf64_Phdr), sizeof(Elf64_Phdr));
	rig_ehdr(elf)->e_phentsize = 64;
	check_rig();
}

static void test_not_elf(void **state)
{
	elf.at[1] = 'X';
	refused("no ELF file");
}

static void test_big_endian(void **state)
{
	elf.at[EI_DATA] = ELFDATA2MSB;
	refused("not for x86");
}

static void test_class(void **state)
{
	elf.at[EI_CLASS] = 3;
	refused("class 3");
}

static void test_machine(void **state)
{
	rig_ehdr(elf)->e_machine = EM_AARCH64;
	refused("use a kernel for amd64");
}

static void test_object_file(void **state)
{
	rig_ehdr(elf)->e_type = ET_REL;
	refused("no kernel");
}

static void test_position_independent(void **state)
{
	rig_ehdr(elf)->e_type = ET_DYN;
	check_rig();
}

static void test_no_headers(void **state)
{
	rig_ehdr(elf)->e_phnum = 0;
	refused("no program headers");
}

static void test_small_headers(void **state)
{
	rig_ehdr(elf)->e_phentsize = sizeof(Elf64_Phdr) - 1;
	refused("no program headers");
}

static void test_many_headers(void **state)
{
	rig_ehdr(elf)->e_phnum = ELF_SEGMENTS_MAX + 1;
	refused("more than 64");
}

static void test_headers_outside(void **state)
{
	rig_ehdr(elf)->e_phoff = elf.len - sizeof(Elf64_Phdr);
	refused("truncated");
	rig_ehdr(elf)->e_phoff = UINT64_MAX - 8;
	refused("truncated");
}

static void test_nothing_to_load(void **state)
{
	for (unsigned i = 0; i < RIG_SEGMENTS; i++)
		rig_phdr(elf, i)->p_type = PT_NULL;
	refused("nothing to load");
}

static void test_segment_outside_file(void **state)
{
	rig_phdr(elf, 1)->p_offset = elf.len - 4;
	refused("truncated");
	rig_phdr(elf, 1)->p_offset = UINT64_MAX - 4;
	refused("truncated");
}

static void test_more_in_file_than_in_memory(void **state)
{
	rig_phdr(elf, 1)->p_memsz = rig_phdr(elf, 1)->p_filesz - 1;
	refused("more bytes in the file than in memory");
}

static void test_address_overflow(void **state)
{
	rig_phdr(elf, 1)->p_paddr = UINT64_MAX - 16;
	refused("above 64 bits");
}

static void test_overlap(void **state)
{
	rig_phdr(elf, 1)->p_paddr = RIG_BSS - rig_phdr(elf, 1)->p_memsz + 1;
	refused("overlap");
}

static void test_overlap_inside(void **state)
{
	rig_phdr(elf, 0)->p_memsz = RIG_END - RIG_TEXT;
	refused("overlap");
}

static void test_adjacent(void **state)
{
	rig_phdr(elf, 1)->p_paddr = RIG_BSS - rig_phdr(elf, 1)->p_memsz;
	accepted();
}

static void test_no_note(void **state)
{
	rig_phdr(elf, RIG_SEGMENTS)->p_type = PT_NULL;
	refused("CONFIG_PVH=y");
}

static void test_note_of_another_type(void **state)
{
	rig_note(elf)->n_type++;
	refused("CONFIG_PVH=y");
}

static void test_note_of_another_owner(void **state)
{
	((char *)(rig_note(elf) + 1))[0] = 'x';
	refused("CONFIG_PVH=y");
}

static void test_note_size(void **state)
{
	rig_note(elf)->n_descsz = 6;
	refused("6 bytes");
}

static void test_note_outside(void **state)
{
	rig_note(elf)->n_descsz = UINT32_MAX;
	refused("corrupt");
	rig_note(elf)->n_descsz = 8;
	rig_note(elf)->n_namesz = UINT32_MAX;
	refused("corrupt");
}

static void test_notes_outside_file(void **state)
{
	rig_phdr(elf, RIG_SEGMENTS)->p_offset = UINT64_MAX - 8;
	refused("notes end outside");
}

static void test_notes_cut(void **state)
{
	/* In the middle of the last note. */
	rig_phdr(elf, RIG_SEGMENTS)->p_filesz -= 4;
	refused("corrupt");
}

static void test_entry_above_4g(void **state)
{
	uint64_t entry = 0x100000000;

	memcpy((uint8_t *)(rig_note(elf) + 1) + 4, &entry, sizeof(entry));
	refused("above 4 GiB");
}

static void test_entry_outside(void **state)
{
	uint64_t entry = RIG_END;

	memcpy((uint8_t *)(rig_note(elf) + 1) + 4, &entry, sizeof(entry));
	refused("none of its segments");
	entry = RIG_END - 1;
	memcpy((uint8_t *)(rig_note(elf) + 1) + 4, &entry, sizeof(entry));
	accepted();
}

/* Every length: refused or the whole of what is loaded is there. */
static void test_truncated(void **state)
{
	for (size_t len = 0; len < elf.len; len++) {
		uint8_t *exact = malloc(len ? len : 1);
		struct build_error err = { "" };

		assert_non_null(exact);
		memcpy(exact, elf.at, len);
		if (elf_parse(exact, len, &kernel, &err) < 0)
			assert_true(err.text[0]);
		else
			for (unsigned i = 0; i < kernel.nr_segments; i++)
				assert_true(kernel.segments[i].offset + kernel.segments[i].filesz <= len);
		free(exact);
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_elf64), T(test_elf32), T(test_any_order), T(test_empty_segment),
		T(test_larger_headers), T(test_not_elf), T(test_big_endian), T(test_class),
		T(test_machine), T(test_object_file), T(test_position_independent), T(test_no_headers),
		T(test_small_headers), T(test_many_headers), T(test_headers_outside),
		T(test_nothing_to_load), T(test_segment_outside_file),
		T(test_more_in_file_than_in_memory), T(test_address_overflow), T(test_overlap),
		T(test_overlap_inside), T(test_adjacent), T(test_no_note), T(test_note_of_another_type),
		T(test_note_of_another_owner), T(test_note_size), T(test_note_outside),
		T(test_notes_outside_file), T(test_notes_cut), T(test_entry_above_4g),
		T(test_entry_outside), T(test_truncated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
