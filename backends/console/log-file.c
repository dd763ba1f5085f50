// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/console/log-file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_name(const struct log_file *f)
{
	/* Whoever made it a pipe without a reader does not get to hold us. */
	int fd = openat(f->dir_fd, f->name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
		0600);

	return fd < 0 ? -errno : fd;
}

/* @size: what is in it: only a regular file grows, and is moved. */
static int take_file(struct log_file *f, int fd)
{
	struct stat sb;

	if (fstat(fd, &sb) < 0)
		return -errno;
	f->fd = fd;
	f->size = S_ISREG(sb.st_mode) ? (uint64_t)sb.st_size : 0;
	if (!S_ISREG(sb.st_mode))
		f->limit = 0;
	f->in_line = false;
	return 0;
}

static int split_path(struct log_file *f, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	char dir[PATH_MAX];

	if (!*name || strlen(name) + 4 > sizeof(f->name) || slash - path + 2 > PATH_MAX)
		return -EINVAL;
	snprintf(f->name, sizeof(f->name), "%s", name);
	snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path + 1) : 1, slash ? path : ".");
	f->dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return f->dir_fd < 0 ? -errno : 0;
}

int log_file_open(struct log_file *f, const char *path, uint64_t limit, unsigned keep)
{
	int error, fd;

	*f = (struct log_file){ .dir_fd = -1, .fd = -1, .limit = limit, .keep = keep,
		.said = { .burst = 1, .interval_ms = 10000 } };
	error = split_path(f, path);
	if (error < 0)
		return error;
	fd = open_name(f);
	error = fd < 0 ? fd : take_file(f, fd);
	if (error < 0)
		log_file_close(f);
	return error;
}

/* --- rotation ---------------------------------------------------------- */

static void old_name(const struct log_file *f, unsigned n, char *name, size_t room)
{
	if (n)
		snprintf(name, room, "%s.%u", f->name, n);
	else
		snprintf(name, room, "%s", f->name);
}

/* The oldest is replaced by the one before it, and so on up to FILE itself. */
static int move_files(const struct log_file *f)
{
	char from[NAME_MAX + 16], to[NAME_MAX + 16];

	for (unsigned n = f->keep; n > 0; n--) {
		old_name(f, n - 1, from, sizeof(from));
		old_name(f, n, to, sizeof(to));
		if (renameat(f->dir_fd, from, f->dir_fd, to) < 0 && errno != ENOENT)
			return -errno;
	}
	if (!f->keep && unlinkat(f->dir_fd, f->name, 0) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}

static int begin_new(struct log_file *f)
{
	int before = f->fd, fd = open_name(f), error = fd < 0 ? fd : take_file(f, fd);

	if (error < 0 && fd >= 0)
		close(fd);
	if (error == 0) {
		/* See log_file_own(): it goes from file to file. */
		(void)flock(fd, LOCK_EX | LOCK_NB);
		close(before);
	}
	return error;
}

static int rotate(struct log_file *f)
{
	int error = move_files(f);

	if (error == 0)
		error = begin_new(f);
	if (error < 0 && log_limit_ok(&f->said))
		log_err("%s cannot be rotated: %s; output of the guest is lost", f->name, strerror(-error));
	return error;
}

void log_file_reopen(struct log_file *f)
{
	int error = begin_new(f);

	if (error < 0)
		log_err("%s cannot be opened again: %s; the log goes on where it was", f->name, strerror(-error));
}

/* --- writing ----------------------------------------------------------- */

/* How much of it goes to this file: to a line's end, else whole characters; 0: it needs a new one. */
static size_t piece(const struct log_file *f, const char *data, size_t len)
{
	size_t room = f->limit > f->size ? (size_t)(f->limit - f->size) : 0;
	const char *end;

	if (!f->limit || len <= room)
		return len;
	end = memrchr(data, '\n', room);
	if (end)
		return (size_t)(end - data) + 1;
	if (f->size && !f->in_line)
		return 0;
	for (unsigned i = 0; i < 3 && room && ((unsigned char)data[room] & 0xc0) == 0x80; i++)
		room--;
	return room;
}

static size_t write_some(struct log_file *f, const char *data, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = write(f->fd, data + done, len - done);

		if (n > 0) {
			done += (size_t)n;
		} else if (n == 0 || errno != EINTR) {
			if (log_limit_ok(&f->said))
				log_err("%s: %s: output of the guest is lost", f->name, strerror(errno));
			break;
		}
	}
	f->size += done;
	if (done)
		f->in_line = data[done - 1] != '\n';
	return done;
}

static bool write_all(struct log_file *f, const char *data, size_t len)
{
	while (len) {
		size_t n = piece(f, data, len), done = n ? write_some(f, data, n) : 0;

		data += done;
		len -= done;
		if (done < n || (!n && rotate(f) < 0)) {
			f->lost += len;
			return false;
		}
	}
	return true;
}

static bool write_mark(struct log_file *f)
{
	uint64_t lost = f->lost;
	char mark[64];
	int n = snprintf(mark, sizeof(mark), "%s[console: %" PRIu64 " bytes lost here]\n",
		f->in_line ? "\n" : "", lost);

	f->lost = 0;
	if (write_all(f, mark, (size_t)n))
		return true;
	f->lost = lost;
	return false;
}

void log_file_write(struct log_file *f, const char *data, size_t len)
{
	if (!f->lost || write_mark(f))
		(void)write_all(f, data, len); /* counted, and said */
	else
		f->lost += len;
}

/* --- the end of a predecessor ------------------------------------------- */

static bool is_current(const struct log_file *f)
{
	struct stat now, ours;

	return fstatat(f->dir_fd, f->name, &now, 0) == 0 && fstat(f->fd, &ours) == 0 &&
	       now.st_ino == ours.st_ino && now.st_dev == ours.st_dev;
}

bool log_file_own(struct log_file *f)
{
	for (unsigned i = 0; i < 2; i++) {
		if (flock(f->fd, LOCK_EX | LOCK_NB) < 0)
			return errno != EWOULDBLOCK; /* where there are no locks nobody has one */
		/* Or it was moved meanwhile. */
		if (is_current(f) || begin_new(f) < 0)
			return true;
	}
	return false;
}

void log_file_close(struct log_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	if (f->dir_fd >= 0)
		close(f->dir_fd);
	f->fd = f->dir_fd = -1;
}
