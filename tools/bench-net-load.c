// SPDX-License-Identifier: MIT
/*
 * Endpoints that are no domains: plain programs that read and write packets, one system call
 * each on a TAP and a few at a time on a packet socket; and the sources of what is received.
 */
#include "config.h"
#include "tools/bench-net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/if_packet.h>
#include <linux/virtio_net.h>

#define BATCH 32u
/* Looks at stop so often when nothing happens. */
#define PAUSE_MS 50

int netbench_fail(struct netbench_run *run, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(run->why, sizeof(run->why), fmt, ap);
	va_end(ap);
	run->failed = 1;
	return 1;
}

static uint16_t ip_sum(const uint8_t *header)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < 20; i += 2)
		sum += header[i] << 8 | header[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(sum + (sum >> 16));
}

static void put16(uint8_t *at, unsigned value)
{
	at[0] = value >> 8;
	at[1] = (uint8_t)value;
}

void netbench_frame(const struct netbench_run *run, const uint8_t from[6], unsigned flow, uint8_t *frame)
{
	static const uint8_t addresses[8] = { 192, 0, 2, 1, 192, 0, 2, 2 }; /* of documentation */
	uint8_t *ip = frame + 14, *transport = ip + 20;
	uint32_t sum = 0;

	memset(frame, 0x5a, run->size);
	memset(frame + 12, 0, 42);
	memcpy(frame, run->to, 6);
	memcpy(frame + 6, from, 6);
	put16(frame + 12, 0x0800);
	ip[0] = 0x45;
	put16(ip + 2, run->size - 14);
	ip[8] = 64;
	ip[9] = run->gso ? 6 : 17;
	memcpy(ip + 12, addresses, sizeof(addresses));
	put16(ip + 10, ip_sum(ip));
	put16(transport, 10000 + flow);
	put16(transport + 2, 9); /* discard */
	if (!run->gso) {
		put16(transport + 4, run->size - 34);
		return; /* without a checksum, as UDP may be */
	}
	transport[12] = 0x50;
	transport[13] = 0x10;
	/* What a kernel leaves there: the pseudo header's sum. */
	for (unsigned i = 12; i < 20; i += 2)
		sum += ip[i] << 8 | ip[i + 1];
	sum += 6 + run->size - 34;
	sum = (sum & 0xffff) + (sum >> 16);
	put16(transport + 16, sum + (sum >> 16));
}

static void make_header(const struct netbench_run *run, struct virtio_net_hdr *hdr)
{
	*hdr = (struct virtio_net_hdr){ .flags = 0 };
	if (!run->gso)
		return;
	hdr->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	hdr->gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
	hdr->gso_size = NETBENCH_GSO_SEGMENT;
	hdr->hdr_len = 54;
	hdr->csum_start = 34;
	hdr->csum_offset = 16;
}

/* --- packet sockets ------------------------------------------------------------------- */

/* Frames of several flows with their headers, and room for as many received. */
struct batch {
	struct virtio_net_hdr hdr[BATCH];
	struct iovec iov[BATCH][2];
	struct mmsghdr message[BATCH];
	uint8_t *memory;
};

/* @shared: the frames are all received into one place. */
static int batch_init(struct batch *b, const struct netbench_run *run, unsigned flow, bool receive)
{
	size_t room = receive ? NETBENCH_FRAME_MAX + 64 : run->size;
	static const uint8_t from[6] = { 2, 0, 0, 0, 0, 0x77 };

	memset(b, 0, sizeof(*b));
	b->memory = malloc(room * BATCH);
	if (!b->memory)
		return -ENOMEM;
	for (unsigned i = 0; i < BATCH; i++) {
		uint8_t *frame = b->memory + room * i;

		make_header(run, &b->hdr[i]);
		if (!receive)
			netbench_frame(run, from, flow * BATCH + i, frame);
		b->iov[i][0] = (struct iovec){ &b->hdr[i], sizeof(b->hdr[i]) };
		b->iov[i][1] = (struct iovec){ frame, room };
		b->message[i].msg_hdr.msg_iov = b->iov[i];
		b->message[i].msg_hdr.msg_iovlen = 2;
	}
	return 0;
}

void netbench_send_packets(struct netbench_run *run, int fd, unsigned flow)
{
	struct batch b;

	if (batch_init(&b, run, flow, false) < 0)
		return;
	while (!run->stop) {
		/* Sleeps while the interface's queue is full. */
		if (sendmmsg(fd, b.message, BATCH, 0) < 0)
			usleep(1000);
	}
	free(b.memory);
}

struct worker {
	struct netbench_run *run;
	int fd;
	unsigned index;
	pthread_t thread;
};

static void *source_main(void *opaque)
{
	struct worker *w = opaque;

	netbench_send_packets(w->run, w->fd, 1 + w->index);
	return NULL;
}

/* They end with the process. */
int netbench_start_sources(struct netbench_run *run, const char *name)
{
	static struct worker workers[NETBENCH_QUEUES_MAX];

	for (unsigned i = 0; i < run->queues; i++) {
		struct worker *w = &workers[i];
		int rc;

		*w = (struct worker){ .run = run, .fd = netbench_open_packet(name), .index = i };
		if (w->fd < 0)
			return w->fd;
		rc = pthread_create(&w->thread, NULL, source_main, w);
		if (rc != 0)
			return -rc;
	}
	return 0;
}

/* Blocking calls would not see the end: packets are sent and received while there are some. */
static void packet_loop(struct worker *w)
{
	struct netbench_run *run = w->run;
	struct batch out = { .memory = NULL }, in = { .memory = NULL };
	struct pollfd p = { .fd = w->fd,
		.events = (run->dir & NETBENCH_TX ? POLLOUT : 0) | (run->dir & NETBENCH_RX ? POLLIN : 0) };

	if (batch_init(&out, run, w->index, false) < 0 || batch_init(&in, run, 0, true) < 0)
		run->stop = netbench_fail(run, "out of memory");
	while (!run->stop) {
		int sent = 0, got = 0;

		if (run->dir & NETBENCH_TX)
			sent = sendmmsg(w->fd, out.message, BATCH, MSG_DONTWAIT);
		if (sent > 0)
			netbench_count(&run->tx[w->index], sent, (uint64_t)sent * run->size);
		if (run->dir & NETBENCH_RX)
			got = recvmmsg(w->fd, in.message, BATCH, MSG_DONTWAIT, NULL);
		for (int i = 0; i < got; i++)
			netbench_count(&run->rx[w->index], 1, in.message[i].msg_len - sizeof(struct virtio_net_hdr));
		if (sent <= 0 && got <= 0)
			(void)poll(&p, 1, PAUSE_MS);
	}
	free(out.memory);
	free(in.memory);
}

/* --- a TAP ---------------------------------------------------------------------------- */

static unsigned tap_write(struct worker *w, const struct batch *out)
{
	unsigned n = 0;

	while (n < BATCH && writev(w->fd, out->iov[n], 2) > 0)
		n++;
	netbench_count(&w->run->tx[w->index], n, (uint64_t)n * w->run->size);
	return n;
}

static unsigned tap_read(struct worker *w, uint8_t *buffer)
{
	unsigned n = 0;
	ssize_t got;

	while (n < BATCH && (got = read(w->fd, buffer, NETBENCH_FRAME_MAX + 64)) > 0) {
		netbench_count(&w->run->rx[w->index], 1, got - sizeof(struct virtio_net_hdr));
		n++;
	}
	return n;
}

static void tap_loop(struct worker *w)
{
	struct netbench_run *run = w->run;
	uint8_t *buffer = malloc(NETBENCH_FRAME_MAX + 64);
	struct pollfd p = { .fd = w->fd, .events = run->dir & NETBENCH_RX ? POLLIN : 0 };
	struct batch out;

	if (!buffer || batch_init(&out, run, w->index, false) < 0)
		run->stop = netbench_fail(run, "out of memory");
	while (!run->stop) {
		unsigned done = 0;

		if (run->dir & NETBENCH_TX)
			done = tap_write(w, &out);
		if (run->dir & NETBENCH_RX)
			done += tap_read(w, buffer);
		if (!done)
			(void)poll(&p, 1, PAUSE_MS);
	}
	free(buffer);
}

/* --- threads -------------------------------------------------------------------------- */

static void *tap_main(void *opaque)
{
	tap_loop(opaque);
	return NULL;
}

static void *packet_main(void *opaque)
{
	packet_loop(opaque);
	return NULL;
}

static int run_threads(struct netbench_run *run, const int *fds, void *(*fn)(void *))
{
	struct worker workers[NETBENCH_QUEUES_MAX];
	unsigned n = 0;

	for (; n < run->queues; n++) {
		workers[n] = (struct worker){ .run = run, .fd = fds[n], .index = n };
		if (pthread_create(&workers[n].thread, NULL, fn, &workers[n]) != 0) {
			run->stop = netbench_fail(run, "cannot start a thread");
			break;
		}
	}
	run->ready = 1;
	while (n)
		pthread_join(workers[--n].thread, NULL);
	return run->failed;
}

int netbench_tap_endpoint(struct netbench_run *run, const int *fds)
{
	return run_threads(run, fds, tap_main);
}

int netbench_packet_endpoint(struct netbench_run *run, const char *name)
{
	int fds[NETBENCH_QUEUES_MAX];

	for (unsigned i = 0; i < run->queues; i++) {
		int fanout = PACKET_FANOUT_HASH << 16 | (getpid() & 0xffff);
		int rc = netbench_open_packet(name);

		fds[i] = rc;

		/* Several readers share what comes, by its flow. */
		if (rc >= 0 && run->queues > 1 &&
			setsockopt(fds[i], SOL_PACKET, PACKET_FANOUT, &fanout, sizeof(fanout)) < 0)
			rc = -errno;
		if (rc < 0)
			return netbench_fail(run, "%s: %s", name, strerror(-rc));
	}
	return run_threads(run, fds, packet_main);
}
