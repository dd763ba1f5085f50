// SPDX-License-Identifier: MIT
#include "config.h"
#include "drivers-domain/store-fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <xenstore_lib.h>

#include "common/array.h"

static int store_fd_connect(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd, rc;

	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	strcpy(sa.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

static int store_fd_of(const char *path)
{
	struct stat st;
	int fd;

	if (stat(path, &st) < 0)
		return -errno;
	if (S_ISSOCK(st.st_mode))
		return store_fd_connect(path);
	fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

int store_fd_open(void)
{
	/* The first is the environment's XENSTORED_PATH, if that is there, and then the only one. */
	const char *const paths[] = { xs_daemon_socket(), "/dev/xen/xenbus", "/proc/xen/xenbus" };
	unsigned count = getenv("XENSTORED_PATH") ? 1 : ARRAY_SIZE(paths);
	int fd = -ENOENT;

	for (unsigned i = 0; fd < 0 && i < count; i++)
		fd = paths[i] ? store_fd_of(paths[i]) : -ENOENT;
	return fd;
}
