/* SPDX-License-Identifier: MIT */
/*
 * Opening a local file or block device for drivers: what it is, how large, how it
 * can be accessed, and that nobody else writes it. Control thread.
 */
#ifndef SLUICE_BACKENDS_BLK_STORAGE_H
#define SLUICE_BACKENDS_BLK_STORAGE_H

#include "backends/blk/driver.h"
#include "backends/blk/worker.h"

struct storage {
	int fd;
	uint64_t size;
	uint32_t physical_size;
	uint32_t block_size;   /* of offsets and lengths */
	uint32_t memory_align; /* of memory */
	uint64_t device, inode; /* what it is; of a block device its number */
	bool is_device;
	bool locked;     /* against other processes */
	bool in_memory;  /* tmpfs: reads and writes never wait for a disk */
	bool direct;     /* O_DIRECT is on */
	bool rotational;
	bool discard, secure_discard;
	uint32_t granularity; /* of discards */
	struct worker worker;
};

/**
 * storage_open() - open @conf->filename.
 *
 * Takes open-file-description locks, exclusive for writing and shared for reading, which QEMU
 * understands, too, and O_EXCL on a block device that is to be written, so that what somebody else
 * holds is refused. O_DIRECT, with the alignment that the kernel asks for, unless
 * @conf->buffered or the file system cannot: then the page cache is used, with a line
 * in the log.
 *
 * Return: 0, or -errno with @why, which names the file and the remedy; @st->fd is -1 then.
 */
int storage_open(const struct blk_conf *conf, struct storage *st, char *why, size_t why_room) must_check;
/** storage_close() - when nothing is in flight. */
void storage_close(struct storage *st);
/** storage_describe() - what drivers of local storage have to say about it. */
void storage_describe(const struct storage *st, const struct blk_conf *conf, struct blk_info *info);
/** storage_refresh() - a driver's refresh(): the size as it is now. */
int storage_refresh(struct storage *st, struct blk_info *info) must_check;

/** struct storage_op - how far a request is. */
struct storage_op {
	uint64_t offset; /* where the rest begins */
	uint64_t left;
	unsigned retries;
};

static inline void storage_op_begin(struct storage_op *op, const struct blk_req *req)
{
	*op = (struct storage_op){ req->offset, req->length, 0 };
}

/** storage_op_advance() - @n bytes of a read or write are done. True: all are. */
static inline bool storage_op_advance(struct storage_op *op, struct blk_req *req, size_t n)
{
	blk_iov_advance(req, n);
	op->offset += n;
	op->left -= n;
	return op->left == 0;
}

/**
 * storage_op_result() - what one system call for a request returned: bytes or -errno.
 *
 * Return: true: the request is over, and @error is its result; false: the rest, or all
 * of it once more, is to be tried.
 */
bool storage_op_result(struct storage_op *op, struct blk_req *req, ssize_t res, int *error) must_check;

/* --- storage-trim.c: discards and zeroes --- */

/** storage_probe_trim() - which of them work here, without changing anything. */
void storage_probe_trim(struct storage *st, bool readonly);
/** storage_trim_mode() - fallocate(2)'s mode for a BLK_DISCARD or BLK_ZEROES of a file. */
int storage_trim_mode(enum blk_op op);

/** struct storage_job - in a request's private room while the worker has it. */
struct storage_job {
	struct worker_job job;
	struct blk_post post;
	struct blk_queue *queue;
	struct storage *st;
	int error;
};
_Static_assert(sizeof(struct storage_job) <= sizeof(((struct blk_req *)0)->driver_private),
	"storage_job fits a request's private room");

/**
 * storage_work() - do a discard, zeroes or flush in the worker; completes @req in its
 * queue's thread. Of a request's private room everything is used.
 */
void storage_work(struct storage *st, struct blk_queue *queue, struct blk_req *req);

#endif
