// SPDX-License-Identifier: MIT
#include "config.h"
#include "tools/metrics-find.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "tools/boot-ask.h"
#include "tools/rundir.h"
#include "tools/vdev.h"

/* A stack that is busy is shown without names: they are looked for at every refresh. */
#define FIND_NAMES_MS 200

struct find {
	struct metrics_list *list;
	char place[64];
	unsigned backend;
	void *image;
	int error;
};

static int find_compare(const void *a, const void *b)
{
	const struct metrics_device *x = a, *y = b;
	int order = strcmp(x->place, y->place);

	if (order == 0)
		order = (x->backend > y->backend) - (x->backend < y->backend);
	if (order == 0)
		order = (x->name.frontend > y->name.frontend) - (x->name.frontend < y->name.frontend);
	if (order == 0)
		order = (x->name.devid > y->name.devid) - (x->name.devid < y->name.devid);
	return order ? order : strcmp(x->name.kind, y->name.kind);
}

const struct metrics_device *metrics_list_find(const struct metrics_list *list,
	const struct metrics_device *like)
{
	if (!list->count)
		return NULL;
	return bsearch(like, list->device, list->count, sizeof(*like), find_compare);
}

void metrics_list_free(struct metrics_list *list)
{
	for (unsigned i = 0; i < list->count; i++)
		free(list->device[i].view);
	free(list->device);
	*list = (struct metrics_list){ .count = 0 };
}

static int find_add(struct find *f, const struct leaf_name *name, struct metrics_view *view)
{
	struct metrics_list *l = f->list;
	struct metrics_device *grown = realloc(l->device, (l->count + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	l->device = grown;
	grown[l->count] = (struct metrics_device){ .backend = f->backend, .name = *name, .view = view };
	memcpy(grown[l->count].place, f->place, sizeof(f->place));
	if (view->kind == METRICS_VIF)
		snprintf(grown[l->count].disk, sizeof(grown[l->count].disk), "vif%u", name->devid);
	else
		vdev_format(name->devid, grown[l->count].disk, sizeof(grown[l->count].disk));
	l->count++;
	return 0;
}

static int find_file(struct find *f, int dir_fd, const char *file)
{
	struct metrics_view *view;
	struct leaf_name name;
	int rc;

	if (scan_parse_file_name(file, ".metrics", &name) < 0)
		return 0;
	if (f->list->count == METRICS_DEVICES) {
		f->list->skipped++;
		return 0;
	}
	view = malloc(sizeof(*view));
	if (!view)
		return -ENOMEM;
	rc = metrics_read_at(dir_fd, file, f->image, view);
	if (rc == 0)
		rc = find_add(f, &name, view);
	else if (rc != -ENOENT && rc != -ENODATA)
		f->list->skipped++; /* else it came or went just now */
	if (rc < 0)
		free(view);
	return rc == -ENOMEM ? rc : 0;
}

/* Return: 0, or why @path cannot be read. */
static int find_in(struct find *f, const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;

	if (!dir)
		return -errno;
	while (!f->error && (e = readdir(dir)))
		f->error = find_file(f, dirfd(dir), e->d_name);
	closedir(dir);
	return 0;
}

/* A name of ours or of the user's for each guest, where it is not out of the ordinary. */
static void find_name(struct metrics_device *d, const char *list)
{
	char name[32];
	unsigned domid;

	for (const char *line = list; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		if (sscanf(line, "%31[a-zA-Z0-9._-] %u", name, &domid) == 2 && domid == d->name.frontend)
			memcpy(d->guest, name, sizeof(name));
}

static void find_names(const char *stack, struct metrics_device *device, unsigned count)
{
	static const char *const words[] = { "list", NULL };
	char reply[BOOT_MESSAGE_MAX], path[600];
	const char *list = "guest 2\n"; /* of a sluice exec, see stack.c */

	snprintf(path, sizeof(path), "%s/" BOOT_SOCKET, stack);
	if (count && access(path, F_OK) == 0)
		list = boot_ask(stack, words, FIND_NAMES_MS, reply) == BOOT_OK ? reply : "";
	for (unsigned i = 0; i < count; i++)
		find_name(&device[i], list);
}

static int find_stack(const char *stack, void *opaque)
{
	struct find *f = opaque;
	unsigned before = f->list->count;
	char path[600];
	struct dirent *e;
	const char *name = strrchr(stack, '/');
	DIR *dir;

	if (!name || sscanf(name, "/run.%20[0-9].", f->place) != 1)
		return 0;
	snprintf(path, sizeof(path), "%s/dom", stack);
	dir = opendir(path);
	while (dir && !f->error && (e = readdir(dir))) {
		if (sscanf(e->d_name, "%5u", &f->backend) != 1)
			continue;
		snprintf(path, sizeof(path), "%s/dom/%u/driverd", stack, f->backend);
		(void)!find_in(f, path); /* most domains have no driverd */
	}
	if (dir)
		closedir(dir);
	if (!f->error)
		find_names(stack, f->list->device + before, f->list->count - before);
	return f->error;
}

int metrics_find(const char *run_dir, struct metrics_list *list)
{
	CLEANUP_FREE void *image = malloc(METRICS_FILE_MAX);
	struct find f = { .list = list, .image = image, .place = "-" };
	int rc = 0;

	*list = (struct metrics_list){ .count = 0 };
	if (!image)
		return -ENOMEM;
	if (run_dir)
		rc = find_in(&f, run_dir);
	else
		rundir_each(find_stack, &f);
	if (f.error)
		rc = f.error;
	if (rc < 0)
		metrics_list_free(list);
	else if (list->count)
		qsort(list->device, list->count, sizeof(*list->device), find_compare);
	return rc;
}
