// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/net/port-tun.h"

#include <errno.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "backends/net/port-vnet.h"
#include "common/array.h"
#include "common/confine.h"
#include "common/log.h"

/* Reading and writing are every program's. */
static const struct confine_rule tun_rules[] = { CONFINE_CALL_IF(ioctl, 1, TUNSETOFFLOAD),
	CONFINE_CALL_IF(ioctl, 1, TUNSETQUEUE), CONFINE_CALL_IF(ioctl, 1, TUNSETCARRIER) };
const struct confine_table tun_confine = { tun_rules, ARRAY_SIZE(tun_rules) };

static struct tun *tun_of(struct port *port)
{
	return (struct tun *)port;
}

int tun_add(struct tun *tun, int fd)
{
	int bytes = VNET_BYTES;

	if (ioctl(fd, TUNSETVNETHDRSZ, &bytes) < 0)
		return -errno;
	batch_open(&tun->batch[tun->queues], fd);
	tun->fd[tun->queues++] = fd;
	return 0;
}

void tun_close(struct tun *tun)
{
	for (unsigned i = 0; i < tun->queues; i++) {
		batch_close(&tun->batch[i]);
		close(tun->fd[i]);
	}
	tun->queues = 0;
}

/* Only queues that are attached get frames. Detaching one drops what waits in it. */
static int tun_attach(struct tun *tun, unsigned queue, bool attach)
{
	struct ifreq ifr = { .ifr_flags = attach ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE };

	/* EINVAL: it is so already. */
	return ioctl(tun->fd[queue], TUNSETQUEUE, &ifr) < 0 && errno != EINVAL ? -errno : 0;
}

/* Of a macvtap's queue what waits in it stays. It has ended when no more comes, as none is attached. */
static void tun_drain(struct tun *tun)
{
	uint8_t head[VNET_BYTES + 64];

	for (unsigned i = 0; i < tun->queues; i++)
		while (read(tun->fd[i], head, sizeof(head)) > 0)
			;
}

static int tun_attach_all(struct tun *tun, unsigned queues)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < tun->queues; i++)
		rc = tun_attach(tun, i, i < queues);
	return rc;
}

/* A macvtap has none of its own, and Linux before 4.20 knows no such call. */
static void tun_set_carrier(struct tun *tun, int on)
{
	(void)!ioctl(tun->fd[0], TUNSETCARRIER, &on);
}

/* What the kernel leaves undone; the rest it does before we read. */
static unsigned long tun_offload_flags(const struct frame_offload *guest)
{
	unsigned long flags = 0;

	if (guest->csum_ipv4 || guest->csum_ipv6)
		flags |= TUN_F_CSUM;
	if (guest->csum_ipv4 && guest->tso4)
		flags |= TUN_F_TSO4;
	if (guest->csum_ipv6 && guest->tso6)
		flags |= TUN_F_TSO6;
	return flags;
}

int tun_connect(struct port *port, unsigned queues, const struct frame_offload *guest)
{
	struct tun *tun = tun_of(port);
	int rc;

	if (queues == 0 || queues > tun->queues)
		return -EINVAL;
	/* All are off now: nothing waits in them that a guest with more offloads was meant to get. */
	rc = tun_attach_all(tun, 0);
	tun_drain(tun);
	if (rc == 0 && ioctl(tun->fd[0], TUNSETOFFLOAD, tun_offload_flags(guest)) < 0)
		rc = -errno;
	if (rc == 0)
		rc = tun_attach_all(tun, queues);
	if (rc < 0) {
		log_err("%s: its queues cannot be set up: %s", tun->name, strerror(-rc));
		return rc;
	}
	tun_set_carrier(tun, 1);
	return 0;
}

void tun_disconnect(struct port *port)
{
	struct tun *tun = tun_of(port);
	int rc;

	tun_set_carrier(tun, 0);
	rc = tun_attach_all(tun, 0);
	if (rc < 0)
		log_warn("%s: its queues cannot be switched off: %s", tun->name, strerror(-rc));
}

struct frame_offload tun_offers(const struct port *port)
{
	return (struct frame_offload){ true, true, true, true, FRAME_MAX };
}

uint32_t tun_mtu(const struct port *port)
{
	return ((const struct tun *)port)->mtu;
}

int tun_fd(struct port *port, unsigned queue)
{
	return tun_of(port)->fd[queue];
}

/*
 * What an error of reading or writing means. The interface is gone when somebody deleted it;
 * that it is down, or out of memory, or that a frame is not to its liking, passes.
 */
static int tun_error(struct tun *tun, int error)
{
	static struct log_limit limit = { .burst = 1, .interval_ms = 10000 };

	if (error != EBADFD && error != ENODEV && error != ENXIO)
		return 0;
	if (log_limit_ok(&limit))
		log_err("%s is gone: it was removed while it was in use", tun->name);
	return -ENODEV;
}

int tun_send(struct port *port, unsigned queue, struct frame *frames, unsigned n)
{
	struct tun *tun = tun_of(port);
	unsigned done;
	int error;

	for (unsigned i = 0; i < n; i++)
		vnet_put(&frames[i]);
	done = batch_write(&tun->batch[queue], frames, n, VNET_BYTES, &error);
	return error && tun_error(tun, error) < 0 ? -ENODEV : (int)done;
}

/* What reading into @f came to: bytes or -errno. 1: it is there; 0: none waits; -errno; -EAGAIN: it was dropped. */
static int tun_got(struct tun *tun, struct frame *f, ssize_t n)
{
	if (n < 0)
		return n == -EAGAIN ? 0 : n == -EINTR ? -EAGAIN : tun_error(tun, (int)-n);
	/* What fills the room to the end may have been cut off. */
	if ((size_t)n < VNET_BYTES || (size_t)n - VNET_BYTES >= f->room)
		return -EAGAIN;
	f->len = (uint32_t)((size_t)n - VNET_BYTES);
	return vnet_get(f) < 0 ? -EAGAIN : 1;
}

static ssize_t tun_read(struct tun *tun, unsigned queue, struct frame *f)
{
	ssize_t n = read(tun->fd[queue], f->data - VNET_BYTES, VNET_BYTES + f->room);

	return n < 0 ? -errno : n;
}

static int tun_recv_each(struct tun *tun, unsigned queue, struct frame *frames, unsigned n)
{
	unsigned got = 0;

	while (got < n) {
		int rc = tun_got(tun, &frames[got], tun_read(tun, queue, &frames[got]));

		if (rc == 0)
			break;
		if (rc < 0 && rc != -EAGAIN)
			return got ? (int)got : rc;
		got += rc == 1;
	}
	return (int)got;
}

/* Frames that are there go to the front, in their order. */
static int tun_recv_batch(struct tun *tun, struct frame *frames, const int *result, unsigned n)
{
	unsigned got = 0;
	int failed = 0;

	for (unsigned i = 0; i < n; i++) {
		struct frame f = frames[i];
		int rc = tun_got(tun, &f, result[i]);

		if (rc == 1) {
			frames[i] = frames[got];
			frames[got++] = f;
		} else if (rc < 0 && rc != -EAGAIN) {
			failed = rc;
		}
	}
	return got ? (int)got : failed;
}

int tun_recv(struct port *port, unsigned queue, struct frame *frames, unsigned n)
{
	struct tun *tun = tun_of(port);
	int result[BATCH_FRAMES];
	unsigned read = n > 1 ? batch_read(&tun->batch[queue], frames, n, VNET_BYTES, result) : 0;

	return read ? tun_recv_batch(tun, frames, result, read) : tun_recv_each(tun, queue, frames, n);
}
