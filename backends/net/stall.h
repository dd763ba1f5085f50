/* SPDX-License-Identifier: MIT */
/*
 * Whether a guest still gives buffers for what it is sent. Frames that waited too long are
 * dropped; a guest that gave none for a minute is stalled: its carrier is off until it gives
 * as many as the frame that waited needed (XSA-392: needed, not "at least one"). Pure, one
 * thread; the time is passed in.
 */
#ifndef SLUICE_BACKENDS_NET_STALL_H
#define SLUICE_BACKENDS_NET_STALL_H

#include <stdbool.h>
#include <stdint.h>

#define STALL_SECOND UINT64_C(1000000000)
/** STALL_DRAIN_NS - frames wait no longer than that. */
#define STALL_DRAIN_NS (10 * STALL_SECOND)
/** STALL_AFTER_NS - so long without progress is a stall. */
#define STALL_AFTER_NS (60 * STALL_SECOND)
/** STALL_DRAIN_QUIET_NS - the same for guests that say nothing of new buffers (no feature-rx-notify). */
#define STALL_DRAIN_QUIET_NS (STALL_SECOND * 30 / 1000)
/** STALL_LOOK_NS - such a guest's ring is looked at so often while frames wait. */
#define STALL_LOOK_NS (STALL_SECOND / 1000)

/** struct stall - of one queue. */
struct stall {
	bool quiet;       /* the guest says nothing of new buffers: it cannot be said to be stalled */
	bool seen;        /* it has given buffers at all: iPXE begins to only when it is used */
	bool stalled;
	uint32_t needed;  /* slots of the frame that waited last */
	uint64_t last_ns; /* of progress, or when the first frame began to wait */
	bool waiting;
};

/** enum stall_change - what a look found out. */
enum stall_change { STALL_SAME, STALL_BEGINS, STALL_ENDS };

/** stall_init() - @rx_notify: the frontend's node. */
void stall_init(struct stall *s, bool rx_notify);
/** stall_progress() - frames went to the guest. */
void stall_progress(struct stall *s);
/**
 * stall_look() - while frames wait, or the guest is stalled.
 * @available: buffers that wait for us
 * @needed: slots of the first frame that waits, 0: none does
 */
enum stall_change stall_look(struct stall *s, uint32_t available, uint32_t needed, uint64_t now_ns);
/** stall_drain_ns() - how long a frame may wait. */
uint64_t stall_drain_ns(const struct stall *s);
/** stall_next_look() - when the next look is due with a frame waiting since @since_ns. */
uint64_t stall_next_look(const struct stall *s, uint64_t since_ns, uint64_t now_ns);

#endif
