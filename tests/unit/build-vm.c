// SPDX-License-Identifier: MIT
/* A whole build, and builds from files with random damage. */
#include "config.h"
#include "hypervisor/build/build.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <xen/xen.h>
#include <xen/arch-x86/hvm/start_info.h>

#include "hypervisor/vm/layout.h"
#include "tests/unit/build-rig.h"

#define RAM (20ull << 20)
#define DAMAGES 3000u

static struct build_memory mem;
static struct build_order order;
static struct place place;
static struct build_result result;

static int setup(void **state)
{
	order = (struct build_order){ BUILD_WIRE_VERSION, 1, 2, 0xe4, RAM };
	mem.low = calloc(1, RAM);
	mem.special = calloc(1, VM_SPECIAL_SIZE);
	return mem.low && mem.special ? 0 : -1;
}

static int teardown(void **state)
{
	free(mem.low);
	free(mem.special);
	return 0;
}

static int build(struct rig_bytes file, struct build_error *err)
{
	*err = (struct build_error){ "" };
	return build_kernel(&mem, &order, file.at, file.len, 5, &place, &result, err);
}

static void built(struct rig_bytes file)
{
	struct build_error err;

	if (build(file, &err) < 0)
		fail_msg("%s", err.text);
	build_finish(&mem, &order, &place, "quiet", 77, &result);
}

static void check_loaded(void)
{
	assert_int_equal(mem.low[RIG_TEXT], 0xcc);
	assert_int_equal(mem.low[RIG_DATA + 0x20], 0xdd);
	assert_int_equal(mem.low[RIG_DATA + 0x123], 0);
	assert_int_equal(mem.low[RIG_BSS], 0xbb);
	assert_int_equal(mem.low[RIG_BSS + 0x10], 0);
	assert_int_equal(mem.low[RIG_TEXT - 1], 0);
}

static void test_loaded(void **state)
{
	struct rig_bytes elf = rig_elf64();

	built(elf);
	check_loaded();
	assert_int_equal(result.version, BUILD_WIRE_VERSION);
	assert_int_equal(result.entry, RIG_ENTRY);
	assert_int_equal(result.start_info, 0x100a000);
	free(elf.at);
}

static void test_formats(void **state)
{
	struct rig_bytes elf = rig_elf64();

	for (unsigned f = 0; f < RIG_FORMATS; f++) {
		struct rig_bytes image = rig_bzimage(elf, f);

		memset(mem.low + RIG_TEXT, 0, RIG_END - RIG_TEXT);
		built(image);
		check_loaded();
		free(image.at);
	}
	free(elf.at);
}

static void test_elf32(void **state)
{
	struct rig_bytes elf = rig_elf32();

	built(elf);
	check_loaded();
	assert_int_equal(result.entry, RIG_ENTRY);
	free(elf.at);
}

/* Both functions in the text, not the bytes in the data. */
static void test_hypercalls(void **state)
{
	struct rig_bytes elf = rig_elf64();

	built(elf);
	assert_int_equal(result.rewritten, 2);
	assert_memory_equal(mem.low + RIG_TEXT + RIG_VMCALL, "\xe7\xe4\x90\xc3", 4);
	assert_memory_equal(mem.low + RIG_TEXT + RIG_VMMCALL, "\xf3\x0f\x1e\xfa\xe7\xe4\x90\xe9", 8);
	assert_memory_equal(mem.low + RIG_DATA, "\x0f\x01\xc1\xc3", 4);
	free(elf.at);
}

static void test_hypercalls_left_alone(void **state)
{
	struct rig_bytes elf = rig_elf64();

	order.hypercall_port = 0;
	built(elf);
	assert_int_equal(result.rewritten, 0);
	assert_memory_equal(mem.low + RIG_TEXT + RIG_VMCALL, "\x0f\x01\xc1\xc3", 4);
	free(elf.at);
}

/* A kernel that uses the hypercall page has none: no mistake. */
static void test_no_hypercalls(void **state)
{
	struct rig_bytes elf = rig_elf64();

	rig_phdr(elf, 0)->p_flags = PF_R;
	built(elf);
	assert_int_equal(result.rewritten, 0);
	free(elf.at);
}

static void test_tables_and_start_info(void **state)
{
	struct rig_bytes elf = rig_elf64();
	struct hvm_start_info info;

	built(elf);
	memcpy(&info, mem.low + result.start_info, sizeof(info));
	assert_int_equal(info.magic, XEN_HVM_START_MAGIC_VALUE);
	assert_string_equal(mem.low + info.cmdline_paddr, "quiet");
	assert_int_equal(info.rsdp_paddr, VM_ACPI_BASE);
	assert_memory_equal(mem.special + 0x10000, "RSD PTR ", 8);
	free(elf.at);
}

/* The ring pages are the backends': they begin empty. */
static void test_rings_empty(void **state)
{
	static const uint8_t zero[0x10000];
	struct rig_bytes elf = rig_elf64();

	built(elf);
	assert_memory_equal(mem.special, zero, sizeof(zero));
	free(elf.at);
}

static void test_does_not_fit(void **state)
{
	struct rig_bytes elf = rig_elf64();
	struct build_error err;

	rig_phdr(elf, 2)->p_memsz = RAM - RIG_BSS + 1;
	assert_int_equal(build(elf, &err), -EINVAL);
	assert_non_null(strstr(err.text, "does not fit into 20 MiB"));
	free(elf.at);
}

/* Headers are where most of it is decided: every second time there. */
static void damage_byte(struct rig_bytes file, uint64_t r)
{
	size_t room = r & 1 && file.len > 0x300 ? 0x300 : file.len;
	uint8_t *at = file.at + (r >> 32) % room;

	if (r & 2)
		*at = r >> 8;
	else if (r & 4)
		*at = 0xff;
	else
		*at ^= 1u << ((r >> 8) & 7);
}

/* Every build of a damaged file ends in a vm inside its memory, or in words. */
static void damage(struct rig_bytes whole, uint64_t *seed)
{
	struct rig_bytes file = { NULL, whole.len };
	struct build_error err;
	unsigned n = 1 + rig_random(seed) % 4;

	if (rig_random(seed) % 4 == 0)
		file.len = rig_random(seed) % whole.len;
	file.at = malloc(file.len ? file.len : 1);
	assert_non_null(file.at);
	memcpy(file.at, whole.at, file.len);
	for (unsigned i = 0; i < n && file.len; i++)
		damage_byte(file, rig_random(seed));
	if (build(file, &err) < 0) {
		assert_true(err.text[0]);
	} else {
		assert_true(place.start_info >= VM_PAGE && place.initrd <= place.low);
		build_finish(&mem, &order, &place, "quiet", place.low - place.initrd, &result);
	}
	free(file.at);
}

static void test_damage(void **state)
{
	struct rig_bytes elf[] = { rig_elf64(), rig_elf32() };
	uint64_t seed = 4711;

	for (unsigned i = 0; i < 2 * DAMAGES; i++)
		damage(elf[i % 2], &seed);
	for (unsigned f = 0; f < RIG_FORMATS; f++) {
		struct rig_bytes image = rig_bzimage(elf[0], f);

		for (unsigned i = 0; i < DAMAGES / 4; i++)
			damage(image, &seed);
		free(image.at);
	}
	free(elf[0].at);
	free(elf[1].at);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_loaded), T(test_formats), T(test_elf32), T(test_hypercalls),
		T(test_hypercalls_left_alone), T(test_no_hypercalls), T(test_tables_and_start_info),
		T(test_rings_empty), T(test_does_not_fit), T(test_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
