// SPDX-License-Identifier: MIT
#include "config.h"
#include "hypervisor/process/domain-root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/array.h"
#include "common/log.h"
#include "hypervisor/process/domain-place.h"

/* What programs need to run, as far as it is there; no secret among it. */
static const struct root_file {
	const char *path;
	bool readonly;
} root_system[] = {
	{ "/usr", true },
	{ "/bin", true },
	{ "/sbin", true },
	{ "/lib", true },
	{ "/lib32", true },
	{ "/lib64", true },
	{ "/libx32", true },
	{ "/etc/alternatives", true },
	{ "/etc/group", true },
	{ "/etc/hosts", true },
	{ "/etc/ld.so.cache", true },
	{ "/etc/localtime", true },
	{ "/etc/nsswitch.conf", true },
	{ "/etc/passwd", true },
	{ "/etc/resolv.conf", true },
	{ "/etc/ssl/certs", true },
	{ "/dev/null", false },
	{ "/dev/random", false },
	{ "/dev/urandom", false },
	{ "/dev/zero", false },
};

/* Held open, since the stage may cover them. */
struct root_places {
	struct root_place {
		const struct root_file *from;
		int tree; /* a copy of its mounts */
	} places[ARRAY_SIZE(root_system)];
	unsigned count;
};

static int places_add(struct root_places *places, const struct root_file *from)
{
	int tree = open_tree(AT_FDCWD, from->path,
		OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

	if (tree < 0)
		return -errno;
	places->places[places->count++] = (struct root_place){ from, tree };
	return 0;
}

static void places_dispose(struct root_places *places)
{
	for (unsigned i = 0; i < places->count; i++)
		close(places->places[i].tree);
}

/* "/bin" that is a link to "usr/bin" is one in there, too. */
static int root_copy_link(const char *stage, const char *path)
{
	char target[PATH_MAX], at[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	if (snprintf(at, sizeof(at), "%s%s", stage, path) >= (int)sizeof(at))
		return -ENAMETOOLONG;
	return symlink(target, at) < 0 ? -errno : 0;
}

static bool root_is_top_link(const char *path)
{
	struct stat st;

	return !strchr(path + 1, '/') && lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

/* Something at @at to mount on, and the directories above it. */
static int root_make_place(char *at, size_t base, bool directory)
{
	for (char *p = strchr(at + base + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(at, 0755) < 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	if (directory)
		return mkdir(at, 0755) < 0 && errno != EEXIST ? -errno : 0;
	return mknod(at, S_IFREG | 0444, 0) < 0 && errno != EEXIST ? -errno : 0;
}

static int root_mount_place(const char *stage, const struct root_place *place)
{
	char at[PATH_MAX];
	struct stat st;
	int rc;

	if (snprintf(at, sizeof(at), "%s%s", stage, place->from->path) >= (int)sizeof(at))
		return -ENAMETOOLONG;
	if (fstat(place->tree, &st) < 0)
		return -errno;
	rc = root_make_place(at, strlen(stage), S_ISDIR(st.st_mode));
	if (rc < 0)
		return rc;
	rc = domain_tree_part(place->tree, place->from->readonly);
	if (rc < 0)
		return rc;
	return move_mount(place->tree, "", AT_FDCWD, at, MOVE_MOUNT_F_EMPTY_PATH) < 0 ? -errno : 0;
}

/* A file system of its own at @stage's @name. */
static int root_mount_new(const char *stage, const char *name, const char *type,
	unsigned long flags, const char *options)
{
	char at[PATH_MAX];
	int rc;

	if (snprintf(at, sizeof(at), "%s%s", stage, name) >= (int)sizeof(at))
		return -ENAMETOOLONG;
	rc = root_make_place(at, strlen(stage), true);
	if (rc < 0)
		return rc;
	return mount(type, at, type, MS_NOSUID | MS_NODEV | flags, options) < 0 ? -errno : 0;
}

static int root_fill(const char *stage, const struct root_places *places, const char **failed)
{
	int rc = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(root_system) && rc == 0; i++) {
		*failed = root_system[i].path;
		if (root_is_top_link(*failed))
			rc = root_copy_link(stage, *failed);
	}
	/* Before the others, one of which may be in it. */
	if (rc == 0)
		rc = root_mount_new(stage, *failed = "/tmp", "tmpfs", 0, "size=64m,mode=1777");
	if (rc == 0)
		rc = root_mount_new(stage, *failed = "/proc", "proc", MS_NOEXEC, NULL);
	for (unsigned i = 0; i < places->count && rc == 0; i++) {
		*failed = places->places[i].from->path;
		rc = root_mount_place(stage, &places->places[i]);
	}
	return rc;
}

static int root_gather(struct root_places *places, const char **failed)
{
	int rc = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(root_system) && rc == 0; i++) {
		*failed = root_system[i].path;
		rc = root_is_top_link(*failed) ? 0 : places_add(places, &root_system[i]);
		/* Not every system has all of them. */
		if (rc == -ENOENT)
			rc = 0;
	}
	return rc;
}

/* Whether "/" is the first of all mounts here, as for a system in its initial RAM disk. */
static bool root_is_first(void)
{
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	unsigned id, parent;
	bool first = false;
	struct statx sx;
	char *line = NULL;
	size_t room = 0;

	if (statx(AT_FDCWD, "/", 0, STATX_MNT_ID, &sx) < 0 || !(sx.stx_mask & STATX_MNT_ID))
		sx.stx_mnt_id = 0;
	while (mounts && getline(&line, &room, mounts) > 0)
		if (sscanf(line, "%u %u ", &id, &parent) == 2 && id == sx.stx_mnt_id)
			first |= id == parent;
	free(line);
	if (mounts)
		fclose(mounts);
	return first;
}

/*
 * From @stage, which is the working directory. The old root is stacked under the new one,
 * and goes; the first of all mounts has to stay, and is covered for good.
 */
static int root_pivot(void)
{
	int error;

	if (syscall(SYS_pivot_root, ".", ".") == 0)
		return umount2(".", MNT_DETACH) < 0 ? -errno : 0;
	error = -errno;
	if (error != -EINVAL || !root_is_first())
		return error;
	return mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 ? -errno : 0;
}

/* All that can fail for want of rights, and can be undone. */
static int root_stage(const char *stage, const char **failed)
{
	struct root_places places = { .count = 0 };
	int rc = root_gather(&places, failed);

	*failed = rc ? *failed : "";
	if (rc == 0)
		rc = mount("tmpfs", stage, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,mode=0755") < 0 ?
			-errno : 0;
	if (rc == 0) {
		rc = root_fill(stage, &places, failed);
		if (rc == 0) {
			*failed = "";
			rc = chdir(stage) < 0 ? -errno : root_pivot();
		}
		if (rc < 0 && (chdir("/") < 0 || umount2(stage, MNT_DETACH) < 0))
			log_debug("%s: %s", stage, strerror(errno));
	}
	places_dispose(&places);
	return rc;
}

int domain_root_lock(bool readonly)
{
	return mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV |
		(readonly ? MS_RDONLY : 0), NULL) < 0 ? -errno : 0;
}

int domain_root_enter(const char *stage, const struct domain_list *list, const char **failed)
{
	int rc = root_stage(stage, failed);

	if (rc < 0) {
		errno = -rc;
		return 0;
	}
	if (chdir("/") < 0)
		return -errno;
	rc = domain_list_place(list, failed);
	if (rc < 0)
		return rc;
	*failed = "";
	/* With what comes later: see domain-into.c. */
	if (mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL) < 0)
		return -errno;
	rc = domain_root_lock(true);
	return rc < 0 ? rc : 1;
}
