// SPDX-License-Identifier: MIT
#include "config.h"
#include "drivers-domain/format-header.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define QCOW2_INCOMPATIBLE_DATA_FILE 4u
#define QED_FEATURE_BACKING 1u
#define VHD_DIFFERENCING 4u

static uint64_t number_be(const uint8_t *at, unsigned bytes)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < bytes; i++)
		n = n << 8 | at[i];
	return n;
}

static uint64_t number_le(const uint8_t *at, unsigned bytes)
{
	uint64_t n = 0;

	for (unsigned i = bytes; i-- > 0;)
		n = n << 8 | at[i];
	return n;
}

static int header_names(const char *format, const char *what, char *why, size_t room)
{
	snprintf(why, room, "the %s image names %s, which is not opened for it; make it one file with"
		" qemu-img convert -O %s", format, what, strcmp(format, "vhd") == 0 ? "vpc" : format);
	return -EINVAL;
}

static bool header_begins(const struct format_header *h, const void *magic, size_t n)
{
	return h->head_len >= n && memcmp(h->head, magic, n) == 0;
}

static int check_qcow2(const struct format_header *h, char *why, size_t room)
{
	uint64_t version = number_be(h->head + 4, 4);

	if (number_be(h->head + 8, 8) != 0)
		return header_names("qcow2", "a backing file", why, room);
	if (version >= 3 && (number_be(h->head + 72, 8) & QCOW2_INCOMPATIBLE_DATA_FILE))
		return header_names("qcow2", "a data file", why, room);
	return 0;
}

static int check_vhd(const struct format_header *h, char *why, size_t room)
{
	/* Dynamic ones begin with a copy of the footer, which fixed ones have at their end alone. */
	const uint8_t *footer = memcmp(h->head, "conectix", 8) == 0 ? h->head : h->foot;

	if (number_be(footer + 60, 4) == VHD_DIFFERENCING)
		return header_names("vhd", "a parent", why, room);
	return 0;
}

static int check_qed(const struct format_header *h, char *why, size_t room)
{
	if (number_le(h->head + 16, 8) & QED_FEATURE_BACKING)
		return header_names("qed", "a backing file", why, room);
	return 0;
}

static int check_vdi(const struct format_header *h, char *why, size_t room)
{
	/* Type 4 is a differencing one; it and its undo images have a parent. */
	if (number_le(h->head + 76, 4) > 2)
		return header_names("vdi", "a parent", why, room);
	return 0;
}

/* The descriptor inside: QEMU opens what it names, and so what it may name is looked for. */
static int check_vmdk(const struct format_header *h, char *why, size_t room)
{
	static const char own[] = "createType=\"monolithicSparse\"";
	static const char stream[] = "createType=\"streamOptimized\"";
	uint64_t sector = number_le(h->head + 28, 8);
	const uint8_t *text;

	if (memcmp(h->head, "KDMV", 4) != 0)
		return header_names("vmdk", "other files (extents)", why, room);
	/* QEMU and others put it right behind the header. */
	if (sector == 0 || sector >= h->head_len / 512)
		return header_names("vmdk", "no descriptor where one is looked for", why, room);
	text = h->head + sector * 512;
	if (!memmem(text, h->head_len - sector * 512, own, sizeof(own) - 1) &&
		!memmem(text, h->head_len - sector * 512, stream, sizeof(stream) - 1))
		return header_names("vmdk", "other files (extents)", why, room);
	if (!memmem(text, h->head_len - sector * 512, "parentCID=ffffffff", 18))
		return header_names("vmdk", "a parent", why, room);
	return 0;
}

/* Its parent is in metadata further inside, of which QEMU opens none and refuses such an image. */
static int check_vhdx(const struct format_header *h, char *why, size_t room)
{
	return 0;
}

static bool is_qcow2(const struct format_header *h) { return header_begins(h, "QFI\xfb", 4); }
static bool is_qed(const struct format_header *h) { return header_begins(h, "QED\0", 4); }
static bool is_vhdx(const struct format_header *h) { return header_begins(h, "vhdxfile", 8); }
static bool is_vmdk(const struct format_header *h) { return header_begins(h, "KDMV", 4) || header_begins(h, "# Disk DescriptorFile", 21); }

static bool is_vdi(const struct format_header *h)
{
	return h->head_len >= 512 && number_le(h->head + 64, 4) == 0xbeda107f;
}

static bool is_vhd(const struct format_header *h)
{
	return header_begins(h, "conectix", 8) ||
		(h->foot_len == sizeof(h->foot) && memcmp(h->foot, "conectix", 8) == 0);
}

int format_header_check(const char *format, const struct format_header *h, char *why, size_t room)
{
	static const struct {
		const char *name;
		bool (*is)(const struct format_header *h);
		int (*check)(const struct format_header *h, char *why, size_t room);
	} formats[] = {
		{ "qcow2", is_qcow2, check_qcow2 },
		{ "vhd", is_vhd, check_vhd },
		{ "vhdx", is_vhdx, check_vhdx },
		{ "vmdk", is_vmdk, check_vmdk },
		{ "vdi", is_vdi, check_vdi },
		{ "qed", is_qed, check_qed },
	};

	for (unsigned i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (strcmp(formats[i].name, format) != 0)
			continue;
		if (formats[i].is(h))
			return formats[i].check(h, why, room);
		snprintf(why, room, "is no %s image; its format is never guessed: name the one that it has",
			format);
		return -EINVAL;
	}
	snprintf(why, room, "there is no format %.16s", format);
	return -EINVAL;
}
