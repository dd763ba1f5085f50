// SPDX-License-Identifier: MIT
#include "config.h"
#include "hypervisor/build/bzimage.h"

#include <string.h>

/* Offsets of the setup header; its fields are little endian, as we are. */
#define SETUP_SECTS 0x1f1
#define SETUP_MAGIC 0x202
#define SETUP_VERSION 0x206
#define SETUP_PAYLOAD_OFFSET 0x248
#define SETUP_PAYLOAD_LENGTH 0x24c
#define SETUP_END 0x250
#define SETUP_SECTS_DEFAULT 4u
#define VERSION_PAYLOAD 0x0208u /* the first with the payload's fields */

bool bzimage_is(const uint8_t *file, size_t len)
{
	return len >= SETUP_MAGIC + 4 && memcmp(file + SETUP_MAGIC, "HdrS", 4) == 0;
}

int bzimage_payload(const uint8_t *file, size_t len, const uint8_t **payload, size_t *payload_len,
	struct build_error *err)
{
	uint32_t offset, length;
	uint16_t version;
	uint64_t start;

	if (!bzimage_is(file, len))
		return build_fail(err, "it is no bzImage");
	if (len < SETUP_END)
		return build_fail(err, "the bzImage is truncated: it ends inside its setup header");
	memcpy(&version, file + SETUP_VERSION, sizeof(version));
	memcpy(&offset, file + SETUP_PAYLOAD_OFFSET, sizeof(offset));
	memcpy(&length, file + SETUP_PAYLOAD_LENGTH, sizeof(length));
	if (version < VERSION_PAYLOAD || length == 0)
		return build_fail(err, "the bzImage (boot protocol %u.%02u) does not say where its "
			"kernel is; use Linux 5.0 or later, built with CONFIG_PVH=y",
			version >> 8, version & 0xff);
	start = ((file[SETUP_SECTS] ? file[SETUP_SECTS] : SETUP_SECTS_DEFAULT) + 1) * 512ull + offset;
	if (start > len || length > len - start)
		return build_fail(err, "the bzImage is truncated: its kernel takes bytes %llu to %llu "
			"of %zu", (unsigned long long)start, (unsigned long long)start + length, len);
	*payload = file + start;
	*payload_len = length;
	return 0;
}
