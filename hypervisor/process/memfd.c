// SPDX-License-Identifier: MIT
/* Memory that is shared by descriptor: sealed so that no holder can hurt another. */
#include "config.h"
#include "hypervisor/process/server.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int memfd_make(const char *name, size_t size, bool more_seals)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int rc;

	if (fd < 0)
		return -errno;
	/*
	 * Allocated now, so that want of memory is an error here and not a SIGBUS
	 * later; never resized, for the same reason; mode 0, so that a descriptor
	 * cannot be opened again through /proc with more rights.
	 */
	if (fallocate(fd, 0, 0, size) < 0 || fchmod(fd, 0) < 0 ||
		fcntl(fd, F_ADD_SEALS,
			F_SEAL_SHRINK | F_SEAL_GROW | (more_seals ? 0 : F_SEAL_SEAL)) < 0) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

int memfd_seal_readonly(int fd)
{
	/* Root may open a descriptor again whatever its mode: the seal holds for it, too. */
	return fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) < 0 ? -errno : 0;
}
