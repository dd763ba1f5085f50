// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/common/store-socket.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STORE_MAX_FD 4096u

/** struct open_sockets - the sockets that are open. */
struct open_sockets {
	uint64_t is[STORE_MAX_FD / 64];
};

static void store_find_sockets(struct open_sockets *open)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *e;

	memset(open, 0, sizeof(*open));
	while (dir && (e = readdir(dir))) {
		char *end;
		unsigned long fd = strtoul(e->d_name, &end, 10);
		struct stat sb;

		if (*end || end == e->d_name || fd >= STORE_MAX_FD)
			continue;
		if (fstat((int)fd, &sb) == 0 && S_ISSOCK(sb.st_mode))
			open->is[fd / 64] |= UINT64_C(1) << fd % 64;
	}
	if (dir)
		closedir(dir);
}

/* The one that is there now and was not before; -1: none. */
static int store_new_socket(const struct open_sockets *before, const struct open_sockets *now)
{
	for (unsigned i = 0; i < STORE_MAX_FD / 64; i++) {
		uint64_t fresh = now->is[i] & ~before->is[i];

		if (fresh)
			return (int)(i * 64) + __builtin_ctzll(fresh);
	}
	return -1;
}

struct xs_handle *store_socket_open(int *socket)
{
	struct open_sockets before, now;
	struct xs_handle *xs;
	int fd;

	*socket = -1;
	store_find_sockets(&before);
	xs = xs_open(0);
	if (!xs)
		return NULL;
	store_find_sockets(&now);
	fd = store_new_socket(&before, &now);
	if (fd >= 0)
		*socket = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return xs;
}
