// SPDX-License-Identifier: MIT
#include "config.h"
#include "hypervisor/process/domain-cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/array.h"
#include "common/cgroup-where.h"
#include "common/log.h"

#define CGROUP_PREFIX "sluice-domain-"
/* Somebody who sweeps may take a group that has just been made for one that is left. */
#define CGROUP_TRIES 3u

static const char *const cgroup_controllers[] = { "pids", "memory" };

/* --- removing ---------------------------------------------------------- */

/* A group and those in it, as deep as daemons make them; one with processes stays. */
static void remove_group(int base, const char *name, unsigned depth)
{
	int fd = openat(base, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	while (dir && depth && (e = readdir(dir)))
		if (e->d_type == DT_DIR && e->d_name[0] != '.')
			remove_group(fd, e->d_name, depth - 1);
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
	(void)unlinkat(base, name, AT_REMOVEDIR);
}

/* Of a domain that lives init's group is not empty; what is empty beside it is its own affair. */
static void sweep_one(int base, const char *name)
{
	char init[NAME_MAX + sizeof("/init")];

	snprintf(init, sizeof(init), "%s/init", name);
	if (unlinkat(base, init, AT_REMOVEDIR) == 0 || errno == ENOENT)
		remove_group(base, name, 2);
}

static void sweep(int base)
{
	int fd = openat(base, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (strncmp(e->d_name, CGROUP_PREFIX, strlen(CGROUP_PREFIX)) == 0)
			sweep_one(base, e->d_name);
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
}

static void one_dispose(struct domain_cgroup_one *one)
{
	free(one->dir);
	cleanup_close(&one->base);
	cleanup_close(&one->procs);
	cleanup_close(&one->init);
}

void domain_cgroup_remove(struct domain_cgroup *cg)
{
	for (unsigned i = 0; i < cg->count; i++) {
		char text[] = "0";
		int back = openat(cg->one[i].base, "cgroup.procs", O_WRONLY | O_CLOEXEC);

		/* This process is in it, too. */
		if (back >= 0)
			(void)!write(back, text, 1);
		cleanup_close(&back);
		remove_group(cg->one[i].base, cg->name, 2);
		one_dispose(&cg->one[i]);
	}
	cg->count = 0;
}

/* --- making ------------------------------------------------------------ */

static int try_group(struct domain_cgroup_one *one, const char *name)
{
	char path[64];

	remove_group(one->base, name, 2);
	snprintf(path, sizeof(path), "%s/init", name);
	if (mkdirat(one->base, name, 0755) < 0 || mkdirat(one->base, path, 0755) < 0)
		return -errno;
	snprintf(path, sizeof(path), "%s/init/cgroup.procs", name);
	cleanup_close(&one->init);
	one->init = openat(one->base, path, O_WRONLY | O_CLOEXEC);
	if (one->init < 0 || write(one->init, "0", 1) < 0)
		return -errno;
	snprintf(path, sizeof(path), "%s/cgroup.procs", name);
	cleanup_close(&one->procs);
	one->procs = openat(one->base, path, O_WRONLY | O_CLOEXEC);
	return one->procs < 0 ? -errno : 0;
}

/* Version 2: groups get a controller from above; where that is not possible they lack it. */
static void hand_down(int base)
{
	CLEANUP_CLOSE int fd = openat(base, "cgroup.subtree_control", O_WRONLY | O_CLOEXEC);
	static const char *const words[] = { "+pids", "+memory" };

	for (unsigned i = 0; i < ARRAY_SIZE(words) && fd >= 0; i++)
		if (write(fd, words[i], strlen(words[i])) < 0)
			log_debug("%s: %s", words[i], strerror(errno));
}

static int make_one(struct domain_cgroup_one *one, const char *base, const char *name)
{
	int rc = -ENOENT;

	one->base = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (one->base < 0 || asprintf(&one->dir, "%s/%s", base, name) < 0)
		return -errno;
	sweep(one->base);
	hand_down(one->base);
	for (unsigned i = 0; i < CGROUP_TRIES && (rc == -ENOENT || rc == -ENODEV); i++)
		rc = try_group(one, name);
	return rc;
}

static bool is_made(const struct domain_cgroup *cg, const char *at)
{
	for (unsigned i = 0; i < cg->count; i++)
		if (strcmp(cg->one[i].at, at) == 0)
			return true;
	return false;
}

void domain_cgroup_make(struct domain_cgroup *cg)
{
	*cg = (struct domain_cgroup){ .count = 0 };
	snprintf(cg->name, sizeof(cg->name), CGROUP_PREFIX "%d", getpid());
	for (unsigned i = 0; i < ARRAY_SIZE(cgroup_controllers); i++) {
		struct domain_cgroup_one *one = &cg->one[cg->count];
		struct cgroup_where where;
		int rc;

		*one = (struct domain_cgroup_one){ .base = -1, .procs = -1, .init = -1 };
		/* One hierarchy may have both. */
		if (cgroup_where(cgroup_controllers[i], &where) < 0 || is_made(cg, where.mount))
			continue;
		snprintf(one->at, sizeof(one->at), "%s", where.mount);
		rc = make_one(one, where.dir, cg->name);
		if (rc == 0) {
			cg->count++;
			continue;
		}
		log_info("the domain has no control group for %s: %s", cgroup_controllers[i], strerror(-rc));
		if (one->base >= 0)
			remove_group(one->base, cg->name, 2);
		one_dispose(one);
	}
}

/* --- using ------------------------------------------------------------- */

int domain_cgroup_allow(const struct domain_cgroup *cg, struct domain_list *list)
{
	int rc = 0;

	for (unsigned i = 0; i < cg->count && rc == 0; i++)
		rc = domain_list_add_at(list, cg->one[i].at, cg->one[i].dir, false);
	return rc;
}

int domain_cgroup_namespace(const struct domain_cgroup *cg)
{
	int rc = 0;

	/* Its root is where the process is. */
	for (unsigned i = 0; i < cg->count && rc == 0; i++)
		rc = write(cg->one[i].procs, "0", 1) < 0 ? -errno : 0;
	if (rc == 0 && unshare(CLONE_NEWCGROUP) < 0)
		rc = -errno;
	for (unsigned i = 0; i < cg->count; i++)
		if (write(cg->one[i].init, "0", 1) < 0 && rc == 0)
			rc = -errno;
	return rc;
}

void domain_cgroup_enter(const struct domain_cgroup *cg)
{
	for (unsigned i = 0; i < cg->count; i++)
		if (write(cg->one[i].procs, "0", 1) < 0)
			log_info("%s: %s", cg->one[i].dir, strerror(errno));
}
