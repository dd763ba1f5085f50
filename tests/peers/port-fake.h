/* SPDX-License-Identifier: MIT */
/* A port that the test holds the other end of: frames in, frames out. Any thread. */
#ifndef SLUICE_TESTS_PEERS_PORT_FAKE_H
#define SLUICE_TESTS_PEERS_PORT_FAKE_H

#include "backends/net/port.h"

extern const struct port_ops port_ops_fake;

/** struct port_fake - how it behaves; changed while no device uses it. */
struct port_fake {
	struct frame_offload offers;
	unsigned takes;    /* frames per send(); the rest is not taken */
	int error;         /* of send() and recv(), -errno; 0: none */
	int open_error;    /* of open() */
	/* what was seen; under port_fake_lock() */
	struct port_config config;
	char name[32], bridge[32];
	bool has_bridge;
	bool connected;
	unsigned connects, disconnects, sends, recvs;
	struct frame_offload guest;
};
extern struct port_fake port_fake;

/** port_fake_reset() - no frames, takes all offloads. */
void port_fake_reset(void);
/** port_fake_put() - a frame for the guest comes in at @queue; copied. */
void port_fake_put(unsigned queue, const struct frame *frame);
/** port_fake_get() - the next frame that was sent; waits up to @ms. False: none. @bytes: room for FRAME_MAX. */
bool port_fake_get(struct frame *frame, uint8_t *bytes, unsigned ms);
/** port_fake_sent() - frames that were sent and not got. port_fake_waiting() - put and not received. */
unsigned port_fake_sent(void);
unsigned port_fake_waiting(void);

#endif
