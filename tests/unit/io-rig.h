/* SPDX-License-Identifier: MIT */
/* The io layer with a loop of its own and no queue, ring or frontend above it. */
#ifndef SLUICE_TESTS_UNIT_IO_RIG_H
#define SLUICE_TESTS_UNIT_IO_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <liburing.h>

#include "backends/blk/io.h"

/** struct io_rig - one queue; each belongs to the thread that started it. */
struct io_rig {
	struct blk_queue pub;
	struct io_queue io;
	struct io_uring ring;
	unsigned done; /* requests given back */
};

void io_rig_start(struct io_rig *rig, struct io *io);
void io_rig_stop(struct io_rig *rig);
/** io_rig_turn() - one turn of the loop. @wait: until something happens, if nothing is done. */
void io_rig_turn(struct io_rig *rig, bool wait);
/** io_rig_wait() - until @n requests were given back in all. */
void io_rig_wait(struct io_rig *rig, unsigned n);
/** io_rig_do() - one request to its end. Return: its error. */
int io_rig_do(struct io_rig *rig, enum blk_op op, uint64_t offset, uint64_t length, void *memory);
/** io_rig_req() - a request over one piece of memory. */
struct blk_req io_rig_req(enum blk_op op, uint64_t offset, uint64_t length, struct iovec *iov,
	void *memory);

#endif
