/* SPDX-License-Identifier: MIT */
/*
 * Xen's libraries in one process, for tests of backends: what a backend gets from
 * libxenevtchn, libxengnttab and libxenstore, with the test as frontend and
 * toolstack. Grants and the event channel may be used by the test's thread and the
 * backend's at once; the store by any thread, one call at a time.
 */
#ifndef SLUICE_TESTS_PEERS_FAKE_XEN_H
#define SLUICE_TESTS_PEERS_FAKE_XEN_H

#include <stdbool.h>
#include <stdint.h>

#define FAKE_GRANTS 2048u   /* references 1 to FAKE_GRANTS - 1 */
#define FAKE_FRONTEND 7u    /* the frontend's domid; any other grants nothing */
#define FAKE_CHANNELS 24u
#define FAKE_REMOTE_PORT 5u /* the frontend's port of channel 0; the others follow */
#define FAKE_LOCAL_PORT 41u

/** struct fake_counts - calls that the backend made. */
struct fake_counts {
	unsigned map_calls, unmap_calls, copy_calls, copy_ops;
	unsigned copy_pieces; /* of operations, cut where a page of the backend's ends, as gntdev does */
	unsigned notifies;
	int mapped; /* pages mapped now */
	int open_handles;
	int bound;  /* event channels */
};

/** fake_reset() - no grants, an empty store, zero counts. Fails if something is still open. */
void fake_reset(void);
struct fake_counts fake_counts(void);

/* --- the frontend --- */

/** fake_grant() - grant a page. Return: the frontend's own view of it, zeroed. */
void *fake_grant(uint32_t gref, bool readonly);
/** fake_grant_ring() - grant @pages adjacent pages from @gref on; the view of them all. */
void *fake_grant_ring(uint32_t gref, unsigned pages);
/** fake_end_access() - end a grant. False: it is still mapped. */
bool fake_end_access(uint32_t gref);
/** fake_map_limit() - let mappings beyond so many pages fail with ENOSPC; -1: no limit. */
void fake_map_limit(int pages);
/**
 * fake_sync() - for ThreadSanitizer: it does not see that the two ends' mappings of one
 * ring are the same memory; a lock that both take orders what the ring orders.
 */
void fake_sync(void);
/** fake_notify_on() - the frontend's event; fake_notify() means channel 0. */
void fake_notify_on(unsigned channel);
void fake_notify(void);
/** fake_spurious_wake() - the channel's descriptor wakes the backend, and nothing is pending. */
void fake_spurious_wake(unsigned channel);
/** fake_wait_event_on() - wait for the backend's event. False: none came in @ms. */
bool fake_wait_event_on(unsigned channel, unsigned ms);
bool fake_wait_event(unsigned ms);

/* --- the toolstack --- */

/** fake_store_write() - write a node below "/local/domain/0/" unless absolute; fires watches. */
void fake_store_write(const char *path, const char *value);
void fake_store_rm(const char *path);
/** fake_store_read() - malloc'ed, or NULL. */
char *fake_store_read(const char *path);
/** fake_store_conflicts() - let the next @n transactions fail with EAGAIN. */
void fake_store_conflicts(unsigned n);
/** fake_store_refuse() - let the next read of a node fail with @error; of that path, in full. */
void fake_store_refuse(const char *path, int error);
/** fake_store_refused() - that has happened since. */
bool fake_store_refused(void);

#endif
