// SPDX-License-Identifier: MIT
#include "config.h"
#include "common/storage-name.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"

const char *storage_name_which(const char *rest)
{
	static const char *const keys[] = { ":PARTUUID=", ":PARTLABEL=", ":UUID=", ":LABEL=" };
	const char *which = strrchr(rest, ':');

	/* The first of them: a label may look like another one. */
	for (unsigned i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *at = strstr(rest, keys[i]);

		if (at && at < which)
			which = at;
	}
	return which;
}

static const char *storage_partition(const char *name)
{
	size_t n = strlen(STORAGE_PARTITION);

	return strncmp(name, STORAGE_PARTITION, n) == 0 ? name + n : NULL;
}

/* --- raw images ----------------------------------------------------------------------------- */

/* What toolstacks put before the path of a raw image. */
static const char *const storage_raw[] = { "aio", "raw", "file", "phy", "tap", "tap2", "tapdisk" };

static bool storage_is_raw(const char *word, size_t len)
{
	for (unsigned i = 0; i < ARRAY_SIZE(storage_raw); i++)
		if (strlen(storage_raw[i]) == len && strncmp(word, storage_raw[i], len) == 0)
			return true;
	return false;
}

const char *storage_name_plain(const char *name)
{
	size_t len = strcspn(name, ":");

	while (name[len] == ':' && strncmp(name + len, "://", 3) != 0 && storage_is_raw(name, len)) {
		name += len + 1;
		len = strcspn(name, ":");
	}
	return name;
}

/* --- formats ------------------------------------------------------------------------------- */

static const char *const storage_formats[] = { "qcow2", "vhd", "vhdx", "vmdk", "vdi", "qed" };

const char *storage_name_format(const char *name, const char **rest)
{
	for (unsigned i = 0; i < ARRAY_SIZE(storage_formats); i++) {
		size_t n = strlen(storage_formats[i]);

		if (strncmp(name, storage_formats[i], n) != 0 || name[n] != ':' ||
			strncmp(name + n, "://", 3) == 0)
			continue;
		if (rest)
			*rest = name + n + 1;
		return storage_formats[i];
	}
	return NULL;
}

/* --- the path in a name ---------------------------------------------------------------------- */

/** struct storage_part - the path is this part of the name. */
struct storage_part {
	size_t at, len;
};

/* The socket of nbd+unix: all that is a path in such a URI, if it is spelt plainly. */
static struct storage_part storage_socket(const char *name, const char *query)
{
	const char *value = NULL;

	while (query && *query) {
		query++; /* ? or & */
		if (strncmp(query, "socket=", 7) == 0)
			value = query + 7;
		query = strchr(query, '&');
	}
	if (!value || value[0] != '/' || memchr(value, '%', strcspn(value, "&")))
		return (struct storage_part){ 0, 0 };
	return (struct storage_part){ (size_t)(value - name), strcspn(value, "&") };
}

static bool storage_is_scheme(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789+");

	return n && name[0] >= 'a' && strncmp(name + n, "://", 3) == 0;
}

bool storage_name_has_password(const char *name)
{
	static const char *const keys[] = { "password=", "passwd=", "secret=" };
	const char *rest = storage_is_scheme(name) ? strstr(name, "://") + 3 : "";
	const char *at = memrchr(rest, '@', strcspn(rest, "/?#"));
	const char *query = strchr(rest, '?');

	for (unsigned i = 0; query && i < ARRAY_SIZE(keys); i++)
		if (strstr(query, keys[i]))
			return true;
	/* QEMU's iSCSI names have a % between the two. */
	return at && (memchr(rest, ':', (size_t)(at - rest)) || memchr(rest, '%', (size_t)(at - rest)));
}

static struct storage_part storage_part(const char *name)
{
	const char *rest = storage_partition(name), *which = rest ? storage_name_which(rest) : NULL;
	size_t len = strlen(name);

	if (storage_name_is_lvm(name))
		return (struct storage_part){ 0, 0 };
	if (rest)
		return (struct storage_part){ (size_t)(rest - name),
			which ? (size_t)(which - rest) : strlen(rest) };
	if (storage_name_format(name, &rest))
		return (struct storage_part){ (size_t)(rest - name), strlen(rest) };
	if (strncmp(name, "nbd+unix://", 11) == 0)
		return storage_socket(name, strchr(name, '?'));
	if (storage_is_scheme(name))
		return (struct storage_part){ 0, 0 };
	return (struct storage_part){ 0, len };
}

char *storage_name_path(const char *name)
{
	struct storage_part part = storage_part(name);

	return strndup(name + part.at, part.len);
}

char *storage_name_with_path(const char *name, const char *path)
{
	struct storage_part part = storage_part(name);
	char *text;

	if (part.len == 0 && !path[0])
		return strdup(name);
	return asprintf(&text, "%.*s%s%s", (int)part.at, name, path, name + part.at + part.len) < 0 ? NULL : text;
}

/* --- logical volumes ------------------------------------------------------------------------- */

bool storage_name_is_lvm(const char *name)
{
	const char *rest = storage_partition(name);

	return strncmp(rest ? rest : name, STORAGE_LVM, strlen(STORAGE_LVM)) == 0;
}

/* "lvm:VG/LV" in a name that has it. */
static struct storage_part storage_lvm(const char *name)
{
	const char *rest = storage_partition(name), *lvm = rest ? rest : name;
	size_t n = strlen(STORAGE_LVM);

	return (struct storage_part){ (size_t)(lvm - name), rest ? n + strcspn(rest + n, ":") : strlen(lvm) };
}

char *storage_name_lvm(const char *name)
{
	struct storage_part part = storage_lvm(name);
	size_t n = strlen(STORAGE_LVM);

	return strndup(name + part.at + n, part.len - n);
}

char *storage_name_with_device(const char *name, const char *path)
{
	struct storage_part part = storage_lvm(name);
	char *text;

	return asprintf(&text, "%.*s%s%s", (int)part.at, name, path, name + part.at + part.len) < 0 ? NULL : text;
}
