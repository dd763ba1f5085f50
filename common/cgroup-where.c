// SPDX-License-Identifier: MIT
#include "config.h"
#include "common/cgroup-where.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

#include "common/cleanup.h"

#define CGROUP_ROOT "/sys/fs/cgroup"

/* Whether the comma-separated @list has @word. */
static bool lists(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = list; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, word, len) == 0 && (at[len] == ',' || at[len] == '\0'))
			return true;
	}
	return false;
}

/* Return: whether it fits. */
static bool set(struct cgroup_where *w, bool unified, const char *parent, const char *name, const char *path)
{
	w->unified = unified;
	return (size_t)snprintf(w->mount, sizeof(w->mount), "%s%s", parent, name) < sizeof(w->mount) &&
		(size_t)snprintf(w->dir, sizeof(w->dir), "%s%s", w->mount, path) < sizeof(w->dir);
}

int cgroup_where_parse(FILE *f, const char *unified, const char *controller, struct cgroup_where *w)
{
	CLEANUP_FREE char *line = NULL;
	size_t room = 0;
	int rc = -ENOENT;

	while (getline(&line, &room, f) > 0) {
		char *list = strchr(line, ':'), *path = list ? strchr(list + 1, ':') : NULL;

		if (!path)
			continue;
		*path++ = '\0';
		list++;
		path[strcspn(path, "\n")] = '\0';
		if (lists(list, controller))
			return set(w, false, CGROUP_ROOT "/", list, path) ? 0 : -ENAMETOOLONG;
		if (!list[0])
			rc = set(w, true, unified, "", path) ? 0 : -ENAMETOOLONG;
	}
	return rc;
}

static const char *unified_root(void)
{
	struct statfs fs;

	return statfs(CGROUP_ROOT, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC ? CGROUP_ROOT :
		CGROUP_ROOT "/unified";
}

int cgroup_where(const char *controller, struct cgroup_where *w)
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	int rc = f ? cgroup_where_parse(f, unified_root(), controller, w) : -errno;

	if (f)
		fclose(f);
	return rc;
}
