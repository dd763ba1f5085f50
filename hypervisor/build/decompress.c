// SPDX-License-Identifier: MIT
#include "config.h"
#include "hypervisor/build/decompress.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include "common/array.h"

/* What Linux's build appends: the unpacked size. In gzip it is the format's own last field. */
#define SIZE_FIELD 4u
/* Linux's xz uses a dictionary of 32 MiB. */
#define XZ_MEMORY (128u << 20)
/* Linux packs with "lz4 -l": blocks of this size, unpacked. */
#define LZ4_MAGIC 0x184c2102u
#define LZ4_BLOCK (8u << 20)

/* Unpack all of @in to exactly @room bytes at @to; false: corrupt. */
typedef bool (*unpack_fn)(const uint8_t *in, size_t len, uint8_t *to, size_t room);

static bool unpack_gzip(const uint8_t *in, size_t len, uint8_t *to, size_t room)
{
	z_stream z = { .next_in = (Bytef *)in, .avail_in = len, .next_out = to, .avail_out = room };
	bool ok;

	if (inflateInit2(&z, 15 + 16) != Z_OK) /* 16: a gzip header */
		return false;
	ok = inflate(&z, Z_FINISH) == Z_STREAM_END && z.avail_out == 0;
	inflateEnd(&z);
	return ok;
}

static bool unpack_xz(const uint8_t *in, size_t len, uint8_t *to, size_t room)
{
	uint64_t memory = XZ_MEMORY;
	size_t in_pos = 0, out_pos = 0;

	return lzma_stream_buffer_decode(&memory, 0, NULL, in, &in_pos, len, to, &out_pos, room) ==
			LZMA_OK && out_pos == room;
}

static uint32_t lz4_word(const uint8_t *at)
{
	uint32_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

static bool unpack_lz4(const uint8_t *in, size_t len, uint8_t *to, size_t room)
{
	while (len >= sizeof(uint32_t)) {
		uint32_t packed = lz4_word(in);
		int n;

		in += sizeof(packed);
		len -= sizeof(packed);
		if (packed == LZ4_MAGIC)
			continue;
		if (packed == 0 || packed > len || packed > LZ4_COMPRESSBOUND(LZ4_BLOCK))
			return false;
		n = LZ4_decompress_safe((const char *)in, (char *)to, packed,
			room < LZ4_BLOCK ? room : LZ4_BLOCK);
		if (n < 0)
			return false;
		in += packed;
		len -= packed;
		to += n;
		room -= n;
	}
	return len == 0 && room == 0;
}

static bool unpack_zstd(const uint8_t *in, size_t len, uint8_t *to, size_t room)
{
	size_t n = ZSTD_decompress(to, room, in, len);

	return !ZSTD_isError(n) && n == room;
}

/* A compression that Linux can be built with; without @unpack we know its name only. */
static const struct compression {
	const char *name;
	uint8_t magic[4];
	unsigned magic_len;
	bool size_inside; /* the size field belongs to the stream */
	unpack_fn unpack;
} compressions[] = {
	{ "gzip", { 0x1f, 0x8b }, 2, true, unpack_gzip },
	{ "xz", { 0xfd, '7', 'z', 'X' }, 4, false, unpack_xz },
	{ "lz4", { 0x02, 0x21, 0x4c, 0x18 }, 4, false, unpack_lz4 },
	{ "zstd", { 0x28, 0xb5, 0x2f, 0xfd }, 4, false, unpack_zstd },
	{ "bzip2", { 'B', 'Z', 'h' }, 3, false, NULL },
	{ "lzma", { 0x5d, 0x00, 0x00 }, 3, false, NULL },
	{ "lzo", { 0x89, 'L', 'Z', 'O' }, 4, false, NULL },
};

static const struct compression *compression_of(const uint8_t *payload, size_t len)
{
	for (unsigned i = 0; i < ARRAY_SIZE(compressions); i++)
		if (len >= compressions[i].magic_len &&
			memcmp(payload, compressions[i].magic, compressions[i].magic_len) == 0)
			return &compressions[i];
	return NULL;
}

static int compression_check(const uint8_t *payload, size_t len, const struct compression **out,
	struct build_error *err)
{
	const struct compression *c = compression_of(payload, len);

	if (!c)
		return build_fail(err, "the bzImage is corrupt or compressed in an unknown way; "
			"gzip, xz, lz4 and zstd are supported");
	if (!c->unpack)
		return build_fail(err, "the bzImage is compressed with %s, which is not supported; use "
			"a kernel built with gzip, xz, lz4 or zstd, or the vmlinux ELF file", c->name);
	if (len < c->magic_len + SIZE_FIELD)
		return build_fail(err, "the bzImage is truncated or corrupt: its kernel has %zu bytes",
			len);
	*out = c;
	return 0;
}

int decompress_size(const uint8_t *payload, size_t len, size_t max, size_t *size,
	struct build_error *err)
{
	const struct compression *c;
	uint32_t unpacked;

	if (compression_check(payload, len, &c, err) < 0)
		return -EINVAL;
	memcpy(&unpacked, payload + len - SIZE_FIELD, sizeof(unpacked));
	if (unpacked == 0 || unpacked > max)
		return build_fail(err, "the bzImage is corrupt, or too large: it says that its kernel "
			"unpacks to %u bytes, and at most %llu MiB are taken", unpacked, build_mib(max));
	*size = unpacked;
	return 0;
}

int decompress(const uint8_t *payload, size_t len, uint8_t *to, size_t room,
	struct build_error *err)
{
	const struct compression *c;

	if (compression_check(payload, len, &c, err) < 0)
		return -EINVAL;
	if (!c->unpack(payload, len - (c->size_inside ? 0 : SIZE_FIELD), to, room))
		return build_fail(err, "the bzImage is truncated or corrupt: %s cannot unpack its kernel",
			c->name);
	return 0;
}
