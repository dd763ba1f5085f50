/* SPDX-License-Identifier: MIT */
/* Why a build failed, in words: what is wrong with the file and what helps. */
#ifndef SLUICE_HYPERVISOR_BUILD_ERROR_H
#define SLUICE_HYPERVISOR_BUILD_ERROR_H

#include "common/cleanup.h"

/** struct build_error - one line of text, without the program's name. Zero it before use. */
struct build_error {
	char text[320];
};

/**
 * build_fail() - say in @err what is wrong; what it said before is replaced.
 * Return: -EINVAL, for the caller to return.
 */
int build_fail(struct build_error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3))) must_check;

/** build_mib() - @bytes in MiB, rounded up: for messages. */
static inline unsigned long long build_mib(unsigned long long bytes)
{
	return (bytes >> 20) + ((bytes & 0xfffff) != 0);
}

#endif
