/* SPDX-License-Identifier: MIT */
/* A guest's configuration file, xl.cfg(5), as options of sluice boot. */
#ifndef SLUICE_TOOLS_CFG_H
#define SLUICE_TOOLS_CFG_H

#include <stddef.h>

#include "common/cleanup.h"
#include "tools/arg-list.h"

/**
 * cfg_read() - read the configuration file @path by xl's own parser.
 * @args: the options of sluice boot that it stands for are appended
 * @extra: assignments to read after the file, as xl create has on its command line; or NULL
 *
 * Says what is wrong, and what is ignored, with the file, the line and the remedy.
 * Return: 0 or -errno.
 */
int cfg_read(const char *path, const char *extra, struct arg_list *args) must_check;

/**
 * cfg_disk_option() - a disk as sluice boot has it.
 * @spec: as xl-disk-configuration(5) has it
 * @option: allocated: what follows --disk=
 *
 * Return: 0 or -errno with @why.
 */
int cfg_disk_option(const char *spec, char **option, char *why, size_t why_room) must_check;

#endif
