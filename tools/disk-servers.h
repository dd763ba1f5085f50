/* SPDX-License-Identifier: MIT */
/* The servers that a disk's name names. */
#ifndef SLUICE_TOOLS_DISK_SERVERS_H
#define SLUICE_TOOLS_DISK_SERVERS_H

#include <stddef.h>

#include "common/servers-named.h"

/**
 * disk_servers() - look up the host and the ports of a name such as iscsi://HOST/TARGET/LUN.
 * @n: empty; stays so if the name is of something else, or wrong, which the backend says
 *
 * Return: 0 or -errno with @why.
 */
int disk_servers(const char *name, struct servers_named *n, char *why, size_t room) must_check;

#endif
