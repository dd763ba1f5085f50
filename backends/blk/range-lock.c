// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/blk/range-lock.h"

#include <stddef.h>

void range_lock_init(struct range_lock *lock)
{
	*lock = (struct range_lock){ .exclusive = 0 };
	pthread_mutex_init(&lock->mutex, NULL);
}

void range_lock_dispose(struct range_lock *lock)
{
	pthread_mutex_destroy(&lock->mutex);
}

void range_user_add(struct range_lock *lock, struct range_user *user)
{
	user->entered = 0;
	pthread_mutex_lock(&lock->mutex);
	user->next = lock->users;
	lock->users = user;
	pthread_mutex_unlock(&lock->mutex);
}

void range_user_remove(struct range_lock *lock, struct range_user *user)
{
	struct range_user **p;

	pthread_mutex_lock(&lock->mutex);
	for (p = &lock->users; *p != user; p = &(*p)->next)
		;
	*p = user->next;
	pthread_mutex_unlock(&lock->mutex);
}

/* Writers that entered without a range; the mutex is held. */
static bool range_any_entered(const struct range_lock *lock)
{
	for (const struct range_user *u = lock->users; u; u = u->next)
		if (__atomic_load_n(&u->entered, __ATOMIC_SEQ_CST))
			return true;
	return false;
}

static bool range_conflict(const struct range_entry *a, const struct range_entry *b)
{
	return (a->exclusive || b->exclusive) && a->start < b->end && b->start < a->end;
}

/* One obstacle less. Who is free to go is put on @granted, in order of arrival. */
static void range_unblock(struct range_entry *entry, struct range_entry ***granted)
{
	if (--entry->blockers)
		return;
	entry->next_granted = NULL;
	**granted = entry;
	*granted = &entry->next_granted;
}

/* An entry is its owner's from the moment of its call: it may be gone afterwards. */
static void range_call_granted(struct range_entry *list)
{
	while (list) {
		struct range_entry *entry = list;

		list = entry->next_granted;
		entry->granted(entry);
	}
}

void range_leave(struct range_lock *lock, struct range_user *user)
{
	struct range_entry *granted = NULL, **tail = &granted;

	/* Pairs with range_take(): it sees us gone, or we see that it waits for us. */
	__atomic_fetch_sub(&user->entered, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&lock->exclusive, __ATOMIC_SEQ_CST) == 0)
		return;
	pthread_mutex_lock(&lock->mutex);
	if (lock->draining && !range_any_entered(lock)) {
		lock->draining = false;
		for (struct range_entry *e = lock->first; e; e = e->next) {
			if (!e->drains)
				continue;
			e->drains = false;
			range_unblock(e, &tail);
		}
	}
	pthread_mutex_unlock(&lock->mutex);
	range_call_granted(granted);
}

static void range_append(struct range_lock *lock, struct range_entry *entry)
{
	entry->next = NULL;
	entry->prev = lock->last;
	if (lock->last)
		lock->last->next = entry;
	else
		lock->first = entry;
	lock->last = entry;
}

/* Whether a new exclusive entry has to wait for writers that entered; the mutex is held. */
static bool range_must_drain(struct range_lock *lock)
{
	bool first = __atomic_fetch_add(&lock->exclusive, 1, __ATOMIC_SEQ_CST) == 0;

	/* Not the first: since that one came nobody could enter and stay. */
	if (first)
		lock->draining = range_any_entered(lock);
	return lock->draining;
}

bool range_take(struct range_lock *lock, struct range_entry *entry)
{
	bool held;

	pthread_mutex_lock(&lock->mutex);
	entry->drains = entry->exclusive && range_must_drain(lock);
	entry->blockers = entry->drains;
	for (const struct range_entry *e = lock->first; e; e = e->next)
		entry->blockers += range_conflict(e, entry);
	range_append(lock, entry);
	held = entry->blockers == 0;
	pthread_mutex_unlock(&lock->mutex);
	return held;
}

void range_release(struct range_lock *lock, struct range_entry *entry)
{
	struct range_entry *granted = NULL, **tail = &granted;

	pthread_mutex_lock(&lock->mutex);
	if (entry->prev)
		entry->prev->next = entry->next;
	else
		lock->first = entry->next;
	if (entry->next)
		entry->next->prev = entry->prev;
	else
		lock->last = entry->prev;
	for (struct range_entry *e = entry->next; e; e = e->next)
		if (range_conflict(entry, e))
			range_unblock(e, &tail);
	/* Last, so that whoever enters from now on does so after our I/O. */
	if (entry->exclusive)
		__atomic_fetch_sub(&lock->exclusive, 1, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&lock->mutex);
	range_call_granted(granted);
}
