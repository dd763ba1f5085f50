/* SPDX-License-Identifier: MIT */
/*
 * What of a connected interface survives the backend's death: a file on a tmpfs from which a
 * successor goes on, so that the guest notices nothing.
 *
 * A response is written over a request in its ring slot. So what is put and not yet published
 * must be in a second place, or a successor that begins at the published index would take
 * answers for requests. A queue answers in ring order, all that it took, in one batch:
 *
 *   1. The batch's responses are written to the record.
 *   2. The commit word is stored: the index of the first, and how many. Only then is anything
 *      put in the ring.
 *   3. All are put, and published with one store to the ring's index.
 *   4. The commit word is cleared.
 *
 * A successor finds index P published in the ring. A commit word that begins at P says that
 * the ring's slots from P on are not requests any more: it puts these responses and publishes
 * them. Any other one is over. In both cases all requests from the then published index on
 * are whole, and are taken as if nobody had seen them before. So packets that the guest sent
 * may go out twice, and no buffer or request is answered twice or never. What waited for the
 * guest is lost, as packets may be.
 *
 * The control ring has one request at a time; the state that it changes is kept twice, and
 * the commit word says which one counts. The list of multicast groups is kept twice, too.
 *
 * The process may be killed between any two stores; memory outlives it, so program order is
 * what matters. The writer reads nothing back. To the reader all of it is hostile.
 */
#ifndef SLUICE_BACKENDS_NET_RECORD_H
#define SLUICE_BACKENDS_NET_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/io/netif.h>

#include "backends/net/mcast.h"
#include "common/cleanup.h"
#include "protocol/netif-ctrl.h"
#include "protocol/netif-nodes.h"

#define RECORD_MAGIC UINT64_C(0x3152544e554c53) /* "SLUNTR1" */
#define RECORD_VERSION 1u
#define RECORD_SLOTS 256u /* of a ring of one page */
#define RECORD_RESPONSE 8u /* bytes of the larger of both kinds */
#define RECORD_DEVICE_MAX 192u

/** struct record_batch - responses of one ring; the commit word is atomic. */
struct record_batch {
	uint64_t commit; /* index of the first << 32 | how many; 0 of them: none */
	uint8_t response[RECORD_SLOTS][RECORD_RESPONSE];
};

/** struct record_queue - which rings a queue has, and what it is about to publish. */
struct record_queue {
	uint32_t active;   /* 0: unused */
	struct netif_queue_nodes nodes;
	struct record_batch tx, rx;
};

/** struct record_hash - of struct netif_hash_state what is not made of the rest. */
struct record_hash {
	uint32_t algorithm, flags;
	uint32_t key_len;
	uint8_t key[NETIF_HASH_KEY_MAX];
	uint32_t mapping_size;
	uint32_t mapping[NETIF_HASH_MAPPING_MAX];
};

/** struct record_ctrl - the control ring, and what it set. */
struct record_ctrl {
	uint32_t active;
	uint32_t ring_ref, channel;
	/* index << 32 | RECORD_ANSWERED | which state counts */
	uint64_t commit;
	struct xen_netif_ctrl_response response;
	struct record_hash state[2];
};
#define RECORD_ANSWERED 2u

/** struct record_page - the file. */
struct record_page {
	uint64_t magic;    /* written last */
	uint32_t version, size;
	uint32_t frontend_domid;
	uint32_t broken;   /* the frontend broke a rule: nothing is served until it closes */
	char device[RECORD_DEVICE_MAX];
	uint32_t mcast_current;
	struct mcast_list mcast[2];
	struct record_ctrl ctrl;
	struct record_queue queue[NETIF_MAX_QUEUES];
};

struct record;

/**
 * record_open() - open or make a record.
 * @where: a path, or "fd:N" for a descriptor of ours that is taken over
 * @device: the backend's store path
 *
 * Locked; its room is reserved. What a predecessor of this device and frontend left stays:
 * record_predecessor(). Return: 0 or -errno: -EBUSY another process writes it ("fd:N" stays
 * open: it may be tried again), -EINVAL it is no regular file or "fd:N" is none.
 */
int record_open(const char *where, const char *device, uint32_t frontend_domid,
	struct record **record) must_check;
/** record_close() - the file stays; NULL is fine. */
void record_close(struct record *r);

/** record_predecessor() - a private copy of what was found, checked; NULL: nothing of use. */
const struct record_page *record_predecessor(const struct record *r);
/** record_settle() - it was adopted, or is given up. @r: NULL is fine. */
void record_settle(struct record *r);
/** record_reset() - no queue is connected; a new connection begins. NULL is fine. */
void record_reset(struct record *r);

/** record_begin() - a queue is served from now on. Return: its batches; NULL without a record. */
struct record_queue *record_begin(struct record *r, unsigned queue,
	const struct netif_queue_nodes *nodes);
/**
 * record_adopt() - a queue of the predecessor's is served from now on, whose batches stay as
 * they are until they are published. Return: as record_begin().
 */
struct record_queue *record_adopt(struct record *r, unsigned queue);
/** record_end() - it is not any more. NULL is fine. */
void record_end(struct record_queue *q);
/** record_begin_ctrl() - the same of the control ring. NULL without a record. */
struct record_ctrl *record_begin_ctrl(struct record *r, uint32_t ring_ref, uint32_t channel,
	const struct netif_hash_state *state);
/** record_adopt_ctrl() - as record_adopt(). */
struct record_ctrl *record_adopt_ctrl(struct record *r);
void record_end_ctrl(struct record_ctrl *c);
/** record_note_broken() - nothing is served until the frontend closes. NULL is fine. */
void record_note_broken(struct record *r);
/** record_note_mcast() - the list of groups has changed. NULL is fine. */
void record_note_mcast(struct record *r, const struct mcast_list *list);

/** record_count() - of a commit word, at most RECORD_SLOTS. */
static inline uint32_t record_count(uint64_t commit)
{
	uint32_t n = (uint32_t)commit;

	return n <= RECORD_SLOTS ? n : 0;
}
/** record_pending() - how many responses of a dead queue are to be put at the published @index. */
static inline uint32_t record_pending(const struct record_batch *b, uint32_t index)
{
	return (uint32_t)(b->commit >> 32) == index ? record_count(b->commit) : 0;
}

/** record_commit() - step 2, after step 1 wrote @n responses. @b: NULL is fine. */
static inline void record_commit(struct record_batch *b, uint32_t index, uint32_t n)
{
	if (!b)
		return;
	/* Release: after the responses; the fence: before the stores to the ring. */
	__atomic_store_n(&b->commit, (uint64_t)index << 32 | n, __ATOMIC_RELEASE);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/** record_clear() - step 4. @b: NULL is fine. */
static inline void record_clear(struct record_batch *b)
{
	if (!b)
		return;
	/* Not before the ring's index was stored. */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	__atomic_store_n(&b->commit, 0, __ATOMIC_RELEASE);
	/* Nor may the next batch's responses be written before it. */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/** record_ctrl_state() - which of the states counts. */
static inline unsigned record_ctrl_state(uint64_t commit)
{
	return commit & 1;
}
/** record_ctrl_hash() - the state that a dead backend's control ring had, from a checked page. */
void record_ctrl_hash(const struct record_ctrl *c, struct netif_hash_state *state);
/** record_ctrl_answer() - @response at @index, and @state, are what a request came to; before it is put. */
void record_ctrl_answer(struct record_ctrl *c, uint32_t index,
	const struct xen_netif_ctrl_response *response, const struct netif_hash_state *state);
/** record_ctrl_clear() - it was published. */
void record_ctrl_clear(struct record_ctrl *c);

#endif
