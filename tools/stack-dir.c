// SPDX-License-Identifier: MIT
/*
 * The run directory. All those of a user are in one parent, which domains have hidden
 * from them, so that stacks do not reach each other. A directory's name says whose it is;
 * a lock says that the owner lives, and a janitor process, which outlives the owner by a
 * moment, removes it.
 */
#include "config.h"
#include "tools/stack-private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "common/array.h"
#include "tools/rundir.h"

#define RUNDIR_PARENT "sluice-%u" /* the user's id */
#define RUNDIR_PREFIX "run."
/* How often a directory that is in somebody's way is tried to make. */
#define RUNDIR_TRIES 100
/* The longest name below a run directory that a socket is bound to. */
#define RUNDIR_LONGEST_SOCKET "/dom/32751/hypervisor.sock"

/* When a process started, in clock ticks since boot; 0 when there is none. */
static unsigned long long start_time(pid_t pid)
{
	char path[64], text[512];
	unsigned long long start = 0;
	CLEANUP_CLOSE int fd = -1;
	const char *p;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	/* The name may hold blanks and parentheses: fields are counted from its end. */
	p = strrchr(text, ')');
	if (!p || sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d"
			" %*d %*d %*d %*d %llu", &start) != 1)
		return 0;
	return start;
}

bool rundir_stale(int base_fd, const char *name)
{
	unsigned long long start;
	CLEANUP_CLOSE int dir = -1;
	CLEANUP_CLOSE int lock = -1;
	struct stat sb;
	int pid, used = 0;

	if (sscanf(name, RUNDIR_PREFIX "%d.%llu.%n", &pid, &start, &used) != 2 || !used || pid <= 0)
		return false;
	if (start_time(pid) == start)
		return false;
	dir = openat(base_fd, name, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 || fstat(dir, &sb) < 0 || sb.st_uid != geteuid())
		return false;
	/* Its owner may live in another pid namespace: then only its lock says so. */
	lock = openat(dir, "lock", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return lock < 0 ? errno == ENOENT : flock(lock, LOCK_EX | LOCK_NB) == 0;
}

/* Remove what is in @dir_fd, at most @depth levels down; takes the descriptor. */
static void remove_contents(int dir_fd, unsigned depth)
{
	DIR *dir = fdopendir(dir_fd);
	struct dirent *e;

	if (!dir) {
		close(dir_fd);
		return;
	}
	while ((e = readdir(dir))) {
		int sub;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (unlinkat(dirfd(dir), e->d_name, 0) == 0 || errno == ENOENT || !depth)
			continue;
		sub = openat(dirfd(dir), e->d_name, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub >= 0)
			remove_contents(sub, depth - 1);
		unlinkat(dirfd(dir), e->d_name, AT_REMOVEDIR);
	}
	closedir(dir);
}

/* True when it is gone. */
static bool remove_tree(int base_fd, const char *name)
{
	int fd = openat(base_fd, name, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT;
	remove_contents(fd, 8);
	return unlinkat(base_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT;
}

void rundir_remove_domain(const struct rundir *rd, unsigned domid)
{
	char path[sizeof(rd->path) + 24];

	snprintf(path, sizeof(path), "%s/dom/%u", rd->path, domid);
	(void)remove_tree(AT_FDCWD, path);
}

static void remove_stale(int parent)
{
	int fd = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((e = readdir(dir)))
		if (rundir_stale(dirfd(dir), e->d_name))
			remove_tree(dirfd(dir), e->d_name);
	closedir(dir);
}

/*
 * Processes that die with the owner may still make files: again until it stays away.
 * Then the parent, which stays while other stacks are in it.
 */
static void remove_patiently(const struct rundir *rd)
{
	for (unsigned i = 0; i < 100 && !remove_tree(AT_FDCWD, rd->path); i++)
		stack_sleep_ms(50);
	rmdir(rd->parent);
}

/* The janitor: wait for the owner's end, then remove. Never returns. */
static _Noreturn void janitor_run(const struct rundir *rd, int fd)
{
	char byte;
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	setsid();
	prctl(PR_SET_NAME, "sluice-janitor");
	/* Whoever reads our standard output waits for its end: hold nothing open. */
	if (fd != 0)
		dup2(fd, 0);
	close_range(1, ~0u, 0);
	if (chdir("/") < 0)
		_exit(1);
	while (read(0, &byte, 1) < 0 && errno == EINTR)
		;
	remove_patiently(rd);
	_exit(0);
}

static int janitor_start(struct rundir *rd)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	rd->janitor = fork();
	if (rd->janitor == 0) {
		close(fds[1]);
		close(rd->lock_fd);
		janitor_run(rd, fds[0]);
	}
	close(fds[0]);
	if (rd->janitor < 0) {
		int error = -errno;

		rd->janitor = 0;
		close(fds[1]);
		return error;
	}
	rd->janitor_fd = fds[1];
	return 0;
}

/* Can nobody but its owner, us or root, take away from @fd what is ours in it? */
static bool base_safe(int fd)
{
	struct stat sb;

	return fstat(fd, &sb) == 0 && (sb.st_uid == 0 || sb.st_uid == geteuid()) &&
	       ((sb.st_mode & S_ISVTX) || !(sb.st_mode & (S_IWGRP | S_IWOTH)));
}

/*
 * The parent in @base as a descriptor, made if it is not there. Whoever may write to
 * @base can make it before us, or a link: only what is ours alone is taken.
 */
static int parent_open(struct rundir *rd, const char *base)
{
	CLEANUP_CLOSE int base_fd = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const char *name;
	struct stat sb;
	int fd;

	snprintf(rd->parent, sizeof(rd->parent), "%s/" RUNDIR_PARENT, base, geteuid());
	name = strrchr(rd->parent, '/') + 1;
	if (base_fd < 0)
		return -errno;
	if (!base_safe(base_fd))
		return -EPERM;
	if (mkdirat(base_fd, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(base_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &sb) == 0 && sb.st_uid == geteuid() && !(sb.st_mode & 077))
		return fd;
	close(fd);
	return -EPERM;
}

/* The directory and its lock, in the parent that @parent holds; -ENOENT: it was removed. */
static int create_in(struct rundir *rd, int parent)
{
	const char *name = rd->path + strlen(rd->parent) + 1;
	CLEANUP_CLOSE int dir = -1;

	if (mkdirat(parent, name, 0700) < 0)
		return -errno;
	dir = openat(parent, name, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir >= 0)
		rd->lock_fd = openat(dir, "lock", O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
	if (rd->lock_fd < 0 || flock(rd->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		int error = -errno;

		remove_tree(parent, name);
		return error;
	}
	return 0;
}

static int try_under(struct rundir *rd, const char *base)
{
	CLEANUP_CLOSE int parent = parent_open(rd, base);
	unsigned random = 0;
	int error, n;

	if (parent < 0)
		return parent;
	remove_stale(parent);
	(void)!getrandom(&random, sizeof(random), 0);
	n = snprintf(rd->path, sizeof(rd->path), "%s/" RUNDIR_PREFIX "%d.%llu.%08x", rd->parent,
		getpid(), start_time(getpid()), random);
	if (n >= (int)sizeof(rd->path) ||
		n + sizeof(RUNDIR_LONGEST_SOCKET) > sizeof(((struct sockaddr_un *)0)->sun_path))
		error = -ENAMETOOLONG;
	else
		error = create_in(rd, parent);
	if (error < 0)
		rmdir(rd->parent);
	return error;
}

/* Make it under @base; -ENAMETOOLONG when sockets in it would not fit a sockaddr_un. */
static int create_under(struct rundir *rd, const char *base)
{
	int error = -ENOENT;

	if (!base || base[0] != '/')
		return -ENOENT;
	if (strlen(base) + sizeof("/sluice-4294967295") > sizeof(rd->parent))
		return -ENAMETOOLONG;
	/* A stack that ends removes an empty parent: then it is made again. */
	for (unsigned i = 0; i < RUNDIR_TRIES && (error == -ENOENT || error == -EEXIST); i++)
		error = try_under(rd, base);
	return error;
}

struct bases {
	const char *path[3]; /* the first may be NULL */
	char session[24];
};

/* In the order in which rundir_create() tries them. */
static void list_bases(struct bases *b)
{
	*b = (struct bases){ .path = { getenv("XDG_RUNTIME_DIR"), "/dev/shm", "/tmp" } };
}

/*
 * Where stacks may be. Without a session (cron, sudo, a service) there is no XDG_RUNTIME_DIR, but
 * stacks that were made in one are in what that names there. None is made there: it goes with the session.
 */
static void list_places(struct bases *b)
{
	list_bases(b);
	if (b->path[0] && b->path[0][0] == '/')
		return;
	snprintf(b->session, sizeof(b->session), "/run/user/%u", geteuid());
	b->path[0] = b->session;
}

int rundir_create(struct rundir *rd, char *why, size_t why_room)
{
	struct bases bases;
	int error = -ENOENT;

	list_bases(&bases);
	*rd = (struct rundir){ .lock_fd = -1, .janitor_fd = -1 };
	for (unsigned i = 0; i < ARRAY_SIZE(bases.path) && error < 0; i++)
		error = create_under(rd, bases.path[i]);
	if (error < 0) {
		rd->path[0] = '\0';
		snprintf(why, why_room, "cannot make a run directory in XDG_RUNTIME_DIR, /dev/shm or"
			" /tmp: %s; make one of them writable, and " RUNDIR_PARENT " in it, if it is there,"
			" yours alone", strerror(-error), geteuid());
		return error;
	}
	error = janitor_start(rd);
	if (error < 0) {
		snprintf(why, why_room, "cannot fork: %s", strerror(-error));
		rundir_remove(rd);
	}
	return error;
}

void rundir_remove(struct rundir *rd)
{
	if (rd->path[0])
		remove_patiently(rd);
	rd->path[0] = '\0';
	if (rd->janitor_fd >= 0)
		close(rd->janitor_fd);
	rd->janitor_fd = -1;
	if (rd->janitor > 0)
		while (waitpid(rd->janitor, NULL, 0) < 0 && errno == EINTR)
			;
	rd->janitor = 0;
	if (rd->lock_fd >= 0)
		close(rd->lock_fd);
	rd->lock_fd = -1;
}

/* --- looking for others ------------------------------------------------ */

static int each_under(const char *base, int (*fn)(const char *path, void *opaque), void *opaque)
{
	char path[512];
	struct dirent *e;
	struct stat sb;
	DIR *dir;
	int r = 0;

	snprintf(path, sizeof(path), "%s/" RUNDIR_PARENT, base, geteuid());
	dir = opendir(path);
	if (!dir)
		return 0;
	/* Anybody can make that directory where everybody writes. */
	if (fstat(dirfd(dir), &sb) == 0 && sb.st_uid == geteuid() && !(sb.st_mode & 077)) {
		while (r == 0 && (e = readdir(dir))) {
			if (strncmp(e->d_name, RUNDIR_PREFIX, sizeof(RUNDIR_PREFIX) - 1) != 0)
				continue;
			snprintf(path, sizeof(path), "%s/" RUNDIR_PARENT "/%s", base, geteuid(), e->d_name);
			r = fn(path, opaque);
		}
	}
	closedir(dir);
	return r;
}

void rundir_each(int (*fn)(const char *path, void *opaque), void *opaque)
{
	struct bases bases;
	int r = 0;

	list_places(&bases);
	for (unsigned i = 0; i < ARRAY_SIZE(bases.path) && r == 0; i++)
		if (i == 0 || strcmp(bases.path[i], bases.path[0]) != 0)
			r = each_under(bases.path[i], fn, opaque);
}

/* --- a lock ------------------------------------------------------------ */

/* One that nobody has removed while we waited for it. */
static int try_lock(int parent, struct rundir_lock *lock)
{
	const char *name = strrchr(lock->path, '/') + 1;
	struct stat ours, now;

	lock->fd = openat(parent, name, O_CREAT | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (lock->fd < 0)
		return -errno;
	if (flock(lock->fd, LOCK_EX) == 0 && fstat(lock->fd, &ours) == 0 &&
		fstatat(parent, name, &now, AT_SYMLINK_NOFOLLOW) == 0 && ours.st_ino == now.st_ino)
		return 0;
	close(lock->fd);
	lock->fd = -1;
	return -EAGAIN;
}

static int lock_under(const char *base, struct rundir_lock *lock)
{
	struct rundir rd;
	int error = -EAGAIN;

	if (!base || base[0] != '/' || strlen(base) + sizeof("/sluice-4294967295") > sizeof(rd.parent))
		return -ENOENT;
	/* The parent goes with its last stack: -ENOENT then. */
	for (unsigned i = 0; i < RUNDIR_TRIES && (error == -EAGAIN || error == -ENOENT); i++) {
		CLEANUP_CLOSE int parent = parent_open(&rd, base);

		if (parent < 0)
			return parent;
		snprintf(lock->path, sizeof(lock->path), "%s/create.lock", rd.parent);
		error = try_lock(parent, lock);
	}
	return error;
}

int rundir_lock(struct rundir_lock *lock)
{
	struct bases bases;
	int error = -ENOENT;

	/* The same one with a session and without. */
	list_places(&bases);
	lock->fd = -1;
	for (unsigned i = 0; i < ARRAY_SIZE(bases.path) && error < 0; i++)
		error = lock_under(bases.path[i], lock);
	return error;
}

void rundir_unlock(struct rundir_lock *lock)
{
	char *slash = strrchr(lock->path, '/');

	unlink(lock->path);
	close(lock->fd);
	/* If there is no stack in it. */
	*slash = '\0';
	rmdir(lock->path);
}
