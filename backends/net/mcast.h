/* SPDX-License-Identifier: MIT */
/*
 * The filter of multicast frames that a guest keeps with us: while it is on, only frames to
 * groups that it named reach it. Broadcast is never filtered. Any thread.
 */
#ifndef SLUICE_BACKENDS_NET_MCAST_H
#define SLUICE_BACKENDS_NET_MCAST_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"

/** MCAST_MAX - addresses (Linux's limit). */
#define MCAST_MAX 64u

/** struct mcast_list - plain memory: it is in the record, too. */
struct mcast_list {
	uint32_t count;
	uint8_t addr[MCAST_MAX][6];
};

/** struct mcast - fields are private. */
struct mcast {
	bool on; /* atomic */
	pthread_mutex_t lock;
	struct mcast_list list;
	void (*changed)(void *opaque, const struct mcast_list *list);
	void *opaque;
};

/** mcast_init() - off, empty. @changed: called with each change, locked; or NULL. */
void mcast_init(struct mcast *m, void (*changed)(void *opaque, const struct mcast_list *list),
	void *opaque);
void mcast_dispose(struct mcast *m);
/** mcast_set_on() - what the guest requests; its list stays. */
void mcast_set_on(struct mcast *m, bool on);
/** mcast_set_list() - that of a predecessor; one that is longer than MCAST_MAX counts as empty. */
void mcast_set_list(struct mcast *m, const struct mcast_list *list);
/**
 * mcast_change() - the guest joins or leaves. Twice is as once: a change can come again after
 * a restart. Return: 0, -ENOSPC (the list is full) or -EINVAL (no group's address).
 */
int mcast_change(struct mcast *m, bool add, const uint8_t addr[6]) must_check;
/** mcast_passes() - whether a frame to @addr reaches the guest. */
bool mcast_passes(struct mcast *m, const uint8_t addr[6]);

#endif
