/* SPDX-License-Identifier: MIT */
/*
 * A user-space block frontend: connects a domain's own device/vbd/N to its backend
 * through libxenevtchn, libxengnttab and libxenstore only, so it runs in a Sluice
 * process domain and in the user space of a Xen guest.
 *
 * The backend is not trusted: whatever it writes, the worst is -EIO and a broken
 * device. A handle belongs to one thread. Buffers are granted once (persistent
 * grants) and are where the data is: no copy is made here.
 */
#ifndef SLUICE_FRONTENDS_BLKFRONT_H
#define SLUICE_FRONTENDS_BLKFRONT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"

struct blkfront;

/** struct blkfront_config - zero means the default everywhere. */
struct blkfront_config {
	uint32_t vdev;            /* virtual device number; 0: the only or first disk */
	unsigned ring_order;      /* at most what the backend offers */
	unsigned max_segments;    /* 4 KiB each per request, 11 without indirect; default 256; cut to the backend's */
	unsigned depth;           /* I/Os at a time; default and most: the ring's slots */
	bool no_persistent;       /* refuse persistent grants: the backend copies */
	const char *protocol;     /* ABI: NULL (native), "x86_32-abi", "x86_64-abi" */
	unsigned timeout_ms;      /* for the backend to connect; default 10000 */
	unsigned poll_us;         /* spin this long for completions before sleeping; default 50 */
	bool takeover;            /* reset a disk that its last user left connected (see EBUSY) */
};

/** BLKFRONT_NO_POLL - a poll_us that never spins. */
#define BLKFRONT_NO_POLL UINT32_MAX

/** struct blkfront_info - what was negotiated; only @size changes later (online resize). */
struct blkfront_info {
	uint64_t size;            /* bytes */
	uint32_t sector_size;     /* alignment of requests, bytes */
	uint32_t physical_sector_size;
	uint32_t max_io;          /* bytes per I/O */
	unsigned depth;
	unsigned max_segments;
	bool readonly, removable, cdrom;
	bool flush, barrier, discard, secure_discard, persistent, indirect;
	uint32_t discard_granularity;
	uint32_t discard_alignment;
};

enum blkfront_op { BLKFRONT_READ, BLKFRONT_WRITE, BLKFRONT_FLUSH, BLKFRONT_DISCARD, BLKFRONT_BARRIER };

/** struct blkfront_io - an I/O with its own granted buffer. */
struct blkfront_io {
	enum blkfront_op op;
	uint64_t offset;          /* bytes, aligned to sector_size */
	uint64_t length;          /* bytes; at most max_io for reads and writes */
	void *data;               /* page-aligned, max_io bytes; belongs to the handle, do not change */
	int error;                /* 0, -EIO, -EOPNOTSUPP, -ENOTCONN */
	void (*done)(struct blkfront_io *io); /* called by blkfront_wait(); may submit again */
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

/** blkfront_why() - one line on why the device failed (-EIO, -ENOTCONN), "" while it works. */
const char *blkfront_why(const struct blkfront *bf);

/** blkfront_get() - an idle I/O, NULL when all are in use. blkfront_put() gives it back. */
struct blkfront_io *blkfront_get(struct blkfront *bf);
void blkfront_put(struct blkfront *bf, struct blkfront_io *io);

/**
 * blkfront_submit() - put an I/O on the ring; the backend sees it at blkfront_kick().
 * Return: 0, -EINVAL (out of range or misaligned), -EROFS, -EOPNOTSUPP, -EIO (device
 * broken), -ENOTCONN (the backend closed). After an error the I/O is still the caller's
 * and @done is not called.
 */
int blkfront_submit(struct blkfront *bf, struct blkfront_io *io) must_check;
/** blkfront_kick() - publish what was submitted, one event at most. 0 or -errno. */
int blkfront_kick(struct blkfront *bf);

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
 * blkfront_poll() - as blkfront_wait() with 0, but a look at the ring and nothing else:
 * no system call and no event asked for. For callers that spin.
 */
int blkfront_poll(struct blkfront *bf) must_check;

/** blkfront_fd() - readable when blkfront_wait() has something to do; for other loops. */
int blkfront_fd(struct blkfront *bf);

/**
 * blkfront_close() - close handshake (Closing, Closed), end grants, free. NULL is fine.
 * I/O in flight is waited for up to the connect timeout, then given up.
 */
void blkfront_close(struct blkfront *bf);

#endif
