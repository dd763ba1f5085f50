// SPDX-License-Identifier: MIT
/* bzImages of each compression, sound and broken, through the same call as in production. */
#include "config.h"
#include "hypervisor/build/build.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hypervisor/build/decompress.h"
#include "tests/unit/build-rig.h"

static struct rig_bytes elf;

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

/* The file must have come out of @image as it was; frees @image. */
static void unpacks(struct rig_bytes image, struct rig_bytes file)
{
	struct build_error err = { "" };
	struct build_elf out;

	if (build_unpack(image.at, image.len, &out, &err) < 0)
		fail_msg("%s", err.text);
	assert_true(out.len >= file.len);
	assert_memory_equal(out.file, file.at, file.len);
	build_unpack_end(&out);
	free(image.at);
}

/* Refused for a reason with @why in it; frees @image. */
static void refused(struct rig_bytes image, const char *why)
{
	struct build_error err = { "" };
	struct build_elf out;

	assert_int_equal(build_unpack(image.at, image.len, &out, &err), -EINVAL);
	if (!strstr(err.text, why))
		fail_msg("\"%s\" lacks \"%s\"", err.text, why);
	free(image.at);
}

static void refused_bytes(const void *payload, size_t len, const char *why)
{
	refused(rig_bzimage_of(payload, len), why);
}

static void test_gzip(void **state)
{
	unpacks(rig_bzimage(elf, RIG_GZIP), elf);
}

static void test_xz(void **state)
{
	unpacks(rig_bzimage(elf, RIG_XZ), elf);
}

static void test_lz4(void **state)
{
	unpacks(rig_bzimage(elf, RIG_LZ4), elf);
}

static void test_zstd(void **state)
{
	unpacks(rig_bzimage(elf, RIG_ZSTD), elf);
}

static void test_plain(void **state)
{
	unpacks(rig_bzimage(elf, RIG_PLAIN), elf);
}

/* More than one block of lz4. */
static void test_large(void **state)
{
	struct rig_bytes large = { malloc(20u << 20), 20u << 20 };
	uint64_t seed = 1;

	assert_non_null(large.at);
	for (size_t i = 0; i < large.len; i += 8) {
		uint64_t r = rig_random(&seed) & 0x0f0f00000000ff;

		memcpy(large.at + i, &r, sizeof(r));
	}
	memcpy(large.at, elf.at, elf.len);
	unpacks(rig_bzimage(large, RIG_LZ4), large);
	unpacks(rig_bzimage(large, RIG_ZSTD), large);
	free(large.at);
}

/* 0 sectors of setup mean 4. */
static void test_default_setup_sectors(void **state)
{
	struct rig_bytes image = rig_bzimage(elf, RIG_GZIP);

	image.at = realloc(image.at, image.len + 512);
	assert_non_null(image.at);
	memmove(image.at + 5 * 512, image.at + 4 * 512, image.len - 4 * 512);
	image.len += 512;
	image.at[0x1f1] = 0;
	unpacks(image, elf);
}

static void test_setup_header_cut(void **state)
{
	struct rig_bytes image = rig_bzimage(elf, RIG_GZIP);

	image.len = 0x24f;
	refused(image, "ends inside its setup header");
}

static void test_old_protocol(void **state)
{
	struct rig_bytes image = rig_bzimage(elf, RIG_GZIP);

	image.at[0x206] = 7;
	refused(image, "boot protocol 2.07");
}

static void test_no_payload(void **state)
{
	struct rig_bytes image = rig_bzimage(elf, RIG_GZIP);

	memset(image.at + 0x24c, 0, 4);
	refused(image, "does not say where its kernel is");
}

static void test_payload_outside(void **state)
{
	struct rig_bytes image = rig_bzimage(elf, RIG_GZIP);

	memset(image.at + 0x248, 0xff, 4);
	refused(image, "truncated");
	image = rig_bzimage(elf, RIG_GZIP);
	memset(image.at + 0x24c, 0xff, 4);
	refused(image, "truncated");
}

static void test_unsupported(void **state)
{
	refused_bytes("BZh91AY&SY......", 16, "compressed with bzip2, which is not supported");
	refused_bytes("\x5d\0\0\x80\0........", 13, "compressed with lzma, which is not supported");
	refused_bytes("\x89LZO\0\r\n\x1a\n.......", 16, "compressed with lzo, which is not supported");
	refused_bytes("what is this?...", 16, "unknown way; gzip, xz, lz4 and zstd");
}

static void test_payload_too_short(void **state)
{
	refused_bytes("\x1f\x8b\x08\0\0", 5, "truncated or corrupt");
	refused_bytes("\x02\x21\x4c\x18\0\0\0", 7, "truncated or corrupt");
	refused_bytes("\x1f", 1, "unknown way");
}

/* The size that the payload states is believed neither up nor down. */
static void test_stated_size(void **state)
{
	for (unsigned f = 0; f < RIG_PLAIN; f++) {
		static const int32_t delta[] = { -1, 1, -1000, 1000 };

		for (unsigned i = 0; i < 4; i++) {
			struct rig_bytes image = rig_bzimage(elf, f);
			uint32_t size = elf.len + delta[i];

			/* Before the 100 bytes that follow. */
			memcpy(image.at + image.len - 104, &size, 4);
			refused(image, "cannot unpack");
		}
	}
}

static void test_stated_size_too_large(void **state)
{
	struct rig_bytes image = rig_bzimage(elf, RIG_ZSTD);
	uint32_t size = BUILD_FILE_MAX + 1;

	memcpy(image.at + image.len - 104, &size, 4);
	refused(image, "at most 1024 MiB");
	image = rig_bzimage(elf, RIG_LZ4);
	memset(image.at + image.len - 104, 0, 4);
	refused(image, "unpacks to 0 bytes");
}

/* Nothing is written behind the room that was given. */
static void test_room_is_kept(void **state)
{
	for (unsigned f = 0; f < RIG_PLAIN; f++) {
		struct rig_bytes image = rig_bzimage(elf, f);
		const uint8_t *payload = image.at + 4 * 512 + 0x77;
		size_t len = image.len - 100 - (4 * 512 + 0x77), room = elf.len / 2;
		uint8_t *to = malloc(room); /* a sanitizer sees more */
		struct build_error err = { "" };

		assert_non_null(to);
		assert_int_equal(decompress(payload, len, to, room, &err), -EINVAL);
		free(to);
		free(image.at);
	}
}

static void test_truncated(void **state)
{
	for (unsigned f = 0; f < RIG_PLAIN; f++) {
		struct rig_bytes whole = rig_bzimage(elf, f), image;
		size_t payload = whole.len - 100 - (4 * 512 + 0x77);

		for (size_t cut = 1; cut < payload; cut += 3) {
			struct build_error err = { "" };
			struct build_elf out;

			image = rig_bzimage_of(whole.at + 4 * 512 + 0x77, payload - cut);
			assert_int_equal(build_unpack(image.at, image.len, &out, &err), -EINVAL);
			assert_true(err.text[0]);
			free(image.at);
		}
		free(whole.at);
	}
}

/* The same in memory that ends where the payload does: a sanitizer sees a read behind it. */
static void test_truncated_exactly(void **state)
{
	for (unsigned f = 0; f < RIG_PLAIN; f++) {
		struct rig_bytes whole = rig_bzimage(elf, f);
		size_t payload = whole.len - 100 - (4 * 512 + 0x77);
		uint8_t *to = malloc(elf.len);

		assert_non_null(to);
		for (size_t cut = 1; cut < payload; cut += 3) {
			uint8_t *exact = malloc(payload - cut);
			struct build_error err = { "" };

			assert_non_null(exact);
			memcpy(exact, whole.at + 4 * 512 + 0x77, payload - cut);
			assert_int_equal(decompress(exact, payload - cut, to, elf.len, &err), -EINVAL);
			free(exact);
		}
		free(to);
		free(whole.at);
	}
}

/* A sound stream that is shorter than the size behind it says: no zeroes for the rest. */
static void test_gzip_then_another_size(void **state)
{
	struct rig_bytes whole = rig_bzimage(elf, RIG_GZIP), longer;
	size_t payload = whole.len - 100 - (4 * 512 + 0x77);
	uint32_t size = elf.len + 4096;

	memcpy(whole.at + whole.len - 100, &size, 4);
	longer = rig_bzimage_of(whole.at + 4 * 512 + 0x77, payload + 4);
	free(whole.at);
	refused(longer, "gzip cannot unpack");
}

static void test_lz4_block_sizes(void **state)
{
	/* A block of 0 bytes, one longer than what is left, one longer than lz4 makes. */
	refused_bytes("\x02\x21\x4c\x18\0\0\0\0\0\x10\0\0", 12, "lz4 cannot unpack");
	refused_bytes("\x02\x21\x4c\x18\x40\0\0\0\0\x10\0\0", 12, "lz4 cannot unpack");
	refused_bytes("\x02\x21\x4c\x18\xff\xff\xff\xff\0\x10\0\0", 12, "lz4 cannot unpack");
}

static void test_no_kernel(void **state)
{
	struct rig_bytes text = { (uint8_t *)strdup("#!/bin/sh\nexec true\n"), 20 };
	struct rig_bytes nothing = { malloc(1), 0 };

	refused(text, "neither an ELF file nor a bzImage");
	refused(nothing, "empty");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_gzip), T(test_xz), T(test_lz4), T(test_zstd), T(test_plain), T(test_large),
		T(test_default_setup_sectors), T(test_setup_header_cut), T(test_old_protocol),
		T(test_no_payload), T(test_payload_outside), T(test_unsupported),
		T(test_payload_too_short), T(test_stated_size), T(test_stated_size_too_large),
		T(test_room_is_kept), T(test_truncated),
		T(test_truncated_exactly), T(test_gzip_then_another_size), T(test_lz4_block_sizes), T(test_no_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
