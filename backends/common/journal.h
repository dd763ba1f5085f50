/* SPDX-License-Identifier: MIT */
/*
 * The in-flight journal: what a backend took from its rings and has not answered
 * yet, in a file of fixed size on a tmpfs that outlives the backend, so that a
 * successor can replay it.
 *
 * Layout: a header page, then one section per queue: a page that says which ring it
 * was, then one entry per request that can be in flight. All integers are native:
 * writer and reader run on the same host.
 *
 * Order (the process may be killed between any two stores; memory outlives it, so
 * only program order matters, not write-back to a disk):
 *
 *   1. The request is copied from the ring and the copy written to a free entry;
 *      then the entry's state becomes TAKEN. Only then may storage see it.
 *   2. When storage is done, status and the index that the response will have are
 *      recorded; then the state becomes ANSWERED. Only then is the response put in
 *      the ring: it may overwrite a request slot there, of which the entry is the
 *      last copy.
 *   3. Publication of rsp_prod in the ring is the commit: an ANSWERED entry whose
 *      response index lies below the published rsp_prod is over, even if its state was
 *      not set back to FREE yet. Setting it back is what journal_commit() does, so
 *      that an old index never comes near again when indices wrap.
 *
 * So a successor that finds rsp_prod P in the ring and U entries that are TAKEN, or
 * ANSWERED at an index not below P, owes exactly these U responses, and the ring's
 * next unread request is P + U: a request copied from the ring whose entry was not
 * yet TAKEN is simply read again. Replaying is safe: reads, writes, flushes and
 * discards that were never acknowledged may be done twice.
 *
 * Response indices are given in the order in which responses are put, so the ANSWERED
 * ones that were not published are P, P + 1 and so on. A successor puts these again,
 * each at its index, before it publishes anything else, and replays the TAKEN ones where
 * they are. It writes nothing that a further successor would understand in another way.
 *
 * The writer trusts its own mapping only to write: nothing is read back. A reader
 * takes the file as hostile input (a backend may have been subverted before it died).
 *
 * The file's lock is part of the fence: it is free when no thread of the predecessor runs
 * any more and, where the descriptor was registered in its rings, no I/O of theirs either.
 */
#ifndef SLUICE_BACKENDS_COMMON_JOURNAL_H
#define SLUICE_BACKENDS_COMMON_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/cleanup.h"

#define JOURNAL_MAGIC 0x314c4e524a554c53ull /* "SLUJRNL1" */
#define JOURNAL_VERSION 2u
#define JOURNAL_PAGE 4096u
#define JOURNAL_MAX_QUEUES 8u
#define JOURNAL_MAX_ENTRIES 512u /* per queue: the slots of an order-4 block ring */
#define JOURNAL_SLOT_MAX 112u
#define JOURNAL_MAX_RING_REFS 16u
#define JOURNAL_DEVICE_MAX 192u

enum journal_state { JOURNAL_FREE, JOURNAL_TAKEN, JOURNAL_ANSWERED };

/** struct journal_entry - a request in flight; two cache lines. */
struct journal_entry {
	uint32_t state;     /* enum journal_state; written last */
	uint32_t req_index; /* the request's index in the ring */
	uint32_t rsp_index; /* valid when ANSWERED */
	int16_t status;     /* the protocol's, valid when ANSWERED */
	uint8_t attempts;   /* how often successors replayed it */
	uint8_t reserved;
	uint8_t slot[JOURNAL_SLOT_MAX]; /* the request as copied from the ring */
};

/** struct journal_ring - which ring a queue's section belongs to. */
struct journal_ring {
	uint32_t active;    /* 0: the section is unused */
	uint32_t entries;   /* at most JOURNAL_MAX_ENTRIES */
	uint32_t slot_size; /* bytes of each slot that count */
	uint32_t abi;       /* the protocol's number for it */
	uint32_t local_port;
	uint32_t remote_port;
	uint32_t ring_refs; /* 1 to JOURNAL_MAX_RING_REFS */
	uint32_t ring_ref[JOURNAL_MAX_RING_REFS];
};

/** struct journal_header - the first page of the file. */
struct journal_header {
	uint64_t magic;
	uint32_t version;
	uint32_t entry_size;
	uint32_t max_queues;
	uint32_t max_entries;
	uint32_t frontend_domid;
	int32_t flush_error; /* -errno of a failed flush that must not be forgotten, or 0 */
	uint64_t storage[2]; /* which storage the requests are for; the device's to define */
	char device[JOURNAL_DEVICE_MAX]; /* the backend's store path, NUL-padded */
};

/** journal_file_size() - bytes of every journal of this version. */
size_t journal_file_size(void);

/** struct journal_queue - a queue's writer; zero-initialised means no journal. */
struct journal_queue {
	struct journal_ring *ring;
	struct journal_entry *entry;
};

struct journal;
struct journal_image;

/**
 * journal_open() - open or create a journal for writing.
 * @where: a path, or "fd:N" for a descriptor of ours that is taken over
 * @device: the backend's store path: its identity
 *
 * A regular file (a tmpfs is meant), exclusively locked. A predecessor's of this device
 * and frontend stays as it is: see journal_predecessor(); and a failed flush that it
 * tells of is taken over. Anything else is emptied. Return: 0 or -errno:
 * -EBUSY another process writes it, or I/O of one that died is not over ("fd:N" stays
 * open: it may be tried again), -EINVAL it is no regular file or "fd:N" is none.
 */
int journal_open(const char *where, const char *device, uint32_t frontend_domid,
	struct journal **journal) must_check;
/** journal_close() - the file stays; NULL is fine. */
void journal_close(struct journal *j);

/** journal_fd() - of the file; its lock lives as long as this description of it does. */
int journal_fd(const struct journal *j);

/** journal_predecessor() - what was found, checked as far as it can be alone; NULL: nothing. */
const struct journal_image *journal_predecessor(const struct journal *j);
/**
 * journal_reset() - no request is in flight; what the predecessor left is given up.
 * @storage: which storage requests will be for. @j: NULL is fine.
 */
void journal_reset(struct journal *j, const uint64_t storage[2]);

/** journal_settle() - all that counts of the predecessor's was adopted: forget its image. */
void journal_settle(struct journal *j);

/** journal_flush_error() - a failed flush that a predecessor met: -errno or 0. */
int journal_flush_error(const struct journal *j);
/** journal_note_flush_error() - remember a failed flush for successors. */
void journal_note_flush_error(struct journal *j, int error);

/**
 * journal_begin() - start a queue's section.
 * @j: NULL gives a writer that does nothing
 *
 * Return: 0 or -errno (-ENOSPC: the file system is full), never SIGBUS later: the
 * section's room is reserved here.
 */
int journal_begin(struct journal *j, unsigned queue, const struct journal_ring *ring,
	struct journal_queue *jq) must_check;
/**
 * journal_adopt() - go on with the section that the predecessor left, entries and all.
 *
 * Return: 0 or -errno (-ENOSPC). Entries that nobody is owed an answer for are the caller's
 * to free, with journal_commit().
 */
int journal_adopt(struct journal *j, unsigned queue, uint32_t local_port, struct journal_queue *jq)
	must_check;
/** journal_end() - all of the queue's requests are answered: mark the section unused. */
void journal_end(struct journal_queue *jq);

static inline void journal_set_state(struct journal_entry *e, enum journal_state state)
{
	/* Release: what the state vouches for is stored before it; see the order above. */
	__atomic_store_n(&e->state, state, __ATOMIC_RELEASE);
}

/** journal_take() - step 1: entry @i, free until now, holds this request. */
static inline void journal_take(struct journal_queue *jq, unsigned i, uint32_t req_index,
	const void *slot, size_t slot_size)
{
	struct journal_entry *e;

	if (!jq->entry)
		return;
	e = &jq->entry[i];
	memcpy(e->slot, slot, slot_size);
	e->req_index = req_index;
	e->attempts = 0;
	journal_set_state(e, JOURNAL_TAKEN);
}

/** journal_retry() - a TAKEN entry is about to be replayed, for the @attempts-th time. */
static inline void journal_retry(struct journal_queue *jq, unsigned i, uint8_t attempts)
{
	__atomic_store_n(&jq->entry[i].attempts, attempts, __ATOMIC_RELEASE);
	/* Compilers must not let storage see the request before. */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/** journal_answer() - step 2: before the response is put in the ring. */
static inline void journal_answer(struct journal_queue *jq, unsigned i, uint32_t rsp_index,
	int16_t status)
{
	struct journal_entry *e;

	if (!jq->entry)
		return;
	e = &jq->entry[i];
	e->rsp_index = rsp_index;
	e->status = status;
	journal_set_state(e, JOURNAL_ANSWERED);
	/* Compilers must not move the stores to the ring, which follow, up here. */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/** journal_commit() - step 3: rsp_prod was published. */
static inline void journal_commit(struct journal_queue *jq, unsigned i)
{
	if (!jq->entry)
		return;
	/* Not before rsp_prod was stored. */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	journal_set_state(&jq->entry[i], JOURNAL_FREE);
}

#endif
