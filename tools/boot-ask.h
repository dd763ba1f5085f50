/* SPDX-License-Identifier: MIT */
/* The names of a stack's vms, for those who do not wait for a stack that is busy. */
#ifndef SLUICE_TOOLS_BOOT_ASK_H
#define SLUICE_TOOLS_BOOT_ASK_H

#include <stdbool.h>

#include "tools/boot.h"

/**
 * boot_ask_list() - what boot_request() answers to "list".
 * @dir: the stack's run directory
 * @timeout_ms: how long to wait for its answer
 * @list: BOOT_MESSAGE_MAX bytes: a line per vm, which begins with its name and domid
 *
 * Return: false: it does not answer.
 */
bool boot_ask_list(const char *dir, int timeout_ms, char *list);

#endif
