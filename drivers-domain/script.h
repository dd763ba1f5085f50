/* SPDX-License-Identifier: MIT */
/*
 * Hotplug scripts as xl names them (libxl_linux.c): which are run, with which arguments and
 * environment. Of the outside world only script_open() knows anything.
 */
#ifndef SLUICE_DRIVERS_DOMAIN_SCRIPT_H
#define SLUICE_DRIVERS_DOMAIN_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"
#include "drivers-domain/scan.h"

/** SCRIPT_DIR - where xl has its scripts. */
#define SCRIPT_DIR "/etc/xen/scripts"

/** enum script_use - what becomes of a named script. */
enum script_use {
	SCRIPT_IGNORED, /* none is named, or a kind without scripts */
	SCRIPT_NATIVE,  /* the backend does itself what it would do */
	SCRIPT_BEFORE,  /* it makes what the backend opens: add, remove */
	SCRIPT_AFTER,   /* it sets up what the backend made: online, offline */
};

/**
 * script_use() - how a device of @kind with the node script = @script (NULL: none) is served.
 *
 * xl names "block" for each disk that names none: it would make loop devices of files, which
 * sluice-blk opens itself.
 */
enum script_use script_use(const char *kind, const char *script);

/**
 * script_check() - whether @script is the path of a file directly in @dir, spelt without detours.
 * @why: otherwise, what is wrong with it
 */
int script_check(const char *script, const char *dir, char *why, size_t why_room) must_check;

/**
 * script_open() - whether a script that passed script_check() may be executed: a regular file
 * of root's or ours that others cannot change, in such a directory. 0 or -errno with @why.
 */
int script_open(const char *script, const char *dir, char *why, size_t why_room) must_check;

/** struct script_device - what a script is told of a device. Strings are the caller's. */
struct script_device {
	const struct leaf_name *name;
	const char *leaf;
	const char *script;
	const char *gatewaydev; /* NULL: none */
	const char *type;       /* of a network device: "vif", "vif_ioemu"; NULL: none */
};

/** script_environment() - @base with what xl adds. One block for free(); NULL: no memory. */
char **script_environment(char *const *base, const struct script_device *device) must_check;

/** script_arguments() - those after the script's own name; ends with NULL. @up: set up, else take down. */
const char *const *script_arguments(enum script_use use, bool up);

#endif
