// SPDX-License-Identifier: MIT
/*
 * Locks of local storage: one writer, or any number of readers, of each part of it.
 *
 * They belong to the open file description. They end with the last descriptor and the last
 * request of io_uring's or libaio's that uses it, also of a process that was killed: that is
 * the fence behind which its successor may repeat requests. (A process' pidfd fires earlier,
 * and data can still be on their way then.)
 *
 * Our own are of the disk's part of the storage: the whole and a part of it are in each
 * other's way, two parts are not. QEMU (block/file-posix.c there) says with a read lock of
 * byte 100 + N that it uses the permission N, and of 200 + N that it lets nobody else use it, and
 * then looks whether anybody said the contrary. We say the same of the two permissions that
 * matter, in front of our own locks. Everything of QEMU's reads, so that byte 100 tells
 * it from another one of us, whose part is beside ours.
 */
#include "config.h"
#include "backends/blk/storage-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/log.h"

#define LOCK_READS 100
#define LOCK_WRITES 101
#define LOCK_UNSHARES_READING 200
#define LOCK_UNSHARES_WRITING 201
/* The lock of the byte N of the storage, behind all of QEMU's. */
#define LOCK_DISK 4096

#define LOCK_CLAIM_TRIES 10u
#define LOCK_CLAIM_PAUSE_MS 20u

static int lock_set(int fd, short type, uint64_t start, uint64_t length)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)start,
		.l_len = (off_t)length };

	return fcntl(fd, F_OFD_SETLK, &lock) < 0 ? -errno : 0;
}

static bool lock_is_held(int fd, off_t byte)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };

	return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

/* Say it first, and look then: of two that come at once at least one sees the other. */
static int lock_tell_qemu(const struct blk_conf *conf, int fd)
{
	int rc = lock_set(fd, F_RDLCK, LOCK_UNSHARES_WRITING, 1);

	if (rc == 0 && !conf->readonly)
		rc = lock_set(fd, F_RDLCK, LOCK_WRITES, 1);
	if (rc == 0 && !conf->readonly)
		rc = lock_set(fd, F_RDLCK, LOCK_UNSHARES_READING, 1);
	return rc;
}

static bool lock_is_qemus(const struct blk_conf *conf, int fd)
{
	/* A part beside ours may be written by one of us, who would not be there beside QEMU. */
	return lock_is_held(fd, LOCK_READS) && (!conf->readonly || lock_is_held(fd, LOCK_WRITES));
}

static bool lock_is_conflict(int rc)
{
	return rc == -EAGAIN || rc == -EACCES;
}

int storage_lock(const struct blk_conf *conf, struct storage *st, char *why, size_t room)
{
	int rc;

	if (conf->shared) {
		log_warn("%s: is shared: nothing keeps other writers away", conf->filename);
		return 0;
	}
	/* A length of 0: all there will ever be. */
	rc = lock_set(st->fd, conf->readonly ? F_RDLCK : F_WRLCK, LOCK_DISK + conf->range_start,
		conf->range_length);
	if (rc == 0)
		rc = lock_tell_qemu(conf, st->fd);
	if (lock_is_conflict(rc))
		return storage_refuse(why, room, conf->filename, -EBUSY,
			"is in use by another process (locked), all of it or a part; detach it there first");
	if (rc == -ENOLCK || rc == -EOPNOTSUPP || rc == -EINVAL) {
		log_warn("%s: its file system has no locks; nothing stops a second writer",
			conf->filename);
		return 0;
	}
	if (rc < 0)
		return storage_refuse(why, room, conf->filename, rc, strerror(-rc));
	if (lock_is_qemus(conf, st->fd))
		return storage_refuse(why, room, conf->filename, -EBUSY,
			"is in use by QEMU (locked by a guest of it, qemu-nbd or qemu-img); end that first");
	st->locked = true;
	return 0;
}

/*
 * A part of a device is not claimed, which would keep the users of other parts away. But who has
 * claimed all of it (a mount, an array, another volume on it) has it; that is seen by claiming
 * it for a moment, which somebody else may be doing in the same one.
 */
static bool lock_is_claimed(const char *path)
{
	const struct timespec pause = { .tv_nsec = LOCK_CLAIM_PAUSE_MS * 1000000 };

	for (unsigned i = 0; i < LOCK_CLAIM_TRIES; i++) {
		CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_EXCL | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

		if (fd >= 0 || errno != EBUSY)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

int storage_check_claim(const struct blk_conf *conf, const struct storage *st, char *why, size_t room)
{
	if (!st->is_device || !conf->range_length || conf->readonly || conf->shared ||
		!lock_is_claimed(conf->filename))
		return 0;
	return storage_refuse(why, room, conf->filename, -EBUSY,
		"is in use by somebody else (mounted, or part of another device), all of it or partitions that the kernel has; release it first");
}
