// SPDX-License-Identifier: MIT
/*
 * The pump's thread. What the TAP gives is read right into granted pages; what the frontend
 * receives is written from them, but for the headers, which are copied before they are looked
 * at: the backend could change them meanwhile.
 */
#include "config.h"
#include "frontends/tap/pump.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/uio.h>

#include <linux/virtio_net.h>

#include "protocol/packet.h"

#define BATCH 64u
/* Ethernet, VLAN tags, IPv6 with extension headers, TCP with options. */
#define HEAD_MAX 512u

/* --- from the TAP ------------------------------------------------------------------- */

static void meta_of(const struct virtio_net_hdr *hdr, uint32_t size, struct netif_rx_meta *meta)
{
	*meta = (struct netif_rx_meta){
		.size = size,
		.csum_blank = hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.csum_valid = hdr->flags & VIRTIO_NET_HDR_F_DATA_VALID,
		.gso_size = hdr->gso_size,
	};
	switch (hdr->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		meta->gso = NETIF_GSO_TCPV4;
		break;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		meta->gso = NETIF_GSO_TCPV6;
		break;
	}
}

/* One packet. False: there is none, or no room for it; @blocked says which. */
static bool send_one(struct pump *p, bool *blocked)
{
	struct virtio_net_hdr hdr;
	struct netif_rx_meta meta;
	void *room = netfront_queue_get(p->q, p->max_len);
	struct iovec iov[2] = { { &hdr, sizeof(hdr) }, { room, p->max_len } };
	ssize_t n;

	*blocked = !room;
	if (!room)
		return false;
	n = readv(p->tap_fd, iov, 2);
	if (n < (ssize_t)sizeof(hdr))
		return n >= 0 || errno == EINTR;
	meta_of(&hdr, n - sizeof(hdr), &meta);
	/* A failure is found at the next wait. */
	return netfront_queue_put(p->q, &meta) == 0;
}

/* Whether there may be more, or room came to lack. */
static bool send_batch(struct pump *p, bool *blocked)
{
	unsigned i = 0;

	while (i < BATCH && send_one(p, blocked))
		i++;
	return i == BATCH;
}

/* --- to the TAP --------------------------------------------------------------------- */

/* Where the blank checksum is: the kernel wants to know. False: nothing it can be is there. */
static bool set_checksum(const uint8_t *head, uint32_t len, struct virtio_net_hdr *hdr)
{
	struct packet packet;

	packet_parse(head, len, &packet);
	if (!packet.transport || packet.fragment)
		return false;
	hdr->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	hdr->csum_start = packet.transport;
	if (packet.protocol == PACKET_PROTO_TCP && packet.transport + PACKET_TCP_HEADER <= len) {
		hdr->csum_offset = 16;
		hdr->hdr_len = packet.transport + (head[packet.transport + 12] >> 4) * 4;
		return true;
	}
	hdr->csum_offset = 6;
	return packet.protocol == PACKET_PROTO_UDP;
}

static bool make_header(const struct netif_rx_meta *meta, const uint8_t *head, uint32_t len,
	struct virtio_net_hdr *hdr)
{
	*hdr = (struct virtio_net_hdr){
		.flags = meta->csum_valid ? VIRTIO_NET_HDR_F_DATA_VALID : 0,
	};
	if (meta->csum_blank && !set_checksum(head, len, hdr))
		return false;
	if (meta->gso == NETIF_GSO_NONE)
		return true;
	hdr->gso_type = meta->gso == NETIF_GSO_TCPV4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;
	hdr->gso_size = meta->gso_size;
	/* Only with a checksum to make is it what a kernel would have sent. */
	return meta->csum_blank;
}

/* The rest of the packet, behind the @skip bytes that were copied. */
static unsigned rest(const struct netfront_rx *rx, uint32_t skip, struct iovec *iov)
{
	unsigned n = 0;

	for (unsigned i = 0; i < rx->npieces; i++) {
		uint32_t cut = skip < rx->piece[i].iov_len ? skip : rx->piece[i].iov_len;

		skip -= cut;
		if (cut == rx->piece[i].iov_len)
			continue;
		iov[n].iov_base = (uint8_t *)rx->piece[i].iov_base + cut;
		iov[n++].iov_len = rx->piece[i].iov_len - cut;
	}
	return n;
}

static void receive_one(struct pump *p, const struct netfront_rx *rx)
{
	struct iovec iov[2 + NETIF_SLOTS_MAX];
	struct virtio_net_hdr hdr;
	uint8_t head[HEAD_MAX];
	uint32_t len = netfront_rx_copy(rx, head, sizeof(head));
	unsigned n;

	if (!make_header(&rx->meta, head, len, &hdr)) {
		p->tap_dropped++;
		return;
	}
	iov[0] = (struct iovec){ &hdr, sizeof(hdr) };
	iov[1] = (struct iovec){ head, len };
	n = 2 + rest(rx, len, iov + 2);
	if (writev(p->tap_fd, iov, n) < 0)
		p->tap_dropped++;
}

/* Whether there may be more. */
static bool receive_batch(struct pump *p)
{
	struct netfront_rx rx[BATCH];
	int n = netfront_queue_recv(p->q, rx, BATCH);

	for (int i = 0; i < n; i++)
		receive_one(p, &rx[i]);
	if (n > 0)
		netfront_queue_done(p->q, rx, n);
	return n > 0;
}

/* --- the thread --------------------------------------------------------------------- */

/* Sleep until there is something; false: end. */
static bool await(struct pump *p, bool blocked)
{
	struct pollfd fds[] = {
		{ .fd = netfront_queue_fd(p->q), .events = POLLIN },
		{ .fd = p->stop_fd, .events = POLLIN },
		{ .fd = blocked ? -1 : p->tap_fd, .events = POLLIN },
	};
	int ready = netfront_queue_wait(p->q, NETFRONT_RX | (blocked ? NETFRONT_TX : 0), 0);

	if (ready == 0 && poll(fds, 3, -1) < 0 && errno != EINTR)
		return false;
	return ready >= 0 && !fds[1].revents;
}

static void *pump_main(void *opaque)
{
	struct pump *p = opaque;
	uint64_t one = 1;
	bool blocked, more;

	do {
		more = send_batch(p, &blocked);
		more |= receive_batch(p);
		if (more && netfront_queue_kick(p->q) < 0)
			break;
	} while (more || await(p, blocked));
	if (*netfront_why(p->nf))
		(void)!write(p->failed_fd, &one, sizeof(one)); /* cannot overflow */
	return NULL;
}

int pump_start(struct pump *pump)
{
	return -pthread_create(&pump->thread, NULL, pump_main, pump);
}

void pump_join(struct pump *pump)
{
	pthread_join(pump->thread, NULL);
}
