// SPDX-License-Identifier: MIT
/* Connecting to a volume, and what the image on it is. All in a thread that may be left behind. */
#include "config.h"
#include "backends/blk/gluster-private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

#define GLUSTER_MAX_IOV 1024u
#define GLUSTER_MAX_LENGTH (1u << 20)
#define GLUSTER_REFRESH_MS 2000
/* libgfapi's levels. */
#define GLUSTER_LOG_NONE 0
#define GLUSTER_LOG_INFO 7

static int attach_fail(struct gluster *g, int error, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static int attach_fail(struct gluster *g, int error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(g->why, sizeof(g->why), fmt, ap);
	va_end(ap);
	return error;
}

void gluster_become(const struct gluster *g)
{
	/* Of memory only. In a user namespace without ids everybody is nobody. */
	if (glfs_setfsuid(g->uid) < 0 || glfs_setfsgid(g->gid) < 0 || glfs_setfsgroups(1, &g->gid) < 0)
		log_warn("%s: requests may lack rights: %s", g->conf.filename, strerror(errno));
}

/* --- connecting -------------------------------------------------------------------------- */

struct glfs *gluster_new(const struct gluster_uri *uri)
{
	struct glfs *fs = glfs_new(uri->volume);
	bool debug = log_enabled(LOG_LEVEL_DEBUG);

	if (!fs)
		return NULL;
	if (debug)
		(void)glfs_set_logging(fs, "-", GLUSTER_LOG_INFO); /* or to nowhere, as it was */
	if (glfs_set_volfile_server(fs, uri->is_unix ? "unix" : "tcp", uri->is_unix ? uri->socket : uri->host,
		    uri->port) == 0)
		return fs;
	return NULL;
}

/*
 * Of all graphs that the volume has from now on, whatever its options become. With O_DIRECT,
 * which the image is opened with, strict-O_DIRECT makes write-behind pass on all writes.
 */
static int attach_set_options(struct gluster *g)
{
	char seconds[16];
	int rc = glfs_set_xlator_option(g->fs, "*-write-behind", "strict-O_DIRECT", "on");

	/* A size that is a second old is an old one. */
	if (rc == 0)
		rc = glfs_set_xlator_option(g->fs, "*-md-cache", "md-cache-timeout", "0");
	if (rc == 0 && g->conf.buffered)
		rc = glfs_set_xlator_option(g->fs, "*-client-*", "filter-O_DIRECT", "on");
	snprintf(seconds, sizeof(seconds), "%" PRIu32, g->uri.timeout_s);
	if (rc == 0 && g->uri.timeout_s)
		rc = glfs_set_xlator_option(g->fs, "*-client-*", "ping-timeout", seconds);
	return rc < 0 ? -errno : 0;
}

static int attach_connect(struct gluster *g)
{
	int rc;

	g->fs = gluster_new(&g->uri);
	rc = g->fs ? attach_set_options(g) : -errno;
	if (rc < 0)
		return attach_fail(g, rc, "libgfapi cannot be set up: %s", strerror(-rc));
	errno = 0;
	if (glfs_init(g->fs) == 0)
		return 0;
	rc = errno ? -errno : -ENOTCONN;
	return attach_fail(g, rc, "volume %.64s cannot be reached: %s; gluster volume status %.64s shows its bricks",
		g->uri.volume, strerror(-rc), g->uri.volume);
}

static int attach_open(struct gluster *g)
{
	int flags = (g->conf.readonly ? O_RDONLY : O_RDWR) | O_DIRECT;
	int rc;

	g->fd = glfs_open(g->fs, g->uri.path, flags);
	if (g->fd)
		return 0;
	rc = errno ? -errno : -EIO;
	if (rc == -ENOENT)
		return attach_fail(g, rc, "volume %.64s has no %.100s; create it or correct the disk's path",
			g->uri.volume, g->uri.path);
	if (rc == -EISDIR || rc == -EINVAL)
		return attach_fail(g, rc, "%.100s is no file; a disk is one", g->uri.path);
	if (rc == -EACCES || rc == -EPERM)
		return attach_fail(g, rc, "%.100s: permission denied; user %u of this domain needs to read and write it",
			g->uri.path, (unsigned)g->uid);
	return attach_fail(g, rc, "%.100s cannot be opened: %s", g->uri.path, strerror(-rc));
}

/* --- what it is ---------------------------------------------------------------------------- */

/* The smallest block that can be read where the bricks have O_DIRECT, too. 0: none. */
static uint32_t attach_block_size(struct gluster *g)
{
	CLEANUP_FREE void *page = NULL;

	if (posix_memalign(&page, 4096, 4096))
		return 0;
	for (uint32_t size = 512; size <= 4096; size *= 8) {
		ssize_t n = glfs_pread(g->fd, page, size, (off_t)(g->size - size), 0, NULL);

		if (n == (ssize_t)size && g->size % size == 0)
			return size;
	}
	return 0;
}

/* Which of them work, without changing anything: what is discarded lies behind the end. */
static uint32_t attach_probe(struct gluster *g)
{
	uint32_t flags = g->volfile.no_zerofill ? 0 : BLK_INFO_ZEROES;

	if (g->conf.readonly)
		return BLK_INFO_READONLY;
	if (glfs_discard(g->fd, (off_t)((g->size + 4095) / 4096 * 4096), 4096) == 0)
		flags |= BLK_INFO_DISCARD;
	return flags;
}

static uint64_t identity_of(const uint8_t *bytes, size_t n)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static int attach_describe(struct gluster *g)
{
	uint8_t volume[16] = { 0 };
	uint32_t block_size;
	struct stat sb;

	if (glfs_fstat(g->fd, &sb) < 0)
		return attach_fail(g, -errno, "%.100s: %s", g->uri.path, strerror(errno));
	if (!S_ISREG(sb.st_mode))
		return attach_fail(g, -EINVAL, "%.100s is no file; a disk is one", g->uri.path);
	g->size = (uint64_t)sb.st_size;
	if (g->size == 0 || g->size % 512)
		return attach_fail(g, -EINVAL, "%.100s has %" PRIu64 " bytes, which is no multiple of 512 above 0; truncate it to one",
			g->uri.path, g->size);
	block_size = attach_block_size(g);
	if (!block_size)
		return attach_fail(g, -EIO, "%.100s cannot be read: %s", g->uri.path, strerror(errno));
	if (glfs_get_volumeid(g->fs, (char *)volume, sizeof(volume)) < 0)
		log_debug("the volume has no id: %s", strerror(errno));
	g->info = (struct blk_info){
		.size = g->size,
		.block_size = block_size,
		.physical_size = 4096,
		.max_iov = GLUSTER_MAX_IOV,
		.max_length = GLUSTER_MAX_LENGTH,
		.discard_granularity = 4096,
		.identity = { identity_of(volume, sizeof(volume)), sb.st_ino },
		.flags = BLK_INFO_SERVED | BLK_INFO_FLUSH | BLK_INFO_MULTI_QUEUE | attach_probe(g),
	};
	log_info("%s: %" PRIu64 " bytes, blocks of %" PRIu32 ", %u host(s)", g->conf.filename, g->size, block_size,
		g->volfile.hosts);
	return 0;
}

static int attach_all(void *arg)
{
	struct gluster *g = arg;
	int rc = g->fd ? 0 : attach_connect(g);

	gluster_become(g);
	if (rc == 0 && !g->fd)
		rc = attach_open(g);
	if (rc == 0)
		rc = gluster_lock_take(g, g->why, sizeof(g->why));
	if (rc == 0)
		rc = attach_describe(g);
	return rc < 0 ? rc : gluster_lock_keep(g);
}

int gluster_attach(void *state, struct blk_info *info, char *why, size_t room)
{
	struct gluster *g = state;
	int64_t left = g->deadline_ms - gluster_now_ms();
	/* What is tried again waits for a lock, not for a server. */
	int rc = gluster_call(attach_all, g, g->fd && left < 1000 ? 1000 : left);

	if (rc == 0)
		*info = g->info;
	else if (rc == -ETIMEDOUT)
		snprintf(why, room, "%.100s: volume %.64s did not answer within %u s", g->conf.filename, g->uri.volume,
			gluster_attach_s(&g->uri));
	else
		snprintf(why, room, "%.100s: %s", g->conf.filename, rc == -EAGAIN ? "no thread can be started" : g->why);
	return rc;
}

/* --- its size --------------------------------------------------------------------------------- */

static int refresh_stat(void *arg)
{
	struct gluster *g = arg;
	struct stat sb;

	gluster_become(g);
	if (glfs_fstat(g->fd, &sb) < 0)
		return -errno;
	__atomic_store_n(&g->size, (uint64_t)sb.st_size, __ATOMIC_RELAXED);
	return 0;
}

int gluster_refresh(void *state, struct blk_info *info)
{
	struct gluster *g = state;
	int rc = gluster_call(refresh_stat, g, GLUSTER_REFRESH_MS);

	if (rc == 0)
		info->size = __atomic_load_n(&g->size, __ATOMIC_RELAXED);
	return rc;
}
