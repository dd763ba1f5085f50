// SPDX-License-Identifier: MIT
/*
 * A user namespace in which every id means what it means outside. Only somebody who
 * stays outside, with the right to set ids there, can say so for more than one
 * id: a child that is forked before and writes the maps after.
 */
#include "config.h"
#include "hypervisor/process/domain-ns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"

/* The kernel takes a map in one write of less than a page. */
#define MAP_ROOM 4096u

struct map_writer {
	pid_t pid;
	int go; /* a byte into it: write; its end without one: do not */
};

static int write_at(int dir, const char *name, const char *text)
{
	CLEANUP_CLOSE int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

/* Every id that the map @name of the own namespace knows, mapped to itself. */
static int identity_of(const char *name, char text[static MAP_ROOM])
{
	unsigned inside, outside, count;
	FILE *map = fopen(name, "re");
	size_t used = 0;

	if (!map)
		return -errno;
	while (fscanf(map, "%u %u %u", &inside, &outside, &count) == 3 && used < MAP_ROOM)
		used += snprintf(text + used, MAP_ROOM - used, "%u %u %u\n", inside, inside, count);
	fclose(map);
	return used && used < MAP_ROOM ? 0 : -EINVAL;
}

/* The child: waits for the word, then writes the maps of the process that @target is of. */
static int writer_run(int target, int go)
{
	char uids[MAP_ROOM], gids[MAP_ROOM], word;
	int rc = identity_of("/proc/self/uid_map", uids);

	if (rc == 0)
		rc = identity_of("/proc/self/gid_map", gids);
	if (read(go, &word, 1) != 1)
		return -ECANCELED;
	if (rc == 0)
		rc = write_at(target, "uid_map", uids);
	return rc ? rc : write_at(target, "gid_map", gids);
}

static int writer_start(struct map_writer *w)
{
	/* Held open, it is this process whatever its number is called in that /proc. */
	CLEANUP_CLOSE int self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fds[2];

	if (self < 0 || pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	w->pid = fork();
	if (w->pid == 0) {
		close(fds[1]);
		_exit(-writer_run(self, fds[0]));
	}
	close(fds[0]);
	w->go = fds[1];
	if (w->pid > 0)
		return 0;
	close(w->go);
	return -EAGAIN;
}

/* Has the maps written if @go; returns what came of it. */
static int writer_end(struct map_writer *w, bool go)
{
	int status = 0;

	if (go && write(w->go, "", 1) < 0)
		go = false;
	close(w->go);
	while (waitpid(w->pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -ECANCELED;
}

/* What anybody may do: keep the own ids. */
static int map_own_ids(uid_t uid, gid_t gid)
{
	char text[64];
	int rc;

	snprintf(text, sizeof(text), "%u %u 1", uid, uid);
	rc = write_at(AT_FDCWD, "/proc/self/uid_map", text);
	if (rc == 0)
		rc = write_at(AT_FDCWD, "/proc/self/setgroups", "deny");
	snprintf(text, sizeof(text), "%u %u 1", gid, gid);
	return rc ? rc : write_at(AT_FDCWD, "/proc/self/gid_map", text);
}

int domain_userns_enter(int flags)
{
	bool all = domain_caps_may_map_ids();
	struct map_writer writer;
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int rc = 0;

	/* Root with its own id alone would lose the files of all others. */
	if (!all && uid == 0)
		return -EPERM;
	if (all)
		rc = writer_start(&writer);
	if (rc < 0)
		return rc;
	if (unshare(CLONE_NEWUSER | flags) < 0) {
		rc = -errno;
		if (all)
			(void)writer_end(&writer, false);
		return rc;
	}
	rc = all ? writer_end(&writer, true) : map_own_ids(uid, gid);
	if (rc < 0)
		die("cannot keep the ids of users and groups in the domain's user namespace: %s",
			strerror(-rc));
	return 0;
}
