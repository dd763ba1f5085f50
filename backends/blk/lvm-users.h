/* SPDX-License-Identifier: MIT */
/*
 * Which logical volumes we activated, and for whom: a directory per volume, in it a file per
 * user. Below /run, so that it is gone when the activations are, and there for the
 * successor of a process that was killed.
 */
#ifndef SLUICE_BACKENDS_BLK_LVM_USERS_H
#define SLUICE_BACKENDS_BLK_LVM_USERS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"

/** struct lvm_users - the directory, locked: one process changes activations at a time. */
struct lvm_users {
	int dir;
	int lock;
};

/** lvm_users_open() - make @path if need be, and wait for the lock. 0, -EBUSY after @wait_ms, or -errno. */
int lvm_users_open(struct lvm_users *u, const char *path, unsigned wait_ms) must_check;
void lvm_users_close(struct lvm_users *u);

/**
 * lvm_users_join() - @user begins to use @volume.
 * @active: it already is; then it is ours only if it was before
 * @ours: whether it is to be deactivated when nobody uses it any more
 *
 * A second time with the same @user is fine: that one was killed. Return: 0 or -errno.
 */
int lvm_users_join(struct lvm_users *u, const char *volume, const char *user, bool active, bool *ours)
	must_check;
/** lvm_users_leave() - and ends. @last: it is ours and nobody uses it now. 0 or -errno. */
int lvm_users_leave(struct lvm_users *u, const char *volume, const char *user, bool *last) must_check;
/** lvm_users_forget() - it is not ours any more. */
void lvm_users_forget(struct lvm_users *u, const char *volume);

#endif
