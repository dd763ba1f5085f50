/* SPDX-License-Identifier: MIT */
/* Linux's boot format around a compressed ELF file (Documentation/arch/x86/boot.rst). */
#ifndef SLUICE_HYPERVISOR_BUILD_BZIMAGE_H
#define SLUICE_HYPERVISOR_BUILD_BZIMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hypervisor/build/error.h"

/** bzimage_is() - has it the setup header of a Linux kernel? */
bool bzimage_is(const uint8_t *file, size_t len);

/**
 * bzimage_payload() - where in @file the compressed kernel is.
 * Return: 0, or -EINVAL with @err set.
 */
int bzimage_payload(const uint8_t *file, size_t len, const uint8_t **payload, size_t *payload_len,
	struct build_error *err) must_check;

#endif
