// SPDX-License-Identifier: MIT
/*
 * Translators of volumes, and the transport. libgfapi loads them by path when it builds a
 * volume's graph, which is after confinement, and again when the volume's options change. The
 * dynamic linker opens no file for a path that it has loaded before.
 */
#include "config.h"
#include "backends/blk/gluster-private.h"

#include <dlfcn.h>
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/log.h"

/* Those that clients may have. What is missing here or there is told when a volume wants it. */
static const char *const patterns[] = {
	"xlator/mount/api.so", "xlator/meta.so", "xlator/protocol/client.so", "xlator/cluster/*.so",
	"xlator/performance/*.so", "xlator/debug/*.so", "xlator/features/utime.so",
	"xlator/features/shard.so", "xlator/features/read-only.so", "xlator/features/worm.so",
	"xlator/features/snapview-client.so", "xlator/features/gfid-access.so",
	"xlator/features/cloudsync.so", "xlator/features/quiesce.so", "xlator/features/leases.so",
	"rpc-transport/socket.so",
};

static unsigned load_pattern(const char *folder, const char *pattern)
{
	char path[PATH_MAX];
	unsigned loaded = 0;
	glob_t found;

	snprintf(path, sizeof(path), "%s/glusterfs/*/%s", folder, pattern);
	if (glob(path, 0, NULL, &found) != 0)
		return 0;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		/* They stay: libgfapi's own calls count on top of ours. */
		if (dlopen(found.gl_pathv[i], RTLD_NOW | RTLD_LOCAL))
			loaded++;
		else
			log_debug("%s: %s", found.gl_pathv[i], dlerror());
	}
	globfree(&found);
	return loaded;
}

static unsigned load_folder(const char *folder)
{
	unsigned loaded = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(patterns); i++)
		loaded += load_pattern(folder, patterns[i]);
	return loaded;
}

/* Beside the library. It names them by the path that it was built for, which is not always the one it was found by. */
int gluster_preload(char *why, size_t room)
{
	char found[PATH_MAX] = "", real[PATH_MAX] = "";
	unsigned loaded = 0;
	Dl_info library;

	if (dladdr((const void *)glfs_new, &library) && library.dli_fname &&
		strlen(library.dli_fname) < sizeof(found)) {
		strcpy(found, library.dli_fname);
		if (strrchr(found, '/'))
			*strrchr(found, '/') = '\0';
		loaded = load_folder(found);
		if (realpath(found, real) && strcmp(real, found) != 0)
			loaded += load_folder(real);
	}
	if (loaded)
		return 0;
	snprintf(why, room, "libgfapi's translators are not installed; install glusterfs-common");
	return -ENOENT;
}
