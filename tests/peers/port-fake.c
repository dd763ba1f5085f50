// SPDX-License-Identifier: MIT
#include "config.h"
#include "tests/peers/port-fake.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define FAKE_FRAMES 4096u
#define FAKE_QUEUES 8u

/* Frames with memory of their own, first in, first out. */
struct fake_list {
	struct frame frame[FAKE_FRAMES];
	unsigned first, count;
};

struct port_fake port_fake;
static pthread_mutex_t fake_lock = PTHREAD_MUTEX_INITIALIZER;
static struct fake_list fake_out, fake_in[FAKE_QUEUES];
static int fake_fd[FAKE_QUEUES];

static void list_add(struct fake_list *l, const struct frame *frame)
{
	struct frame *f = &l->frame[(l->first + l->count) % FAKE_FRAMES];

	if (l->count == FAKE_FRAMES)
		abort();
	*f = *frame;
	f->data = malloc(frame->len + 1);
	memcpy(f->data, frame->data, frame->len);
	l->count++;
}

static struct frame *list_first(struct fake_list *l)
{
	return l->count ? &l->frame[l->first] : NULL;
}

static void list_drop(struct fake_list *l)
{
	free(l->frame[l->first].data);
	l->first = (l->first + 1) % FAKE_FRAMES;
	l->count--;
}

void port_fake_reset(void)
{
	pthread_mutex_lock(&fake_lock);
	while (fake_out.count)
		list_drop(&fake_out);
	for (unsigned i = 0; i < FAKE_QUEUES; i++) {
		uint64_t n;

		while (fake_in[i].count)
			list_drop(&fake_in[i]);
		if (!fake_fd[i])
			fake_fd[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		(void)!read(fake_fd[i], &n, sizeof(n));
	}
	memset(&port_fake, 0, sizeof(port_fake));
	port_fake.offers = (struct frame_offload){ true, true, true, true, FRAME_MAX };
	port_fake.takes = 1u << 30;
	pthread_mutex_unlock(&fake_lock);
}

void port_fake_put(unsigned queue, const struct frame *frame)
{
	uint64_t one = 1;

	pthread_mutex_lock(&fake_lock);
	list_add(&fake_in[queue], frame);
	if (write(fake_fd[queue], &one, sizeof(one)) < 0)
		abort();
	pthread_mutex_unlock(&fake_lock);
}

static bool fake_get(struct frame *frame, uint8_t *bytes)
{
	struct frame *f;

	pthread_mutex_lock(&fake_lock);
	f = list_first(&fake_out);
	if (f) {
		*frame = *f;
		frame->data = bytes;
		memcpy(bytes, f->data, f->len);
		list_drop(&fake_out);
	}
	pthread_mutex_unlock(&fake_lock);
	return f;
}

bool port_fake_get(struct frame *frame, uint8_t *bytes, unsigned ms)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (unsigned i = 0; i <= ms; i++) {
		if (fake_get(frame, bytes))
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

unsigned port_fake_sent(void)
{
	unsigned n;

	pthread_mutex_lock(&fake_lock);
	n = fake_out.count;
	pthread_mutex_unlock(&fake_lock);
	return n;
}

unsigned port_fake_waiting(void)
{
	unsigned n = 0;

	pthread_mutex_lock(&fake_lock);
	for (unsigned i = 0; i < FAKE_QUEUES; i++)
		n += fake_in[i].count;
	pthread_mutex_unlock(&fake_lock);
	return n;
}

/* --- the port ---------------------------------------------------------------------------- */

static int fake_open(const struct port_config *config, struct port **port, char *why, size_t room)
{
	if (port_fake.open_error) {
		snprintf(why, room, "the test's port does not open");
		return port_fake.open_error;
	}
	port_fake.config = *config;
	snprintf(port_fake.name, sizeof(port_fake.name), "%s", config->name);
	port_fake.has_bridge = config->bridge;
	snprintf(port_fake.bridge, sizeof(port_fake.bridge), "%s", config->bridge ? config->bridge : "");
	*port = (struct port *)&port_fake;
	return 0;
}

static void fake_close(struct port *port)
{
}

static int fake_connect(struct port *port, unsigned queues, const struct frame_offload *guest)
{
	port_fake.guest = *guest;
	port_fake.connected = true;
	port_fake.connects++;
	return 0;
}

static void fake_disconnect(struct port *port)
{
	port_fake.connected = false;
	port_fake.disconnects++;
}

static struct frame_offload fake_offers(const struct port *port)
{
	return port_fake.offers;
}

static uint32_t fake_mtu(const struct port *port)
{
	return 1500;
}

static int fake_port_fd(struct port *port, unsigned queue)
{
	return fake_fd[queue];
}

static int fake_send(struct port *port, unsigned queue, struct frame *frames, unsigned n)
{
	if (port_fake.error)
		return port_fake.error;
	pthread_mutex_lock(&fake_lock);
	port_fake.sends++;
	n = n < port_fake.takes ? n : port_fake.takes;
	for (unsigned i = 0; i < n; i++) {
		list_add(&fake_out, &frames[i]);
		/* As a port may: nobody looks at it again. */
		memset(frames[i].data - FRAME_HEADROOM, 0xee, FRAME_HEADROOM);
	}
	pthread_mutex_unlock(&fake_lock);
	return (int)n;
}

static int fake_recv(struct port *port, unsigned queue, struct frame *frames, unsigned n)
{
	struct fake_list *l = &fake_in[queue];
	uint64_t count;
	unsigned i;

	if (port_fake.error)
		return port_fake.error;
	pthread_mutex_lock(&fake_lock);
	port_fake.recvs++;
	for (i = 0; i < n && l->count; i++) {
		struct frame *f = list_first(l);
		uint8_t *data = frames[i].data;
		uint32_t room = frames[i].room;

		frames[i] = *f;
		frames[i].data = data;
		frames[i].room = room;
		memset(data - FRAME_HEADROOM, 0xee, FRAME_HEADROOM);
		memcpy(data, f->data, f->len < room ? f->len : room);
		list_drop(l);
	}
	if (!l->count)
		(void)!read(fake_fd[queue], &count, sizeof(count));
	pthread_mutex_unlock(&fake_lock);
	return (int)i;
}

const struct port_ops port_ops_fake = {
	.name = "fake",
	.text = "a test's",
	.open = fake_open,
	.close = fake_close,
	.connect = fake_connect,
	.disconnect = fake_disconnect,
	.offers = fake_offers,
	.mtu = fake_mtu,
	.fd = fake_port_fd,
	.send = fake_send,
	.recv = fake_recv,
};
