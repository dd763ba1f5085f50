/* SPDX-License-Identifier: MIT */
/* The store nodes of the network protocol as structures; the table is netif_nodes. */
#ifndef SLUICE_PROTOCOL_NETIF_NODES_H
#define SLUICE_PROTOCOL_NETIF_NODES_H

#include "protocol/negotiate.h"
#include "protocol/netif.h"

extern const struct nego_table netif_nodes;

#define NETIF_MAX_QUEUES 8u

/** struct netif_toolstack_nodes - what the toolstack wrote into the backend's directory. */
struct netif_toolstack_nodes {
	char *frontend;
	uint32_t frontend_id;
	char *mac;           /* the guest's address; see netif_parse_mac() */
	char *script;        /* hotplug script; NULL or "": none */
	char *vifname;       /* the host interface's name; NULL: vif<domid>.<handle> */
	char *bridge;
	char *ip;
	char *rate;          /* "bytes,usec"; see netif_parse_rate() */
	char *type;          /* "vif" or "vif_ioemu" */
	uint32_t handle;
	uint32_t mtu;        /* 0: leave the interface's */
	bool online;
	char *hotplug_status; /* the script's: "", "connected", "error", "busy" */
	char *attach;        /* Sluice's own: tap, macvtap, user, packet, null; NULL: tap */
	char *device;        /* Sluice's own: the interface of macvtap and packet */
	char *rate_in;       /* Sluice's own: as rate, for what the guest receives; NULL: rate holds both ways */
	char *forward;       /* Sluice's own: ports of attach=user: "tcp:127.0.0.1:8022-22 udp:..." */
};

/** struct netif_backend_nodes - what a backend advertises. */
struct netif_backend_nodes {
	bool rx_copy;        /* always 1: Linux refuses otherwise */
	bool rx_flip;        /* always 0 */
	bool sg, gso_tcpv4, gso_tcpv6, csum_ipv6;
	bool split_channels;
	uint32_t max_queues;
	bool ctrl_ring;
	bool mcast, dynamic_mcast;
	bool xdp_headroom;
	bool carrier;
};

/** struct netif_frontend_nodes - what a frontend chose. */
struct netif_frontend_nodes {
	bool rx_copy;        /* must be 1 */
	bool rx_notify;
	bool sg, gso_tcpv4, gso_tcpv6;
	bool no_csum;        /* cannot take packets with a blank checksum */
	bool csum_ipv6;
	bool mcast;          /* wants the filter */
	uint32_t num_queues;
	uint32_t xdp_headroom;
	uint32_t ctrl_ring_ref, ctrl_channel; /* 0: no control ring */
	bool has_ctrl;       /* a ring that was offered and that both are there of */
};

/** struct netif_queue_nodes - one queue's rings. */
struct netif_queue_nodes {
	uint32_t tx_ring_ref, rx_ring_ref;
	uint32_t tx_channel, rx_channel; /* the same without split channels */
};

/**
 * netif_read_frontend() - what the frontend chose, held against what was offered.
 *
 * Return: as nego_read(), -EOPNOTSUPP (it does not want packets copied), -ERANGE (more queues
 * than were offered), -ENOENT (a control ring without its port).
 */
int netif_read_frontend(const struct netif_backend_nodes *offered,
	struct netif_frontend_nodes *frontend, nego_read_fn fn, void *opaque,
	struct nego_error *error) must_check;
/**
 * netif_read_queue() - rings and channels of a queue; one channel, or both of two.
 * @prefix: "" or "queue-N/"
 * Return: as nego_read().
 */
int netif_read_queue(const char *prefix, struct netif_queue_nodes *queue, nego_read_fn fn,
	void *opaque, struct nego_error *error) must_check;

/** netif_parse_mac() - "00:16:3e:01:02:03", of one interface. 0 or -EINVAL. */
int netif_parse_mac(const char *text, uint8_t mac[6]) must_check;
/**
 * netif_parse_rate() - libxl's "bytes,usec": so many bytes each so many microseconds. Both are
 * at least 1 and at most 2^50 and 2^32-1. 0, -EINVAL or -ERANGE.
 */
int netif_parse_rate(const char *text, uint64_t *bytes, uint64_t *usec) must_check;

#endif
