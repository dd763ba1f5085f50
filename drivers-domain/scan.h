/* SPDX-License-Identifier: MIT */
/*
 * Names of devices in a driver domain's part of the store,
 * backend/KIND/FRONTEND-DOMID/DEVID. Pure: no store, no allocation. Every name
 * is a toolstack's or worse: what is not spelt exactly right is refused, so that
 * a name made from it (a lock, a journal, an argument) has one spelling.
 */
#ifndef SLUICE_DRIVERS_DOMAIN_SCAN_H
#define SLUICE_DRIVERS_DOMAIN_SCAN_H

#include <stdint.h>

#include "common/cleanup.h"

#define SCAN_KIND_MAX 15u
/** SCAN_PATH_MAX - room for "backend/KIND/DOMID/DEVID" and its NUL. */
#define SCAN_PATH_MAX 64u

/** struct leaf_name - which device; equal names are equal bytes. */
struct leaf_name {
	char kind[SCAN_KIND_MAX + 1]; /* zero-filled */
	uint32_t frontend;            /* domid */
	uint32_t devid;
};

/** enum scan_path - what a watch event's path speaks of. */
enum scan_path {
	SCAN_FOREIGN, /* not under backend, or no name of a device: ignore it */
	SCAN_ABOVE,   /* backend, a kind or a frontend: many devices may have changed */
	SCAN_LEAF,    /* a device's own directory: made, removed, or its permissions set */
	SCAN_INSIDE,  /* a node of a device */
};

/** scan_parse_kind() - 1 to SCAN_KIND_MAX of a-z 0-9 _ with a letter first; 0 or -EINVAL. */
int scan_parse_kind(const char *text, struct leaf_name *name) must_check;
/** scan_parse_frontend() - a domid, 0 to 0x7fef, in canonical decimal; 0 or -EINVAL. */
int scan_parse_frontend(const char *text, struct leaf_name *name) must_check;
/** scan_parse_devid() - 0 to 2^31-1 in canonical decimal (no sign, no leading 0); 0 or -EINVAL. */
int scan_parse_devid(const char *text, struct leaf_name *name) must_check;

/**
 * scan_parse_path() - the device that a watch event speaks of.
 * @path: as the store gives it: relative, or absolute under @home
 * @home: "/local/domain/N", where relative paths begin
 * @name: written for SCAN_LEAF and SCAN_INSIDE
 */
enum scan_path scan_parse_path(const char *path, const char *home, struct leaf_name *name) must_check;

/** scan_leaf_path() - "backend/KIND/FRONTEND/DEVID". */
void scan_leaf_path(const struct leaf_name *name, char path[SCAN_PATH_MAX]);
/** scan_file_name() - "KIND-FRONTEND-DEVID", for files and messages; never has a slash. */
void scan_file_name(const struct leaf_name *name, char text[SCAN_PATH_MAX]);
/** scan_parse_file_name() - the reverse, of a name that ends in @suffix; 0 or -EINVAL. */
int scan_parse_file_name(const char *text, const char *suffix, struct leaf_name *name) must_check;

#endif
