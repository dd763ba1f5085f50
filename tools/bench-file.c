// SPDX-License-Identifier: MIT
#include "config.h"
#include "tools/bench-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "tools/prng.h"

#define FILE_CHUNK (1u << 20)

static int refuse(char *why, size_t room, int error, const char *path, const char *text)
{
	snprintf(why, room, "%s: %s", path, text);
	return error;
}

/* O_EXCL on a block device fails while it is mounted or part of another device. */
static int check_unheld(const char *path, char *why, size_t room)
{
	int fd = open(path, O_RDONLY | O_EXCL | O_CLOEXEC);

	if (fd < 0 && errno == EBUSY)
		return refuse(why, room, -EBUSY, path,
			"is mounted or part of another device: writing to it would destroy data; release it first");
	if (fd < 0)
		return refuse(why, room, -errno, path, strerror(errno));
	close(fd);
	return 0;
}

static int check_existing(const char *path, const struct stat *sb, uint64_t size, bool will_write,
	char *why, size_t room)
{
	if (S_ISBLK(sb->st_mode))
		return will_write ? check_unheld(path, why, room) : 0;
	if (S_ISDIR(sb->st_mode))
		return refuse(why, room, -EISDIR, path, "is a directory; a disk is a file or a block device");
	if (!S_ISREG(sb->st_mode))
		return refuse(why, room, -EINVAL, path, "is neither a file nor a block device");
	if (access(path, will_write ? R_OK | W_OK : R_OK) < 0)
		return refuse(why, room, -errno, path, strerror(errno));
	if ((uint64_t)sb->st_size < size) {
		snprintf(why, room, "%s has %lld bytes, --size asks for %llu: give a smaller --size, or"
			" another name and the file is made", path, (long long)sb->st_size,
			(unsigned long long)size);
		return -ERANGE;
	}
	return 0;
}

static int write_all(int fd, const char *data, size_t length)
{
	while (length) {
		ssize_t n = write(fd, data, length);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			data += n;
			length -= n;
		}
	}
	return 0;
}

static int fill(int fd, uint64_t size, bool progress, const volatile sig_atomic_t *stop)
{
	CLEANUP_FREE uint64_t *chunk = malloc(FILE_CHUNK);
	uint64_t seed = 1, done = 0;
	int error = chunk ? 0 : -ENOMEM;

	while (error == 0 && done < size) {
		size_t n = size - done < FILE_CHUNK ? size - done : FILE_CHUNK;

		for (size_t i = 0; i < FILE_CHUNK / 8; i++)
			chunk[i] = prng_next(&seed);
		error = *stop ? -EINTR : write_all(fd, (char *)chunk, n);
		done += n;
		if (progress && (done / FILE_CHUNK % 64 == 0 || done == size))
			fprintf(stderr, "\rLaying out the file: %3.0f%%", 100.0 * done / size);
	}
	if (progress)
		fprintf(stderr, "\r\033[K");
	return error;
}

static int make_file(const char *path, uint64_t size, bool progress,
	const volatile sig_atomic_t *stop, char *why, size_t room)
{
	CLEANUP_CLOSE int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
	struct statvfs sv;
	int error = 0;

	if (fd < 0)
		return refuse(why, room, -errno, path, strerror(errno));
	if (fstatvfs(fd, &sv) == 0 && (uint64_t)sv.f_bavail * sv.f_frsize < size)
		error = -ENOSPC;
	if (error == 0)
		error = fill(fd, (size + 511) & ~511ull, progress, stop);
	if (error < 0) {
		unlink(path);
		snprintf(why, room, "cannot make %s of %llu bytes: %s", path, (unsigned long long)size,
			strerror(-error));
	}
	return error;
}

int bench_file_prepare(const char *path, uint64_t size, bool will_write, bool progress,
	const volatile sig_atomic_t *stop, char *why, size_t why_room)
{
	struct stat sb;

	if (stat(path, &sb) == 0)
		return check_existing(path, &sb, size, will_write, why, why_room);
	if (errno != ENOENT)
		return refuse(why, why_room, -errno, path, strerror(errno));
	if (!size)
		return refuse(why, why_room, -ENOENT, path,
			"no such file; correct --filename, or give --size and it is made");
	return make_file(path, size, progress, stop, why, why_room);
}
