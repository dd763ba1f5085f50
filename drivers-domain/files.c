// SPDX-License-Identifier: MIT
#include "config.h"
#include "drivers-domain/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"

#define FILES_NAME_MAX (SCAN_PATH_MAX + 8)
#define FILES_LOST ".lost"
/* How long one that was killed, with all of its domain, may take to be gone, on a busy machine. */
#define FILES_INSTANCE_MS 5000u
#define FILES_INSTANCE_PAUSE_MS 20u

static void files_name(const struct leaf_name *name, const char *suffix, char text[FILES_NAME_MAX])
{
	char base[SCAN_PATH_MAX];

	scan_file_name(name, base);
	snprintf(text, FILES_NAME_MAX, "%s%s", base, suffix);
}

/* Others must be able to change nothing there: the journals are replayed. */
static int files_check_dir(int fd, const char *path, char *why, size_t why_room)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_uid == geteuid() && !(st.st_mode & 022))
		return 0;
	snprintf(why, why_room,
		"%s belongs to another user or others may write to it; chown and chmod 700 it,"
		" or name another directory", path);
	return -EPERM;
}

static int files_open_dir(const char *path, char *why, size_t why_room)
{
	int fd, rc;

	if (mkdir(path, 0700) < 0 && errno != EEXIST) {
		rc = -errno;
		snprintf(why, why_room, "cannot make the directory %s: %s; name another"
			" with --run-dir or --journal-dir", path, strerror(-rc));
		return rc;
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		rc = -errno;
		snprintf(why, why_room, "cannot open the directory %s: %s", path, strerror(-rc));
		return rc;
	}
	rc = files_check_dir(fd, path, why, why_room);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	return fd;
}

static int files_open_lock(int dir, const char *name, int mode)
{
	int fd = openat(dir, name, mode | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return -EINVAL;
	}
	return fd;
}

static int files_try_lock(int fd)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	return errno == EWOULDBLOCK ? -EBUSY : -errno;
}

/* Whoever started us may have seen the end of our predecessor's first process before its own. */
static int files_await_lock(int fd)
{
	const struct timespec pause = { .tv_nsec = FILES_INSTANCE_PAUSE_MS * 1000000L };
	int rc = files_try_lock(fd);

	for (unsigned ms = 0; rc == -EBUSY && ms < FILES_INSTANCE_MS; ms += FILES_INSTANCE_PAUSE_MS) {
		nanosleep(&pause, NULL);
		rc = files_try_lock(fd);
	}
	return rc;
}

static int files_open_instance(struct files *f, const char *run_dir, char *why, size_t why_room)
{
	int rc;

	f->instance_fd = files_open_lock(f->run_fd, "sluice-driverd.lock", O_RDWR);
	rc = f->instance_fd < 0 ? f->instance_fd : files_await_lock(f->instance_fd);
	if (rc == -EBUSY)
		snprintf(why, why_room, "another sluice-driverd uses %s; end it, or give this"
			" domain's its own --run-dir", run_dir);
	else if (rc < 0)
		snprintf(why, why_room, "cannot lock %s: %s", run_dir, strerror(-rc));
	return rc;
}

int files_open(struct files *f, const char *run_dir, const char *journal_dir, char *why,
	size_t why_room)
{
	const char *journals = journal_dir ? journal_dir : run_dir;

	*f = (struct files){ .run_fd = -1, .journal_fd = -1, .instance_fd = -1 };
	f->run_fd = files_open_dir(run_dir, why, why_room);
	if (f->run_fd < 0)
		return f->run_fd;
	f->journal_fd = files_open_dir(journals, why, why_room);
	if (f->journal_fd < 0)
		return f->journal_fd;
	f->journal_path = realpath(journals, NULL);
	if (!f->journal_path) {
		snprintf(why, why_room, "cannot resolve %s: %s", journals, strerror(errno));
		return -errno;
	}
	f->run_path = realpath(run_dir, NULL);
	if (!f->run_path) {
		snprintf(why, why_room, "cannot resolve %s: %s", run_dir, strerror(errno));
		return -errno;
	}
	return files_open_instance(f, run_dir, why, why_room);
}

void files_close(struct files *f)
{
	cleanup_close(&f->run_fd);
	cleanup_close(&f->journal_fd);
	cleanup_close(&f->instance_fd);
	free(f->journal_path);
	free(f->run_path);
	*f = (struct files){ .run_fd = -1, .journal_fd = -1, .instance_fd = -1 };
}

int files_lock(const struct files *f, const struct leaf_name *name)
{
	return files_lock_of(f, name, FILES_LOCK);
}

int files_lock_of(const struct files *f, const struct leaf_name *name, const char *suffix)
{
	char file[FILES_NAME_MAX];
	int fd, rc;

	files_name(name, suffix, file);
	/* To be read: it goes to the backend, which must not choose whom a later daemon adopts. */
	fd = files_open_lock(f->run_fd, file, O_RDONLY);
	if (fd < 0)
		return fd;
	rc = files_try_lock(fd);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	return fd;
}

int files_pid(const struct files *f, const struct leaf_name *name)
{
	return files_pid_of(f, name, FILES_LOCK);
}

int files_pid_of(const struct files *f, const struct leaf_name *name, const char *suffix)
{
	char file[FILES_NAME_MAX];

	files_name(name, suffix, file);
	return files_open_lock(f->run_fd, file, O_RDWR);
}

/* The id that a backend wrote into its lock before it began; 0: none. */
static pid_t files_read_pid(int fd)
{
	char text[16] = "";
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	long pid = n > 0 ? strtol(text, NULL, 10) : 0;

	return pid > 1 && pid < 0x40000000 ? (pid_t)pid : 0;
}

int files_holder(const struct files *f, const struct leaf_name *name, pid_t *pid)
{
	return files_holder_of(f, name, FILES_LOCK, pid);
}

int files_holder_of(const struct files *f, const struct leaf_name *name, const char *suffix, pid_t *pid)
{
	CLEANUP_CLOSE int fd = -1;
	char file[FILES_NAME_MAX];
	int pidfd, rc;

	files_name(name, suffix, file);
	fd = files_open_lock(f->run_fd, file, O_RDWR);
	if (fd < 0)
		return fd;
	*pid = files_read_pid(fd);
	pidfd = *pid ? (int)syscall(SYS_pidfd_open, *pid, 0) : -1;
	/*
	 * Asked after pidfd_open: while the lock is still held the process that wrote
	 * its id there lives, so the descriptor is not of a later process of that id.
	 */
	rc = files_try_lock(fd);
	if (rc == -EBUSY && pidfd >= 0)
		return pidfd;
	if (pidfd >= 0)
		close(pidfd);
	return rc == 0 ? -ENOENT : rc == -EBUSY ? -ESRCH : rc;
}

char *files_socket(const struct files *f, const struct leaf_name *name)
{
	char file[FILES_NAME_MAX], *path;

	files_name(name, ".nbd", file);
	if (asprintf(&path, "%s/%s", f->run_path, file) >= 0)
		return path;
	errno = ENOMEM;
	return NULL;
}

int files_listen(const struct files *f, const struct leaf_name *name, char **path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int rc;

	if (fd < 0)
		return -errno;
	*path = files_socket(f, name);
	if (!*path)
		return -errno;
	if (strlen(*path) >= sizeof(at.sun_path))
		return -ENAMETOOLONG;
	memcpy(at.sun_path, *path, strlen(*path) + 1);
	/* One of a server that has gone. */
	(void)unlink(*path);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || chmod(*path, 0600) < 0 || listen(fd, 64) < 0)
		return -errno;
	rc = fd;
	fd = -1;
	return rc;
}

char *files_journal(const struct files *f, const struct leaf_name *name)
{
	CLEANUP_CLOSE int fd = -1;
	char file[FILES_NAME_MAX];
	char *path;

	files_name(name, ".journal", file);
	fd = files_open_lock(f->journal_fd, file, O_RDWR);
	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	if (asprintf(&path, "%s/%s", f->journal_path, file) < 0) {
		errno = ENOMEM;
		return NULL;
	}
	return path;
}

int files_metrics(const struct files *f, const struct leaf_name *name)
{
	char file[FILES_NAME_MAX];
	int fd = -1;

	files_name(name, ".metrics", file);
	if (unlinkat(f->run_fd, file, 0) == 0 || errno == ENOENT)
		fd = openat(f->run_fd, file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	fd = -errno;
	log_warn("cannot make %s: %s; the device is served without metrics", file, strerror(-fd));
	return fd;
}

uint64_t files_id(const struct files *f)
{
	struct stat st;

	return fstat(f->run_fd, &st) < 0 ? 0 : (uint64_t)st.st_dev << 32 ^ st.st_ino;
}

void files_note(const struct files *f, const struct leaf_name *name, const char *line)
{
	CLEANUP_CLOSE int fd = files_pid(f, name);

	if (fd >= 0 && lseek(fd, 0, SEEK_END) >= 0)
		dprintf(fd, "%s\n", line);
}

void files_noted(const struct files *f, const struct leaf_name *name, const char *key, char *value,
	size_t room)
{
	char file[FILES_NAME_MAX], line[1024];
	FILE *from;
	int fd;

	value[0] = '\0';
	files_name(name, FILES_LOCK, file);
	fd = files_open_lock(f->run_fd, file, O_RDONLY);
	from = fd >= 0 ? fdopen(fd, "r") : NULL;
	if (!from) {
		cleanup_close(&fd);
		return;
	}
	while (fgets(line, sizeof(line), from)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, key, strlen(key)) == 0)
			snprintf(value, room, "%s", line + strlen(key));
	}
	fclose(from);
}

static int files_unlink(int dir, const char *file)
{
	int rc = unlinkat(dir, file, 0) < 0 ? -errno : 0;

	if (rc == 0 || rc == -ENOENT)
		return 0;
	log_warn("cannot remove %s: %s", file, strerror(-rc));
	return rc;
}

int files_keep_script(const struct files *f, const struct leaf_name *name, const char *script)
{
	CLEANUP_CLOSE int fd = -1;
	char file[FILES_NAME_MAX];
	size_t len = strlen(script);

	files_name(name, FILES_SCRIPT, file);
	fd = files_open_lock(f->run_fd, file, O_RDWR);
	if (fd < 0)
		return fd;
	if (ftruncate(fd, 0) < 0)
		return -errno;
	return write(fd, script, len) == (ssize_t)len ? 0 : -EIO;
}

char *files_script(const struct files *f, const struct leaf_name *name)
{
	CLEANUP_CLOSE int fd = -1;
	char file[FILES_NAME_MAX], text[PATH_MAX];
	ssize_t n;

	files_name(name, FILES_SCRIPT, file);
	fd = openat(f->run_fd, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return NULL;
	text[n] = '\0';
	return strdup(text);
}

void files_forget_script(const struct files *f, const struct leaf_name *name)
{
	char file[FILES_NAME_MAX];

	files_name(name, FILES_SCRIPT, file);
	(void)files_unlink(f->run_fd, file);
}

void files_keep_lost(const struct files *f, const struct leaf_name *name)
{
	char file[FILES_NAME_MAX];
	int fd;

	files_name(name, FILES_LOST, file);
	fd = files_open_lock(f->run_fd, file, O_RDWR);
	if (fd < 0)
		log_warn("cannot make %s: %s; the next daemon does not know what was lost", file, strerror(-fd));
	cleanup_close(&fd);
}

bool files_lost(const struct files *f, const struct leaf_name *name)
{
	char file[FILES_NAME_MAX];

	files_name(name, FILES_LOST, file);
	return faccessat(f->run_fd, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

void files_forget_lost(const struct files *f, const struct leaf_name *name)
{
	char file[FILES_NAME_MAX];

	files_name(name, FILES_LOST, file);
	(void)files_unlink(f->run_fd, file);
}

void files_forget_format(const struct files *f, const struct leaf_name *name)
{
	char file[FILES_NAME_MAX];

	files_name(name, FILES_FORMAT, file);
	(void)files_unlink(f->run_fd, file);
	files_name(name, ".nbd", file);
	(void)files_unlink(f->run_fd, file);
	files_forget_lost(f, name);
}

/* Unless the server still lives: the next daemon is to find it. */
static void files_clean_format(const struct files *f, const struct leaf_name *name)
{
	CLEANUP_CLOSE int fd = -1;
	char file[FILES_NAME_MAX];

	files_name(name, FILES_FORMAT, file);
	if (faccessat(f->run_fd, file, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	fd = files_lock_of(f, name, FILES_FORMAT);
	if (fd >= 0)
		files_forget_format(f, name);
}

int files_clean(const struct files *f, const struct leaf_name *name)
{
	CLEANUP_CLOSE int fd = files_lock(f, name);
	char file[FILES_NAME_MAX];
	int rc;

	/* Unlinking a lock that is held would let a second backend take a new one. */
	if (fd < 0)
		return fd;
	files_name(name, ".journal", file);
	rc = files_unlink(f->journal_fd, file);
	files_name(name, ".metrics", file);
	if (rc == 0)
		rc = files_unlink(f->run_fd, file);
	files_clean_format(f, name);
	files_name(name, FILES_LOCK, file);
	return rc < 0 ? rc : files_unlink(f->run_fd, file);
}

int files_each(const struct files *f, const char *suffix,
	void (*fn)(void *opaque, const struct leaf_name *name), void *opaque)
{
	int fd = openat(f->run_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!dir) {
		int rc = -errno;

		cleanup_close(&fd);
		return rc;
	}
	while ((e = readdir(dir))) {
		struct leaf_name name;

		if (scan_parse_file_name(e->d_name, suffix, &name) == 0)
			fn(opaque, &name);
	}
	closedir(dir);
	return 0;
}
