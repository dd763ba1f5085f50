// SPDX-License-Identifier: MIT
/*
 * The table of storage drivers. A new one is a row here and a line in local.mk. What needs a
 * library of somebody else's is a module, so that all other disks' backends stay small.
 */
#include "config.h"
#include "backends/blk/drivers.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "common/array.h"
#include "common/paths.h"

#ifdef HAVE_GLUSTER
#define NO_GLUSTER NULL
#else
#define NO_GLUSTER "it was built without libgfapi; install libglusterfs-dev and build it again"
#endif
#ifdef HAVE_LIBISCSI
#define NO_ISCSI NULL
#else
#define NO_ISCSI "it was built without libiscsi; install libiscsi-dev and build it again"
#endif
#ifdef HAVE_LIBNBD
#define NO_NBD NULL
#else
#define NO_NBD "it was built without libnbd; install libnbd-dev and build it again"
#endif

static const struct blk_driver_kind kinds[] = {
	{ "uring", "files and block devices by io_uring (the default)", NULL, &blk_driver_uring, NULL },
	{ "aio", "files and block devices by libaio, where io_uring is not wanted", NULL, &blk_driver_aio, NULL },
	{ "null", "completes everything and moves no data, for benchmarks", NULL, &blk_driver_null, NULL },
	{ "gluster", "images on GlusterFS volumes, by libgfapi", "gluster gluster+tcp gluster+unix gluster+rdma",
		NULL, NO_GLUSTER },
	{ "iscsi", "iSCSI targets' units, by libiscsi", "iscsi", NULL, NO_ISCSI },
	{ "nbd", "NBD servers' exports, by libnbd", "nbd nbd+unix nbds nbds+unix", NULL, NO_NBD },
};

const struct blk_driver_kind *blk_driver_kind_at(unsigned i)
{
	return i < ARRAY_SIZE(kinds) ? &kinds[i] : NULL;
}

const struct blk_driver_kind *blk_driver_by_name(const char *name)
{
	if (!name || !name[0])
		return &kinds[0];
	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

static bool is_one_of(const char *schemes, const char *scheme, size_t len)
{
	while (schemes && *schemes) {
		size_t n = strcspn(schemes, " ");

		if (n == len && strncmp(schemes, scheme, len) == 0)
			return true;
		schemes += n + strspn(schemes + n, " ");
	}
	return false;
}

const struct blk_driver_kind *blk_driver_by_scheme(const char *scheme, size_t len)
{
	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++)
		if (is_one_of(kinds[i].schemes, scheme, len))
			return &kinds[i];
	return NULL;
}

/* A module, which is never unloaded: its threads and its libraries' outlast the disk. */
static const struct blk_driver *load(const struct blk_driver_kind *kind, const char *path, char *why, size_t room)
{
	const struct blk_driver *const *driver;
	const char *version;
	void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);

	if (!module) {
		snprintf(why, room, "storage driver %s: %s", kind->name, dlerror());
		return NULL;
	}
	driver = dlsym(module, "sluice_blk_driver");
	version = dlsym(module, "sluice_blk_version");
	if (driver && version && strcmp(version, PACKAGE_VERSION) == 0)
		return *driver;
	snprintf(why, room, "storage driver %s: %s is not of version " PACKAGE_VERSION "; install all of one version",
		kind->name, path);
	dlclose(module);
	return NULL;
}

const struct blk_driver *blk_driver_load(const struct blk_driver_kind *kind, char *why, size_t room)
{
	CLEANUP_FREE char *path = NULL;
	char name[32];

	if (kind->driver)
		return kind->driver;
	if (kind->absent) {
		snprintf(why, room, "storage driver %s: %s", kind->name, kind->absent);
		return NULL;
	}
	snprintf(name, sizeof(name), "blk-%s.so", kind->name);
	path = path_module("backends/blk", name);
	if (path)
		return load(kind, path, why, room);
	snprintf(why, room, "storage driver %s: its module %s is not installed; Debian's package sluice-backends-%s"
		" has it", kind->name, name, kind->name);
	return NULL;
}
