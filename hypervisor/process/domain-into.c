// SPDX-License-Identifier: MIT
#include "config.h"
#include "hypervisor/process/domain-into.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/log.h"
#include "hypervisor/process/domain-root.h"

/* As often as one path is mounted upon itself, at most. */
#define INTO_STACKED 8u

static int into_open(pid_t pid, const char *what)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, what);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* The root directory of @pid, which in a chroot is not that of its mount namespace. */
static int into_open_root(pid_t pid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/root", pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static bool into_is_ours(int fd, const char *what)
{
	struct stat theirs, ours;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/ns/%s", what);
	return fstat(fd, &theirs) == 0 && stat(path, &ours) == 0 && theirs.st_ino == ours.st_ino &&
	       theirs.st_dev == ours.st_dev;
}

/*
 * To the user namespace of the domain's first mount namespace, which its user has all rights
 * in, with a copy of the own mounts: from there copies of mounts can be taken along.
 */
static int into_users(int users)
{
	if (!into_is_ours(users, "user") && setns(users, CLONE_NEWUSER) < 0)
		return -errno;
	if (unshare(CLONE_NEWNS) < 0)
		return -errno;
	/* What is mounted here later is none of the domain's business. */
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 && errno != EINVAL ? -errno : 0;
}

/* A root of its own is a tmpfs of ours, whose device is no other's. */
static bool into_is_confined(dev_t host)
{
	struct statfs fs;
	struct stat sb;

	return statfs("/", &fs) == 0 && fs.f_type == TMPFS_MAGIC && stat("/", &sb) == 0 &&
	       sb.st_dev != host;
}

/*
 * To where the domain's root directory is "/": that of @root, or, where it covers the first of
 * all mounts, that of the mount namespace. Return: 1, 0: there is none, or -errno.
 */
static int into_mounts(int mounts, int root, dev_t host)
{
	if (setns(mounts, CLONE_NEWNS) < 0 || fchdir(root) < 0 || chroot(".") < 0)
		return -errno;
	if (into_is_confined(host))
		return 1;
	if (setns(mounts, CLONE_NEWNS) < 0)
		return -errno;
	return into_is_confined(host);
}

static void into_remove(const char *path)
{
	int rc;

	/* What a link leads to is another path, and the domain can make links. */
	for (unsigned i = 0; i < INTO_STACKED && umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0; i++)
		;
	rc = domain_place_forget(path);
	if (rc < 0)
		log_debug("%s is left in the domain: %s", path, strerror(-rc));
}

static int into_change(const struct domain_list *list, char *const *remove, unsigned nremove,
	const char **failed)
{
	int rc = domain_root_lock(false), locked;

	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < nremove; i++)
		into_remove(remove[i]);
	rc = domain_list_place(list, failed);
	locked = domain_root_lock(true);
	return rc ? rc : locked;
}

int domain_into(pid_t pid, struct domain_list *list, char *const *remove, unsigned nremove,
	const char **failed)
{
	CLEANUP_CLOSE int users = into_open(pid, "user");
	CLEANUP_CLOSE int mounts = into_open(pid, "mnt");
	CLEANUP_CLOSE int root = into_open_root(pid);
	struct stat host;
	int rc;

	*failed = "";
	if (users < 0 || mounts < 0 || root < 0)
		return users < 0 ? users : mounts < 0 ? mounts : root;
	if (into_is_ours(mounts, "mnt"))
		return 0;
	if (stat("/", &host) < 0)
		return -errno;
	rc = into_users(users);
	if (rc == 0)
		rc = domain_list_open(list, failed);
	if (rc < 0)
		return rc;
	*failed = "";
	rc = into_mounts(mounts, root, host.st_dev);
	return rc == 1 ? into_change(list, remove, nremove, failed) : rc;
}
