// SPDX-License-Identifier: MIT
/*
 * sluice-format FORMAT,rw|ro:PATH - the format server of one image. Run by sluice-driverd, never
 * by hand: it finds its report pipe as descriptor 3, the device's lock as 4 and the socket that it
 * is to listen on as 7. It locks the image, gives up everything else, looks at its first bytes and
 * becomes qemu-nbd, which is told the format.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/array.h"
#include "common/log.h"
#include "common/storage-name.h"
#include "drivers-domain/format-header.h"
#include "drivers-domain/format-jail.h"

enum { REPORT_FD = 3, LOCK_FD = 4, IMAGE_FD = 5, SOCKET_FD = 7 };
#define LISTEN_FD 3 /* systemd's protocol: from 3 on */
/* Of storage-lock.c: where the locks of disks begin, behind QEMU's own. */
#define LOCK_DISK 4096
#define LOCK_TRIES 15u
#define LOCK_PAUSE_US 100000

struct image {
	const char *name;   /* FORMAT:PATH */
	const char *format, *path;
	bool readonly, direct;
	int fd;
};

static void image_parse(char *text, struct image *i)
{
	char *colon = strchr(text, ':'), *comma = strchr(text, ',');

	if (!colon || !comma || comma > colon || colon[1] != '/')
		die("run by sluice-driverd, not by hand");
	i->readonly = strncmp(comma, ",ro:", 4) == 0;
	/* "qcow2,rw:/a" becomes "qcow2:/a". */
	memmove(comma, colon, strlen(colon) + 1);
	i->name = text;
	i->format = storage_name_format(text, &i->path);
	if (!i->format)
		die("%s: no format is known by that name", text);
}

/* A device that is written is claimed from the kernel, as raw disks do: what is mounted, say, has an owner. */
static int image_open_path(const struct image *i)
{
	const int flags = (i->readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	struct stat sb;
	bool claims = !i->readonly && stat(i->path, &sb) == 0 && S_ISBLK(sb.st_mode);

	for (unsigned n = 0;; n++) {
		int fd = open(i->path, flags | (claims ? O_EXCL : 0));

		if (fd >= 0 || errno != EBUSY || n == LOCK_TRIES)
			return fd;
		usleep(LOCK_PAUSE_US);
	}
}

static void image_open(struct image *i)
{
	struct stat sb;
	int fd = image_open_path(i);

	if (fd < 0 && errno == EBUSY)
		die("%s: is in use by somebody else (mounted, or part of another device); release it first", i->path);
	if (fd < 0)
		die("%s: %s", i->path, strerror(errno));
	if (fstat(fd, &sb) < 0 || (!S_ISREG(sb.st_mode) && !S_ISBLK(sb.st_mode)))
		die("%s: is neither a file nor a block device", i->path);
	i->fd = IMAGE_FD;
	/* Not close-on-exec: the lock lives as long as what serves the image. */
	if ((fd == IMAGE_FD ? fcntl(fd, F_SETFD, 0) : dup2(fd, IMAGE_FD)) < 0)
		die("no descriptor: %s", strerror(errno));
	if (fd != IMAGE_FD)
		close(fd);
}

/* One that is just ending still has it. Shorter than the toolstack is made to wait for a reason. */
static void image_lock(const struct image *i)
{
	const struct flock lock = { .l_type = i->readonly ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET,
		.l_start = LOCK_DISK };

	for (unsigned n = 0; fcntl(i->fd, F_OFD_SETLK, &lock) < 0; n++) {
		if (errno != EAGAIN && errno != EACCES) {
			log_warn("%s: its file system has no locks; nothing stops a second writer", i->path);
			return;
		}
		if (n == LOCK_TRIES)
			die("%s: is in use by another process (locked); detach it there first", i->path);
		usleep(LOCK_PAUSE_US);
	}
}

/* qemu-nbd would refuse to start where that is not to be had. */
static bool image_is_direct(const struct image *i)
{
	int flags = fcntl(i->fd, F_GETFL);

	if (flags < 0 || fcntl(i->fd, F_SETFL, flags | O_DIRECT) < 0)
		return false;
	return fcntl(i->fd, F_SETFL, flags) == 0;
}

/* Confined, with nothing to be looked at by what else runs at an exit (sanitizers trace). */
static _Noreturn void refuse(const struct image *i, const char *why)
{
	log_err("%s: %s", i->path, why);
	_exit(1);
}

static void image_check(const struct image *i)
{
	static struct format_header h;
	ssize_t n = pread(i->fd, h.head, sizeof(h.head), 0);
	off_t end = lseek(i->fd, 0, SEEK_END);
	char why[256];

	h.head_len = n > 0 ? (size_t)n : 0;
	n = end >= (off_t)sizeof(h.foot) ? pread(i->fd, h.foot, sizeof(h.foot), end - (off_t)sizeof(h.foot)) : 0;
	h.foot_len = n > 0 ? (size_t)n : 0;
	if (format_header_check(i->format, &h, why, sizeof(why)) < 0)
		refuse(i, why);
}

/* --- the program ----------------------------------------------------------------------------- */

static const char *find_program(void)
{
	static const char *const places[] = { "/usr/bin/qemu-nbd", "/usr/local/bin/qemu-nbd", "/bin/qemu-nbd" };

	for (unsigned i = 0; i < ARRAY_SIZE(places); i++)
		if (access(places[i], X_OK) == 0)
			return places[i];
	die("qemu-nbd, which reads images, is not installed; install qemu-utils");
}

static void become_program(const struct image *i, const char *program)
{
	char format[24], cache[32], aio[32], pid[32];
	char path[] = "PATH=/usr/bin:/bin", fds[] = "LISTEN_FDS=1", lang[] = "LC_ALL=C";
	char *env[] = { path, pid, fds, lang, NULL };
	const char *argv[20] = { "qemu-nbd", "--persistent", "--shared=0", format, cache, aio };
	unsigned n = 6;

	/* QEMU calls them by the product that they came with. */
	snprintf(format, sizeof(format), "--format=%s", strcmp(i->format, "vhd") == 0 ? "vpc" : i->format);
	snprintf(cache, sizeof(cache), "--cache=%s", i->direct ? "none" : "writeback");
	snprintf(aio, sizeof(aio), "--aio=%s", i->direct ? "native" : "threads");
	snprintf(pid, sizeof(pid), "LISTEN_PID=%d", getpid());
	if (i->readonly) {
		argv[n++] = "--read-only";
	} else {
		argv[n++] = "--discard=unmap";
		argv[n++] = "--detect-zeroes=unmap";
	}
	argv[n++] = "--export-name";
	argv[n++] = i->name;
	argv[n++] = i->path;
	if (dup2(SOCKET_FD, LISTEN_FD) < 0 || close_range(IMAGE_FD + 1, ~0u, 0) < 0)
		refuse(i, "no descriptor");
	execve(program, (char *const *)argv, env);
	refuse(i, "qemu-nbd cannot be run");
}

int main(int argc, char **argv)
{
	struct image image = { .fd = -1 };
	const char *program;
	char why[256];
	int dies = 0;

	/* All that is said goes to the daemon: the last line is the reason, if it ends. */
	if (argc != 2 || fcntl(SOCKET_FD, F_GETFD) < 0 || dup2(REPORT_FD, 2) < 0 || dup2(2, 1) < 0)
		return 1;
	log_init("sluice-format");
	image_parse(argv[1], &image);
	(void)prctl(PR_GET_PDEATHSIG, &dies);
	program = find_program();
	image_open(&image);
	image_lock(&image);
	image.direct = image_is_direct(&image);
	if (format_jail(image.fd, image.readonly, program, why, sizeof(why)) < 0)
		refuse(&image, why);
	image_check(&image);
	if (dies)
		(void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* it flushes then */
	(void)signal(SIGPIPE, SIG_IGN);
	if (format_jail_calls() < 0)
		refuse(&image, "the list of system calls cannot be set");
	become_program(&image, program);
}
