/* SPDX-License-Identifier: MIT */
/*
 * Saved state in a file, meant for a tmpfs: it survives the process, not the host.
 * What was written before the process was killed is there; nothing is synced.
 */
#ifndef SLUICE_HYPERVISOR_STORE_STATE_FILE_H
#define SLUICE_HYPERVISOR_STORE_STATE_FILE_H

#include "hypervisor/store/state.h"

struct state_file;

/**
 * state_file_open() - lock the file, or the right to make it.
 * @path: copied; mode 0600 when it is made
 *
 * Return: NULL with errno set: EWOULDBLOCK: a running store has it; EPERM: it is not a
 * regular file of this user that only he can write.
 */
struct state_file *state_file_open(const char *path);
/**
 * state_file_load() - the store that is in it.
 *
 * Return: 0 with @store, NULL when the file is new; -EINVAL with the fault logged, or
 * another -errno.
 */
int state_file_load(struct state_file *file, const struct quota_limits *limits,
	const struct store_ops *ops, void *opaque, struct store **store) must_check;
/** state_file_keep() - keep @store's state in it from now on. 0 or -errno. */
int state_file_keep(struct state_file *file, struct store *store) must_check;
/** state_file_close() - the file stays. @file: not used by a store any more; NULL is fine. */
void state_file_close(struct state_file *file);

#endif
