// SPDX-License-Identifier: MIT
/* Built without libseccomp. */
#include "config.h"
#include "hypervisor/confine.h"

#include <errno.h>
#include <sys/prctl.h>

int confine_self(void)
{
	if (prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return -ENOTSUP;
}
