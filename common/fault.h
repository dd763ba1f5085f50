/* SPDX-License-Identifier: MIT */
/* For processes that have memory mapped which others share and may take pages out of. */
#ifndef SLUICE_COMMON_FAULT_H
#define SLUICE_COMMON_FAULT_H

#include "common/cleanup.h"

/**
 * fault_guard() - survive shared memory that is not there.
 *
 * Who may write to a memfd may punch holes into it, and where the host then has no memory
 * left for a page (with strict overcommit) its other users get SIGBUS. From this call on they
 * get a page of zeroes in its place, their own: the sharer is who loses by it. A SIGBUS for
 * another reason ends the process with status 135. For all threads; call it before there
 * is a seccomp filter. Return: 0 or -errno.
 */
int fault_guard(void) must_check;

#endif
