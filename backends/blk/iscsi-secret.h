/* SPDX-License-Identifier: MIT */
/* Users and passwords of CHAP, which only files have. */
#ifndef SLUICE_BACKENDS_BLK_ISCSI_SECRET_H
#define SLUICE_BACKENDS_BLK_ISCSI_SECRET_H

#include <stddef.h>

#include "common/cleanup.h"

/** ISCSI_SECRET_DIR - where names that are no paths are looked for. */
#define ISCSI_SECRET_DIR "/etc/sluice/iscsi"
#define ISCSI_SECRET_ROOM 256u /* what the library has room for, and the end */

/** struct iscsi_secret - all "": none. Wipe it. */
struct iscsi_secret {
	char user[ISCSI_SECRET_ROOM], password[ISCSI_SECRET_ROOM];
	/* with which the target proves who it is; "": it need not */
	char target_user[ISCSI_SECRET_ROOM], target_password[ISCSI_SECRET_ROOM];
};

/**
 * iscsi_secret_parse() - lines "KEY=VALUE": user, password, target-user, target-password. Empty
 * ones and those that begin with # say nothing. Pure.
 * @text: @len bytes
 * @why: room for a clause, which has nothing of @text in it
 */
int iscsi_secret_parse(const char *text, size_t len, struct iscsi_secret *s, char *why, size_t room) must_check;

/**
 * iscsi_secret_read() - from a file that only its owner, root or we, can read.
 * @name: a path, or a name in ISCSI_SECRET_DIR
 *
 * Return: 0 or -errno with @why; nothing is to be wiped then.
 */
int iscsi_secret_read(const char *name, struct iscsi_secret *s, char *why, size_t room) must_check;

/** iscsi_secret_wipe() - so that no later reader of the memory finds it. */
void iscsi_secret_wipe(struct iscsi_secret *s);

#endif
