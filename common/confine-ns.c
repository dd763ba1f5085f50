// SPDX-License-Identifier: MIT
/*
 * Namespaces. A user namespace comes with the right to make the others. No id is mapped in
 * it: files that are open already do not ask, and there are no others.
 */
#include "config.h"
#include "common/confine-private.h"

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/array.h"

/* Not the pid namespace: one is for children, and this process has none. Its starter gives it. */
#define NS_FLAGS (CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

/* One of these is there to put it on. Nobody else sees what lies on it. */
static const char *const ns_places[] = { "/proc", "/dev", "/tmp", "/run" };

static int ns_mount_empty(void)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 && errno != EINVAL)
		return -errno;
	for (unsigned i = 0; i < ARRAY_SIZE(ns_places); i++)
		if (mount("none", ns_places[i], "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
			    "size=4k,nr_inodes=1") == 0)
			return chdir(ns_places[i]) < 0 ? -errno : 0;
	return -errno;
}

int confine_root(void)
{
	int rc = ns_mount_empty();

	if (rc < 0)
		return rc;
	/* The old root lies on top of the new one then, and is taken off. */
	if (syscall(SYS_pivot_root, ".", ".") == 0) {
		if (umount2(".", MNT_DETACH) < 0)
			return -errno;
	} else if (chroot(".") < 0) {
		/* Of a chroot, which is no mount, there is no pivot; without rights none is left, either. */
		return -errno;
	}
	if (chdir("/") < 0)
		return -errno;
	return mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV |
		MS_NOEXEC, NULL) < 0 ? -errno : 0;
}

int confine_namespaces(bool network, bool *users)
{
	int flags = NS_FLAGS | (network ? CLONE_NEWNET : 0);
	int rc;

	*users = unshare(CLONE_NEWUSER | flags) == 0;
	if (*users)
		return 0;
	/* In a chroot, or switched off. The system's root can do without. */
	rc = -errno;
	return unshare(flags) < 0 ? rc : 0;
}
