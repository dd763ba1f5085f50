// SPDX-License-Identifier: MIT
/*
 * Landlock decides which files can be opened, by what they are and not by their names: the image,
 * and what a program that is linked with libraries needs to start. Without it no image is served.
 */
#include "config.h"
#include "drivers-domain/format-jail.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/array.h"
#include "common/confine-private.h"

/* linux/landlock.h's, of which older headers know a part. */
#define JAIL_EXECUTE (UINT64_C(1) << 0)
#define JAIL_WRITE_FILE (UINT64_C(1) << 1)
#define JAIL_READ_FILE (UINT64_C(1) << 2)
#define JAIL_READ_DIR (UINT64_C(1) << 3)
#define JAIL_TRUNCATE (UINT64_C(1) << 14)
#define JAIL_IOCTL_DEV (UINT64_C(1) << 15)
#define JAIL_VERSION 1u
#define JAIL_PATH_RULE 1

struct jail_attr {
	uint64_t files;
};

struct jail_rule {
	uint64_t allowed;
	int32_t fd;
} __attribute__((packed));

/* --- files ------------------------------------------------------------------------------- */

static uint64_t jail_known_rights(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, JAIL_VERSION);
	unsigned bits = abi < 1 ? 0 : abi == 1 ? 13 : abi == 2 ? 14 : abi < 5 ? 15 : 16;

	return (UINT64_C(1) << bits) - 1;
}

static int jail_allow_fd(int rules, uint64_t known, int fd, uint64_t rights)
{
	const struct jail_rule rule = { rights & known, fd };

	return syscall(SYS_landlock_add_rule, rules, JAIL_PATH_RULE, &rule, 0) < 0 ? -errno : 0;
}

/* What is not there needs no rule. */
static int jail_allow(int rules, uint64_t known, const char *path, uint64_t rights)
{
	CLEANUP_CLOSE int fd = open(path, O_PATH | O_CLOEXEC);
	struct stat sb;

	if (fd < 0)
		return 0;
	if (fstat(fd, &sb) < 0)
		return -errno;
	return jail_allow_fd(rules, known, fd, S_ISDIR(sb.st_mode) ? rights : rights & ~JAIL_READ_DIR);
}

static int jail_files(int image, bool readonly, const char *program)
{
	static const char *const libraries[] = { "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib",
		"/etc/ld.so.cache" };
	static const char *const linkers[] = { "/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1" };
	uint64_t known = jail_known_rights();
	const struct jail_attr attr = { known };
	CLEANUP_CLOSE int rules = -1;
	int rc;

	if (!known)
		return -ENOSYS;
	rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (rules < 0)
		return -errno;
	rc = jail_allow_fd(rules, known, image, JAIL_READ_FILE |
		(readonly ? 0 : JAIL_WRITE_FILE | JAIL_TRUNCATE) | JAIL_IOCTL_DEV);
	for (unsigned i = 0; rc == 0 && i < ARRAY_SIZE(libraries); i++)
		rc = jail_allow(rules, known, libraries[i], JAIL_READ_FILE | JAIL_READ_DIR);
	for (unsigned i = 0; rc == 0 && i < ARRAY_SIZE(linkers); i++)
		rc = jail_allow(rules, known, linkers[i], JAIL_READ_FILE | JAIL_EXECUTE);
	/* On which QEMU tries what locks there are. */
	if (rc == 0)
		rc = jail_allow(rules, known, "/dev/null", JAIL_READ_FILE | JAIL_WRITE_FILE);
	if (rc == 0)
		rc = jail_allow(rules, known, program, JAIL_READ_FILE | JAIL_EXECUTE);
	if (rc < 0)
		return rc;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_landlock_restrict_self, rules, 0) < 0)
		return -errno;
	return 0;
}

/* --- the rest ------------------------------------------------------------------------------ */

/* No network, no shared memory of others; best of what is allowed here. */
static void jail_namespaces(void)
{
	const int flags = CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET;

	if (unshare(flags | CLONE_NEWCGROUP) < 0 && unshare(CLONE_NEWUSER | flags | CLONE_NEWCGROUP) < 0)
		(void)!unshare(CLONE_NEWUSER | CLONE_NEWNET);
}

/* It opens the image once more, by its name: as whoever it belongs to. */
static void jail_become_owner(const struct stat *sb)
{
	if (geteuid() != 0 || (sb->st_uid == 0 && sb->st_gid == 0))
		return;
	if (setgroups(0, NULL) == 0 && setresgid(sb->st_gid, sb->st_gid, sb->st_gid) == 0)
		(void)!setresuid(sb->st_uid, sb->st_uid, sb->st_uid);
}

static int jail_limit(__rlimit_resource_t what, rlim_t most)
{
	const struct rlimit limit = { most, most };

	return setrlimit(what, &limit) < 0 ? -errno : 0;
}

int format_jail(int image, bool readonly, const char *program, char *why, size_t room)
{
	struct stat sb;
	int rc = fstat(image, &sb) < 0 ? -errno : 0;

	if (rc == 0)
		rc = jail_limit(RLIMIT_CORE, 0);
	if (rc == 0)
		rc = jail_limit(RLIMIT_NOFILE, 512);
	if (rc == 0)
		rc = jail_limit(RLIMIT_MSGQUEUE, 0);
	/* In a user namespace that maps ids, before another one that does not. */
	jail_become_owner(&sb);
	jail_namespaces();
	if (rc == 0)
		rc = jail_files(image, readonly, program);
	if (rc == 0)
		rc = confine_privileges();
	if (rc < 0)
		snprintf(why, room, "is not read without confinement (Landlock, Linux 5.13): %s", strerror(-rc));
	return rc;
}
