// SPDX-License-Identifier: MIT
#include "config.h"
#include "hypervisor/store/state-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"

struct state_file {
	int fd; /* of the file at @path, locked */
	char *next; /* where a snapshot is written before it takes the file's place */
	char path[];
};

/* A regular file that nobody else can have written. */
static int state_file_check(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_mode & 022)
		return -EPERM;
	return flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
}

/* Is @fd still what the path names? Else its owner replaced it while it was opened. */
static bool state_file_is_at(int fd, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && lstat(path, &b) == 0 && a.st_ino == b.st_ino &&
		a.st_dev == b.st_dev;
}

static int state_file_lock(struct state_file *file)
{
	int rc;

	file->fd = open(file->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (file->fd < 0)
		return errno == ELOOP || errno == ENXIO ? -EPERM : -errno;
	rc = state_file_check(file->fd);
	if (rc == 0 && !state_file_is_at(file->fd, file->path))
		rc = -EWOULDBLOCK;
	return rc;
}

struct state_file *state_file_open(const char *path)
{
	struct state_file *file = calloc(1, sizeof(*file) + strlen(path) + 1);
	int rc = -ENOMEM;

	if (file) {
		file->fd = -1;
		strcpy(file->path, path);
		if (asprintf(&file->next, "%s.new", path) < 0)
			file->next = NULL;
		else
			rc = state_file_lock(file);
	}
	if (rc == 0)
		return file;
	state_file_close(file);
	errno = -rc;
	return NULL;
}

void state_file_close(struct state_file *file)
{
	if (!file)
		return;
	if (file->fd >= 0)
		close(file->fd);
	free(file->next);
	free(file);
}

int state_file_load(struct state_file *file, const struct quota_limits *limits,
	const struct store_ops *ops, void *opaque, struct store **store)
{
	struct stat st;
	void *data;
	int rc;

	*store = NULL;
	if (fstat(file->fd, &st) < 0)
		return -errno;
	/* Also what a store leaves that was killed before it had begun. */
	if (st.st_size == 0)
		return 0;
	data = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, file->fd, 0);
	if (data == MAP_FAILED)
		return -errno;
	rc = store_load(limits, ops, opaque, data, st.st_size, store);
	munmap(data, st.st_size);
	return rc;
}

/* All of it, or -errno and perhaps a part: a group that is not whole counts for nothing. */
static int state_file_write(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENOSPC;
		data += n;
		len -= n;
	}
	return 0;
}

static int state_file_append(void *opaque, const void *data, size_t len)
{
	struct state_file *file = opaque;

	return state_file_write(file->fd, data, len);
}

static int state_file_replace(void *opaque, const void *data, size_t len)
{
	struct state_file *file = opaque;
	CLEANUP_CLOSE int fd = -1;
	int rc;

	/* A store that was killed may have left one. */
	if (unlink(file->next) < 0 && errno != ENOENT)
		return -errno;
	fd = open(file->next, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	rc = flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno : state_file_write(fd, data, len);
	if (rc == 0 && rename(file->next, file->path) < 0)
		rc = -errno;
	if (rc < 0) {
		unlink(file->next);
		return rc;
	}
	close(file->fd);
	file->fd = fd;
	fd = -1;
	return 0;
}

static void state_file_lose(void *opaque)
{
	struct state_file *file = opaque;

	if (unlink(file->path) == 0 || errno == ENOENT)
		return;
	/* What cannot be removed can be made empty. */
	if (ftruncate(file->fd, 0) < 0)
		log_err("%s holds an old state and cannot be removed: remove it before the store is"
			" restarted", file->path);
}

static const struct state_sink state_file_sink = {
	.append = state_file_append,
	.replace = state_file_replace,
	.lose = state_file_lose,
};

int state_file_keep(struct state_file *file, struct store *store)
{
	return state_start(store, &state_file_sink, file);
}
