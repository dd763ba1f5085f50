// SPDX-License-Identifier: MIT
/*
 * The null port: it swallows what it is sent, the floor for benchmarks. With the device
 * "echo" frames come back with their Ethernet addresses swapped, for tests.
 */
#include "config.h"
#include "backends/net/ports.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define ECHO_FRAMES 256u /* that wait in a queue; more are dropped */
#define NULL_MTU 65521u  /* the most that an IP packet leaves of a frame */

struct echo_queue {
	int fd; /* an eventfd: its count is not 0 while frames wait */
	unsigned first, count;
	struct frame frame[ECHO_FRAMES]; /* from first on, around; each has memory of its own */
};

struct null_port {
	uint32_t mtu;
	unsigned queues; /* of echo; 0: nothing comes back */
	struct echo_queue *queue;
};

static struct null_port *null_of(struct port *port)
{
	return (struct null_port *)port;
}

static void null_drop_all(struct echo_queue *q)
{
	uint64_t count;

	for (; q->count; q->count--) {
		free(q->frame[q->first].data);
		q->first = (q->first + 1) % ECHO_FRAMES;
	}
	/* Without frames it may say EAGAIN, which is as good. */
	(void)!read(q->fd, &count, sizeof(count));
}

static void null_close(struct port *port)
{
	struct null_port *p = null_of(port);

	if (!p)
		return;
	for (unsigned i = 0; i < p->queues; i++) {
		null_drop_all(&p->queue[i]);
		close(p->queue[i].fd);
	}
	free(p->queue);
	free(p);
}

static int null_start_echo(struct null_port *p, unsigned queues)
{
	p->queue = calloc(queues, sizeof(*p->queue));
	if (!p->queue)
		return -ENOMEM;
	for (; p->queues < queues; p->queues++) {
		int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

		if (fd < 0)
			return -errno;
		p->queue[p->queues].fd = fd;
	}
	return 0;
}

static int null_open(const struct port_config *config, struct port **port, char *why, size_t room)
{
	bool echo = config->device && strcmp(config->device, "echo") == 0;
	struct null_port *p;
	int rc = 0;

	if (config->device && config->device[0] && !echo) {
		snprintf(why, room, "%s: the null port has no device but \"echo\"", config->device);
		return -EINVAL;
	}
	p = calloc(1, sizeof(*p));
	if (!p)
		rc = -ENOMEM;
	else if (echo)
		rc = null_start_echo(p, config->queues);
	if (rc < 0) {
		snprintf(why, room, "null: %s", strerror(-rc));
		null_close((struct port *)p);
		return rc;
	}
	p->mtu = config->mtu ? config->mtu : NULL_MTU;
	*port = (struct port *)p;
	return 0;
}

static int null_connect(struct port *port, unsigned queues, const struct frame_offload *guest)
{
	return 0;
}

static void null_disconnect(struct port *port)
{
	struct null_port *p = null_of(port);

	for (unsigned i = 0; i < p->queues; i++)
		null_drop_all(&p->queue[i]);
}

static struct frame_offload null_offers(const struct port *port)
{
	return (struct frame_offload){ true, true, true, true, FRAME_MAX };
}

static uint32_t null_mtu(const struct port *port)
{
	return ((const struct null_port *)port)->mtu;
}

static int null_fd(struct port *port, unsigned queue)
{
	struct null_port *p = null_of(port);

	return queue < p->queues ? p->queue[queue].fd : -1;
}

/* False: it was dropped. */
static bool echo_keep(struct echo_queue *q, const struct frame *from)
{
	struct frame *to = &q->frame[(q->first + q->count) % ECHO_FRAMES];

	if (q->count == ECHO_FRAMES || from->len < NETIF_PACKET_MIN)
		return false;
	*to = *from;
	to->data = malloc(from->len);
	if (!to->data)
		return false;
	memcpy(to->data, from->data + 6, 6);
	memcpy(to->data + 6, from->data, 6);
	memcpy(to->data + 12, from->data + 12, from->len - 12);
	q->count++;
	return true;
}

static int null_send(struct port *port, unsigned queue, struct frame *frames, unsigned n)
{
	static const uint64_t one = 1;
	struct null_port *p = null_of(port);
	unsigned kept = 0;

	if (!p->queues)
		return (int)n;
	for (unsigned i = 0; i < n; i++)
		kept += echo_keep(&p->queue[queue], &frames[i]);
	/* It can only fail when the count is near 2^64. */
	if (kept)
		(void)!write(p->queue[queue].fd, &one, sizeof(one));
	return (int)n;
}

/* Hand over the oldest frame. False: the room is too small for it, and it was dropped. */
static bool echo_give(struct echo_queue *q, struct frame *to)
{
	struct frame from = q->frame[q->first];
	uint8_t *data = to->data;
	uint32_t room = to->room;
	bool fits = from.len <= room;

	q->first = (q->first + 1) % ECHO_FRAMES;
	q->count--;
	if (fits) {
		memcpy(data, from.data, from.len);
		*to = from;
		to->data = data;
		to->room = room;
	}
	free(from.data);
	return fits;
}

static int null_recv(struct port *port, unsigned queue, struct frame *frames, unsigned n)
{
	struct null_port *p = null_of(port);
	struct echo_queue *q;
	unsigned got = 0;
	uint64_t count;

	if (!p->queues)
		return 0;
	q = &p->queue[queue];
	while (got < n && q->count)
		got += echo_give(q, &frames[got]);
	if (!q->count)
		(void)!read(q->fd, &count, sizeof(count));
	return (int)got;
}

const struct port_ops port_ops_null = {
	.name = "null",
	.text = "swallows all frames, for benchmarks; device \"echo\" sends them back",
	.open = null_open,
	.close = null_close,
	.connect = null_connect,
	.disconnect = null_disconnect,
	.offers = null_offers,
	.mtu = null_mtu,
	.fd = null_fd,
	.send = null_send,
	.recv = null_recv,
};
