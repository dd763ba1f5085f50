// SPDX-License-Identifier: MIT
/* Opening local storage. Runs in the control thread before any request. */
#include "config.h"
#include "backends/blk/storage-private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/confine.h"
#include "common/log.h"

/* While serving: to look at the size anew. */
CONFINE_RULES(storage, CONFINE_CALL(lseek), CONFINE_CALL_IF(ioctl, 1, BLKGETSIZE64));

#define STORAGE_SECTOR 512u
#define STORAGE_MAX_IOV 1024u      /* IOV_MAX */
#define STORAGE_MAX_RETRIES 1000u

int storage_refuse(char *why, size_t room, const char *path, int error, const char *text)
{
	snprintf(why, room, "%s: %s", path, text);
	return error;
}

static int storage_open_error(const struct blk_conf *conf, int error, char *why, size_t room)
{
	const char *text = strerror(-error);

	if (error == -ENOENT)
		text = "no such file; create it or correct the disk's path";
	else if (error == -EISDIR)
		text = "is a directory; a disk is a file or a block device";
	else if (error == -EACCES || error == -EPERM)
		text = "permission denied; the storage domain's user needs to read and write it";
	else if (error == -EROFS)
		text = "is on a read-only file system; attach the disk with mode r";
	else if (error == -EBUSY)
		text = "is in use by somebody else (mounted, or part of another device); release it first";
	else if (error == -ENXIO || error == -ENODEV || error == -ENOMEDIUM)
		text = "has no device or medium behind it";
	return storage_refuse(why, room, conf->filename, error, text);
}

static int storage_check_kind(const struct blk_conf *conf, struct storage *st, struct stat *sb,
	char *why, size_t room)
{
	struct statfs fs;

	if (fstat(st->fd, sb) < 0)
		return storage_open_error(conf, -errno, why, room);
	if (S_ISDIR(sb->st_mode))
		return storage_open_error(conf, -EISDIR, why, room);
	if (!S_ISREG(sb->st_mode) && !S_ISBLK(sb->st_mode))
		return storage_refuse(why, room, conf->filename, -EINVAL,
			"is neither a file nor a block device");
	st->is_device = S_ISBLK(sb->st_mode);
	st->device = st->is_device ? sb->st_rdev : sb->st_dev;
	st->inode = st->is_device ? UINT64_MAX : sb->st_ino;
	if (!st->is_device && fstatfs(st->fd, &fs) == 0)
		st->in_memory = fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC;
	return 0;
}

static int storage_device_size(int fd, uint64_t *size)
{
	return ioctl(fd, BLKGETSIZE64, size) < 0 ? -errno : 0;
}

static int storage_find_size(const struct blk_conf *conf, struct storage *st,
	const struct stat *sb, char *why, size_t room)
{
	unsigned int physical = 0;
	unsigned short rotational = 0;
	char text[160];
	int rc;

	st->physical_size = STORAGE_SECTOR;
	st->size = sb->st_size;
	if (st->is_device) {
		rc = storage_device_size(st->fd, &st->size);
		if (rc < 0)
			return storage_open_error(conf, rc, why, room);
		if (ioctl(st->fd, BLKPBSZGET, &physical) == 0 && physical >= STORAGE_SECTOR)
			st->physical_size = physical;
		if (ioctl(st->fd, BLKROTATIONAL, &rotational) == 0)
			st->rotational = rotational;
	} else {
		/* Smaller writes would be read-modify-write in the page cache. */
		st->physical_size = 4096;
	}
	if (st->size == 0)
		return storage_refuse(why, room, conf->filename, -EINVAL,
			"is empty; a disk needs at least one sector of 512 bytes");
	if (st->size % STORAGE_SECTOR == 0)
		return 0;
	snprintf(text, sizeof(text),
		"its size, %llu bytes, is no multiple of 512; truncate -s %%512 rounds it up",
		(unsigned long long)st->size);
	return storage_refuse(why, room, conf->filename, -EINVAL, text);
}

int storage_refresh(struct storage *st, struct blk_info *info)
{
	off_t end;

	if (st->is_device)
		return storage_device_size(st->fd, &info->size);
	/* Not fstat(), which would need the right to look at any path's. */
	end = lseek(st->fd, 0, SEEK_END);
	if (end < 0)
		return -errno;
	info->size = (uint64_t)end;
	return 0;
}

/* --- direct access ---------------------------------------------------------------------- */

/* Whether blocks of the alignments in @st can be read; first and last one. */
static int storage_try_direct(const struct storage *st)
{
	size_t room = 2 * (st->block_size > 4096 ? st->block_size : 4096);
	CLEANUP_FREE void *pages = NULL;
	ssize_t n;

	if (posix_memalign(&pages, room / 2, room))
		return -ENOMEM;
	/* Not better aligned than promised. */
	n = pread(st->fd, (char *)pages + st->memory_align, st->block_size, 0);
	if (n >= 0)
		n = pread(st->fd, (char *)pages + st->memory_align, st->block_size,
			st->size - st->block_size);
	return n < 0 ? -errno : n < st->block_size ? -EIO : 0;
}

/* What the kernel says that O_DIRECT needs here. False: it does not say. */
static bool storage_ask_alignment(struct storage *st)
{
	struct statx sx;
	int logical = 0;

	if (statx(st->fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &sx) == 0 &&
		(sx.stx_mask & STATX_DIOALIGN) && sx.stx_dio_offset_align) {
		st->block_size = sx.stx_dio_offset_align;
		st->memory_align = sx.stx_dio_mem_align;
	} else if (st->is_device && ioctl(st->fd, BLKSSZGET, &logical) == 0 && logical > 0) {
		st->block_size = logical;
		st->memory_align = logical; /* before Linux 6.0; more than enough since */
	} else {
		return false;
	}
	if (st->block_size < STORAGE_SECTOR)
		st->block_size = STORAGE_SECTOR;
	if (st->memory_align < STORAGE_SECTOR)
		st->memory_align = STORAGE_SECTOR;
	if (st->memory_align > st->block_size)
		st->block_size = st->memory_align;
	return true;
}

/* Set block_size and memory_align to what works. 0 or -errno. */
static int storage_find_alignment(struct storage *st)
{
	int rc = -EINVAL;

	if (storage_ask_alignment(st))
		return st->size % st->block_size ? -EINVAL : storage_try_direct(st);
	for (uint32_t size = STORAGE_SECTOR; size <= 4096 && rc == -EINVAL; size *= 8) {
		st->block_size = size;
		st->memory_align = size;
		if (st->size % size == 0)
			rc = storage_try_direct(st);
	}
	return rc;
}

/* Whether the disk begins and ends on blocks, wherever in the storage it is. */
static bool storage_is_aligned(const struct blk_conf *conf, const struct storage *st)
{
	return (conf->range_start | conf->range_length) % st->block_size == 0;
}

static void storage_set_direct(const struct blk_conf *conf, struct storage *st)
{
	int flags = fcntl(st->fd, F_GETFL);
	int rc;

	st->block_size = STORAGE_SECTOR;
	st->memory_align = STORAGE_SECTOR;
	if (conf->buffered)
		return;
	if (st->in_memory) {
		log_info("%s: is in memory, O_DIRECT has nothing to bypass", conf->filename);
		return;
	}
	if (flags >= 0 && fcntl(st->fd, F_SETFL, flags | O_DIRECT) == 0) {
		rc = storage_find_alignment(st);
		if (rc == 0 && !storage_is_aligned(conf, st))
			rc = -EINVAL;
		if (rc == 0) {
			st->direct = true;
			if (st->physical_size < st->block_size)
				st->physical_size = st->block_size;
			return;
		}
		(void)fcntl(st->fd, F_SETFL, flags); /* taking it off cannot fail */
	} else {
		rc = -errno;
	}
	if (st->size % st->block_size)
		log_warn("%s: its size is no multiple of its %u-byte blocks; using the page cache, truncate -s %%%u lets it do without",
			conf->filename, st->block_size, st->block_size);
	else if (!storage_is_aligned(conf, st))
		log_warn("%s: the disk's part of it does not begin and end on its %u-byte blocks; using the page cache",
			conf->filename, st->block_size);
	else
		log_warn("%s: cannot be accessed with O_DIRECT (%s); using the page cache",
			conf->filename, strerror(-rc));
	st->block_size = STORAGE_SECTOR;
	st->memory_align = STORAGE_SECTOR;
}

static int storage_open_flags(const struct blk_conf *conf)
{
	struct stat sb;
	int flags = (conf->readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

	/*
	 * O_EXCL without O_CREAT means something for block devices only. A name that
	 * changes between stat and open gets at worst no claim, and still the lock. A claim is
	 * of the whole device: it would keep the users of other parts away.
	 */
	if (!conf->readonly && !conf->shared && !conf->range_length && stat(conf->filename, &sb) == 0 && S_ISBLK(sb.st_mode))
		flags |= O_EXCL;
	return flags;
}

int storage_open(const struct blk_conf *conf, struct storage *st, char *why, size_t why_room)
{
	struct stat sb;
	int rc;

	*st = (struct storage){ .fd = -1 };
	if (conf->filename[0] != '/')
		return storage_refuse(why, why_room,
			conf->filename[0] ? conf->filename : "the disk has no file", -EINVAL,
			"give the absolute path of a file or block device");
	/* O_NONBLOCK: opening a FIFO by mistake must not hang. */
	st->fd = open(conf->filename, storage_open_flags(conf));
	if (st->fd < 0)
		return storage_open_error(conf, -errno, why, why_room);
	rc = storage_check_kind(conf, st, &sb, why, why_room);
	if (rc == 0)
		rc = storage_check_claim(conf, st, why, why_room);
	if (rc == 0)
		rc = storage_lock(conf, st, why, why_room);
	if (rc == 0)
		rc = storage_find_size(conf, st, &sb, why, why_room);
	if (rc < 0) {
		close(st->fd);
		st->fd = -1;
		return rc;
	}
	(void)fcntl(st->fd, F_SETFL, fcntl(st->fd, F_GETFL) & ~O_NONBLOCK);
	storage_set_direct(conf, st);
	storage_probe_trim(st, conf->readonly);
	worker_init(&st->worker);
	return 0;
}

void storage_close(struct storage *st)
{
	worker_dispose(&st->worker);
	close(st->fd);
	st->fd = -1;
}

void storage_describe(const struct storage *st, const struct blk_conf *conf, struct blk_info *info)
{
	*info = (struct blk_info){
		.size = st->size,
		.block_size = st->block_size,
		.memory_align = st->memory_align,
		.physical_size = st->physical_size,
		.max_iov = STORAGE_MAX_IOV,
		.discard_granularity = st->granularity,
		.identity = { st->device, st->inode },
		.flags = BLK_INFO_FLUSH | BLK_INFO_MULTI_QUEUE |
			 (conf->readonly ? BLK_INFO_READONLY : BLK_INFO_ZEROES) |
			 (st->locked && !conf->readonly ? BLK_INFO_FENCED : 0) |
			 (st->rotational ? BLK_INFO_ROTATIONAL : 0) |
			 (st->discard ? BLK_INFO_DISCARD : 0) |
			 (st->secure_discard ? BLK_INFO_SECURE_DISCARD : 0),
	};
	log_info("%s: %llu bytes, %s, blocks of %u", conf->filename, (unsigned long long)st->size,
		st->direct ? "O_DIRECT" : st->in_memory ? "in memory" : "page cache", st->block_size);
}

bool storage_op_result(struct storage_op *op, struct blk_req *req, ssize_t res, int *error)
{
	*error = 0;
	if (res == -EINTR || res == -EAGAIN) {
		*error = -EIO;
		return ++op->retries > STORAGE_MAX_RETRIES;
	}
	if (res < 0) {
		*error = (int)res;
		return true;
	}
	if (req->op != BLK_READ && req->op != BLK_WRITE)
		return true;
	if (res == 0) {
		/* The file ends here: somebody truncated it. */
		*error = -EIO;
		return true;
	}
	return storage_op_advance(op, req, res);
}
