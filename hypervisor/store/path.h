/* SPDX-License-Identifier: MIT */
/* Names of store nodes: docs/misc/xenstore.txt of Xen, "Paths". Pure. */
#ifndef SLUICE_HYPERVISOR_STORE_PATH_H
#define SLUICE_HYPERVISOR_STORE_PATH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"

/** STORE_PATH_SIZE - room for any absolute path and its NUL. */
#define STORE_PATH_SIZE 3073

/** path_is_valid() - an absolute path: allowed characters, no "//", no trailing "/". */
bool path_is_valid(const char *path);

/**
 * path_resolve() - what a client's path means.
 * @domid: whose home relative paths start from
 * @in: absolute, or relative to /local/domain/@domid
 * @out: receives the absolute path
 *
 * Return: 0, or -EINVAL when the path breaks a rule.
 */
int path_resolve(uint32_t domid, const char *in, char out[STORE_PATH_SIZE]) must_check;

/** path_to_parent() - cut the last part off; "/" stays. */
void path_to_parent(char *path);
/** path_leaf() - the last part, inside @path. */
const char *path_leaf(const char *path);

#endif
