/* SPDX-License-Identifier: MIT */
/*
 * What a disk's name stands for: a driver, what it is to open, and which part of that. Names
 * are the toolstack's. A format is never guessed: the name says it.
 *
 *	/dev/sdb, /srv/a.img, raw:PATH, aio:PATH, phy:PATH	a file or a block device
 *	SCHEME://...						the driver of that scheme
 *	lvm:VG/LV						a logical volume, see target-lvm.c
 *	FORMAT:PATH						an image, see target-format.c
 *	partition:NAME:WHICH					a partition of NAME, see target-partition.c
 */
#ifndef SLUICE_BACKENDS_BLK_TARGET_H
#define SLUICE_BACKENDS_BLK_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backends/blk/driver.h"
#include "common/cleanup.h"

/** struct blk_target - a name resolved. */
struct blk_target {
	const struct blk_driver *driver;
	char *filename;          /* for the driver to open */
	uint64_t start, length;  /* the part of it, bytes; length 0: all of it */
	/* what resolving began and the end of the device ends, or NULL; after the storage was closed */
	void (*release)(struct blk_target *target);
	void *state;             /* release's */
	/* Who releases it says that a successor of this process goes on with the disk. */
	bool has_successor;
	bool own_server;         /* as struct blk_conf has it */
	int resized_fd;          /* readable when the size may have changed, and to be drained; 0: none */
};

/** struct target_wish - what the toolstack said beside the name. */
struct target_wish {
	const char *driver;      /* by name; NULL or "": what the name asks for */
	bool readonly;
	bool shared;
	const char *user;        /* which disk it is for: the device's directory in the store */
};

/**
 * target_resolve() - find out what @name stands for. Before confinement: it may read what
 * the name names, by programs that are confined themselves.
 * @why: one line that names the offending part and the remedy; never a password
 *
 * Return: 0 or -errno, nothing is to be released then.
 */
int target_resolve(const char *name, const struct target_wish *wish, struct blk_target *target,
	char *why, size_t why_room) must_check;
/** target_release() - all zero is fine. */
void target_release(struct blk_target *target);

/** target_resolve_format() - target_resolve() of a name that storage_name_format() knows; target-format.c */
int target_resolve_format(const char *name, const struct target_wish *wish, struct blk_target *target,
	char *why, size_t why_room) must_check;

/** struct target_kind - names that begin with "NAME:" and are resolved to others. */
struct target_kind {
	const char *name;
	const char *text;        /* one line for --help */
	/* @rest: what follows the colon */
	int (*resolve)(const char *rest, const struct target_wish *wish, struct blk_target *target,
		char *why, size_t why_room);
};

/** target_kind_at() - the @i-th kind, or NULL. */
const struct target_kind *target_kind_at(unsigned i);

/** target_partition, target_lvm - target-partition.c, target-lvm.c */
extern const struct target_kind target_partition, target_lvm;

#endif
