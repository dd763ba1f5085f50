// SPDX-License-Identifier: MIT
#include "config.h"
#include "common/storage-name.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"

const char *storage_name_which(const char *rest)
{
	static const char *const keys[] = { ":PARTUUID=", ":PARTLABEL=", ":UUID=", ":LABEL=" };
	const char *which = strrchr(rest, ':');

	/* The first of them: a label may look like another one. */
	for (unsigned i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *at = strstr(rest, keys[i]);

		if (at && at < which)
			which = at;
	}
	return which;
}

static const char *storage_partition(const char *name)
{
	size_t n = strlen(STORAGE_PARTITION);

	return strncmp(name, STORAGE_PARTITION, n) == 0 ? name + n : NULL;
}

char *storage_name_path(const char *name)
{
	const char *rest = storage_partition(name), *which = rest ? storage_name_which(rest) : NULL;

	return which ? strndup(rest, (size_t)(which - rest)) : strdup(rest ? rest : name);
}

char *storage_name_with_path(const char *name, const char *path)
{
	const char *rest = storage_partition(name), *which = rest ? storage_name_which(rest) : NULL;
	char *text;

	if (!rest)
		return strdup(path);
	return asprintf(&text, STORAGE_PARTITION "%s%s", path, which ? which : "") < 0 ? NULL : text;
}
