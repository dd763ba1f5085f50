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

/* Drivers that this build does not have, and the schemes that would be theirs. */
static const struct {
	const char *name, *schemes, *why;
} missing[] = {
	{ "iscsi", "iscsi", "this version has no iscsi driver" },
	{ "gluster", "gluster gluster+tcp gluster+unix", "this version has no gluster driver" },
	{ "nbd", "nbd nbd+unix", "this version has no nbd driver" },
};

bool blk_scheme_in(const char *schemes, const char *scheme, size_t len)
{
	while (schemes && *schemes) {
		size_t n = strcspn(schemes, " ");

		if (n == len && strncmp(schemes, scheme, len) == 0)
			return true;
		schemes += n + strspn(schemes + n, " ");
	}
	return false;
}

const char *blk_scheme_missing(const char *scheme, size_t len)
{
	for (unsigned i = 0; i < ARRAY_SIZE(missing); i++)
		if (blk_scheme_in(missing[i].schemes, scheme, len))
			return missing[i].why;
	return NULL;
}

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
