/* SPDX-License-Identifier: MIT */
/* Names of storage, as toolstacks and backends spell them: what in them is a path. Pure. */
#ifndef SLUICE_COMMON_STORAGE_NAME_H
#define SLUICE_COMMON_STORAGE_NAME_H

#include <stdbool.h>

/** STORAGE_LVM - what names a logical volume: STORAGE_LVM VG/LV. */
#define STORAGE_LVM "lvm:"
/** STORAGE_PARTITION - what names a partition: STORAGE_PARTITION PATH:WHICH. */
#define STORAGE_PARTITION "partition:"

/**
 * storage_name_which() - in "PATH:WHICH", what follows STORAGE_PARTITION, where ":WHICH" begins.
 *
 * WHICH may have colons after PARTUUID=, PARTLABEL=, UUID= or LABEL=. Return: NULL: it has none.
 */
const char *storage_name_which(const char *rest);

/**
 * storage_name_format() - the image format that a name says, "FORMAT:PATH", which a format server
 * of the driver domain's daemon reads; NULL: none.
 * @rest: then where PATH begins; NULL: nobody asks
 */
const char *storage_name_format(const char *name, const char **rest);

/** storage_name_plain() - @name behind what toolstacks put before raw images ("raw:", as libxl does for qdisk). */
const char *storage_name_plain(const char *name);

/** storage_name_has_password() - it would stand in the store: nobody takes such a name. */
bool storage_name_has_password(const char *name);

/**
 * storage_name_path() - the path in a name, malloc'ed: all of it, that of a partition's disk, of an
 * image behind its format, of a server's socket; "" in names without one (SCHEME://.., lvm:..).
 * NULL with errno set.
 */
char *storage_name_path(const char *name);
/** storage_name_with_path() - @name with another path in that place, malloc'ed. NULL with errno set. */
char *storage_name_with_path(const char *name, const char *path);

/** storage_name_is_lvm() - a logical volume, or a partition of one. */
bool storage_name_is_lvm(const char *name);
/** storage_name_lvm() - its VG/LV, malloc'ed. NULL with errno set. */
char *storage_name_lvm(const char *name);
/** storage_name_with_device() - @name with the volume's device in its place, malloc'ed. NULL with errno set. */
char *storage_name_with_device(const char *name, const char *path);

#endif
