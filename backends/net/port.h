/* SPDX-License-Identifier: MIT */
/*
 * A port: where a guest's frames go to and come from on our side of it. Kinds of ports are
 * rows in ports.c; they know nothing of netif, rings or grants.
 *
 * A port is opened by the control thread before the process is confined, with as many queues
 * as the device may have, and lives as long as the process. Each queue is used by one thread.
 */
#ifndef SLUICE_BACKENDS_NET_PORT_H
#define SLUICE_BACKENDS_NET_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backends/net/frame.h"
#include "common/cleanup.h"
#include "common/confine.h"

struct port;

/** struct port_config - what the toolstack wants. Strings are the caller's. */
struct port_config {
	const char *name;     /* of the host's interface: vif1.0; at most 15 bytes */
	const char *device;   /* the existing interface that macvtap and packet stand on, or NULL */
	const char *bridge;   /* to be put on, by the port itself; NULL: not (a script does, or nobody) */
	const char *forward;  /* user: ports to forward, or NULL */
	uint8_t mac[6];       /* the guest's: not to be the interface's own */
	uint32_t mtu;         /* 0: leave it */
	unsigned queues;      /* that the device may have */
};

/** struct port_ops - a kind of port. */
struct port_ops {
	const char *name;     /* as in the node attach */
	const char *text;     /* one line for --help */
	/* the calls it makes while it serves, beyond those of all */
	const struct confine_table *confine;
	bool keep_network;    /* it makes connections while it serves: no network namespace of its own */
	bool reads_many;      /* recv() of many frames takes less than as many recv()s */
	unsigned max_queues;  /* a device on it has no more; 0: as many as it likes */

	/** @open: 0 or -errno with @why: one line that names the thing and the remedy. */
	int (*open)(const struct port_config *config, struct port **port, char *why, size_t room);
	/** @close: what open made is gone after it, the interface too. */
	void (*close)(struct port *port);
	/**
	 * Before the first connect() and after disconnect() descriptors of queues may be ready
	 * without end: nobody waits for them.
	 * @connect: a guest with @queues queues is there, and takes frames as @guest says; what it
	 * sends may have all that the port says in offers(). Before the threads start.
	 */
	int (*connect)(struct port *port, unsigned queues, const struct frame_offload *guest);
	/** @disconnect: it is gone: carrier off; what comes for it is dropped. */
	void (*disconnect)(struct port *port);
	/** @offers: what the port takes from a guest without software's help. */
	struct frame_offload (*offers)(const struct port *port);
	/** @mtu: of the interface, for frames to the guest. */
	uint32_t (*mtu)(const struct port *port);

	/* --- by the queue's thread --- */
	/** @fd: readable when recv() may have frames; -1: the queue has none of its own. */
	int (*fd)(struct port *port, unsigned queue);
	/**
	 * @send: give away @n frames, whose memory and FRAME_HEADROOM before it may be changed.
	 * Return: how many were taken, from the first on; what is not taken now is dropped by the
	 * caller, as a switch does. -errno: the port is gone for good.
	 */
	int (*send)(struct port *port, unsigned queue, struct frame *frames, unsigned n);
	/**
	 * @recv: fill up to @n frames, each with room bytes at data and FRAME_HEADROOM before it.
	 * All that offload_parse() would fill in is filled in. Return: how many; 0: none waits;
	 * -errno: the port is gone for good.
	 */
	int (*recv)(struct port *port, unsigned queue, struct frame *frames, unsigned n);
};

/** port_ops_find() - a kind by name; NULL: there is none. port_ops_at() - the @i-th, or NULL. */
const struct port_ops *port_ops_find(const char *name);
const struct port_ops *port_ops_at(unsigned i);
/** port_ops_missing() - why a kind that exists elsewhere is not built in here; NULL: it is no such. */
const char *port_ops_missing(const char *name);

#endif
