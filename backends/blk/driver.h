/* SPDX-License-Identifier: MIT */
/*
 * The interface of storage drivers. A driver sees storage operations on bytes,
 * never blkif, grants or domids; the core above it validates every request, offers
 * frontends no more than what struct blk_info says, answers what a driver does not
 * support, and counts.
 *
 * Threads: open() and close() run in the control thread; the rest in the thread of
 * the queue that they are called with, and a driver with state shared by queues
 * does its own locking.
 */
#ifndef SLUICE_BACKENDS_BLK_DRIVER_H
#define SLUICE_BACKENDS_BLK_DRIVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "common/cleanup.h"
#include "common/confine.h"

struct servers;
struct inbox;
struct io_queue;
struct io_uring;
struct io_uring_sqe;

enum blk_op { BLK_READ, BLK_WRITE, BLK_FLUSH, BLK_DISCARD, BLK_ZEROES };

enum blk_flags {
	BLK_INFO_READONLY = 1 << 0,
	BLK_INFO_FLUSH = 1 << 1,    /* completed writes may need a flush to be durable */
	BLK_INFO_DISCARD = 1 << 2,  /* BLK_DISCARD works */
	BLK_INFO_ZEROES = 1 << 3,   /* BLK_ZEROES works; else, and on -EOPNOTSUPP, the core writes */
	BLK_INFO_MULTI_QUEUE = 1 << 4,
	BLK_INFO_ROTATIONAL = 1 << 5,
	BLK_INFO_SECURE_DISCARD = 1 << 6, /* BLK_DISCARD with BLK_REQ_SECURE works */
	/*
	 * That open() succeeded proves that no I/O of an earlier process, which may have been
	 * killed, is under way, to storage or to memory. Without that, requests in flight are
	 * not taken over from a predecessor: its writes could land behind ours. Or IN_RING: all
	 * I/O is in queues' rings or in calls of the process' threads, and the end of these is
	 * known otherwise (queue_shared_make_slot()).
	 */
	BLK_INFO_FENCED = 1 << 7,
	BLK_INFO_IN_RING = 1 << 8,
	/*
	 * A server does the I/O, which may well run on this machine: while it has requests, queues leave
	 * it their CPU and do not look for work before they sleep.
	 */
	BLK_INFO_SERVED = 1 << 9,
	/*
	 * The kernel may hold a request's memory when the process has been killed and its mappings go.
	 * In a PV domain of Xen's (Linux 5.19 and later) it then frees pages of the frontend's that are in
	 * use, and the successors read and write wrong ones: data go through memory of ours.
	 */
	BLK_INFO_OWN_MEMORY = 1 << 10,
};

enum blk_req_flags {
	BLK_REQ_SECURE = 1 << 0,    /* BLK_DISCARD: nothing may be left that could be read */
};

/** struct blk_info - what an open storage is; filled by open(), checked by the core. */
struct blk_info {
	uint64_t size;          /* bytes, a multiple of 512 */
	/*
	 * Bytes, a power of two, 512 to 64 KiB: offset and length of requests, and the
	 * length of each element, are multiples of it. Beyond 512 the core bounces,
	 * reads, modifies and writes for requests that are not.
	 */
	uint32_t block_size;
	uint32_t memory_align;  /* of each element's address, bytes, a power of two up to block_size; 0: 512 */
	uint32_t physical_size; /* bytes; what writes should be multiples of */
	uint32_t max_iov;       /* elements per request; at least 1 */
	uint64_t max_length;    /* bytes per read or write; 0: no limit */
	uint64_t max_discard;   /* bytes per discard or zeroes; 0: no limit */
	uint32_t discard_granularity; /* bytes; smaller discards may do nothing */
	uint32_t flags;         /* enum blk_flags */
	uint64_t identity[2];   /* the same for the same storage, such as device and inode; 0: has none */
	/*
	 * The core's: where in the storage the disk's first granule of discards begins, from the
	 * disk's start, in bytes. Drivers leave it 0.
	 */
	uint32_t discard_alignment;
};

/** struct blk_conf - what the toolstack asked for; strings live as long as the device. */
struct blk_conf {
	const char *filename;   /* the storage's name, never NULL; "" when none was given */
	/*
	 * The disk's directory in the store, or NULL: of no other disk of this machine, and the same for
	 * a backend that is started again.
	 */
	const char *device;
	bool readonly;
	bool buffered;          /* through the page cache; default is O_DIRECT */
	bool shared;            /* others may write it, too: no lock keeps them away */
	/*
	 * The disk is only this part of the storage, in bytes, multiples of 512; length 0: all of
	 * it. The core keeps every request within; a driver uses it to lock, and to
	 * choose an alignment that both ends of it have.
	 */
	uint64_t range_start, range_length;
	/*
	 * The server that @filename names is the daemon's, for this disk alone, and was started for
	 * this process: all that an earlier one asked of its own server has been done.
	 */
	bool own_server;
};

/**
 * struct blk_req - one storage operation, valid when a driver sees it: in range,
 * aligned to block_size and memory_align, within the limits of struct blk_info, of a
 * supported operation, on writable storage for all that changes it.
 */
struct blk_req {
	enum blk_op op;
	uint32_t flags;         /* enum blk_req_flags */
	uint64_t offset;        /* bytes */
	uint64_t length;        /* bytes; the sum of iov for reads and writes; 0 for flush */
	struct iovec *iov;      /* the caller's until completion; a driver may consume it */
	unsigned niov;
	int error;              /* the result after blk_req_done(): 0 or -errno */
	struct blk_req *next;   /* the driver's while it owns the request, then the core's */
	uint64_t driver_private[12];
	/* The core's, zero at first. */
	void (*done)(struct io_queue *q, struct blk_req *req);
	uint32_t hold;
	uint64_t core_private[12];
};

/**
 * blk_iov_advance() - for a read or write that was short: step over the first @n bytes of
 * req->iov, which are done. @n is at most what iov has.
 */
static inline void blk_iov_advance(struct blk_req *req, size_t n)
{
	while (n && n >= req->iov->iov_len) {
		n -= req->iov->iov_len;
		req->iov++;
		req->niov--;
	}
	if (n) {
		req->iov->iov_base = (char *)req->iov->iov_base + n;
		req->iov->iov_len -= n;
	}
}

/* A queue's control, events and timer; its inbox; the driver's descriptor and timer; one of a driver's own. */
#define BLK_QUEUE_LASTING 7u

/** struct blk_queue - a queue as drivers see it: one thread, one io_uring. */
struct blk_queue {
	/*
	 * The queue's own ring and event loop. A driver may put SQEs there whose
	 * user_data is a struct blk_cqe; its fn runs in reap's place for that
	 * completion. Drivers with a descriptor of their own use poll().
	 */
	struct io_uring *ring;
	unsigned depth;         /* most requests that a driver gets at once */
	void *driver_private;
	struct blk_req *done;   /* completed requests, newest first; the core takes the list */
	struct inbox *inbox;    /* the core's */
	void (*resized)(struct blk_queue *queue); /* the core's, or NULL */
	unsigned owed;          /* the core's: completions that SQEs taken have not had yet */
	uint64_t lasting[BLK_QUEUE_LASTING]; /* the core's: see blk_queue_lasts() */
	unsigned nlasting;
};

/** struct blk_cqe - what user_data of an SQE in a queue's ring points to. */
struct blk_cqe {
	void (*fn)(struct blk_queue *queue, struct blk_cqe *cqe, int res);
};

/** blk_queue_get_sqe() - a free SQE, after submitting what is staged when none is. Never NULL. */
FOR_MODULES struct io_uring_sqe *blk_queue_get_sqe(struct blk_queue *queue);

/** blk_queue_lasts() - once, a poll or timeout of this may be pending when no request is any more. */
static inline void blk_queue_lasts(struct blk_queue *queue, const struct blk_cqe *cqe)
{
	if (queue->nlasting < BLK_QUEUE_LASTING)
		queue->lasting[queue->nlasting++] = (uintptr_t)cqe;
}

/** struct blk_post - a call that another thread wants made in a queue's thread. */
struct blk_post {
	void (*fn)(struct blk_queue *queue, struct blk_post *post);
	struct blk_post *next;
};

/**
 * blk_queue_post() - have post->fn called in the queue's thread, soon.
 * @post: the queue's until then
 *
 * Any thread, as long as it has a request of that queue that is not done.
 */
FOR_MODULES void blk_queue_post(struct blk_queue *queue, struct blk_post *post);

/**
 * blk_queue_resized() - the storage seems to have another size now: have refresh() called, in the
 * control thread, soon. In the queue's thread.
 */
FOR_MODULES void blk_queue_resized(struct blk_queue *queue);

/** blk_req_done() - hand a request back: 0 or -errno; each request exactly once. */
static inline void blk_req_done(struct blk_queue *queue, struct blk_req *req, int error)
{
	req->error = error;
	req->next = queue->done;
	queue->done = req;
}

/** struct blk_poll - what a driver wants to be woken by. */
struct blk_poll {
	int fd;          /* -1: none */
	uint32_t events; /* of poll(2) */
	uint32_t changes; /* to be counted up when fd is a new file with an old number */
	int timeout_ms;  /* reap at latest then; -1: never, so that an idle disk sleeps */
};

struct blk_driver {
	const char *name;       /* as in --driver= */
	/*
	 * servers - add to @list what it connects to while it serves (NULL: nothing): after open(),
	 * before confinement. Its network namespace has no interfaces then; socket() and
	 * connect(), its libraries' own included, go by a broker that reaches these addresses. Only
	 * stream sockets are made, only numeric addresses resolve, and fast open is refused.
	 * @why: room for the reason that the user reads, naming the remedy. 0 or -errno.
	 */
	int (*servers)(void *state, struct servers *list, char *why, size_t why_room);
	/* confine - system calls of this driver alone, in queues' threads and its own; NULL: none. */
	const struct confine_table *confine;
	/*
	 * open - open the storage and fill @info. Called before confinement: the only
	 * place where paths, sockets and credentials are touched.
	 * @why: room for the reason that the user reads, naming the remedy
	 * Return: 0 or -errno; *@state is passed to the rest.
	 */
	int (*open)(const struct blk_conf *conf, struct blk_info *info, void **state, char *why,
		size_t why_room);
	/*
	 * attach - connect, where that starts threads or takes what strangers send: after
	 * confinement, before anything is offered. It fills @info then, and open() does not. May take
	 * as long as its configuration lets it. NULL: open() did all. Control thread.
	 * Return: 0 or -errno; -EBUSY: somebody else has the storage; it may be called again.
	 */
	int (*attach)(void *state, struct blk_info *info, char *why, size_t why_room);
	/* queue_start - prepare for one queue's thread (may be NULL). 0 or -errno. */
	int (*queue_start)(void *state, struct blk_queue *queue);
	/* queue_stop - after the queue's last completion (may be NULL). */
	void (*queue_stop)(void *state, struct blk_queue *queue);
	/*
	 * submit - take ownership of @req. Never fails and never completes inside the
	 * call: a failure arrives as a completion. May only stage.
	 */
	void (*submit)(void *state, struct blk_queue *queue, struct blk_req *req);
	/* kick - push what was staged: once per sweep of the ring. May complete (blk_req_done). */
	void (*kick)(void *state, struct blk_queue *queue);
	/*
	 * poll - what the queue's loop shall wait for. Asked at the start, after each kick
	 * and after each reap. NULL: never anything.
	 */
	void (*poll)(void *state, struct blk_queue *queue, struct blk_poll *poll);
	/* reap - @revents of the descriptor came, or (0) the time is up. May complete. NULL without poll. */
	void (*reap)(void *state, struct blk_queue *queue, uint32_t revents);
	/*
	 * refresh - look at the storage anew: @info->size is what it is now. Control
	 * thread, while queues run. NULL: it never changes. 0 or -errno.
	 */
	int (*refresh)(void *state, struct blk_info *info);
	/* close - after all queues stopped; safe after a failed open; NULL is fine. */
	void (*close)(void *state);
};

/**
 * BLK_MODULE() - what a driver's module has for the program that loads it.
 * @driver: its struct blk_driver
 *
 * The interface has no versions: a module is of the same build as its program.
 */
#define BLK_MODULE(driver)                                                            \
	FOR_MODULES extern const struct blk_driver *const sluice_blk_driver;          \
	FOR_MODULES extern const char sluice_blk_version[];                            \
	const struct blk_driver *const sluice_blk_driver = &(driver);                   \
	const char sluice_blk_version[] = PACKAGE_VERSION

#endif
