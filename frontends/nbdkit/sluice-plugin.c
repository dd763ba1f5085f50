// SPDX-License-Identifier: MIT
/*
 * nbdkit-sluice-plugin: a PV disk of the domain that nbdkit runs in, for any NBD
 * client. One device for all connections; see worker.c for its threads.
 */
#include "config.h"
#include "frontends/nbdkit/worker.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include "common/log.h"
#include "frontends/nbdkit/align.h"

#define THREAD_MODEL NBDKIT_THREAD_MODEL_PARALLEL

static struct blkfront_config config;
static struct worker *worker;
static struct align align;
static atomic_bool gone;

static void sluice_load(void)
{
	log_init("nbdkit-sluice-plugin");
}

/* ---- parameters ----------------------------------------------------------- */

static int parse_number(const char *key, const char *value, unsigned min, unsigned max,
	unsigned *out)
{
	if (nbdkit_parse_unsigned(key, value, out) < 0)
		return -1;
	if (*out >= min && *out <= max)
		return 0;
	nbdkit_error("%s=%s must be from %u to %u", key, value, min, max);
	return -1;
}

static int parse_bool(const char *value, bool *out)
{
	int r = nbdkit_parse_bool(value);

	if (r < 0)
		return -1;
	*out = r;
	return 0;
}

static int sluice_config(const char *key, const char *value)
{
	bool persistent;
	unsigned n;

	if (strcmp(key, "vdev") == 0)
		return nbdkit_parse_uint32_t(key, value, &config.vdev);
	if (strcmp(key, "segments") == 0)
		return parse_number(key, value, 1, 256, &config.max_segments);
	if (strcmp(key, "ring-order") == 0)
		return parse_number(key, value, 0, 4, &config.ring_order);
	if (strcmp(key, "queues") == 0)
		return parse_number(key, value, 1, 8, &config.queues);
	if (strcmp(key, "takeover") == 0)
		return parse_bool(value, &config.takeover);
	if (strcmp(key, "timeout") == 0) {
		if (parse_number(key, value, 1, 3600, &n) < 0)
			return -1;
		config.timeout_ms = n * 1000;
		return 0;
	}
	if (strcmp(key, "persistent") == 0) {
		if (parse_bool(value, &persistent) < 0)
			return -1;
		config.no_persistent = !persistent;
		return 0;
	}
	nbdkit_error("unknown parameter '%s'; see nbdkit-sluice-plugin(1)", key);
	return -1;
}

#define SLUICE_CONFIG_HELP                                                                 \
	"vdev=<N>             Virtual device number (default: the domain's first disk).\n"     \
	"segments=<N>         At most N pages of 4 KiB per request (default 256).\n"           \
	"ring-order=<N>       Ring of 2^N pages, 0 to 4 (default 0).\n"                        \
	"queues=<N>           Up to N queues, each with a thread, 1 to 8 (default 1).\n"          \
	"persistent=<BOOL>    Let the backend keep buffers mapped (default true).\n"           \
	"timeout=<SECONDS>    For the backend to connect (default 10).\n"                      \
	"takeover=<BOOL>      Reset a disk that a dead user left connected (default false)."

/* ---- life ----------------------------------------------------------------- */

/*
 * Connect and leave again, while nbdkit can still fail with a status: once it has
 * forked, the command of --run would wait for a server that never serves.
 */
static int sluice_get_ready(void)
{
	char why[256];
	struct blkfront *bf = blkfront_open(&config, why, sizeof(why));

	if (!bf) {
		nbdkit_error("%s", why);
		return -1;
	}
	blkfront_close(bf);
	return 0;
}

/* After nbdkit forked: no handle to the hypervisor or the store survives a fork. */
static int sluice_after_fork(void)
{
	char why[256];

	worker = worker_start(&config, why, sizeof(why));
	if (!worker) {
		nbdkit_error("%s", why);
		return -1;
	}
	align_init(&align, worker);
	return 0;
}

static void sluice_cleanup(void)
{
	if (!worker)
		return;
	align_dispose(&align);
	worker_stop(worker);
	worker = NULL;
}

static void *sluice_open(int readonly)
{
	return NBDKIT_HANDLE_NOT_NEEDED;
}

/* ---- what the disk can ------------------------------------------------------ */

static int64_t sluice_get_size(void *handle)
{
	return worker_size(worker);
}

static int sluice_block_size(void *handle, uint32_t *minimum, uint32_t *preferred,
	uint32_t *maximum)
{
	const struct blkfront_info *info = worker_info(worker);

	*minimum = 1; /* any alignment works, whole blocks are faster */
	*preferred = info->physical_sector_size > 4096 ? info->physical_sector_size : 4096;
	*maximum = UINT32_MAX; /* requests are split here */
	return 0;
}

static int sluice_can_write(void *handle)
{
	return !worker_info(worker)->readonly;
}

static int sluice_can_flush(void *handle)
{
	return worker_info(worker)->flush;
}

/* blkif has no FUA: nbdkit follows such a write with a flush. */
static int sluice_can_fua(void *handle)
{
	return worker_info(worker)->flush ? NBDKIT_FUA_EMULATE : NBDKIT_FUA_NONE;
}

static int sluice_can_trim(void *handle)
{
	return worker_info(worker)->discard;
}

/* One device behind all connections: a flush on one covers the writes of all. */
static int sluice_can_multi_conn(void *handle)
{
	return 1;
}

static int sluice_can_cache(void *handle)
{
	return NBDKIT_CACHE_EMULATE; /* reads it: warms the backend's cache where it has one */
}

/* ---- requests ---------------------------------------------------------------- */

static int answer(int rc, const char *what, uint32_t count, uint64_t offset)
{
	if (rc == 0)
		return 0;
	if (rc == -ENOTCONN) {
		/* Once: from now on it is every request. */
		if (!atomic_exchange(&gone, true))
			nbdkit_error("%s: the disk's backend is gone, all requests fail", what);
		nbdkit_set_error(ESHUTDOWN);
	} else {
		nbdkit_error("%s of %u bytes at %llu: %s", what, count,
			(unsigned long long)offset, strerror(-rc));
		nbdkit_set_error(-rc);
	}
	return -1;
}

static int sluice_pread(void *handle, void *buf, uint32_t count, uint64_t offset, uint32_t flags)
{
	return answer(align_read(&align, buf, count, offset), "read", count, offset);
}

static int sluice_pwrite(void *handle, const void *buf, uint32_t count, uint64_t offset,
	uint32_t flags)
{
	return answer(align_write(&align, buf, count, offset), "write", count, offset);
}

static int sluice_flush(void *handle, uint32_t flags)
{
	return answer(worker_run(worker, BLKFRONT_FLUSH, 0, 0, NULL), "flush", 0, 0);
}

/* A trim is a hint: of a range that is not aligned the inner part is trimmed. */
static int sluice_trim(void *handle, uint32_t count, uint64_t offset, uint32_t flags)
{
	uint64_t mask = worker_info(worker)->sector_size - 1;
	uint64_t first = (offset + mask) & ~mask;
	uint64_t end = (offset + count) & ~mask;

	if (first >= end)
		return 0;
	return answer(worker_run(worker, BLKFRONT_DISCARD, first, end - first, NULL), "trim", count,
		offset);
}

static struct nbdkit_plugin plugin = {
	.name = "sluice",
	.longname = "Sluice PV disk",
	.version = PACKAGE_VERSION,
	.description = "a disk that a Xen or Sluice backend serves to this domain",
	.load = sluice_load,
	.config = sluice_config,
	.config_help = SLUICE_CONFIG_HELP,
	.get_ready = sluice_get_ready,
	.after_fork = sluice_after_fork,
	.cleanup = sluice_cleanup,
	.open = sluice_open,
	.get_size = sluice_get_size,
	.block_size = sluice_block_size,
	.can_write = sluice_can_write,
	.can_flush = sluice_can_flush,
	.can_fua = sluice_can_fua,
	.can_trim = sluice_can_trim,
	.can_multi_conn = sluice_can_multi_conn,
	.can_cache = sluice_can_cache,
	.pread = sluice_pread,
	.pwrite = sluice_pwrite,
	.flush = sluice_flush,
	.trim = sluice_trim,
};

/* nbdkit finds it by name; the macro declares no prototype. */
struct nbdkit_plugin *plugin_init(void);
NBDKIT_REGISTER_PLUGIN(plugin)
