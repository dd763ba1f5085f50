/* SPDX-License-Identifier: MIT */
/*
 * What taps and macvtaps share: both are read and written through descriptors of the same
 * kind, one per queue, with a struct virtio_net_hdr before each frame.
 */
#ifndef SLUICE_BACKENDS_NET_PORT_TUN_H
#define SLUICE_BACKENDS_NET_PORT_TUN_H

#include <net/if.h>

#include "backends/net/port.h"
#include "backends/net/port-batch.h"

/** TUN_QUEUES - that a device can have. */
#define TUN_QUEUES 8u

/** struct tun - the open queues; first in the struct port of both kinds. */
struct tun {
	char name[IFNAMSIZ];
	uint32_t mtu;
	unsigned queues;   /* that are open */
	int fd[TUN_QUEUES];
	struct batch batch[TUN_QUEUES];
};

/** tun_add() - a queue just opened, which is @tun's then. 0, or -errno: it is the caller's still. */
int tun_add(struct tun *tun, int fd) must_check;
/** tun_close() - the queues. */
void tun_close(struct tun *tun);

/* The rows of struct port_ops that are the same for both. */
int tun_connect(struct port *port, unsigned queues, const struct frame_offload *guest);
void tun_disconnect(struct port *port);
struct frame_offload tun_offers(const struct port *port);
uint32_t tun_mtu(const struct port *port);
int tun_fd(struct port *port, unsigned queue);
int tun_send(struct port *port, unsigned queue, struct frame *frames, unsigned n);
int tun_recv(struct port *port, unsigned queue, struct frame *frames, unsigned n);
extern const struct confine_table tun_confine;

#endif
