// SPDX-License-Identifier: MIT
#include "config.h"
#include "hypervisor/process/domain-ns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAMESPACES (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC)

int domain_ns_enter(void)
{
	int rc = domain_userns_enter(NAMESPACES);

	/* A chroot has no user namespaces; root needs none. */
	return rc < 0 && unshare(NAMESPACES) < 0 ? rc : 0;
}

int domain_ns_seal(bool network)
{
	return domain_userns_enter(CLONE_NEWNS | (network ? CLONE_NEWNET : 0));
}

int domain_ns_network(void)
{
	return unshare(CLONE_NEWNET) < 0 ? -errno : 0;
}

/* mkdir -p of what @path has beyond @base. */
static int make_path(const char *base, const char *path)
{
	CLEANUP_FREE char *part = strdup(path);

	if (!part)
		return -ENOMEM;
	for (char *p = part + strlen(base) + 1;; *p++ = '/') {
		p = strchrnul(p, '/');
		if (*p == '\0')
			break;
		*p = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return -errno;
	}
	return mkdir(part, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

/* Cuts @path down to the root of the mount that it is on. False: that is out of reach. */
static bool mount_root(char *path)
{
	for (;;) {
		struct statx sx;
		char *slash = strrchr(path, '/');

		if (statx(AT_FDCWD, path, 0, 0, &sx) < 0)
			return false;
		if (sx.stx_attributes & STATX_ATTR_MOUNT_ROOT)
			return true;
		if (!slash || !path[1])
			return false;
		slash[slash == path] = '\0';
	}
}

/*
 * What is mounted below @path must not show outside, but what is unmounted there is to go here,
 * too: a copy that stays keeps the file system, and the device below it, in use until the domain
 * ends. All mounts become slaves; in a chroot, whose "/" is no mount, at least the one that @path
 * is on.
 */
static int make_slave(const char *path)
{
	CLEANUP_FREE char *root = strdup(path);

	if (!root)
		return -ENOMEM;
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == 0)
		return 0;
	if (errno != EINVAL || !mount_root(root))
		return -EINVAL;
	return mount(NULL, root, NULL, MS_REC | MS_SLAVE, NULL) < 0 ? -errno : 0;
}

int domain_ns_hide(const char *run_dir, const char *domain_dir)
{
	CLEANUP_CLOSE int tree = -1;
	int rc = make_slave(run_dir);

	if (rc < 0)
		return rc;
	tree = open_tree(AT_FDCWD, domain_dir, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0)
		return -errno;
	if (mount("tmpfs", run_dir, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		    "size=64k,mode=0755") < 0)
		return -errno;
	rc = make_path(run_dir, domain_dir);
	if (rc < 0)
		return rc;
	if (move_mount(tree, "", AT_FDCWD, domain_dir, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return -errno;
	if (mount(NULL, run_dir, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV |
			MS_NOEXEC, NULL) < 0)
		return -errno;
	return 0;
}

int domain_ns_proc(void)
{
	int rc = make_slave("/proc");

	if (rc < 0)
		return rc;
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return -errno;
	return 0;
}
