// SPDX-License-Identifier: MIT
/*
 * For a target's process, by LD_PRELOAD: writes that begin while the file that SLOW_WRITES names is
 * there reach their file two seconds later.
 */
#include "config.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

ssize_t pwrite64(int fd, const void *data, size_t bytes, off_t offset);

__attribute__((visibility("default"))) ssize_t pwrite64(int fd, const void *data, size_t bytes, off_t offset)
{
	const struct timespec pause = { .tv_sec = 2 };
	const char *file = getenv("SLOW_WRITES");
	ssize_t (*next)(int, const void *, size_t, off_t);

	*(void **)&next = dlsym(RTLD_NEXT, "pwrite64");
	if (file && access(file, F_OK) == 0)
		nanosleep(&pause, NULL);
	return next(fd, data, bytes, offset);
}
