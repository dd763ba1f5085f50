// SPDX-License-Identifier: MIT
#include "config.h"
#include "common/confine-files.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/confine.h"

static int files_null = -1;

int confine_files_prepare(void)
{
	struct stat sb;

	/* A child that closed all descriptors has to begin anew. */
	if (files_null >= 0 && (fstat(files_null, &sb) < 0 || !S_ISCHR(sb.st_mode)))
		files_null = -1;
	if (files_null < 0)
		files_null = open("/dev/null", O_RDWR | O_CLOEXEC);
	return files_null < 0 ? -errno : 0;
}

static bool files_stand_in(void)
{
	return files_null >= 0 && confine_is_done();
}

static bool files_is_dev(const char *path)
{
	return files_stand_in() && (strcmp(path, "/dev") == 0 || strcmp(path, "/dev/") == 0);
}

/* Their names in the C library, for programs with 64-bit offsets. */
FOR_MODULES int files_open(const char *path, int flags, ...) __asm__("open64");
FOR_MODULES int files_openat(int dir, const char *path, int flags, ...) __asm__("openat64");
FOR_MODULES int files_mkstemp(char *template) __asm__("mkstemp64");
FOR_MODULES int files_mkdir(const char *path, mode_t mode) __asm__("mkdir");
FOR_MODULES int files_stat(const char *path, struct stat *sb) __asm__("stat64");
FOR_MODULES int files_setname(pthread_t thread, const char *name) __asm__("pthread_setname_np");

static int files_open_at(int dir, const char *path, int flags, mode_t mode)
{
	if (files_stand_in() && strcmp(path, "/dev/null") == 0)
		return fcntl(files_null, F_DUPFD_CLOEXEC, 0);
	return (int)syscall(SYS_openat, dir, path, flags, mode);
}

/* A mode is there where a file may be made. */
#define FILES_MODE(flags, mode)                                   \
	do {                                                      \
		va_list ap;                                       \
		va_start(ap, flags);                              \
		if ((flags) & (O_CREAT | __O_TMPFILE))            \
			(mode) = va_arg(ap, mode_t);              \
		va_end(ap);                                       \
	} while (0)

int files_open(const char *path, int flags, ...)
{
	mode_t mode = 0;

	FILES_MODE(flags, mode);
	return files_open_at(AT_FDCWD, path, flags, mode);
}

int files_openat(int dir, const char *path, int flags, ...)
{
	mode_t mode = 0;

	FILES_MODE(flags, mode);
	return files_open_at(dir, path, flags, mode);
}

int files_mkstemp(char *template)
{
	int (*next)(char *);

	if (files_stand_in())
		return memfd_create("temporary", MFD_CLOEXEC);
	*(void **)&next = dlsym(RTLD_NEXT, "mkstemp64");
	if (next)
		return next(template);
	errno = ENOSYS;
	return -1;
}

int files_mkdir(const char *path, mode_t mode)
{
	if (files_is_dev(path)) {
		errno = EEXIST;
		return -1;
	}
	return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

int files_stat(const char *path, struct stat *sb)
{
	int (*next)(const char *, struct stat *);

	if (files_is_dev(path)) {
		*sb = (struct stat){ .st_mode = S_IFDIR | 0755 };
		return 0;
	}
	*(void **)&next = dlsym(RTLD_NEXT, "stat64");
	if (next)
		return next(path, sb);
	errno = ENOSYS;
	return -1;
}

/* Of another thread it is a file in /proc. Who asks may not expect that to fail. */
int files_setname(pthread_t thread, const char *name)
{
	int (*next)(pthread_t, const char *);

	if (files_stand_in())
		return 0;
	*(void **)&next = dlsym(RTLD_NEXT, "pthread_setname_np");
	return next ? next(thread, name) : ENOSYS;
}
