/* SPDX-License-Identifier: MIT */
/*
 * What libraries open by fixed paths although they could do without: a confined program
 * opens nothing, so its own open64(), openat64(), mkstemp64(), mkdir() and stat64(), which libraries find before
 * those of the C library, answer for these few: /dev/null, the directory /dev, and temporary
 * files, which are memory. For all else they are the C library's. Names that threads are given
 * by others, with pthread_setname_np(), which opens a file, are taken and not used.
 */
#ifndef SLUICE_COMMON_CONFINE_FILES_H
#define SLUICE_COMMON_CONFINE_FILES_H

#include "common/cleanup.h"

/**
 * confine_files_prepare() - before confine_self(), while there is one thread; may be repeated.
 *
 * Without it they are the C library's after confinement, too, and fail. The program needs
 * memfd_create() in its rules. Return: 0 or -errno.
 */
FOR_MODULES int confine_files_prepare(void) must_check;

#endif
