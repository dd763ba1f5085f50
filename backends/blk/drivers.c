// SPDX-License-Identifier: MIT
/* The table of storage drivers; a new one is a row here and a line in local.mk. */
#include "config.h"
#include "backends/blk/drivers.h"

#include <string.h>

#include "common/array.h"

static const struct blk_driver *const drivers[] = {
	&blk_driver_uring, /* the default */
	&blk_driver_aio,
	&blk_driver_null,
};

/* Drivers that the design names and this build does not have. */
static const struct {
	const char *name, *why;
} missing[] = {
	{ "iscsi", "this version has no iscsi driver" },
	{ "gluster", "this version has no gluster driver" },
};

const struct blk_driver *blk_driver_find(const char *name)
{
	if (!name || !name[0])
		return drivers[0];
	for (unsigned i = 0; i < ARRAY_SIZE(drivers); i++)
		if (strcmp(drivers[i]->name, name) == 0)
			return drivers[i];
	return NULL;
}

const char *blk_driver_missing(const char *name)
{
	for (unsigned i = 0; i < ARRAY_SIZE(missing); i++)
		if (strcmp(missing[i].name, name) == 0)
			return missing[i].why;
	return NULL;
}

const struct blk_driver *blk_driver_at(unsigned i)
{
	return i < ARRAY_SIZE(drivers) ? drivers[i] : NULL;
}
