// SPDX-License-Identifier: MIT
/* The storage behind the queues: opened, described, looked at anew, closed. Control thread. */
#include "config.h"
#include "backends/blk/io.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "backends/blk/io-private.h"

#define IO_MAX_BLOCK (64u << 10)

/* --- what a driver says of it ---------------------------------------------------------- */

static bool io_power_of_two(uint32_t n)
{
	return n && (n & (n - 1)) == 0;
}

/* A driver's mistake, found before a guest's data are. NULL: none. */
static const char *io_check_info(const struct blk_info *info)
{
	if (!io_power_of_two(info->block_size) || info->block_size < IO_SECTOR ||
		info->block_size > IO_MAX_BLOCK)
		return "block_size is not a power of two from 512 to 65536";
	if (!io_power_of_two(info->memory_align) || info->memory_align > info->block_size)
		return "memory_align is not a power of two up to block_size";
	if (info->size == 0 || info->size % info->block_size || info->size > INT64_MAX)
		return "size is no multiple of block_size";
	if (info->max_iov == 0 || (info->max_length && info->max_length < info->block_size))
		return "max_iov or max_length let nothing through";
	return NULL;
}

static const char *io_take_info(struct io *io, const struct blk_info *info)
{
	io->info = *info;
	if (!io->info.memory_align)
		io->info.memory_align = IO_SECTOR;
	return io_check_info(&io->info);
}

/* How much of a storage of @size bytes the disk has; 0: nothing. */
static uint64_t io_range_size(const struct io *io, uint64_t size)
{
	size = size > io->base ? size - io->base : 0;
	if (io->length && size > io->length)
		size = io->length;
	return size - size % io->info.block_size;
}

/* The disk is a part of the storage. 0, or -errno with @why. */
static int io_narrow(struct io *io, char *why, size_t why_room)
{
	uint64_t start = io->conf.range_start, length = io->conf.range_length;
	struct blk_info *info = &io->info;

	if (length == 0)
		return 0;
	if (start > info->size || length > info->size - start) {
		snprintf(why, why_room, "%s: the part from %" PRIu64 " with %" PRIu64
			" bytes is beyond its end at %" PRIu64, io->conf.filename, start, length, info->size);
		return -ERANGE;
	}
	if (start % info->block_size || length % info->block_size) {
		snprintf(why, why_room, "%s: the part from %" PRIu64 " with %" PRIu64
			" bytes does not begin and end on its blocks of %" PRIu32 "; move it, or use the page cache (buffered)",
			io->conf.filename, start, length, info->block_size);
		return -EINVAL;
	}
	io->base = start;
	io->length = length;
	info->size = length;
	if (info->discard_granularity)
		info->discard_alignment = (info->discard_granularity -
			start % info->discard_granularity) % info->discard_granularity;
	/* Parts of one storage are disks of their own: an odd factor mixes all bits. */
	info->identity[1] ^= (start / IO_SECTOR + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ length;
	return 0;
}

static int io_describe(struct io *io, const struct blk_info *info, char *why, size_t why_room)
{
	const char *wrong = io_take_info(io, info);

	if (!wrong)
		return io_narrow(io, why, why_room);
	snprintf(why, why_room, "%s: driver %s describes it wrongly: %s", io->conf.filename,
		io->driver->name, wrong);
	return -EINVAL;
}

/* --- opening and closing ---------------------------------------------------------------- */

static struct io *io_new(const struct blk_driver *driver, void *state)
{
	struct io *io = calloc(1, sizeof(*io));

	if (!io)
		return NULL;
	io->driver = driver;
	io->state = state;
	range_lock_init(&io->lock);
	return io;
}

int io_adopt(const struct blk_driver *driver, void *state, const struct blk_info *info,
	struct io **io)
{
	struct io *n = io_new(driver, state);

	if (!n)
		return -ENOMEM;
	if (io_take_info(n, info)) {
		range_lock_dispose(&n->lock);
		free(n);
		return -EINVAL;
	}
	*io = n;
	return 0;
}

int io_open(const struct blk_driver *driver, const struct blk_conf *conf, struct io **io, char *why,
	size_t why_room)
{
	struct blk_info info = { 0 };
	void *state = NULL;
	struct io *n;
	int rc = driver->open(conf, &info, &state, why, why_room);

	if (rc < 0)
		return rc;
	n = io_new(driver, state);
	if (!n) {
		snprintf(why, why_room, "out of memory");
		if (driver->close)
			driver->close(state);
		return -ENOMEM;
	}
	n->conf = *conf;
	rc = driver->attach ? 0 : io_describe(n, &info, why, why_room);
	if (rc < 0)
		io_close(n);
	else
		*io = n;
	return rc;
}

bool io_attaches_later(const struct io *io)
{
	return io->driver->attach;
}

int io_attach(struct io *io, char *why, size_t why_room)
{
	struct blk_info info = { 0 };
	int rc;

	if (!io->driver->attach)
		return 0;
	rc = io->driver->attach(io->state, &info, why, why_room);
	return rc < 0 ? rc : io_describe(io, &info, why, why_room);
}

void io_close(struct io *io)
{
	if (!io)
		return;
	if (io->driver->close)
		io->driver->close(io->state);
	range_lock_dispose(&io->lock);
	free(io);
}

/* --- while it is open -------------------------------------------------------------------- */

const struct blk_info *io_info(const struct io *io)
{
	return &io->info;
}

int io_servers(struct io *io, struct servers *list, char *why, size_t room)
{
	return io->driver->servers ? io->driver->servers(io->state, list, why, room) : 0;
}

int io_refresh(struct io *io)
{
	struct blk_info info = io->info;
	int rc;

	if (!io->driver->refresh)
		return 0;
	rc = io->driver->refresh(io->state, &info);
	if (rc < 0)
		return rc;
	info.size = io_range_size(io, info.size);
	if (info.size == io->info.size)
		return 0;
	if (info.size == 0 || info.size > INT64_MAX)
		return -EINVAL;
	__atomic_store_n(&io->info.size, info.size, __ATOMIC_RELAXED);
	return 1;
}
