// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/blk/target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/blk/drivers.h"
#include "common/array.h"
#include "common/storage-name.h"

static const struct target_kind *const kinds[] = {
	&target_partition,
	&target_lvm,
};

static const char *const other_formats[] = { "qcow", "parallels", "bochs", "cloop", "dmg" };

const struct target_kind *target_kind_at(unsigned i)
{
	return i < ARRAY_SIZE(kinds) ? kinds[i] : NULL;
}

static bool target_word_is(const char *word, size_t len, const char *is)
{
	return strlen(is) == len && strncmp(is, word, len) == 0;
}

static bool target_word_in(const char *word, size_t len, const char *const *list, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (target_word_is(word, len, list[i]))
			return true;
	return false;
}

static int target_load_driver(const char *name, const struct blk_driver **driver, char *why, size_t room)
{
	const struct blk_driver_kind *kind = blk_driver_by_name(name);

	if (!kind)
		snprintf(why, room, "there is no storage driver \"%.32s\"; --help lists them", name);
	*driver = kind ? blk_driver_load(kind, why, room) : NULL;
	return *driver ? 0 : -EINVAL;
}

/* --- URIs ------------------------------------------------------------------------------ */

static int target_resolve_uri(const char *name, size_t len, const struct target_wish *wish,
	struct blk_target *t, char *why, size_t room)
{
	const struct blk_driver_kind *kind = blk_driver_by_scheme(name, len);

	/* Before anything repeats the name. */
	if (storage_name_has_password(name)) {
		snprintf(why, room, "%.*s://: a user or a password does not belong into the name, which many can read:"
			" change it; iscsi:// takes a file that ?credentials=FILE names", len < 32 ? (int)len : 32, name);
		return -EINVAL;
	}
	if (!kind) {
		snprintf(why, room, "\"%.*s://\" is no storage that is known; --help lists the drivers",
			len < 32 ? (int)len : 32, name);
		return -EINVAL;
	}
	if (wish->driver && wish->driver[0] && strcmp(wish->driver, kind->name) != 0) {
		snprintf(why, room, "storage driver %.32s does not serve %.*s://; leave the driver out or name %s",
			wish->driver, (int)len, name, kind->name);
		return -EINVAL;
	}
	t->driver = blk_driver_load(kind, why, room);
	if (!t->driver)
		return -EINVAL;
	t->filename = strdup(name);
	return t->filename ? 0 : -ENOMEM;
}

/* --- paths ------------------------------------------------------------------------------ */

static int target_resolve_path(const char *path, const struct target_wish *wish,
	struct blk_target *t, char *why, size_t room)
{
	int rc = target_load_driver(wish->driver, &t->driver, why, room);

	if (rc < 0)
		return rc;
	t->filename = strdup(path);
	return t->filename ? 0 : -ENOMEM;
}

static int target_refuse_prefix(const char *name, size_t len, char *why, size_t room)
{
	if (target_word_in(name, len, other_formats, ARRAY_SIZE(other_formats)))
		snprintf(why, room, "%.*s images are not supported; convert it with qemu-img convert -O raw",
			(int)len, name);
	else
		snprintf(why, room, "'%.*s:' is no known format; give a raw image's absolute path",
			len < 32 ? (int)len : 32, name);
	return -EINVAL;
}

int target_resolve(const char *name, const struct target_wish *wish, struct blk_target *t, char *why,
	size_t room)
{
	const char *colon;
	size_t len;

	*t = (struct blk_target){ 0 };
	snprintf(why, room, "out of memory");
	name = storage_name_plain(name);
	colon = name[0] == '/' ? NULL : strchr(name, ':');
	if (!colon)
		return target_resolve_path(name, wish, t, why, room);
	len = (size_t)(colon - name);
	if (strncmp(colon, "://", 3) == 0)
		return target_resolve_uri(name, len, wish, t, why, room);
	if (storage_name_format(name, NULL))
		return target_resolve_format(name, wish, t, why, room);
	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++)
		if (target_word_is(name, len, kinds[i]->name))
			return kinds[i]->resolve(colon + 1, wish, t, why, room);
	return target_refuse_prefix(name, len, why, room);
}

void target_release(struct blk_target *t)
{
	if (t->release)
		t->release(t);
	free(t->filename);
	*t = (struct blk_target){ 0 };
}
