/* SPDX-License-Identifier: MIT */
/*
 * A user-space network frontend: connects a domain's own device/vif/N to its backend
 * through libxenevtchn, libxengnttab and libxenstore only, so it runs in a Sluice process
 * domain and in the user space of a Xen guest.
 *
 * The backend is not trusted: whatever it writes, the worst are lost packets, or -EIO and a
 * broken device. Pages are granted once and used again and again.
 *
 * A device has one or more queues. Different queues may be used by different threads at the
 * same time, one queue by one thread at a time. Sending and receiving are the guest's words.
 */
#ifndef SLUICE_FRONTENDS_NETFRONT_H
#define SLUICE_FRONTENDS_NETFRONT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "common/cleanup.h"
#include "protocol/netif-ctrl.h"
#include "protocol/netif.h"

struct netfront;
struct netfront_queue;

#define NETFRONT_MAX_QUEUES 8u
/** NETFRONT_FIRST_VIF - the interface with the lowest number. */
#define NETFRONT_FIRST_VIF UINT32_MAX
/** NETFRONT_NO_POLL - a poll_us that never spins. */
#define NETFRONT_NO_POLL UINT32_MAX

/** struct netfront_config - zero means the default everywhere. */
struct netfront_config {
	uint32_t vif;             /* device number, 0 by default */
	unsigned queues;          /* at most what the backend offers; default 1, most NETFRONT_MAX_QUEUES */
	unsigned rx_buffers;      /* pages per queue for packets to come; default and most: the ring's slots */
	unsigned timeout_ms;      /* for the backend to connect; default 10000 */
	unsigned poll_us;         /* spin this long before sleeping; default 50 */
	unsigned xdp_headroom;    /* bytes to leave free before a received packet, if the backend does */
	bool no_sg, no_gso, no_csum, no_csum_ipv6; /* what is not to be used, either way */
	bool no_split, no_ctrl;
	bool multicast_filter;    /* receive only the multicasts asked for: netfront_queue_multicast() */
	bool takeover;            /* reset an interface that its last user left connected (see EBUSY) */
};

/** struct netfront_info - what was negotiated. */
struct netfront_info {
	uint8_t mac[6];
	uint32_t mtu;             /* bytes, without the Ethernet header */
	unsigned queues;
	uint32_t max_len;         /* bytes of a packet that can be sent; more than a page needs sg */
	bool sg, gso_tcpv4, gso_tcpv6, csum, csum_ipv6; /* what may be sent so */
	bool split, ctrl, multicast, dynamic_multicast;
	uint32_t xdp_headroom;    /* 0: none */
};

/** struct netfront_stats - of a queue. */
struct netfront_stats {
	uint64_t tx_packets, tx_bytes; /* handed to the backend */
	uint64_t tx_dropped, tx_errors; /* of those: what the backend said became of them */
	uint64_t rx_packets, rx_bytes;
	uint64_t rx_dropped;      /* failed at the backend, or not what we take */
	uint64_t notifies, events; /* sent, received */
};

/**
 * netfront_open() - connect.
 * @config: NULL: all default
 * @why: room for one line that names the cause and the remedy
 *
 * Return: NULL with errno set: ENODEV (no such interface), ETIMEDOUT (the backend did not
 * connect; its error node is in @why), EPROTO (its nodes make no sense), EBUSY (another
 * process of this domain has it connected, or died so: see takeover), ENOSPC (the domain may
 * not grant that many pages), ...
 */
struct netfront *netfront_open(const struct netfront_config *config, char *why, size_t why_room);

/**
 * netfront_reconnect() - after a failure: close, and connect again as at first.
 *
 * Queues stay where they are, but what was negotiated may be something else, fewer queues,
 * too. No thread may use a queue meanwhile. Return: 0, or -errno as netfront_open() with
 * netfront_why(); it may be tried again.
 */
int netfront_reconnect(struct netfront *nf) must_check;

/** netfront_close() - close handshake, end grants, free. What is on its way is lost. NULL is fine. */
void netfront_close(struct netfront *nf);

const struct netfront_info *netfront_get_info(const struct netfront *nf);
/** netfront_carrier() - whether the backend says that it has a link. Any thread. */
bool netfront_carrier(const struct netfront *nf);
/** netfront_why() - why the device failed, one line; "" while it works. Any thread. */
const char *netfront_why(const struct netfront *nf);
/** netfront_queue() - queue 0 to info->queues - 1; else NULL. */
struct netfront_queue *netfront_queue(struct netfront *nf, unsigned n);
const struct netfront_stats *netfront_queue_stats(const struct netfront_queue *q);

/* ---- sending --------------------------------------------------------------------- */

/**
 * netfront_queue_get() - room for a packet of @len bytes in granted pages, in one piece.
 *
 * It is the caller's until netfront_queue_put(), and there is one at a time. The backend can
 * see it from the first byte on. Return: NULL: no room, see netfront_queue_wait(); or longer
 * than max_len.
 */
void *netfront_queue_get(struct netfront_queue *q, uint32_t len);
/**
 * netfront_queue_put() - send what is in the room got last; the backend sees it at
 * netfront_queue_kick().
 * @meta: size: bytes, at most those got. With gso csum_blank must be set, too.
 *
 * Return: 0, -EINVAL (nothing was got, or not that many bytes), -EOPNOTSUPP (not negotiated),
 * or the device's failure.
 */
int netfront_queue_put(struct netfront_queue *q, const struct netif_rx_meta *meta) must_check;
/** netfront_queue_send() - get, copy, put. -ENOBUFS: there is no room just now. */
int netfront_queue_send(struct netfront_queue *q, const struct iovec *iov, unsigned niov,
	const struct netif_rx_meta *meta) must_check;
/**
 * netfront_queue_multicast() - with multicast_filter: begin or end to receive a group.
 * Return: 0, -ENOBUFS, -EOPNOTSUPP, or the device's failure.
 */
int netfront_queue_multicast(struct netfront_queue *q, bool add, const uint8_t addr[6]) must_check;
/** netfront_queue_kick() - show what was put and what buffers are free: one event each at most. 0 or -errno. */
int netfront_queue_kick(struct netfront_queue *q);

/* ---- receiving ------------------------------------------------------------------- */

/**
 * struct netfront_rx - a received packet, in pages that the backend can still write to: copy
 * before deciding anything on what is in it.
 */
struct netfront_rx {
	struct netif_rx_meta meta;
	unsigned npieces;
	struct iovec piece[NETIF_SLOTS_MAX];
	uint16_t page[NETIF_SLOTS_MAX]; /* ours to know */
};

/**
 * netfront_queue_recv() - the next packets, up to @n.
 *
 * Never sleeps, asks for no event. They are the caller's until netfront_queue_done(), in any
 * order. Return: how many, or the device's failure.
 */
int netfront_queue_recv(struct netfront_queue *q, struct netfront_rx *rx, unsigned n) must_check;
/** netfront_queue_done() - give back the pages; the backend gets them at the next kick. */
void netfront_queue_done(struct netfront_queue *q, const struct netfront_rx *rx, unsigned n);
/** netfront_rx_copy() - all of a packet in one piece. Return: its bytes, at most @room. */
uint32_t netfront_rx_copy(const struct netfront_rx *rx, void *to, uint32_t room);

/* ---- waiting --------------------------------------------------------------------- */

#define NETFRONT_RX 1u
#define NETFRONT_TX 2u
/**
 * netfront_queue_wait() - until there is a packet (NETFRONT_RX), or room for what
 * netfront_queue_get() found none for (NETFRONT_TX).
 * @want: which of the two
 * @timeout_ms: 0 looks once, -1 waits without end; polls poll_us first
 *
 * Kicks first. A signal ends it early with 0. Returning 0 it has asked for events, so that
 * netfront_queue_fd() may be slept on. Queue 0's waits look at the backend's state, also for
 * the others; they find a failed device at once.
 *
 * Return: which of the two, or -EIO: the backend broke a ring, -ENOTCONN: it closed or left.
 */
int netfront_queue_wait(struct netfront_queue *q, unsigned want, int timeout_ms) must_check;
/** netfront_queue_poll() - as netfront_queue_wait() with 0, but no system call, no event asked for. */
int netfront_queue_poll(struct netfront_queue *q, unsigned want) must_check;
/** netfront_queue_fd() - readable when netfront_queue_wait() has something to do. */
int netfront_queue_fd(struct netfront_queue *q);

/* ---- the control ring ------------------------------------------------------------ */

/**
 * netfront_set_hash() - have the backend spread what we receive over the queues by a hash.
 * @hash: algorithm, flags, key and mapping; algorithm 0 ends it
 *
 * Before the queues are used, or by queue 0's thread. Waits for the answers. Return: 0,
 * -EOPNOTSUPP (no control ring, or the backend does not do it), -EINVAL (it takes not these
 * values), -ETIMEDOUT, or the device's failure.
 */
int netfront_set_hash(struct netfront *nf, const struct netif_hash_state *hash) must_check;

#endif
