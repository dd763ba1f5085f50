// SPDX-License-Identifier: MIT
#include "config.h"
#include "hypervisor/store/path.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <xen/io/xs_wire.h>

_Static_assert(STORE_PATH_SIZE == XENSTORE_ABS_PATH_MAX + 1, "room for the longest path");

static bool path_char_is_valid(char c)
{
	/* Not isalnum(): the locale has no say here. */
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		c == '-' || c == '/' || c == '_' || c == '@';
}

bool path_is_valid(const char *path)
{
	size_t len = strnlen(path, STORE_PATH_SIZE);

	if (path[0] != '/' || len > XENSTORE_ABS_PATH_MAX)
		return false;
	if (len == 1)
		return true;
	for (size_t i = 0; i < len; i++) {
		if (!path_char_is_valid(path[i]))
			return false;
		/* The end counts as a slash, so that a trailing one is doubled. */
		if (path[i] == '/' && (path[i + 1] == '/' || path[i + 1] == '\0'))
			return false;
	}
	return true;
}

int path_resolve(uint32_t domid, const char *in, char out[STORE_PATH_SIZE])
{
	int n;

	if (in[0] == '/') {
		n = snprintf(out, STORE_PATH_SIZE, "%s", in);
	} else {
		if (in[0] == '\0' || strnlen(in, STORE_PATH_SIZE) > XENSTORE_REL_PATH_MAX)
			return -EINVAL;
		n = snprintf(out, STORE_PATH_SIZE, "/local/domain/%u/%s", domid, in);
	}
	if (n < 0 || n >= STORE_PATH_SIZE)
		return -EINVAL;
	return path_is_valid(out) ? 0 : -EINVAL;
}

void path_to_parent(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash)
		return;
	if (slash == path)
		slash++;
	*slash = '\0';
}

const char *path_leaf(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}
