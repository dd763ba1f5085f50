/* SPDX-License-Identifier: MIT */
/* The devices whose backends sluice backend-upgrade replaces. */
#ifndef SLUICE_TOOLS_UPGRADE_LIST_H
#define SLUICE_TOOLS_UPGRADE_LIST_H

#include "common/cleanup.h"

struct xs_handle;

/** struct upgrade_want - which ones. */
struct upgrade_want {
	const char *guest;  /* its name or number; NULL: all */
	const char *device; /* a disk's name, vifN, consoleN, or a number; NULL: all */
};

/** struct upgrade_target - a device. */
struct upgrade_target {
	char store[128];  /* the socket of its store */
	char leaf[96];    /* its backend's directory */
	char label[64];   /* for people: its guest and its name */
};

struct upgrade_list {
	struct upgrade_target *target;
	unsigned count;
};

/**
 * upgrade_find() - look for them in the store with this socket, or, NULL, in the user's stacks.
 *
 * Return: 0, maybe with none, or -errno after a message.
 */
int upgrade_find(const char *store, const struct upgrade_want *want, struct upgrade_list *list) must_check;
void upgrade_list_free(struct upgrade_list *list);
/** upgrade_store() - connect to that socket. NULL with errno set; xs_close() ends it. */
struct xs_handle *upgrade_store(const char *store) must_check;

#endif
