// SPDX-License-Identifier: MIT
/* Disks as xl-disk-configuration(5) has them, parsed by xl's own parser. */
#include "config.h"
#include "tools/cfg.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libxlutil.h>

#include "common/storage-name.h"

static int fail(char *why, size_t room, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static int fail(char *why, size_t room, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, room, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* Domain 0 is where xl has its backends; here it has none, and its disks a domain of ours. */
static bool has_backend(const libxl_device_disk *disk)
{
	const char *name = disk->backend_domname;

	return name && strcmp(name, "0") != 0 && strcmp(name, "Domain-0") != 0;
}

static const char *backend_type(libxl_disk_backend backend)
{
	const char *name = libxl_disk_backend_to_string(backend);

	return name ? name : "?";
}

/* What a backend calls it; NULL: there is no such format here. A raw one is not named. */
static const char *format_name(libxl_disk_format format)
{
	switch (format) {
	case LIBXL_DISK_FORMAT_QCOW2:
		return "qcow2:";
	case LIBXL_DISK_FORMAT_VHD:
		return "vhd:";
	case LIBXL_DISK_FORMAT_QED:
		return "qed:";
	default:
		return NULL;
	}
}

static int check(const libxl_device_disk *disk, char *why, size_t room)
{
	CLEANUP_FREE char *path = NULL;

	if (disk->script)
		return fail(why, room, "script %s: nothing runs scripts for a disk of a process domain; attach"
			" the storage first and name its device", disk->script);
	if (disk->backend != LIBXL_DISK_BACKEND_UNKNOWN && disk->backend != LIBXL_DISK_BACKEND_PHY)
		return fail(why, room, "backendtype=%s is not there: remove it", backend_type(disk->backend));
	if (disk->format == LIBXL_DISK_FORMAT_EMPTY || !disk->pdev_path || !disk->pdev_path[0])
		return fail(why, room, "an empty drive is not supported: remove the disk");
	if (disk->format != LIBXL_DISK_FORMAT_RAW && !format_name(disk->format))
		return fail(why, room, "format %s is not served: convert the image (qemu-img convert -O raw)",
			libxl_disk_format_to_string(disk->format));
	path = storage_name_path(disk->pdev_path);
	if (!has_backend(disk) && path && path[0] && access(path, F_OK) < 0) {
		snprintf(why, room, "%s: %s", path, strerror(errno));
		return -ENOENT;
	}
	if (libxl_defbool_val(disk->colo_enable) || disk->colo_host)
		return fail(why, room, "colo is not supported: remove it");
	return 0;
}

/* A relative path is one from here, unless another machine looks at it. */
static char *full_path(const libxl_device_disk *disk)
{
	CLEANUP_FREE char *path = storage_name_path(disk->pdev_path), *cwd = NULL, *full = NULL;

	if (!path || !path[0] || path[0] == '/' || has_backend(disk))
		return strdup(disk->pdev_path);
	cwd = getcwd(NULL, 0);
	if (!cwd || asprintf(&full, "%s/%s", cwd, path) < 0)
		return NULL;
	return storage_name_with_path(disk->pdev_path, full);
}

/* A comma is written twice. */
static void put_path(FILE *to, const char *path)
{
	for (; *path; path++) {
		if (*path == ',')
			fputc(',', to);
		fputc(*path, to);
	}
}

static int format(libxl_device_disk *disk, bool shared, char **option, char *why, size_t room)
{
	CLEANUP_FREE char *path = full_path(disk);
	size_t size;
	FILE *to = path ? open_memstream(option, &size) : NULL;

	if (!to)
		return snprintf(why, room, "out of memory"), -ENOMEM;
	if (format_name(disk->format))
		fputs(format_name(disk->format), to);
	put_path(to, path);
	fprintf(to, ",dev=%s", disk->vdev);
	if (disk->is_cdrom)
		fputs(",cdrom", to);
	else if (!disk->readwrite)
		fputs(",ro", to);
	else if (shared)
		fputs(",shared", to);
	if (disk->direct_io_safe)
		fputs(",direct-io-safe", to);
	if (!libxl_defbool_is_default(disk->discard_enable))
		fputs(libxl_defbool_val(disk->discard_enable) ? ",discard" : ",no-discard", to);
	if (!libxl_defbool_is_default(disk->trusted) && !libxl_defbool_val(disk->trusted))
		fputs(",untrusted", to);
	if (has_backend(disk))
		fprintf(to, ",backend=%s", disk->backend_domname);
	return fclose(to) == 0 ? 0 : -ENOMEM;
}

/* What the parser said, without where: the caller knows better. */
static void pass_on(const char *said, const char *spec, char *why, size_t room)
{
	static const char head[] = "config parsing error in disk specification: ";
	const char *text = strstr(said, head);

	text = text ? text + sizeof(head) - 1 : *said ? said : "it cannot be parsed";
	snprintf(why, room, "%.*s; see xl-disk-configuration(5)", (int)strcspn(text, "\n"), text);
}

/*
 * "w!", which Xen's block scripts and older parsers know and libxlutil does not: others may
 * write it, too. Takes the ! out of @spec, where access stands: as access=, or by itself behind
 * the target.
 */
static bool take_shared(char *spec)
{
	bool first = true;

	for (char *word = spec; word; word = strchr(word, ','), first = false) {
		size_t n;

		word += first ? 0 : 1;
		word += strspn(word, " \t");
		n = strcspn(word, ", \t");
		/* All that follows is a path. */
		if (strncmp(word, "target=", 7) == 0)
			return false;
		if ((n == 9 && strncmp(word, "access=w!", n) == 0) ||
			(n == 2 && !first && strncmp(word, "w!", n) == 0)) {
			memmove(word + n - 1, word + n, strlen(word + n) + 1);
			return true;
		}
	}
	return false;
}

int cfg_disk_option(const char *spec, char **option, char *why, size_t why_room)
{
	CLEANUP_FREE char *plain = strdup(spec);
	bool shared = plain && take_shared(plain);
	char *said = NULL;
	size_t size;
	FILE *report = open_memstream(&said, &size);
	XLU_Config *x = report ? xlu_cfg_init(report, "disk") : NULL;
	libxl_device_disk disk;
	int error = ENOMEM;

	*option = NULL;
	libxl_device_disk_init(&disk);
	libxl_defbool_setdefault(&disk.colo_enable, false);
	if (x && plain)
		error = xlu_disk_parse(x, 1, (const char *const *)&plain, &disk);
	if (report)
		fclose(report);
	if (error)
		pass_on(said ? said : "", spec, why, why_room);
	error = error ? -EINVAL : check(&disk, why, why_room);
	if (error == 0)
		error = format(&disk, shared, option, why, why_room);
	libxl_device_disk_dispose(&disk);
	if (x)
		xlu_cfg_destroy(x);
	free(said);
	return error;
}
