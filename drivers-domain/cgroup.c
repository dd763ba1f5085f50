// SPDX-License-Identifier: MIT
#include "config.h"
#include "drivers-domain/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cgroup-where.h"
#include "common/log.h"

static const struct {
	const char *controller, *limit[2], *what; /* limit: by version */
} cgroup_kinds[CGROUP_KINDS] = {
	[CGROUP_TASKS] = { "pids", { "pids.max", "pids.max" }, "tasks" },
	[CGROUP_MEMORY] = { "memory", { "memory.limit_in_bytes", "memory.max" }, "memory" },
};

static int cgroup_write(const char *dir, const char *file, const char *text)
{
	CLEANUP_FREE char *path = NULL;
	CLEANUP_CLOSE int fd = -1;

	if (asprintf(&path, "%s/%s", dir, file) < 0)
		return -ENOMEM;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

/* --- finding it ------------------------------------------------------------------------ */

static int cgroup_find(struct cgroup *c, enum cgroup_kind kind)
{
	struct cgroup_where where;
	int rc = cgroup_where(cgroup_kinds[kind].controller, &where);

	if (rc == 0 && strlen(where.dir) >= sizeof(c->base[kind]))
		rc = -ENAMETOOLONG;
	if (rc == 0) {
		strcpy(c->base[kind], where.dir);
		c->unified[kind] = where.unified;
	}
	return rc;
}

/*
 * Version 2: groups in ours get a controller only when ours has no process in itself, so the
 * daemon goes to one inside first.
 */
static int cgroup_delegate(const struct cgroup *c, enum cgroup_kind kind)
{
	CLEANUP_FREE char *own = NULL;
	char word[16];
	int rc;

	snprintf(word, sizeof(word), "+%s", cgroup_kinds[kind].controller);
	rc = cgroup_write(c->base[kind], "cgroup.subtree_control", word);
	if (rc != -EBUSY)
		return rc;
	if (asprintf(&own, "%s/%s-daemon", c->base[kind], c->prefix) < 0)
		return -ENOMEM;
	if (mkdir(own, 0755) < 0 && errno != EEXIST)
		return -errno;
	rc = cgroup_write(own, "cgroup.procs", "0");
	return rc ? rc : cgroup_write(c->base[kind], "cgroup.subtree_control", word);
}

/* Empty groups of daemons that were killed; one with processes in it cannot be removed. */
static void cgroup_sweep(const char *base)
{
	DIR *dir = opendir(base);
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (strncmp(e->d_name, "sluice-", strlen("sluice-")) == 0)
			(void)unlinkat(dirfd(dir), e->d_name, AT_REMOVEDIR);
	if (dir)
		closedir(dir);
}

void cgroup_init(struct cgroup *c, uint64_t id, const uint64_t limit[CGROUP_KINDS])
{
	*c = (struct cgroup){ .prefix = "" };
	snprintf(c->prefix, sizeof(c->prefix), "sluice-%" PRIx64, id);
	for (unsigned i = 0; i < CGROUP_KINDS; i++) {
		int rc;

		c->limit[i] = limit[i];
		if (!limit[i])
			continue;
		rc = cgroup_find(c, i);
		if (rc == 0 && c->unified[i])
			rc = cgroup_delegate(c, i);
		else if (rc == 0 && access(c->base[i], W_OK) < 0)
			rc = -errno;
		if (rc < 0) {
			c->base[i][0] = '\0';
			log_info("the %s of backends cannot be limited (no control group: %s)",
				cgroup_kinds[i].what, strerror(-rc));
		} else {
			cgroup_sweep(c->base[i]);
		}
	}
}

/* --- using it -------------------------------------------------------------------------- */

static int cgroup_enter_one(const struct cgroup *c, enum cgroup_kind kind, const char *name,
	pid_t pid)
{
	CLEANUP_FREE char *dir = NULL;
	char text[24];
	int rc;

	if (asprintf(&dir, "%s/%s-%s", c->base[kind], c->prefix, name) < 0)
		return -ENOMEM;
	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return -errno;
	snprintf(text, sizeof(text), "%" PRIu64, c->limit[kind]);
	rc = cgroup_write(dir, cgroup_kinds[kind].limit[c->unified[kind]], text);
	snprintf(text, sizeof(text), "%d", pid);
	return rc ? rc : cgroup_write(dir, "cgroup.procs", text);
}

void cgroup_enter(const struct cgroup *c, const char *name, pid_t pid)
{
	static struct log_limit limit = { .burst = 5, .interval_ms = 60000 };

	for (unsigned i = 0; i < CGROUP_KINDS; i++) {
		int rc = c->base[i][0] ? cgroup_enter_one(c, i, name, pid) : 0;

		/* Swept by another daemon that starts, before somebody was in it. */
		if (rc == -ENOENT || rc == -ENODEV)
			rc = cgroup_enter_one(c, i, name, pid);
		if (rc < 0 && log_limit_ok(&limit))
			log_warn("%s: its %s is not limited: %s", name, cgroup_kinds[i].what,
				strerror(-rc));
	}
}

void cgroup_remove(const struct cgroup *c, const char *name)
{
	for (unsigned i = 0; i < CGROUP_KINDS; i++) {
		CLEANUP_FREE char *dir = NULL;

		/* One that is still in use is there for the next backend of that name. */
		if (c->base[i][0] && asprintf(&dir, "%s/%s-%s", c->base[i], c->prefix, name) >= 0)
			(void)rmdir(dir);
	}
}
