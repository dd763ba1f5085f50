/* SPDX-License-Identifier: MIT */
/*
 * Linux's header of frames on taps and packet sockets (struct virtio_net_hdr). What comes in
 * is checked: a peer of a macvtap may have sent anything. Pure.
 */
#ifndef SLUICE_BACKENDS_NET_PORT_VNET_H
#define SLUICE_BACKENDS_NET_PORT_VNET_H

#include <linux/virtio_net.h>

#include "backends/net/frame.h"
#include "common/cleanup.h"

/** VNET_BYTES - of the header, which is right before a frame's data. */
#define VNET_BYTES sizeof(struct virtio_net_hdr)

/** vnet_put() - the header of a frame whose offsets are right, to the FRAME_HEADROOM before it. */
void vnet_put(const struct frame *frame);

/**
 * vnet_get() - take over what the header before @frame->data says, for a frame with data and len.
 *
 * A blank checksum that is not the transport's, but that of a packet in a tunnel, is made
 * here: a guest is told of no other. Return: 0, or -EINVAL: to be dropped.
 */
int vnet_get(struct frame *frame) must_check;

#endif
