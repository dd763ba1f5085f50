// SPDX-License-Identifier: MIT
/*
 * net-kernel-segments FROM TO: frames that leave all to the one who sends them go out at one
 * end of a pair of interfaces that can do nothing; what comes out at the other end, made by
 * the kernel, must be byte for byte what we make of them.
 */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <linux/virtio_net.h>
#include <net/if.h>

#include "backends/net/offload.h"
#include "common/array.h"
#include "tests/unit/net-frames.h"

#define WAIT_MS 10000

static void fail(const char *what, int error)
{
	fprintf(stderr, "%s: %s\n", what, error ? strerror(error) : "not as it should be");
	exit(1);
}

/* A packet socket at an interface, for all protocols. */
static int open_packet(const char *name, bool headers)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = if_nametoindex(name) };
	int size = 16 << 20, on = headers;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));

	if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		fail(name, errno);
	if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) < 0)
		fail("PACKET_VNET_HDR", errno);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return fd;
}

/* The interface leaves nothing to a card: the kernel segments and sums before it. */
static void take_offloads(int fd, const char *name)
{
	static const uint32_t what[] = { ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_STXCSUM };

	for (unsigned i = 0; i < ARRAY_SIZE(what); i++) {
		struct ethtool_value v = { .cmd = what[i], .data = 0 };
		struct ifreq r = { .ifr_data = (char *)&v };

		snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
		if (ioctl(fd, SIOCETHTOOL, &r) < 0)
			fail("ethtool", errno);
	}
}

static void send_frame(int fd, const char *name, const struct frame *f)
{
	struct virtio_net_hdr h = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.csum_start = f->csum_start, .csum_offset = f->csum_offset };
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = if_nametoindex(name) };
	struct iovec iov[] = { { &h, sizeof(h) }, { f->data, f->len } };
	struct msghdr m = { .msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = iov,
		.msg_iovlen = 2 };

	memcpy(&to.sll_protocol, f->data + 12, 2);
	if (f->gso != NETIF_GSO_NONE) {
		h.gso_type = f->gso == NETIF_GSO_TCPV4 ? VIRTIO_NET_HDR_GSO_TCPV4 :
							VIRTIO_NET_HDR_GSO_TCPV6;
		h.gso_size = f->gso_size;
		h.hdr_len = f->headers;
	}
	if (sendmsg(fd, &m, 0) != (ssize_t)(sizeof(h) + f->len))
		fail("sendmsg", errno);
}

/* The next frame that is ours, by its source; others may come of the interfaces' own. */
static uint32_t receive(int fd, const uint8_t *source, uint8_t *to, uint32_t room)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	for (;;) {
		ssize_t n;

		if (poll(&p, 1, WAIT_MS) <= 0)
			fail("no segment came", 0);
		n = recv(fd, to, room, 0);
		if (n < 0)
			fail("recv", errno);
		if (n > 14 && memcmp(to + 6, source, 6) == 0)
			return n;
	}
}

static void differ(const char *what, unsigned i, const uint8_t *ours, uint32_t ours_len,
	const uint8_t *theirs, uint32_t theirs_len)
{
	uint32_t at = 0;

	while (at < ours_len && at < theirs_len && ours[at] == theirs[at])
		at++;
	fprintf(stderr, "%s: segment %u: ours has %u bytes, the kernel's %u; first difference at %u\n",
		what, i, ours_len, theirs_len, at);
	exit(1);
}

static void compare(const char *what, int from, int to, const char *name, struct frame *f)
{
	static uint8_t ours[FRAME_MAX + 1], theirs[FRAME_MAX + 1];
	unsigned n;

	if (offload_parse(f) < 0)
		fail(what, 0);
	send_frame(from, name, f);
	n = offload_segments(f);
	if (f->gso == NETIF_GSO_NONE)
		offload_finish_checksum(f);
	for (unsigned i = 0; i < n; i++) {
		uint32_t len = receive(to, f->data + 6, theirs, sizeof(theirs));
		struct frame s = { .data = ours, .room = sizeof(ours) };

		if (f->gso == NETIF_GSO_NONE)
			s = *f;
		else if (offload_segment(f, i, &s) < 0)
			fail(what, 0);
		if (s.len != len || memcmp(s.data, theirs, len) != 0)
			differ(what, i, s.data, s.len, theirs, len);
	}
	printf("%s: %u\n", what, n);
}

static const struct {
	const char *what;
	struct shape shape;
	uint16_t gso_size; /* 0: only the checksum */
} rows[] = {
	{ "TCP over IPv4", { 4, 0, 0, 5, 20000, 0x18 }, 1460 },
	{ "TCP over IPv4 with options, FIN and CWR", { 4, 0, 0, 8, 50001, 0xd9 }, 1448 },
	{ "TCP over IPv4 with most options", { 4, 0, 0, 15, 4000, 0x10 }, 500 },
	{ "TCP over IPv4 with all flags", { 4, 0, 0, 5, 3001, 0xff }, 1000 },
	{ "TCP over IPv4, the last segment full", { 4, 0, 0, 5, 14600, 0x18 }, 1460 },
	{ "TCP over IPv4, small segments", { 4, 0, 0, 5, 6000, 0x18 }, 88 },
	{ "TCP over IPv6", { 6, 0, 0, 5, 20000, 0x18 }, 1440 },
	{ "TCP over IPv6 with options, FIN and CWR", { 6, 0, 0, 8, 60001, 0xd9 }, 1428 },
	{ "TCP over IPv6 with all flags", { 6, 0, 0, 5, 3001, 0xff }, 1000 },
	{ "checksum of TCP over IPv4", { 4, 0, 0, 5, 1001, 0x18 }, 0 },
	{ "checksum of TCP over IPv6", { 6, 0, 0, 10, 999, 0x18 }, 0 },
	{ "checksum of UDP over IPv4", { 4, 0, 0, 0, 777, 0 }, 0 },
	{ "checksum of UDP over IPv6", { 6, 0, 0, 0, 1, 0 }, 0 },
};

/* Addresses of no group: the kernel must take the frame for a packet as any. */
static struct frame *make_row(unsigned i)
{
	static const uint8_t ether[12] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2 };
	struct frame *f = make(&rows[i].shape);

	memcpy(f->data, ether, sizeof(ether));
	f->data[11] = i;
	f->gso_size = rows[i].gso_size;
	if (rows[i].gso_size)
		f->gso = rows[i].shape.version == 4 ? NETIF_GSO_TCPV4 : NETIF_GSO_TCPV6;
	seal_ip();
	return f;
}

/* A payload whose sum comes out as 0: UDP sends 0xffff. */
static struct frame *make_zero(void)
{
	unsigned udp = ARRAY_SIZE(rows) - 2;
	struct frame *f = make_row(udp);
	uint8_t *field;

	memset(f->data + made.payload, 0, 2);
	if (offload_parse(f) < 0)
		fail("a sum of zero", 0);
	offload_finish_checksum(f);
	field = f->data + made.transport + f->csum_offset;
	memcpy(f->data + made.payload, field, 2);
	f->csum_blank = true;
	return f;
}

int main(int argc, char **argv)
{
	int from, to;

	if (argc != 3)
		fail("usage: net-kernel-segments FROM TO", EINVAL);
	from = open_packet(argv[1], true);
	to = open_packet(argv[2], false);
	take_offloads(from, argv[1]);
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		compare(rows[i].what, from, to, argv[1], make_row(i));
	compare("checksum of UDP that is zero", from, to, argv[1], make_zero());
	close(from);
	close(to);
	return 0;
}
