// SPDX-License-Identifier: MIT
/*
 * A hostile kernel file for the domain builder. The first byte of the input picks a sound file,
 * ELF or bzImage, to be damaged by the rest of it (two bytes of offset, one of value), or makes
 * the rest a file as it is. What comes out must lie in the guest's memory.
 */
#include "config.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hypervisor/build/build.h"
#include "hypervisor/vm/layout.h"
#include "tests/unit/build-rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RAM (20ull << 20)
#define SOUND (2 + RIG_FORMATS)

static struct rig_bytes sound[SOUND];
static struct build_memory mem;

static void check(int property)
{
	if (!property)
		abort();
}

static void prepare(void)
{
	if (mem.low)
		return;
	mem.low = calloc(1, RAM);
	mem.special = calloc(1, VM_SPECIAL_SIZE);
	check(mem.low && mem.special);
	sound[0] = rig_elf64();
	sound[1] = rig_elf32();
	for (unsigned f = 0; f < RIG_FORMATS; f++)
		sound[2 + f] = rig_bzimage(sound[0], f);
}

/* The file to try, of exactly its size; free() it. */
static struct rig_bytes make_file(const uint8_t *data, size_t size)
{
	const struct rig_bytes *from = &sound[data[0] % SOUND];
	struct rig_bytes file = { NULL, data[0] >= 0xf0 ? size - 1 : from->len };

	file.at = malloc(file.len ? file.len : 1);
	check(file.at != NULL);
	if (data[0] >= 0xf0) {
		memcpy(file.at, data + 1, file.len);
		return file;
	}
	memcpy(file.at, from->at, file.len);
	for (size_t i = 1; i + 2 < size && i < 3 * 16; i += 3)
		file.at[(data[i] | data[i + 1] << 8) % file.len] = data[i + 2];
	return file;
}

static void check_built(const struct place *place, const struct build_result *result)
{
	check(place->low == RAM && place->high == 0);
	check(result->entry < place->low);
	check(place->start_info < place->modlist && place->modlist < place->memmap);
	check(place->memmap < place->cmdline && place->cmdline < place->initrd);
	check(place->initrd <= place->low && place->start_info < PLACE_START_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct build_order order = { BUILD_WIRE_VERSION, 1, 2, VM_HYPERCALL_PORT, RAM };
	struct build_error err = { "" };
	struct build_result result;
	struct rig_bytes file;
	struct place place;

	prepare();
	if (size == 0)
		return 0;
	file = make_file(data, size);
	if (build_kernel(&mem, &order, file.at, file.len, 5, &place, &result, &err) < 0) {
		check(err.text[0] != '\0');
	} else {
		check_built(&place, &result);
		build_finish(&mem, &order, &place, "quiet", place.low - place.initrd, &result);
		check(result.start_info == place.start_info);
	}
	free(file.at);
	return 0;
}
