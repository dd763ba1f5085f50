// SPDX-License-Identifier: MIT
/*
 * A packet port: the guest has an interface of the host's, such as one end of a veth pair or
 * a network card, to itself: all that comes there is the guest's, and what it sends goes out
 * there. Packet sockets with the header of taps, so that segmentation and checksums pass.
 *
 * The kernel takes VLAN tags off what comes in; they are put back.
 */
#include "config.h"
#include "backends/net/ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backends/net/link.h"
#include "backends/net/packet-steer.h"
#include "backends/net/port-vnet.h"
#include "common/array.h"
#include "common/log.h"

#ifndef PACKET_FANOUT_FLAG_IGNORE_OUTGOING
#define PACKET_FANOUT_FLAG_IGNORE_OUTGOING 0x4000 /* Linux 5.16 */
#endif

#define PACKET_QUEUES 8u
/* Frames that are received or sent in one call. */
#define PACKET_BATCH 32u
/* Bytes that may wait in a socket, as the kernel counts them. */
#define PACKET_BUFFER (4 << 20)
#define PACKET_TAG 4u

struct packet_port {
	char device[IFNAMSIZ];
	uint32_t mtu;
	unsigned queues;
	int fd[PACKET_QUEUES];
};

struct packet_opening {
	const struct port_config *config;
	struct packet_port *port;
	struct link_info device;
	char *why;
	size_t room;
};

static const struct confine_rule packet_rules[] = {
	CONFINE_CALL(recvmmsg), CONFINE_CALL(sendmmsg), CONFINE_CALL(recvfrom),
	CONFINE_CALL_IF(setsockopt, 2, SO_ATTACH_FILTER),
	CONFINE_CALL_IF(setsockopt, 2, SO_DETACH_FILTER),
	CONFINE_CALL_IF(setsockopt, 2, PACKET_FANOUT_DATA),
};
static const struct confine_table packet_confine = { packet_rules, ARRAY_SIZE(packet_rules) };

static struct packet_port *packet_of(struct port *port)
{
	return (struct packet_port *)port;
}

/* --- opening --- */

static int packet_fail(struct packet_opening *o, int rc, const char *remedy)
{
	snprintf(o->why, o->room, "packet %s: %s%s", o->config->device, strerror(-rc), remedy);
	return rc;
}

static int packet_set(int fd, int option, int value)
{
	return setsockopt(fd, SOL_PACKET, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

/* As much as the system lets us; with the right to, as much as we want. */
static void packet_set_buffers(int fd)
{
	int bytes = PACKET_BUFFER;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

/* Frames are spread over the sockets of a group, whose number the kernel chooses. */
static int packet_join(struct packet_opening *o, int fd)
{
	int group = (PACKET_FANOUT_CBPF | PACKET_FANOUT_FLAG_UNIQUEID |
			    PACKET_FANOUT_FLAG_IGNORE_OUTGOING) << 16;
	socklen_t bytes = sizeof(group);
	int rc;

	if (o->port->queues == 0) {
		rc = packet_set(fd, PACKET_FANOUT, group);
		return rc < 0 ? rc : packet_steer(fd, 1);
	}
	if (getsockopt(o->port->fd[0], SOL_PACKET, PACKET_FANOUT, &group, &bytes) < 0)
		return -errno;
	return packet_set(fd, PACKET_FANOUT, group & ~(PACKET_FANOUT_FLAG_UNIQUEID << 16));
}

static int packet_prepare(struct packet_opening *o, int fd)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = o->device.index };
	struct packet_mreq all = { .mr_ifindex = o->device.index, .mr_type = PACKET_MR_PROMISC };
	int rc = packet_set(fd, PACKET_VNET_HDR, 1);

	packet_set_buffers(fd);
	if (rc == 0)
		rc = packet_set(fd, PACKET_AUXDATA, 1);
	/* What the guest sends is not for itself. */
	if (rc == 0)
		rc = packet_set(fd, PACKET_IGNORE_OUTGOING, 1);
	/* There is no guest yet. */
	if (rc == 0)
		rc = packet_stop(fd);
	/* Without the queue of the host's own packets; where it cannot, with it. */
	(void)packet_set(fd, PACKET_QDISC_BYPASS, 1);
	if (rc == 0 && bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		rc = -errno;
	if (rc == 0 && setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) < 0)
		rc = -errno;
	if (rc == 0 && o->config->queues > 1)
		rc = packet_join(o, fd);
	return rc;
}

static int packet_open_queue(struct packet_opening *o)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int rc = fd < 0 ? -errno : packet_prepare(o, fd);

	if (rc == 0) {
		o->port->fd[o->port->queues++] = fd;
		return 0;
	}
	if (fd >= 0)
		close(fd);
	if (rc == -EPERM)
		return packet_fail(o, rc, ": packet sockets take CAP_NET_RAW in the network namespace; the port \"user\" takes no privilege");
	return packet_fail(o, rc, ": the kernel does not open its packets to us");
}

static int packet_set_up(struct packet_opening *o)
{
	struct link_change change = { .mtu = o->config->mtu, .up = true };
	CLEANUP_CLOSE int nl = link_socket();
	int rc;

	if (nl < 0)
		return packet_fail(o, nl, ": no netlink");
	rc = link_get(nl, o->config->device, &o->device);
	if (rc < 0)
		return packet_fail(o, rc, ": name another device; ip link shows them");
	o->port->mtu = change.mtu ? change.mtu : o->device.mtu;
	if (o->device.flags & IFF_UP && (!change.mtu || change.mtu == o->device.mtu))
		return 0;
	rc = link_set(nl, o->device.index, &change);
	if (rc == -EINVAL)
		return packet_fail(o, rc, ": it does not take this MTU");
	return rc < 0 ? packet_fail(o, rc, ": it cannot be switched on; as root: ip link set up") : 0;
}

static void packet_close(struct port *port)
{
	struct packet_port *p = packet_of(port);

	if (!p)
		return;
	for (unsigned i = 0; i < p->queues; i++)
		close(p->fd[i]);
	free(p);
}

static int packet_open(const struct port_config *config, struct port **port, char *why, size_t room)
{
	struct packet_opening o = { .config = config, .why = why, .room = room };
	int rc;

	if (!config->device || link_name_why(config->device)) {
		snprintf(why, room, "packet \"%s\": it stands on an interface of the host's: set device to its name",
			config->device ? config->device : "");
		return -EINVAL;
	}
	if (config->queues == 0 || config->queues > PACKET_QUEUES) {
		snprintf(why, room, "packet %s: it has 1 to %u queues, not %u", config->device,
			PACKET_QUEUES, config->queues);
		return -EINVAL;
	}
	o.port = calloc(1, sizeof(*o.port));
	if (!o.port)
		return packet_fail(&o, -ENOMEM, "");
	strcpy(o.port->device, config->device);
	rc = packet_set_up(&o);
	while (rc == 0 && o.port->queues < config->queues)
		rc = packet_open_queue(&o);
	if (rc < 0) {
		packet_close((struct port *)o.port);
		return rc;
	}
	*port = (struct port *)o.port;
	return 0;
}

/* --- serving --- */

static int packet_stop_all(struct packet_port *p)
{
	uint8_t head[64];
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < p->queues; i++) {
		rc = packet_stop(p->fd[i]);
		/* None comes any more, so this ends. */
		while (rc == 0 && recv(p->fd[i], head, sizeof(head), MSG_TRUNC) > 0)
			;
	}
	return rc;
}

static int packet_connect(struct port *port, unsigned queues, const struct frame_offload *guest)
{
	struct packet_port *p = packet_of(port);
	int rc;

	if (queues == 0 || queues > p->queues)
		return -EINVAL;
	rc = packet_stop_all(p);
	if (rc == 0 && p->queues > 1)
		rc = packet_steer(p->fd[0], queues);
	for (unsigned i = 0; rc == 0 && i < queues; i++)
		rc = packet_go(p->fd[i]);
	if (rc < 0)
		log_err("%s: its queues cannot be set up: %s", p->device, strerror(-rc));
	return rc;
}

static void packet_disconnect(struct port *port)
{
	struct packet_port *p = packet_of(port);
	int rc = packet_stop_all(p);

	if (rc < 0)
		log_warn("%s: its queues cannot be switched off: %s", p->device, strerror(-rc));
}

static struct frame_offload packet_offers(const struct port *port)
{
	return (struct frame_offload){ true, true, true, true, FRAME_MAX };
}

static uint32_t packet_mtu(const struct port *port)
{
	return ((const struct packet_port *)port)->mtu;
}

static int packet_fd(struct port *port, unsigned queue)
{
	return packet_of(port)->fd[queue];
}

static int packet_error(struct packet_port *p, int error)
{
	static struct log_limit limit = { .burst = 1, .interval_ms = 10000 };

	if (error != ENXIO && error != ENODEV)
		return 0;
	if (log_limit_ok(&limit))
		log_err("%s is gone: it was removed while it was in use", p->device);
	return -ENODEV;
}

static void packet_put(struct frame *f, struct iovec *iov, struct mmsghdr *m)
{
	vnet_put(f);
	*iov = (struct iovec){ f->data - VNET_BYTES, VNET_BYTES + f->len };
	*m = (struct mmsghdr){ .msg_hdr = { .msg_iov = iov, .msg_iovlen = 1 } };
}

static int packet_send(struct port *port, unsigned queue, struct frame *frames, unsigned n)
{
	struct packet_port *p = packet_of(port);
	struct mmsghdr m[PACKET_BATCH];
	struct iovec iov[PACKET_BATCH];
	unsigned done = 0;

	while (done < n) {
		unsigned batch = n - done < PACKET_BATCH ? n - done : PACKET_BATCH;
		int rc;

		for (unsigned i = 0; i < batch; i++)
			packet_put(&frames[done + i], &iov[i], &m[i]);
		rc = sendmmsg(p->fd[queue], m, batch, MSG_DONTWAIT);
		if (rc > 0) {
			done += (unsigned)rc;
			continue;
		}
		if (errno == EAGAIN)
			return (int)done;
		if (packet_error(p, errno) < 0)
			return -ENODEV;
		done++; /* that one it does not take */
	}
	return (int)n;
}

/* Put the tag back that the kernel took off, if there was one. False: there is no room. */
static bool packet_put_tag(struct frame *f, struct msghdr *m)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	struct tpacket_auxdata aux;
	struct virtio_net_hdr hdr;
	uint16_t tag[2];

	if (!c || c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
		return true;
	memcpy(&aux, CMSG_DATA(c), sizeof(aux));
	if (!(aux.tp_status & TP_STATUS_VLAN_VALID))
		return true;
	if (f->len < 12 || f->len + PACKET_TAG > f->room)
		return false;
	tag[0] = htons(aux.tp_status & TP_STATUS_VLAN_TPID_VALID ? aux.tp_vlan_tpid : ETH_P_8021Q);
	tag[1] = htons(aux.tp_vlan_tci);
	memmove(f->data + 12 + PACKET_TAG, f->data + 12, f->len - 12);
	memcpy(f->data + 12, tag, sizeof(tag));
	f->len += PACKET_TAG;
	memcpy(&hdr, f->data - VNET_BYTES, sizeof(hdr));
	hdr.csum_start += PACKET_TAG;
	memcpy(f->data - VNET_BYTES, &hdr, sizeof(hdr));
	return true;
}

static bool packet_take(struct frame *f, struct mmsghdr *m)
{
	if (m->msg_hdr.msg_flags & MSG_TRUNC || m->msg_len < VNET_BYTES)
		return false;
	f->len = (uint32_t)(m->msg_len - VNET_BYTES);
	return packet_put_tag(f, &m->msg_hdr) && vnet_get(f) == 0;
}

/* Frames stay in the memory they have, which is of one size. */
static bool packet_copy(struct frame *to, const struct frame *from)
{
	uint8_t *data = to->data;
	uint32_t room = to->room;

	if (from->len > room)
		return false;
	memcpy(data, from->data, from->len);
	*to = *from;
	to->data = data;
	to->room = room;
	return true;
}

static int packet_recv(struct port *port, unsigned queue, struct frame *frames, unsigned n)
{
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	} control[PACKET_BATCH];
	struct packet_port *p = packet_of(port);
	struct mmsghdr m[PACKET_BATCH];
	struct iovec iov[PACKET_BATCH];
	unsigned got = 0;
	int rc;

	if (n > PACKET_BATCH)
		n = PACKET_BATCH;
	for (unsigned i = 0; i < n; i++) {
		iov[i] = (struct iovec){ frames[i].data - VNET_BYTES, VNET_BYTES + frames[i].room };
		m[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &iov[i], .msg_iovlen = 1,
			.msg_control = &control[i], .msg_controllen = sizeof(control[i]) } };
	}
	rc = recvmmsg(p->fd[queue], m, n, MSG_DONTWAIT, NULL);
	/* That the interface went down is said once, and passes. */
	if (rc < 0)
		return packet_error(p, errno);
	for (int i = 0; i < rc; i++) {
		if (!packet_take(&frames[i], &m[i]))
			continue;
		/* One before it was dropped. */
		if ((unsigned)i != got && !packet_copy(&frames[got], &frames[i]))
			continue;
		got++;
	}
	return (int)got;
}

const struct port_ops port_ops_packet = {
	.name = "packet",
	.text = "an interface of the host's (device) that the guest has to itself",
	.confine = &packet_confine,
	.open = packet_open,
	.close = packet_close,
	.connect = packet_connect,
	.disconnect = packet_disconnect,
	.offers = packet_offers,
	.mtu = packet_mtu,
	.fd = packet_fd,
	.send = packet_send,
	.recv = packet_recv,
};
