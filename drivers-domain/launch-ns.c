// SPDX-License-Identifier: MIT
#include "config.h"
#include "drivers-domain/launch-ns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool ns_is_capable(uint32_t want)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	return syscall(SYS_capget, &head, data) == 0 && (data[0].effective & want) == want;
}

static bool ns_may_map_ids(void)
{
	return ns_is_capable(1u << CAP_SETUID | 1u << CAP_SETGID | 1u << CAP_SYS_ADMIN);
}

/* Every id that the map @name of the own namespace knows, mapped to itself. */
static int ns_identity(const char *name, char text[static LAUNCH_MAP_ROOM])
{
	unsigned inside, outside, count;
	FILE *map = fopen(name, "re");
	size_t used = 0;

	if (!map)
		return -errno;
	while (used < LAUNCH_MAP_ROOM &&
		fscanf(map, "%u %u %u", &inside, &outside, &count) == 3)
		used += (size_t)snprintf(text + used, LAUNCH_MAP_ROOM - used, "%u %u %u\n", inside,
			inside, count);
	fclose(map);
	return used && used < LAUNCH_MAP_ROOM ? 0 : -EINVAL;
}

int launch_ns_init(struct launch_ns *ns, bool keep_user)
{
	int rc = 0;

	ns->flags = 0;
	if (keep_user && ns_is_capable(1u << CAP_NET_ADMIN)) {
		/* A domain that may administer its network may do nothing else. */
		ns->flags = ns_is_capable(1u << CAP_SYS_ADMIN) ? CLONE_NEWPID : 0;
		return 0;
	}
	if (ns_may_map_ids()) {
		rc = ns_identity("/proc/self/uid_map", ns->uids);
		if (rc == 0)
			rc = ns_identity("/proc/self/gid_map", ns->gids);
	} else if (geteuid() == 0) {
		rc = -EPERM;
	} else {
		/* What anybody may do: keep the own ids. */
		snprintf(ns->uids, LAUNCH_MAP_ROOM, "%u %u 1", geteuid(), geteuid());
		snprintf(ns->gids, LAUNCH_MAP_ROOM, "%u %u 1", getegid(), getegid());
	}
	if (rc == 0)
		ns->flags = CLONE_NEWUSER | CLONE_NEWPID;
	return rc;
}

pid_t launch_ns_fork(const struct launch_ns *ns)
{
	long pid = syscall(SYS_clone, (unsigned long)ns->flags | SIGCHLD, NULL, NULL, NULL, NULL);

	return pid < 0 ? -errno : (pid_t)pid;
}

static int ns_write(pid_t pid, const char *name, const char *text)
{
	CLEANUP_CLOSE int fd = -1;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

int launch_ns_admit(const struct launch_ns *ns, pid_t pid)
{
	int rc;

	if (!(ns->flags & CLONE_NEWUSER))
		return 0;
	rc = ns_write(pid, "uid_map", ns->uids);
	/* Who may not map other ids must first give up dropping groups, which could deny rights. */
	if (rc == 0 && !ns_may_map_ids())
		rc = ns_write(pid, "setgroups", "deny");
	return rc ? rc : ns_write(pid, "gid_map", ns->gids);
}
