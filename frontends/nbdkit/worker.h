/* SPDX-License-Identifier: MIT */
/*
 * A block frontend for many threads: a thread per queue owns the device, all others hand
 * them their requests and sleep until they are done. Requests of any length are
 * split to what the device takes, and many are in flight at a time.
 */
#ifndef SLUICE_FRONTENDS_NBDKIT_WORKER_H
#define SLUICE_FRONTENDS_NBDKIT_WORKER_H

#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "frontends/blkfront.h"

struct worker;

/**
 * worker_start() - connect the disk and start its threads.
 * @why: one line on failure
 *
 * Return: NULL with errno set, as blkfront_open().
 */
struct worker *worker_start(const struct blkfront_config *config, char *why, size_t why_room);

/** worker_info() - as it was when connected; any thread. */
const struct blkfront_info *worker_info(const struct worker *w);

/** worker_size() - bytes now: a disk may grow or shrink while connected. Any thread. */
uint64_t worker_size(const struct worker *w);

/**
 * worker_run() - one request from start to end; any thread, sleeps.
 * @buf: @length bytes to read into or write from; not used by other operations
 *
 * Return: 0 or as struct blkfront_io's error and blkfront_submit().
 */
int worker_run(struct worker *w, enum blkfront_op op, uint64_t offset, uint64_t length,
	void *buf) must_check;

/** worker_stop() - end the threads, close the disk. No request may run. NULL is fine. */
void worker_stop(struct worker *w);

#endif
