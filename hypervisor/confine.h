/* SPDX-License-Identifier: MIT */
/* Takes away from the hypervisor what it does not need once it serves. */
#ifndef SLUICE_HYPERVISOR_CONFINE_H
#define SLUICE_HYPERVISOR_CONFINE_H

#include "common/cleanup.h"

/**
 * confine_self() - from now on this process opens, connects and executes nothing.
 *
 * A refused system call fails with EPERM. Irrevocable; for all threads that exist.
 * Return: 0, -errno, or -ENOTSUP: built without libseccomp.
 */
int confine_self(void) must_check;

#endif
