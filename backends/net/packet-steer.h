/* SPDX-License-Identifier: MIT */
/* The program that spreads the frames of a packet port over its queues: classic BPF. */
#ifndef SLUICE_BACKENDS_NET_PACKET_STEER_H
#define SLUICE_BACKENDS_NET_PACKET_STEER_H

#include "common/cleanup.h"

/**
 * packet_steer() - from now on frames go to the first @queues sockets of the group that @fd is
 * in, by their addresses and ports, in both directions of a flow to the same; all that is not
 * IP to the first. 0 or -errno.
 */
int packet_steer(int fd, unsigned queues) must_check;

/** packet_stop() - no frame is put into the socket any more; packet_go() - frames are again. */
int packet_stop(int fd) must_check;
int packet_go(int fd) must_check;

#endif
