/* SPDX-License-Identifier: MIT */
/*
 * A slot with an io_uring: a confined process can make none any more. The slot's thread
 * alone may submit to it.
 */
#ifndef SLUICE_BACKENDS_BLK_URING_SLOT_H
#define SLUICE_BACKENDS_BLK_URING_SLOT_H

#include <liburing.h>

#include "backends/common/slot.h"

struct blk_queue;

/** struct uring_slot - all zero to begin with. */
struct uring_slot {
	struct slot slot;
	/*
	 * To be registered in the io_uring, or 0: its file stays open until the last request of
	 * the io_uring has ended, also when the process is killed.
	 */
	int witness;
	struct io_uring uring;
	bool has_uring;
	bool enabled;    /* the thread has taken the io_uring for itself */
	bool one_by_one; /* the kernel cannot cancel all that is pending at once: before Linux 5.19 */
};

/** uring_slot_make() - open what it has; set witness before. 0, or -errno with @why; then nothing of it is kept. */
int uring_slot_make(struct uring_slot *s, char *why, size_t room) must_check;
/** uring_slot_dispose() - as slot_dispose(). */
void uring_slot_dispose(struct uring_slot *s);

/**
 * uring_slot_enable() - its io_uring, ready for use. In the slot's thread.
 *
 * Its operations are those that serving takes, irrevocably: none opens, connects or sends.
 * Return: 0 or -errno.
 */
int uring_slot_enable(struct uring_slot *s) must_check;
/**
 * uring_slot_clear() - take @queue's polls and timeouts out of the io_uring, which is @queue's ring:
 * the next connection has the same one, for confinement forbids another. In the slot's thread, when
 * no request is left.
 */
void uring_slot_clear(struct uring_slot *s, struct blk_queue *queue);

#endif
