// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/common/state-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

int state_file_open(const char *where)
{
	char *end;
	long fd;

	if (strncmp(where, "fd:", 3) != 0) {
		/* Not to wait for whoever opens the other end, should it be a FIFO. */
		int r = open(where, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);

		return r < 0 ? -errno : r;
	}
	fd = strtol(where + 3, &end, 10);
	if (where[3] < '0' || where[3] > '9' || *end || fd > 1 << 20)
		return -EINVAL;
	return fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0 ? -errno : (int)fd;
}

int state_file_lock(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	return 0;
}
