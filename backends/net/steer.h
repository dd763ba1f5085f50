/* SPDX-License-Identifier: MIT */
/*
 * Which receive queue a frame for the guest goes to: what the control ring sets and each
 * queue's thread has a copy of, so that a frame costs no lock.
 */
#ifndef SLUICE_BACKENDS_NET_STEER_H
#define SLUICE_BACKENDS_NET_STEER_H

#include <pthread.h>
#include <stdint.h>

#include "backends/net/frame.h"
#include "protocol/netif-ctrl.h"

/** struct steer - a device's; fields are private. */
struct steer {
	uint32_t version; /* atomic: of the state */
	pthread_mutex_t lock;
	struct netif_hash_state state;
};

/** struct steer_copy - a queue's own; zero to begin with. */
struct steer_copy {
	uint32_t version;
	struct netif_hash_state state;
};

void steer_init(struct steer *s);
void steer_dispose(struct steer *s);
/** steer_set() - the control thread: queues see it with their next batch. */
void steer_set(struct steer *s, const struct netif_hash_state *state);
/** steer_look() - before a batch: bring the copy up to date. */
void steer_look(struct steer *s, struct steer_copy *copy);
/**
 * steer_frame() - give a frame its hash, if the guest wants one.
 * Return: its queue, @own where no hash chooses.
 */
unsigned steer_frame(const struct steer_copy *copy, struct frame *frame, unsigned own,
	unsigned queues);

#endif
