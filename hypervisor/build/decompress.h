/* SPDX-License-Identifier: MIT */
/* A bzImage's payload, unpacked by gzip's, xz's, lz4's and zstd's own libraries. */
#ifndef SLUICE_HYPERVISOR_BUILD_DECOMPRESS_H
#define SLUICE_HYPERVISOR_BUILD_DECOMPRESS_H

#include <stddef.h>
#include <stdint.h>

#include "hypervisor/build/error.h"

/**
 * decompress_size() - how many bytes decompress() will give: what @payload itself says in its
 * last four bytes, which Linux's build adds. Known compressions only, and at most @max.
 * Return: 0, or -EINVAL with @err set.
 */
int decompress_size(const uint8_t *payload, size_t len, size_t max, size_t *size,
	struct build_error *err) must_check;

/**
 * decompress() - unpack @payload into @to.
 * @room: decompress_size(); more is never written, less is an error
 *
 * Return: 0, or -EINVAL with @err set; then @to holds anything.
 */
int decompress(const uint8_t *payload, size_t len, uint8_t *to, size_t room,
	struct build_error *err) must_check;

#endif
