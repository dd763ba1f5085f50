// SPDX-License-Identifier: MIT
#include "config.h"
#include "common/fault.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

static uintptr_t fault_page_mask;

/* Runs in place of the access, which is tried again when it returns. */
static void fault_serve(int sig, siginfo_t *info, void *context)
{
	uintptr_t page = (uintptr_t)info->si_addr & fault_page_mask;
	int saved = errno;

	/* BUS_ADRERR alone: bad hardware has other codes, kill() has none of these. */
	if (info->si_code != BUS_ADRERR ||
		mmap((void *)page, ~fault_page_mask + 1, PROT_READ | PROT_WRITE,
			MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
		_exit(128 + SIGBUS);
	errno = saved;
}

int fault_guard(void)
{
	struct sigaction sa = { .sa_sigaction = fault_serve, .sa_flags = SA_SIGINFO | SA_RESTART };

	fault_page_mask = ~((uintptr_t)sysconf(_SC_PAGESIZE) - 1);
	sigemptyset(&sa.sa_mask);
	return sigaction(SIGBUS, &sa, NULL) < 0 ? -errno : 0;
}
