// SPDX-License-Identifier: MIT
#include "config.h"
#include "common/open-files.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "common/log.h"

unsigned long open_files_raise(void)
{
	struct rlimit limit = { 0 };

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		rlim_t before = limit.rlim_cur;

		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit) < 0) {
			log_warn("the limit on open files stays as it is: %s", strerror(errno));
			limit.rlim_cur = before;
		}
	}
	return limit.rlim_cur;
}
