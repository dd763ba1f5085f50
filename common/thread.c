// SPDX-License-Identifier: MIT
#include "config.h"
#include "common/thread.h"

#include <signal.h>

#include "common/array.h"

int thread_start(pthread_t *thread, size_t stack, void *(*fn)(void *opaque), void *opaque)
{
	return thread_start_hearing(thread, stack, 0, fn, opaque);
}

int thread_start_hearing(pthread_t *thread, size_t stack, int signal, void *(*fn)(void *opaque),
	void *opaque)
{
	/* Those that are a thread's own doing, whose handlers are to run. */
	static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS };
	pthread_attr_t attr;
	sigset_t mask, old;
	int rc;

	sigfillset(&mask);
	for (unsigned i = 0; i < ARRAY_SIZE(faults); i++)
		sigdelset(&mask, faults[i]);
	if (signal)
		sigdelset(&mask, signal);
	pthread_attr_init(&attr);
	if (stack)
		pthread_attr_setstacksize(&attr, stack);
	/* It inherits the mask. */
	pthread_sigmask(SIG_SETMASK, &mask, &old);
	rc = pthread_create(thread, &attr, fn, opaque);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return -rc;
}
