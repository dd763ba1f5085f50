// SPDX-License-Identifier: MIT
/*
 * FORMAT:PATH, an image in a format. The daemon that starts a backend starts a format server for
 * it first (drivers-domain/format.c) and tells where that listens; here it is an NBD server, whose
 * export has the disk's name: one of another disk would not be found.
 */
#include "config.h"
#include "backends/blk/target.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/blk/drivers.h"
#include "common/storage-name.h"

static void format_put(FILE *to, const char *text)
{
	for (; *text; text++) {
		if (isalnum((unsigned char)*text) || strchr("/-._:", *text))
			fputc(*text, to);
		else
			fprintf(to, "%%%02x", (unsigned char)*text);
	}
}

/* Malloc'ed; NULL: no memory. */
static char *format_uri(const char *name, const char *server)
{
	char *uri = NULL;
	size_t size;
	FILE *to = open_memstream(&uri, &size);

	if (!to)
		return NULL;
	fputs("nbd+unix:///", to);
	format_put(to, name);
	fputs("?unflushed=fail&socket=", to);
	format_put(to, server);
	if (fclose(to) == 0)
		return uri;
	free(uri);
	return NULL;
}

int target_resolve_format(const char *name, const struct target_wish *wish, struct blk_target *t, char *why,
	size_t room)
{
	const char *server = getenv("SLUICE_FORMAT"), *format = storage_name_format(name, NULL);
	const struct blk_driver_kind *kind = blk_driver_by_name("nbd");

	if (wish->driver && wish->driver[0] && strcmp(wish->driver, "nbd") != 0) {
		snprintf(why, room, "storage driver %.32s reads no %s images; leave the driver out", wish->driver,
			format);
		return -EINVAL;
	}
	if (!server || server[0] != '/') {
		snprintf(why, room, "%s images are read by a format server, which sluice-driverd starts; by hand, start qemu-nbd and name it (nbd+unix:///?socket=..), or convert the image with qemu-img convert -O raw",
			format);
		return -EINVAL;
	}
	t->driver = blk_driver_load(kind, why, room);
	if (!t->driver)
		return -EINVAL;
	t->own_server = true;
	t->filename = format_uri(name, server);
	return t->filename ? 0 : -ENOMEM;
}
