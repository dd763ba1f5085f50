// SPDX-License-Identifier: MIT
/* Landlock, by its system calls: C libraries have no functions for it. */
#include "config.h"
#include "common/confine-private.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's struct landlock_ruleset_attr, of which headers of older kernels know a part. */
struct landlock_ruleset {
	uint64_t files, network, scoped;
};

#define LANDLOCK_VERSION 1u

/* How many of its bits each version knows, and so how much can be forbidden. */
static const struct landlock_version {
	uint8_t files, network, scoped, size;
} landlock_versions[] = {
	{ 0, 0, 0, 0 },
	{ 13, 0, 0, 8 }, /* Linux 5.13 */
	{ 14, 0, 0, 8 }, /* moving between directories */
	{ 15, 0, 0, 8 }, /* truncation */
	{ 15, 2, 0, 16 }, /* TCP: bind, connect */
	{ 16, 2, 0, 16 }, /* ioctl of devices */
	{ 16, 2, 2, 24 }, /* abstract sockets, signals */
};

static uint64_t landlock_bits(unsigned n)
{
	return (UINT64_C(1) << n) - 1;
}

/* The kernel's struct landlock_path_beneath_attr. */
struct landlock_dir {
	uint64_t allowed;
	int32_t fd;
} __attribute__((packed));

#define LANDLOCK_DIR_RULE 1
/* WRITE_FILE, REMOVE_FILE, MAKE_REG, TRUNCATE. Moving within a directory is removing and making. */
#define LANDLOCK_DIR_RIGHTS (UINT64_C(1) << 1 | UINT64_C(1) << 5 | UINT64_C(1) << 8 | UINT64_C(1) << 14)

static int landlock_allow(int ruleset, uint64_t handled, int dir)
{
	const struct landlock_dir rule = { LANDLOCK_DIR_RIGHTS & handled, dir };

	/* No rule for anything else: what is handled is forbidden everywhere. */
	if (dir <= 0)
		return 0;
	return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_DIR_RULE, &rule, 0) < 0 ? -errno : 0;
}

int confine_landlock(bool network)
{
	return confine_landlock_dir(network, 0);
}

int confine_landlock_dir(bool network, int dir)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_VERSION);
	const struct landlock_version *v;
	struct landlock_ruleset set;
	CLEANUP_CLOSE int fd = -1;
	int error;

	if (abi < 0)
		return -errno;
	if (abi > 6)
		abi = 6; /* what later ones add is not known here */
	v = &landlock_versions[abi];
	set = (struct landlock_ruleset){ landlock_bits(v->files),
		network ? landlock_bits(v->network) : 0, landlock_bits(v->scoped) };
	fd = (int)syscall(SYS_landlock_create_ruleset, &set, (size_t)v->size, 0);
	if (fd < 0)
		return -errno;
	error = landlock_allow(fd, set.files, dir);
	if (error < 0)
		return error;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		return -errno;
	return (int)abi;
}
