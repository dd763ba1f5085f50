// SPDX-License-Identifier: MIT
/*
 * A tap: an interface of the host that is made for the guest and goes with this process.
 * Whoever wants it on a bridge names that, or lets a script do it.
 */
#include "config.h"
#include "backends/net/ports.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "backends/net/link.h"
#include "backends/net/port-tun.h"

/* The interface's own address. The guest has the configured one, and a bridge takes its lowest. */
static const uint8_t tap_mac[6] = { 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff };

/* What a predecessor has is gone with the last of its threads, which may take a moment. */
#define TAP_PATIENCE_MS 2000u

/* An opening tap: what is needed until it is done, and where the reason is written. */
struct tap_opening {
	const struct port_config *config;
	struct tun *tun;
	int nl;
	char *why;
	size_t room;
};

static int tap_fail(struct tap_opening *o, int rc, const char *remedy)
{
	snprintf(o->why, o->room, "tap %s: %s%s", o->tun->name, strerror(-rc), remedy);
	return rc;
}

static int tap_open_device(struct tap_opening *o)
{
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK), rc = -errno;

	if (fd >= 0)
		return fd;
	if (rc == -ENOENT || rc == -ENODEV || rc == -ENXIO)
		return tap_fail(o, rc, ": there is no /dev/net/tun: load the kernel's module tun (modprobe tun), or give the container the device");
	return tap_fail(o, rc, ": /dev/net/tun cannot be opened: its owner must allow it (chmod 0666 /dev/net/tun)");
}

static int tap_why_not(struct tap_opening *o, int rc)
{
	if (rc == -EPERM)
		return tap_fail(o, rc, ": making a tap takes CAP_NET_ADMIN in the network namespace; the port \"user\" takes no privilege");
	if (rc == -EBUSY)
		return tap_fail(o, rc, ": the name is in use by another interface: remove that (ip link del) or choose another vifname");
	return tap_fail(o, rc, ": the kernel does not make it");
}

/* Whether an interface of that name is of our making: its process is about to be gone. */
static bool tap_is_ours(struct tap_opening *o)
{
	struct link_info info;

	return link_get(o->nl, o->tun->name, &info) == -ENODEV ||
		strcmp(info.alias, LINK_ALIAS) == 0;
}

static int tap_set_name(struct tap_opening *o, int fd, short flags)
{
	struct ifreq ifr = { .ifr_flags = flags };

	memcpy(ifr.ifr_name, o->tun->name, IFNAMSIZ);
	return ioctl(fd, TUNSETIFF, &ifr) < 0 ? -errno : 0;
}

/* The first queue makes the interface, and must: the tap of another would be joined silently. */
static int tap_make(struct tap_opening *o, int fd, short flags)
{
	const struct timespec pause = { .tv_nsec = 20 * 1000000 };
	int rc = tap_set_name(o, fd, flags | (short)IFF_TUN_EXCL);

	for (unsigned ms = 0; rc == -EBUSY && ms < TAP_PATIENCE_MS && tap_is_ours(o); ms += 20) {
		nanosleep(&pause, NULL);
		rc = tap_set_name(o, fd, flags | (short)IFF_TUN_EXCL);
	}
	return rc;
}

static int tap_open_queue(struct tap_opening *o)
{
	static const short flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE;
	struct tun *tun = o->tun;
	int fd = tap_open_device(o), rc;

	if (fd < 0)
		return fd;
	rc = tun->queues ? tap_set_name(o, fd, flags) : tap_make(o, fd, flags);
	if (rc == 0)
		rc = tun_add(tun, fd);
	if (rc < 0) {
		close(fd);
		return tap_why_not(o, rc);
	}
	return 0;
}

/* The bridge's index in @change, and its MTU if none is wished. */
static int tap_find_bridge(struct tap_opening *o, struct link_change *change)
{
	const char *name = o->config->bridge;
	struct link_info bridge;
	int rc = link_get(o->nl, name, &bridge);

	if (rc < 0) {
		snprintf(o->why, o->room, "tap %s: no bridge %s (%s): make it (ip link add %s type bridge; ip link set %s up), or name another",
			o->tun->name, name, strerror(-rc), name, name);
		return rc;
	}
	if (strcmp(bridge.kind, "bridge") != 0) {
		snprintf(o->why, o->room, "tap %s: %s is no bridge of Linux but %s: name one, or a script that attaches to that",
			o->tun->name, name, bridge.kind[0] ? bridge.kind : "a network card");
		return -ENOTSUP;
	}
	change->master = bridge.index;
	change->silent = true;
	if (!change->mtu)
		change->mtu = bridge.mtu;
	return 0;
}

static int tap_set_up(struct tap_opening *o)
{
	struct link_change change = {
		.mac = tap_mac, .mtu = o->config->mtu, .alias = LINK_ALIAS, .up = true,
		/* A tag may be put in after the kernel has looked at the length. */
		.gso_max = FRAME_MAX - 4,
	};
	const char *bridge = o->config->bridge;
	struct link_info info = { 0 };
	int off = 0, rc;

	(void)!ioctl(o->tun->fd[0], TUNSETCARRIER, &off);
	if (bridge && bridge[0]) {
		rc = tap_find_bridge(o, &change);
		if (rc < 0)
			return rc;
	}
	rc = link_get(o->nl, o->tun->name, &info);
	if (rc == 0)
		rc = link_set(o->nl, info.index, &change);
	if (rc == -EINVAL && change.mtu)
		return tap_fail(o, rc, ": its MTU must be from 68 to 65521");
	if (rc < 0)
		return tap_fail(o, rc, ": its address, MTU or bridge cannot be set");
	rc = link_get(o->nl, o->tun->name, &info);
	o->tun->mtu = info.mtu;
	return rc < 0 ? tap_fail(o, rc, ": it is gone already") : 0;
}

static int tap_open_all(struct tap_opening *o)
{
	int rc = 0;

	while (rc == 0 && o->tun->queues < o->config->queues)
		rc = tap_open_queue(o);
	if (rc == 0)
		rc = tap_set_up(o);
	/* No guest is there yet. */
	if (rc == 0)
		tun_disconnect((struct port *)o->tun);
	return rc;
}

static void tap_close(struct port *port)
{
	struct tun *tun = (struct tun *)port;

	if (!tun)
		return;
	/* The interface goes with its last queue. */
	tun_close(tun);
	free(tun);
}

static int tap_open(const struct port_config *config, struct port **port, char *why, size_t room)
{
	struct tap_opening o = { .config = config, .why = why, .room = room };
	CLEANUP_CLOSE int nl = -1;
	int rc;

	if (link_name_why(config->name)) {
		snprintf(why, room, "tap \"%s\": %s: choose another vifname",
			config->name ? config->name : "", link_name_why(config->name));
		return -EINVAL;
	}
	if (config->queues == 0 || config->queues > TUN_QUEUES) {
		snprintf(why, room, "tap %s: it has 1 to %u queues, not %u", config->name,
			TUN_QUEUES, config->queues);
		return -EINVAL;
	}
	o.tun = calloc(1, sizeof(*o.tun));
	o.nl = nl = link_socket();
	if (!o.tun || nl < 0) {
		snprintf(why, room, "tap %s: %s", config->name, strerror(o.tun ? -nl : ENOMEM));
		free(o.tun);
		return o.tun ? nl : -ENOMEM;
	}
	strcpy(o.tun->name, config->name);
	rc = tap_open_all(&o);
	if (rc < 0) {
		tap_close((struct port *)o.tun);
		return rc;
	}
	*port = (struct port *)o.tun;
	return 0;
}

const struct port_ops port_ops_tap = {
	.name = "tap",
	.text = "an interface of the host's that is made for it, on a bridge",
	.confine = &tun_confine,
	.reads_many = true,
	.open = tap_open,
	.close = tap_close,
	.connect = tun_connect,
	.disconnect = tun_disconnect,
	.offers = tun_offers,
	.mtu = tun_mtu,
	.fd = tun_fd,
	.send = tun_send,
	.recv = tun_recv,
};
