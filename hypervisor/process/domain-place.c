// SPDX-License-Identifier: MIT
#include "config.h"
#include "hypervisor/process/domain-place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/array.h"

/* --- what is allowed --------------------------------------------------- */

int domain_list_add_at(struct domain_list *list, const char *at, const char *from, bool readonly)
{
	struct domain_allowed *grown, one = { .readonly = readonly, .tree = -1 };

	if (list->count == DOMAIN_ALLOWED_MAX)
		return -E2BIG;
	grown = realloc(list->allowed, (list->count + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	list->allowed = grown;
	one.at = strdup(at);
	one.from = strdup(from);
	if (!one.at || !one.from) {
		free(one.at);
		free(one.from);
		return -ENOMEM;
	}
	grown[list->count++] = one;
	return 0;
}

/* What a backend asks of its device: how large a piece can be discarded. */
static int list_add_queue(struct domain_list *list, dev_t device)
{
	/* A partition's queue is its disk's. */
	static const char *const places[] = { "queue", "../queue" };
	char at[96], from[128];

	snprintf(at, sizeof(at), "/sys/dev/block/%u:%u/queue", major(device), minor(device));
	for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
		CLEANUP_FREE char *real = NULL;

		snprintf(from, sizeof(from), "/sys/dev/block/%u:%u/%s", major(device), minor(device),
			places[i]);
		real = realpath(from, NULL);
		if (real)
			return domain_list_add_at(list, at, real, true);
	}
	return 0;
}

int domain_list_add(struct domain_list *list, const char *path, bool readonly)
{
	CLEANUP_FREE char *real = realpath(path, NULL);
	struct stat sb;
	int rc;

	if (!real || stat(real, &sb) < 0)
		return -errno;
	if (strcmp(real, "/") == 0)
		return -EINVAL;
	rc = domain_list_add_at(list, real, real, readonly);
	if (rc == 0 && path[0] == '/' && strcmp(path, real) != 0)
		rc = domain_list_add_at(list, path, real, readonly);
	return rc == 0 && S_ISBLK(sb.st_mode) ? list_add_queue(list, sb.st_rdev) : rc;
}

static int compare_allowed(const void *a, const void *b)
{
	const struct domain_allowed *x = a, *y = b;

	return strcmp(x->at, y->at);
}

int domain_list_open(struct domain_list *list, const char **failed)
{
	if (list->count)
		qsort(list->allowed, list->count, sizeof(list->allowed[0]), compare_allowed);
	for (unsigned i = 0; i < list->count; i++) {
		struct domain_allowed *a = &list->allowed[i];

		*failed = a->from;
		a->tree = open_tree(AT_FDCWD, a->from, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
		if (a->tree < 0)
			return -errno;
	}
	return 0;
}

void domain_list_dispose(struct domain_list *list)
{
	for (unsigned i = 0; i < list->count; i++) {
		free(list->allowed[i].at);
		free(list->allowed[i].from);
		if (list->allowed[i].tree >= 0)
			close(list->allowed[i].tree);
	}
	free(list->allowed);
	*list = (struct domain_list){ .count = 0 };
}

/* --- places ------------------------------------------------------------ */

/* Whether @dir is on a file system that is the domain's alone: its root's, or its /tmp's. */
static bool place_is_own(int dir)
{
	static const char *const own[] = { "/", "/tmp" };
	struct stat here, sb;

	if (fstat(dir, &here) < 0)
		return false;
	for (unsigned i = 0; i < ARRAY_SIZE(own); i++)
		if (stat(own[i], &sb) == 0 && sb.st_dev == here.st_dev)
			return true;
	return false;
}

/* Opens @name in @dir, made if it is not there. */
static int place_open(int dir, const char *name, bool directory)
{
	int fd = openat(dir, name, O_PATH | O_CLOEXEC);

	if (fd >= 0 || errno != ENOENT)
		return fd < 0 ? -errno : fd;
	if (!place_is_own(dir))
		return -ENOENT;
	if ((directory ? mkdirat(dir, name, 0755) : mknodat(dir, name, S_IFREG | 0444, 0)) < 0)
		return -errno;
	fd = openat(dir, name, O_PATH | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Opens what there is to mount on at @at, and makes the directories above it. */
static int place_walk(const char *at, bool directory)
{
	CLEANUP_FREE char *names = strdup(at);
	char *save = NULL, *name = names ? strtok_r(names, "/", &save) : NULL;
	int dir = name ? open("/", O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

	if (dir < 0)
		return names && !name ? -EINVAL : -errno;
	while (name) {
		char *following = strtok_r(NULL, "/", &save);
		int fd = place_open(dir, name, following || directory);

		close(dir);
		if (fd < 0)
			return fd;
		dir = fd;
		name = following;
	}
	return dir;
}

/* Whether the same is there already, with the same right. */
static bool place_is_done(const struct domain_allowed *a)
{
	CLEANUP_CLOSE int fd = open(a->at, O_PATH | O_CLOEXEC);
	struct stat is, want;
	struct statvfs fs;

	return fd >= 0 && fstat(fd, &is) == 0 && fstat(a->tree, &want) == 0 &&
	       is.st_dev == want.st_dev && is.st_ino == want.st_ino && fstatvfs(fd, &fs) == 0 &&
	       !!(fs.f_flag & ST_RDONLY) == a->readonly;
}

int domain_tree_part(int tree, bool readonly)
{
	struct mount_attr attr = { .attr_set = readonly ? MOUNT_ATTR_RDONLY : 0, .propagation = MS_PRIVATE };

	return mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0 ? -errno : 0;
}

static int place(const struct domain_allowed *a)
{
	CLEANUP_CLOSE int target = -1;
	struct stat sb;
	int rc;

	if (place_is_done(a))
		return 0;
	if (fstat(a->tree, &sb) < 0)
		return -errno;
	target = place_walk(a->at, S_ISDIR(sb.st_mode));
	if (target < 0)
		return target;
	rc = domain_tree_part(a->tree, a->readonly);
	if (rc < 0)
		return rc;
	return move_mount(a->tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0 ?
		-errno : 0;
}

int domain_list_place(const struct domain_list *list, const char **failed)
{
	int rc = 0;

	for (unsigned i = 0; i < list->count && rc == 0; i++) {
		*failed = list->allowed[i].at;
		rc = place(&list->allowed[i]);
	}
	return rc;
}

int domain_place_forget(const char *at)
{
	CLEANUP_FREE char *parent = strdup(at);
	char *slash = parent ? strrchr(parent, '/') : NULL;
	CLEANUP_CLOSE int dir = -1;

	if (!slash)
		return -EINVAL;
	*slash = '\0';
	dir = open(*parent ? parent : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	if (!place_is_own(dir))
		return -EPERM;
	return unlinkat(dir, slash + 1, 0) < 0 ? -errno : 0;
}
