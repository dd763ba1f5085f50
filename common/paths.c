// SPDX-License-Identifier: MIT
#include "config.h"
#include "common/paths.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"

char *path_build_root(void)
{
	char exe[PATH_MAX];
	char *mark = NULL;
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (n < 0)
		return NULL;
	exe[n] = '\0';
	for (char *slash = strrchr(exe, '/'); slash && slash != exe; slash = strrchr(exe, '/')) {
		*slash = '\0';
		free(mark);
		if (asprintf(&mark, "%s/config.status", exe) < 0)
			return NULL;
		if (access(mark, F_OK) == 0) {
			free(mark);
			return strdup(exe);
		}
	}
	free(mark);
	return NULL;
}

/* "ROOT/folder/name" in a build tree, else "installed/name", if it is there. */
static char *find(const char *folder, const char *name, const char *installed, int mode)
{
	CLEANUP_FREE char *root = path_build_root();
	char *path = NULL;
	int n;

	if (root)
		n = asprintf(&path, "%s/%s/%s", root, folder, name);
	else
		n = asprintf(&path, "%s/%s", installed, name);
	if (n < 0) {
		errno = ENOMEM;
		return NULL;
	}
	if (access(path, mode) < 0) {
		free(path);
		return NULL;
	}
	return path;
}

char *path_program(const char *folder, const char *name)
{
	char *path = find(folder, name, SLUICE_SBINDIR, X_OK);

	return path ? path : find(folder, name, SLUICE_BINDIR, X_OK);
}

char *path_dropin_libs(void)
{
	char *path = find("hypervisor/process/.libs", "libxenevtchn.so.1", SLUICE_PKGLIBDIR, R_OK);

	if (path)
		*strrchr(path, '/') = '\0';
	return path;
}

char *path_module(const char *folder, const char *name)
{
	CLEANUP_FREE char *built = NULL;

	if (asprintf(&built, "%s/.libs", folder) < 0) {
		errno = ENOMEM;
		return NULL;
	}
	return find(built, name, SLUICE_PKGLIBDIR, R_OK);
}

char *path_nbdkit_plugin(void)
{
	return find("frontends/nbdkit/.libs", "nbdkit-sluice-plugin.so", SLUICE_PLUGINDIR, R_OK);
}
