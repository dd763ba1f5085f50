/* SPDX-License-Identifier: MIT */
/*
 * Ranges of a storage that somebody needs for himself: read-modify-write of a block, of
 * which another queue may write other sectors, and discards. Nobody ever waits in here:
 * who cannot have a range is called when he has it. Any thread; nothing of I/O.
 *
 * Writers that need nothing but that no exclusive holder is at work (nearly all) enter
 * with one atomic addition and one load: as long as nobody holds or wants a range
 * exclusively their ranges are not even noted. Who does want one waits for all who
 * entered so to leave, and from then on writers name their ranges.
 */
#ifndef SLUICE_BACKENDS_BLK_RANGE_LOCK_H
#define SLUICE_BACKENDS_BLK_RANGE_LOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"

/** struct range_user - one thread's writers without a range; on a cache line of its own. */
struct range_user {
	char before[64];
	uint32_t entered; /* atomic */
	struct range_user *next;
	char after[64];
};

/** struct range_entry - a range that is held or waited for; the caller's memory. */
struct range_entry {
	uint64_t start, end; /* end is not in it */
	void (*granted)(struct range_entry *entry);
	struct range_entry *prev, *next; /* by arrival */
	struct range_entry *next_granted;
	uint32_t blockers;   /* earlier entries in the way, and 1 for writers that entered */
	bool exclusive;
	bool drains;         /* waits for writers that entered */
};

struct range_lock {
	uint32_t exclusive;  /* atomic: entries that are held or wanted exclusively */
	bool draining;       /* some of them wait for writers that entered */
	pthread_mutex_t mutex;
	struct range_entry *first, *last;
	struct range_user *users;
};

void range_lock_init(struct range_lock *lock);
/** range_lock_dispose() - when nobody holds, waits or uses. */
void range_lock_dispose(struct range_lock *lock);

void range_user_add(struct range_lock *lock, struct range_user *user);
/** range_user_remove() - when none of its writers is in. */
void range_user_remove(struct range_lock *lock, struct range_user *user);

/** range_leave() - a writer that range_enter() let in is done. */
void range_leave(struct range_lock *lock, struct range_user *user);

/** range_enter() - a writer with any range. False: somebody is at work; use range_take(). */
static inline bool range_enter(struct range_lock *lock, struct range_user *user)
{
	/*
	 * Sequentially consistent, as are the addition and the sum in range_take():
	 * either we see its wish or it sees us.
	 */
	__atomic_fetch_add(&user->entered, 1, __ATOMIC_SEQ_CST);
	if (__builtin_expect(__atomic_load_n(&lock->exclusive, __ATOMIC_SEQ_CST) == 0, 1))
		return true;
	range_leave(lock, user);
	return false;
}

/**
 * range_take() - a range, shared or exclusive; behind those that came earlier.
 * @entry: start, end, exclusive and granted are set
 *
 * Return: true: it is held now. False: entry->granted() is called once it is, in the
 * thread of whoever let it go, with no lock held; perhaps before this returns.
 */
bool range_take(struct range_lock *lock, struct range_entry *entry) must_check;
/** range_release() - let a held range go. */
void range_release(struct range_lock *lock, struct range_entry *entry);

#endif
