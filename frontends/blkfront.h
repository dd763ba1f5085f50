/* SPDX-License-Identifier: MIT */
/*
 * A user-space block frontend: connects a domain's own device/vbd/N to its backend
 * through libxenevtchn, libxengnttab and libxenstore only, so it runs in a Sluice
 * process domain and in the user space of a Xen guest.
 *
 * The backend is not trusted: whatever it writes, the worst is -EIO and a broken
 * device. Buffers are granted once (persistent grants) and are where the data is: no
 * copy is made here.
 *
 * A device has one or more queues, each with its own ring, event channel and I/Os.
 * Different queues may be used by different threads at the same time, one queue by
 * one thread at a time. The calls that take the device mean its queue 0. I/Os of
 * different queues have no order between them, except that a flush covers, and a
 * barrier follows, what was completed before on any.
 */
#ifndef SLUICE_FRONTENDS_BLKFRONT_H
#define SLUICE_FRONTENDS_BLKFRONT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"

struct blkfront;
struct blkfront_queue;

/** struct blkfront_config - zero means the default everywhere. */
struct blkfront_config {
	uint32_t vdev;            /* virtual device number; 0: the only or first disk */
	unsigned ring_order;      /* at most what the backend offers */
	unsigned max_segments;    /* 4 KiB each per request, 11 without indirect; default 256; cut to the backend's */
	unsigned depth;           /* I/Os at a time, per queue; default and most: the ring's slots */
	unsigned queues;          /* at most what the backend offers; default 1, most 8 */
	bool no_persistent;       /* refuse persistent grants: the backend copies */
	const char *protocol;     /* ABI: NULL (native), "x86_32-abi", "x86_64-abi" */
	unsigned timeout_ms;      /* for the backend to connect; default 10000 */
	unsigned poll_us;         /* spin this long for completions before sleeping; default 50 */
	bool takeover;            /* reset a disk that its last user left connected (see EBUSY) */
	/* The disk has another size now, in bytes. Called in a wait, by that thread; or NULL. */
	void (*resized)(void *opaque, uint64_t size);
	void *opaque;             /* for resized */
};

/** BLKFRONT_NO_POLL - a poll_us that never spins. */
#define BLKFRONT_NO_POLL UINT32_MAX

/**
 * struct blkfront_info - what was negotiated; only @size changes later (online resize).
 * Who is not in queue 0's thread reads it with blkfront_size().
 */
struct blkfront_info {
	uint64_t size;            /* bytes */
	uint32_t sector_size;     /* alignment of requests, bytes */
	uint32_t physical_sector_size;
	uint32_t max_io;          /* bytes per I/O */
	unsigned depth;           /* I/Os at a time, per queue */
	unsigned queues;
	unsigned max_segments;
	bool readonly, removable, cdrom;
	bool flush, barrier, discard, secure_discard, persistent, indirect;
	uint32_t discard_granularity;
	uint32_t discard_alignment;
};

enum blkfront_op { BLKFRONT_READ, BLKFRONT_WRITE, BLKFRONT_FLUSH, BLKFRONT_DISCARD, BLKFRONT_BARRIER };

/** struct blkfront_io - an I/O with its own granted buffer. */
struct blkfront_io {
	enum blkfront_op op;      /* a barrier may carry data like a write, or have length 0 */
	uint64_t offset;          /* bytes, aligned to sector_size */
	uint64_t length;          /* bytes; at most max_io for reads, writes and barriers */
	bool secure;              /* of a discard: the data must be gone; false from blkfront_get() */
	void *data;               /* page-aligned, max_io bytes; belongs to the handle, do not change */
	int error;                /* 0, -EIO, -EOPNOTSUPP, -ENOTCONN */
	void (*done)(struct blkfront_io *io); /* called by a wait or poll; may submit again */
	void *opaque;             /* the caller's */
};

/**
 * blkfront_open() - connect.
 * @why: room for one line that names the cause and the remedy
 *
 * Return: NULL with errno set: ENODEV (no such disk), ETIMEDOUT (backend did not
 * connect; its error node is in @why), EPROTO (the backend's nodes make no sense),
 * EBUSY (another process of this domain has it connected, or died so: see takeover),
 * ENOSPC (the domain may not grant that many pages), ...
 */
struct blkfront *blkfront_open(const struct blkfront_config *config, char *why, size_t why_room);

const struct blkfront_info *blkfront_get_info(const struct blkfront *bf);
/** blkfront_size() - bytes now; any thread. */
uint64_t blkfront_size(const struct blkfront *bf);

/** blkfront_queue() - queue 0 to info->queues - 1; else NULL. */
struct blkfront_queue *blkfront_queue(struct blkfront *bf, unsigned n);

/**
 * blkfront_why() - one line on why the device failed (-EIO, -ENOTCONN), "" while it works.
 * Any thread.
 */
const char *blkfront_why(const struct blkfront *bf);

/** blkfront_get() - an idle I/O, NULL when all are in use. blkfront_put() gives it back. */
struct blkfront_io *blkfront_get(struct blkfront *bf);
void blkfront_put(struct blkfront *bf, struct blkfront_io *io);
struct blkfront_io *blkfront_queue_get(struct blkfront_queue *q);
/** blkfront_queue_put() - to the queue that it is from. */
void blkfront_queue_put(struct blkfront_queue *q, struct blkfront_io *io);

/**
 * blkfront_submit() - put an I/O on the ring; the backend sees it at blkfront_kick().
 * Return: 0, -EINVAL (out of range or misaligned), -EROFS, -EOPNOTSUPP, -EIO (device
 * broken), -ENOTCONN (the backend closed). After an error the I/O is still the caller's
 * and @done is not called.
 */
int blkfront_submit(struct blkfront *bf, struct blkfront_io *io) must_check;
int blkfront_queue_submit(struct blkfront_queue *q, struct blkfront_io *io) must_check;
/** blkfront_kick() - publish what was submitted, one event at most. 0 or -errno. */
int blkfront_kick(struct blkfront *bf);
int blkfront_queue_kick(struct blkfront_queue *q);

/**
 * blkfront_wait() - run the done callbacks of what completed.
 * @timeout_ms: 0 looks once, -1 waits without end; polls poll_us first
 *
 * Kicks first. A signal ends it early with 0. Returning 0 it has asked for an event, so that blkfront_fd() may be slept
 * on. When the device fails, every I/O in flight is done with that error before this
 * returns it; it is returned from then on.
 *
 * Return: how many completed, or -EIO: the backend broke the ring, -ENOTCONN: it closed.
 */
int blkfront_wait(struct blkfront *bf, int timeout_ms) must_check;
/**
 * blkfront_queue_wait() - the same for one queue.
 *
 * The store's watch, by which a backend that leaves and a new size are found out, is
 * looked at in queue 0's waits. Another queue finds a failed device at once when any
 * queue found it; else it looks itself once a second while it waits for answers.
 */
int blkfront_queue_wait(struct blkfront_queue *q, int timeout_ms) must_check;
/** blkfront_queue_wait_until() - the same until @end_ns of CLOCK_MONOTONIC. */
int blkfront_queue_wait_until(struct blkfront_queue *q, uint64_t end_ns) must_check;

/**
 * blkfront_poll() - as blkfront_wait() with 0, but a look at the ring and nothing else:
 * no system call and no event asked for. For callers that spin. What done callbacks
 * submit is published every few requests while the backend polls, so that it works meanwhile.
 */
int blkfront_poll(struct blkfront *bf) must_check;
int blkfront_queue_poll(struct blkfront_queue *q) must_check;

/** blkfront_fd() - readable when blkfront_wait() has something to do; for other loops. */
int blkfront_fd(struct blkfront *bf);
int blkfront_queue_fd(struct blkfront_queue *q);

/**
 * blkfront_close() - close handshake (Closing, Closed), end grants, free. NULL is fine.
 * I/O in flight is waited for up to the connect timeout, then given up. No other
 * thread may use a queue any more.
 */
void blkfront_close(struct blkfront *bf);

#endif
