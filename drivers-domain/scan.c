// SPDX-License-Identifier: MIT
#include "config.h"
#include "drivers-domain/scan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* xen.h, DOMID_FIRST_RESERVED: from here up they name no domain. */
#define SCAN_DOMID_MAX 0x7fefu
/* The toolstacks keep device ids in an int. */
#define SCAN_DEVID_MAX 0x7fffffffu

/* The length of a kind's name at the start of @text, 0 when it is none. */
static size_t scan_kind_length(const char *text, size_t len)
{
	if (len == 0 || len > SCAN_KIND_MAX || text[0] < 'a' || text[0] > 'z')
		return 0;
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
			return 0;
	}
	return len;
}

static int scan_kind(const char *text, size_t len, struct leaf_name *name)
{
	if (!scan_kind_length(text, len))
		return -EINVAL;
	memset(name->kind, 0, sizeof(name->kind));
	memcpy(name->kind, text, len);
	return 0;
}

/* One spelling per number: "07" and "7" would be two directories with one journal. */
static int scan_number(const char *text, size_t len, uint32_t max, uint32_t *value)
{
	uint64_t v = 0;

	if (len == 0 || len > 10 || (text[0] == '0' && len > 1))
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
		v = v * 10 + (uint64_t)(text[i] - '0');
	}
	if (v > max)
		return -EINVAL;
	*value = (uint32_t)v;
	return 0;
}

int scan_parse_kind(const char *text, struct leaf_name *name)
{
	return scan_kind(text, strnlen(text, SCAN_KIND_MAX + 1), name);
}

int scan_parse_frontend(const char *text, struct leaf_name *name)
{
	return scan_number(text, strnlen(text, 11), SCAN_DOMID_MAX, &name->frontend);
}

int scan_parse_devid(const char *text, struct leaf_name *name)
{
	return scan_number(text, strnlen(text, 11), SCAN_DEVID_MAX, &name->devid);
}

/* The path below @home, or NULL when it lies elsewhere. */
static const char *scan_relative(const char *path, const char *home)
{
	size_t len = strlen(home);

	if (path[0] != '/')
		return path;
	if (strncmp(path, home, len) != 0 || path[len] != '/')
		return NULL;
	return path + len + 1;
}

enum scan_path scan_parse_path(const char *path, const char *home, struct leaf_name *name)
{
	struct leaf_name n = { .frontend = 0 };
	const char *part = scan_relative(path, home);
	size_t len;

	for (unsigned depth = 0; part; depth++) {
		len = strcspn(part, "/");
		if ((depth == 0 && (len != 7 || memcmp(part, "backend", 7) != 0)) ||
			(depth == 1 && scan_kind(part, len, &n) < 0) ||
			(depth == 2 && scan_number(part, len, SCAN_DOMID_MAX, &n.frontend) < 0) ||
			(depth == 3 && scan_number(part, len, SCAN_DEVID_MAX, &n.devid) < 0))
			return SCAN_FOREIGN;
		if (depth == 3)
			*name = n;
		if (part[len] == '\0')
			return depth < 3 ? SCAN_ABOVE : SCAN_LEAF;
		if (depth == 3)
			return SCAN_INSIDE;
		part += len + 1;
	}
	return SCAN_FOREIGN;
}

void scan_leaf_path(const struct leaf_name *name, char path[SCAN_PATH_MAX])
{
	snprintf(path, SCAN_PATH_MAX, "backend/%s/%u/%u", name->kind, name->frontend, name->devid);
}

void scan_file_name(const struct leaf_name *name, char text[SCAN_PATH_MAX])
{
	snprintf(text, SCAN_PATH_MAX, "%s-%u-%u", name->kind, name->frontend, name->devid);
}

int scan_parse_file_name(const char *text, const char *suffix, struct leaf_name *name)
{
	struct leaf_name n = { .frontend = 0 };
	size_t kind = strcspn(text, "-");
	size_t frontend, devid;
	const char *part;

	if (scan_kind(text, kind, &n) < 0 || text[kind] != '-')
		return -EINVAL;
	part = text + kind + 1;
	frontend = strcspn(part, "-");
	if (scan_number(part, frontend, SCAN_DOMID_MAX, &n.frontend) < 0 || part[frontend] != '-')
		return -EINVAL;
	part += frontend + 1;
	devid = strspn(part, "0123456789");
	if (scan_number(part, devid, SCAN_DEVID_MAX, &n.devid) < 0 || strcmp(part + devid, suffix) != 0)
		return -EINVAL;
	*name = n;
	return 0;
}
