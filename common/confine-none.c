// SPDX-License-Identifier: MIT
/* Built without libseccomp. */
#include "config.h"
#include "common/confine-private.h"

#include <errno.h>

int confine_seccomp(const struct confine_table *extra, bool servers)
{
	(void)extra;
	(void)servers;
	return -ENOTSUP;
}
