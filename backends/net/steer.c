// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/net/steer.h"

#include <string.h>

void steer_init(struct steer *s)
{
	memset(s, 0, sizeof(*s));
	pthread_mutex_init(&s->lock, NULL);
}

void steer_dispose(struct steer *s)
{
	pthread_mutex_destroy(&s->lock);
}

void steer_set(struct steer *s, const struct netif_hash_state *state)
{
	pthread_mutex_lock(&s->lock);
	s->state = *state;
	pthread_mutex_unlock(&s->lock);
	/* Release: who sees the version finds this state or a later one; partner: steer_look(). */
	__atomic_add_fetch(&s->version, 1, __ATOMIC_RELEASE);
}

void steer_look(struct steer *s, struct steer_copy *copy)
{
	uint32_t version = __atomic_load_n(&s->version, __ATOMIC_ACQUIRE);

	if (version == copy->version)
		return;
	pthread_mutex_lock(&s->lock);
	copy->state = s->state;
	pthread_mutex_unlock(&s->lock);
	copy->version = version;
}

unsigned steer_frame(const struct steer_copy *copy, struct frame *frame, unsigned own,
	unsigned queues)
{
	frame->hash_type = NETIF_HASH_NONE;
	if (copy->state.algorithm == XEN_NETIF_CTRL_HASH_ALGORITHM_NONE)
		return own;
	frame->hash_type = netif_hash_packet(&copy->state, frame->data, frame->len, &frame->hash);
	/* As Linux: what has no hash goes where a hash of 0 does. */
	return netif_hash_queue(&copy->state,
		frame->hash_type == NETIF_HASH_NONE ? 0 : frame->hash, queues);
}
