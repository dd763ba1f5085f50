// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/blk/lvm-users.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define USERS_LOCK ".lock"
#define USERS_PAUSE_MS 50u

/* flock() has no limit, and who has the lock may wait for an LVM that hangs. */
static int users_lock(int fd, unsigned wait_ms)
{
	const struct timespec pause = { .tv_nsec = USERS_PAUSE_MS * 1000000L };
	unsigned waited = 0;

	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (waited >= wait_ms)
			return -EBUSY;
		nanosleep(&pause, NULL);
		waited += USERS_PAUSE_MS;
	}
	return 0;
}

int lvm_users_open(struct lvm_users *u, const char *path, unsigned wait_ms)
{
	int rc;

	*u = (struct lvm_users){ .dir = -1, .lock = -1 };
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	u->dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (u->dir < 0)
		return -errno;
	u->lock = openat(u->dir, USERS_LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	rc = u->lock < 0 ? -errno : users_lock(u->lock, wait_ms);
	if (rc < 0)
		lvm_users_close(u);
	return rc;
}

void lvm_users_close(struct lvm_users *u)
{
	cleanup_close(&u->lock);
	cleanup_close(&u->dir);
	u->lock = u->dir = -1;
}

static int users_enter(struct lvm_users *u, const char *volume)
{
	int fd = openat(u->dir, volume, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* How many there are; with @clear none is left. */
static int users_count(int dir, bool clear)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), n = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d) {
		n = -errno;
		cleanup_close(&fd);
		return n;
	}
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		if (clear)
			(void)unlinkat(dir, e->d_name, 0);
		else
			n++;
	}
	closedir(d);
	return n;
}

int lvm_users_join(struct lvm_users *u, const char *volume, const char *user, bool active, bool *ours)
{
	CLEANUP_CLOSE int dir = -1, entry = -1;

	*ours = false;
	if (!active && mkdirat(u->dir, volume, 0700) < 0 && errno != EEXIST)
		return -errno;
	dir = users_enter(u, volume);
	if (dir == -ENOENT)
		return 0;
	if (dir < 0)
		return dir;
	/* Nobody uses what is not active. */
	if (!active)
		(void)users_count(dir, true);
	entry = openat(dir, user, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (entry < 0)
		return -errno;
	*ours = true;
	return 0;
}

int lvm_users_leave(struct lvm_users *u, const char *volume, const char *user, bool *last)
{
	CLEANUP_CLOSE int dir = users_enter(u, volume);
	int left;

	*last = false;
	if (dir == -ENOENT)
		return 0;
	if (dir < 0)
		return dir;
	if (unlinkat(dir, user, 0) < 0 && errno != ENOENT)
		return -errno;
	left = users_count(dir, false);
	*last = left == 0;
	return left < 0 ? left : 0;
}

void lvm_users_forget(struct lvm_users *u, const char *volume)
{
	(void)unlinkat(u->dir, volume, AT_REMOVEDIR);
}
