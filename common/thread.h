/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_COMMON_THREAD_H
#define SLUICE_COMMON_THREAD_H

#include <pthread.h>
#include <stddef.h>

#include "common/cleanup.h"

/**
 * thread_start() - start a thread that no signal for the process reaches: those are the main thread's.
 * @thread: the caller joins or detaches it
 * @stack: in bytes; 0: the system's
 *
 * Return: 0 or -errno.
 */
FOR_MODULES int thread_start(pthread_t *thread, size_t stack, void *(*fn)(void *opaque), void *opaque)
	must_check;
/** thread_start_hearing() - the same, but @signal reaches it. */
int thread_start_hearing(pthread_t *thread, size_t stack, int signal, void *(*fn)(void *opaque),
	void *opaque) must_check;

#endif
