/* SPDX-License-Identifier: MIT */
/* The host's network interfaces, by rtnetlink: what the ports need of it. For start-up. */
#ifndef SLUICE_BACKENDS_NET_LINK_H
#define SLUICE_BACKENDS_NET_LINK_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/cleanup.h"

/** LINK_ALIAS - ifalias of the interfaces that we make, so that we know ours again. */
#define LINK_ALIAS "sluice-net"

/** struct link_info - what an interface is. */
struct link_info {
	int index;
	char kind[16];   /* as of "ip -d link": bridge, macvtap, tun, veth; "" for hardware */
	char alias[32];  /* cut off at that */
	uint8_t mac[6];
	uint32_t mtu;
	unsigned flags;  /* IFF_UP, ... */
};

/** struct link_change - what to set; 0 and NULL leave it. */
struct link_change {
	const uint8_t *mac;
	uint32_t mtu;
	uint32_t gso_max; /* bytes of the largest frame that is to be segmented by who gets it */
	const char *alias;
	int master;       /* index of the bridge to be put on */
	int netns;        /* a descriptor of the namespace to move to */
	bool up;
	bool quiet;       /* no IPv6 address of its own */
	bool silent;      /* it is a cable, the host says nothing there: no ARP, multicast, IPv6 address */
};

/** link_socket() - a socket for the calls below, of this network namespace; or -errno. */
int link_socket(void) must_check;
/** link_get() - look an interface up. 0, -ENODEV or another -errno. */
int link_get(int nl, const char *name, struct link_info *info) must_check;
/** link_set() - change the one with @index. 0 or -errno; some of it may have been done. */
int link_set(int nl, int index, const struct link_change *change) must_check;
/**
 * link_add_macvtap() - make a macvtap in bridge mode on the interface @lower.
 * @queues: that it can have
 */
int link_add_macvtap(int nl, const char *name, int lower, unsigned queues,
	const struct link_change *change) must_check;
/** link_add_bridge() - 0, -EEXIST or another -errno. */
int link_add_bridge(int nl, const char *name) must_check;
/** link_add_veth() - make two interfaces with a cable between them. 0, -EEXIST or another -errno. */
int link_add_veth(int nl, const char *name, const char *peer) must_check;
/**
 * link_add_address() - have the host be there at @address, a sockaddr_in or sockaddr_in6, alone, by
 * the interface @index. 0, -EEXIST or another -errno.
 */
int link_add_address(int nl, int index, const struct sockaddr *address) must_check;
/** link_delete() - 0 or -errno. */
int link_delete(int nl, int index) must_check;
/** link_name_why() - why @name cannot be an interface's; NULL: it can. */
const char *link_name_why(const char *name);

#endif
