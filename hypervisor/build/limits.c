// SPDX-License-Identifier: MIT
#include "config.h"
#include "hypervisor/build/confine.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/array.h"

/* Unpacking takes a second; a host that is emulated itself may need a minute. */
#define CPU_SECONDS 600u

#ifdef SLUICE_SANITIZERS
/* Their shadow takes terabytes of address space. */
static const bool limit_memory = false;
#else
static const bool limit_memory = true;
#endif

static int set_limit(int resource, rlim_t value)
{
	struct rlimit l = { value, value }, old;

	/* An outer limit that is tighter stays. */
	if (getrlimit(resource, &old) < 0)
		return -errno;
	if (old.rlim_max < value)
		l.rlim_cur = l.rlim_max = old.rlim_max;
	return setrlimit(resource, &l) < 0 ? -errno : 0;
}

int build_limits(uint64_t memory)
{
	const struct {
		int resource;
		rlim_t value;
	} limits[] = {
		{ RLIMIT_CORE, 0 },
		{ RLIMIT_NOFILE, 0 }, /* no new ones */
		{ RLIMIT_NPROC, 0 },
		{ RLIMIT_CPU, CPU_SECONDS },
		{ RLIMIT_AS, limit_memory ? memory : RLIM_INFINITY },
	};
	int rc = 0;

	if (prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	for (unsigned i = 0; i < ARRAY_SIZE(limits) && rc == 0; i++)
		rc = set_limit(limits[i].resource, limits[i].value);
	return rc;
}

/* The lowest of @fds from @first up; UINT_MAX: there is none. */
static unsigned next_of(const struct build_fds *fds, unsigned first)
{
	const int ours[] = { fds->hypervisor, fds->kernel, fds->initrd };
	unsigned next = UINT_MAX;

	for (unsigned i = 0; i < ARRAY_SIZE(ours); i++)
		if (ours[i] >= 0 && (unsigned)ours[i] >= first && (unsigned)ours[i] < next)
			next = ours[i];
	return next;
}

int build_close_others(const struct build_fds *fds)
{
	unsigned first = STDERR_FILENO + 1, kept;

	do {
		kept = next_of(fds, first);
		if (kept > first && syscall(SYS_close_range, first, kept - 1, 0) < 0)
			return -errno;
		first = kept + 1;
	} while (kept != UINT_MAX);
	return 0;
}
