// SPDX-License-Identifier: MIT
/* Capabilities and limits. */
#include "config.h"
#include "common/confine-private.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Sixteen rings, each with a thread, handles, and a map of many grants under way. */
#define LIMIT_FILES 4096u
/* Threads: ours, and io_uring's, which it makes per ring and CPU. */
#define LIMIT_THREADS 4096u

static int limit_set_to(__rlimit_resource_t what, rlim_t most)
{
	struct rlimit limit;

	if (getrlimit(what, &limit) < 0)
		return -errno;
	if (limit.rlim_max < most)
		most = limit.rlim_max;
	limit = (struct rlimit){ most, most };
	return setrlimit(what, &limit) < 0 ? -errno : 0;
}

int confine_limits(bool users, unsigned files)
{
	/* A core would be the guest's data on the host's disk. */
	int rc = limit_set_to(RLIMIT_CORE, 0);

	if (rc == 0)
		rc = limit_set_to(RLIMIT_NOFILE, files ? files : LIMIT_FILES);
	if (rc == 0)
		rc = limit_set_to(RLIMIT_MSGQUEUE, 0);
	/* Without a user namespace all that the user runs would count. */
	if (rc == 0 && users)
		rc = limit_set_to(RLIMIT_NPROC, LIMIT_THREADS);
	return rc;
}

/* No exec, of whatever file, gives any again. */
static int bounding_drop(void)
{
	for (unsigned cap = 0; cap < 64; cap++) {
		int has = prctl(PR_CAPBSET_READ, cap);

		if (has < 0)
			break; /* beyond the last one of this kernel */
		/* Without CAP_SETPCAP it stays, and PR_SET_NO_NEW_PRIVS alone is what counts. */
		if (has && prctl(PR_CAPBSET_DROP, cap) < 0)
			return errno == EPERM ? 0 : -errno;
	}
	return 0;
}

int confine_privileges(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { { 0 } };
	int rc;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	rc = bounding_drop();
	if (rc < 0)
		return rc;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return -errno;
	if (syscall(SYS_capset, &head, none) < 0)
		return -errno;
	/* Last: a change of rights could make it dumpable again. */
	return prctl(PR_SET_DUMPABLE, 0) < 0 ? -errno : 0;
}
