// SPDX-License-Identifier: MIT
/* Built without libseccomp. */
#include "config.h"
#include "hypervisor/build/confine.h"

#include <errno.h>

int build_confine(const struct build_fds *fds, uint64_t memory)
{
	int rc = build_limits(memory);

	return rc < 0 ? rc : -ENOTSUP;
}
