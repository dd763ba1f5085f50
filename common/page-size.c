// SPDX-License-Identifier: MIT
#include "config.h"
#include "common/page-size.h"

#include <unistd.h>

#include "common/log.h"

void page_size_check(void)
{
	long bytes = sysconf(_SC_PAGESIZE);

	if (bytes != GRANT_PAGE_BYTES)
		die("this kernel's pages have %ld bytes and grants %d: a driver domain needs a kernel with pages of 4 KiB",
			bytes, GRANT_PAGE_BYTES);
}
