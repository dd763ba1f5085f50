/* SPDX-License-Identifier: MIT */
/* What an image's first bytes say, before anything else reads it. Pure; the image is a stranger's. */
#ifndef SLUICE_DRIVERS_DOMAIN_FORMAT_HEADER_H
#define SLUICE_DRIVERS_DOMAIN_FORMAT_HEADER_H

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

/** FORMAT_HEADER - bytes of an image that are looked at. */
#define FORMAT_HEADER 4096u

/** struct format_header - the beginning, and of a vhd the end. */
struct format_header {
	uint8_t head[FORMAT_HEADER]; /* zeroes behind head_len */
	size_t head_len;
	uint8_t foot[512];           /* the image's last 512 bytes */
	size_t foot_len;
};

/**
 * format_header_check() - whether it is an image of @format that is whole by itself.
 *
 * Images that name others (backing files, data files, extents, parents) are refused: which file
 * that is would be the image's choice. Return: 0 or -EINVAL with @why, which names the remedy.
 */
int format_header_check(const char *format, const struct format_header *h, char *why, size_t room)
	must_check;

#endif
