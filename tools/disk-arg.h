/* SPDX-License-Identifier: MIT */
/* The argument of --disk=. */
#ifndef SLUICE_TOOLS_DISK_ARG_H
#define SLUICE_TOOLS_DISK_ARG_H

#include <stddef.h>

#include "common/cleanup.h"
#include "tools/stack.h"

/**
 * disk_arg_parse() - FILE[,ro][,buffered][,cdrom][,no-discard][,direct-io-safe][,untrusted]
 *	[,dev=NAME][,driver=NAME][,backend=NAME].
 * @text: a comma in FILE is written twice; changed, and what @disk points into
 * @disk: dev stays NULL when it is not given
 * @why: what is wrong with it
 *
 * Return: 0 or -EINVAL.
 */
int disk_arg_parse(char *text, struct stack_disk *disk, char *why, size_t why_room) must_check;

/**
 * disk_arg_add() - disk_arg_parse() into the next of @disks, which have @room; what is wrong is logged.
 * Return: 0, -EINVAL, -E2BIG.
 */
int disk_arg_add(char *text, struct stack_disk *disks, unsigned *ndisks, unsigned room) must_check;

#endif
