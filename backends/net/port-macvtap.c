// SPDX-License-Identifier: MIT
/*
 * A macvtap: the guest is on the network of an interface of the host's, beside the host. It
 * is made on the interface, or one that is there already is taken.
 *
 * Unlike a tap a macvtap does not go with who has it open. So it is moved to a network
 * namespace that nothing but this process holds, which takes it along when it ends, however
 * that happens. Where a namespace cannot be made it stays in sight, and the next process of
 * that name removes it.
 */
#include "config.h"
#include "backends/net/ports.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "backends/net/link.h"
#include "backends/net/port-tun.h"
#include "common/log.h"

/* The namespace of a predecessor, and with it the guest's address, is gone soon after that. */
#define MACVTAP_PATIENCE_MS 2000u

struct macvtap_port {
	struct tun tun;
	bool made;  /* by us: to be deleted */
	int index;
	int netns;  /* that it is in, or -1: in the one it was made in */
	int nl;     /* of the namespace that it is in */
};

/* An opening one: where the reason is written. */
struct macvtap_opening {
	const struct port_config *config;
	struct macvtap_port *port;
	char *why;
	size_t room;
};

static int macvtap_fail(struct macvtap_opening *o, int rc, const char *remedy)
{
	snprintf(o->why, o->room, "macvtap %s: %s%s", o->config->name, strerror(-rc), remedy);
	return rc;
}

static int macvtap_cannot_make(struct macvtap_opening *o, int rc)
{
	switch (rc) {
	case -EPERM:
		return macvtap_fail(o, rc, ": making a macvtap takes CAP_NET_ADMIN in the network namespace; the port \"user\" takes no privilege");
	case -EEXIST:
		return macvtap_fail(o, rc, ": the name is in use by another interface: remove that (ip link del) or choose another vifname");
	case -EBUSY:
		return macvtap_fail(o, rc, ": the device is in use by a bridge, or by macvtaps of another mode");
	case -EADDRINUSE:
		return macvtap_fail(o, rc, ": the guest's MAC address is in use on the device: choose another");
	case -EOPNOTSUPP:
		return macvtap_fail(o, rc, ": the kernel has no macvtap: load the module (modprobe macvtap)");
	case -EINVAL:
		return macvtap_fail(o, rc, ": the kernel does not make it: is the device an Ethernet interface, and the MTU not above its own?");
	default:
		return macvtap_fail(o, rc, ": the kernel does not make it");
	}
}

static int macvtap_find_device(struct macvtap_opening *o, struct link_info *device)
{
	const char *name = o->config->device;
	int rc;

	if (!name || !name[0]) {
		snprintf(o->why, o->room, "macvtap %s: it stands on an interface of the host's, and none is named: set device", o->config->name);
		return -EINVAL;
	}
	rc = link_get(o->port->nl, name, device);
	if (rc < 0)
		snprintf(o->why, o->room, "macvtap %s: no interface %s (%s): name another device; ip link shows them",
			o->config->name, name, strerror(-rc));
	return rc;
}

/* What a predecessor that could not hide its own left. The daemon's lock says that it is gone. */
static int macvtap_remove_stale(struct macvtap_opening *o)
{
	struct link_info info;
	int rc = link_get(o->port->nl, o->config->name, &info);

	if (rc == -ENODEV)
		return 0;
	if (rc == 0 && strcmp(info.kind, "macvtap") == 0 && strcmp(info.alias, LINK_ALIAS) == 0)
		rc = link_delete(o->port->nl, info.index);
	else if (rc == 0)
		rc = -EEXIST;
	return rc;
}

/* Addresses are compared when it goes up. */
static int macvtap_switch_on(struct macvtap_opening *o, int index)
{
	const struct link_change change = { .alias = LINK_ALIAS, .up = true, .silent = true };
	const struct timespec pause = { .tv_nsec = 20 * 1000000 };
	int rc = link_set(o->port->nl, index, &change);

	for (unsigned ms = 0; rc == -EADDRINUSE && ms < MACVTAP_PATIENCE_MS; ms += 20) {
		nanosleep(&pause, NULL);
		rc = link_set(o->port->nl, index, &change);
	}
	return rc;
}

static int macvtap_make(struct macvtap_opening *o, struct link_info *info)
{
	const struct link_change change = { .mac = o->config->mac, .mtu = o->config->mtu,
		.gso_max = FRAME_MAX - 4, .silent = true };
	struct link_info device;
	int rc = macvtap_find_device(o, &device);

	if (rc < 0)
		return rc;
	if (memcmp(o->config->mac, (uint8_t[6]){ 0 }, 6) == 0)
		return macvtap_fail(o, -EADDRNOTAVAIL, ": it has the guest's address, and that is not known: set mac");
	rc = macvtap_remove_stale(o);
	if (rc == 0)
		rc = link_add_macvtap(o->port->nl, o->config->name, device.index,
			o->config->queues, &change);
	o->port->made = rc == 0;
	if (rc == 0)
		rc = link_get(o->port->nl, o->config->name, info);
	if (rc == 0) {
		o->port->index = info->index;
		rc = macvtap_switch_on(o, info->index);
	}
	return rc < 0 ? macvtap_cannot_make(o, rc) : 0;
}

/* The device named is one that somebody else made for us, or what it is to be made on. */
static int macvtap_find(struct macvtap_opening *o, struct link_info *info)
{
	const char *device = o->config->device;
	int rc = device && device[0] ? link_get(o->port->nl, device, info) : -ENODEV;

	if (rc == 0 && strcmp(info->kind, "macvtap") == 0) {
		o->port->index = info->index;
		strcpy(o->port->tun.name, device);
		return 0;
	}
	return macvtap_make(o, info);
}

/*
 * Its character device has the interface's index in its name, but in which /dev? It must say
 * itself that it is of the interface.
 */
static bool macvtap_is_it(int fd, const char *name, const uint8_t mac[6])
{
	struct ifreq is = { .ifr_flags = 0 }, address = { .ifr_flags = 0 };

	if (ioctl(fd, TUNGETIFF, &is) < 0 || strncmp(is.ifr_name, name, IFNAMSIZ) != 0)
		return false;
	return ioctl(fd, SIOCGIFHWADDR, &address) == 0 &&
		memcmp(address.ifr_hwaddr.sa_data, mac, 6) == 0;
}

static int macvtap_open_path(const char *path, const struct link_info *info, const char *name)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (macvtap_is_it(fd, name, info->mac))
		return fd;
	close(fd);
	return -ENXIO;
}

/* In a /dev that the kernel does not fill a node is made for as long as it takes to open it. */
static int macvtap_open_node(const struct link_info *info, const char *name)
{
	char path[80], text[32] = "";
	unsigned major, minor;
	CLEANUP_CLOSE int fd = -1;
	int rc;

	snprintf(path, sizeof(path), "/sys/class/net/%s/tap%d/dev", name, info->index);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return -ENOENT;
	if (sscanf(text, "%u:%u", &major, &minor) != 2)
		return -EPROTO;
	snprintf(path, sizeof(path), "/dev/sluice-tap-%d", (int)getpid());
	if (mknod(path, S_IFCHR | 0600, makedev(major, minor)) < 0)
		return -errno;
	rc = macvtap_open_path(path, info, name);
	unlink(path);
	return rc;
}

static int macvtap_open_queue(struct macvtap_opening *o, const struct link_info *info)
{
	struct tun *tun = &o->port->tun;
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE };
	char path[32];
	int fd, rc = 0;

	snprintf(path, sizeof(path), "/dev/tap%d", info->index);
	fd = macvtap_open_path(path, info, tun->name);
	if (fd == -ENOENT || fd == -ENXIO)
		fd = macvtap_open_node(info, tun->name);
	if (fd < 0) {
		snprintf(o->why, o->room, "macvtap %s: its device %s cannot be opened (%s): it must be in /dev and be this user's (with udev or devtmpfs it appears; in a container pass it in, or use a tap)",
			tun->name, path, strerror(-fd));
		return fd;
	}
	memcpy(ifr.ifr_name, tun->name, IFNAMSIZ);
	if (ioctl(fd, TUNSETIFF, &ifr) < 0)
		rc = -errno;
	if (rc == 0)
		rc = tun_add(tun, fd);
	if (rc < 0) {
		close(fd);
		return macvtap_fail(o, rc, ": its device does not do what a macvtap's does");
	}
	return 0;
}

/* A namespace, and a socket in it. *@nl: or -1. Return: it, or -errno. */
static int macvtap_make_netns(int *nl)
{
	CLEANUP_CLOSE int old = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	int made;

	if (old < 0)
		return -errno;
	if (unshare(CLONE_NEWNET) < 0)
		return -errno;
	made = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	*nl = link_socket();
	if (setns(old, CLONE_NEWNET) < 0)
		die("cannot get back to the network namespace: %s", strerror(errno));
	return made;
}

/* Move it out of sight. The queues stay open on it. */
static void macvtap_hide(struct macvtap_port *p)
{
	struct link_change move = { .netns = -1 }, up = { .up = true };
	struct link_info info;
	int nl = -1;

	p->netns = macvtap_make_netns(&nl);
	move.netns = p->netns;
	if (p->netns >= 0 && nl >= 0 && link_set(p->nl, p->index, &move) == 0) {
		close(p->nl);
		p->nl = nl;
		/* A move takes it down. */
		if (link_get(nl, p->tun.name, &info) == 0) {
			p->index = info.index;
			(void)!link_set(nl, info.index, &up);
		}
		return;
	}
	if (nl >= 0)
		close(nl);
	if (p->netns >= 0)
		close(p->netns);
	p->netns = -1;
}

static int macvtap_open_all(struct macvtap_opening *o)
{
	struct macvtap_port *p = o->port;
	struct link_info info = { 0 };
	int rc = macvtap_find(o, &info);

	if (rc < 0)
		return rc;
	/* With the address that it has now. */
	rc = link_get(p->nl, p->tun.name, &info);
	if (rc < 0)
		return macvtap_fail(o, rc, ": it is gone already");
	p->tun.mtu = info.mtu;
	while (rc == 0 && p->tun.queues < o->config->queues)
		rc = macvtap_open_queue(o, &info);
	if (rc < 0)
		return rc;
	if (p->made)
		macvtap_hide(p);
	tun_disconnect((struct port *)p);
	return 0;
}

static void macvtap_close(struct port *port)
{
	struct macvtap_port *p = (struct macvtap_port *)port;

	if (!p)
		return;
	tun_close(&p->tun);
	/* A confined process may not; the namespace goes with it, or the next one cleans up. */
	if (p->made)
		(void)!link_delete(p->nl, p->index);
	if (p->netns >= 0)
		close(p->netns);
	if (p->nl >= 0)
		close(p->nl);
	free(p);
}

static int macvtap_open(const struct port_config *config, struct port **port, char *why, size_t room)
{
	struct macvtap_opening o = { config, calloc(1, sizeof(*o.port)), why, room };
	int rc = 0;

	if (link_name_why(config->name)) {
		snprintf(why, room, "macvtap \"%s\": %s: choose another vifname",
			config->name ? config->name : "", link_name_why(config->name));
		rc = -EINVAL;
	} else if (config->queues == 0 || config->queues > TUN_QUEUES) {
		snprintf(why, room, "macvtap %s: it has 1 to %u queues, not %u", config->name,
			TUN_QUEUES, config->queues);
		rc = -EINVAL;
	} else if (!o.port) {
		rc = macvtap_fail(&o, -ENOMEM, "");
	}
	if (rc < 0) {
		free(o.port);
		return rc;
	}
	strcpy(o.port->tun.name, config->name);
	o.port->netns = -1;
	o.port->nl = link_socket();
	rc = o.port->nl < 0 ? macvtap_fail(&o, o.port->nl, ": no netlink") : macvtap_open_all(&o);
	if (rc < 0) {
		macvtap_close((struct port *)o.port);
		return rc;
	}
	*port = (struct port *)o.port;
	return 0;
}

const struct port_ops port_ops_macvtap = {
	.name = "macvtap",
	.text = "beside the host on the network of an interface of its (device)",
	.confine = &tun_confine,
	.reads_many = true,
	.open = macvtap_open,
	.close = macvtap_close,
	.connect = tun_connect,
	.disconnect = tun_disconnect,
	.offers = tun_offers,
	.mtu = tun_mtu,
	.fd = tun_fd,
	.send = tun_send,
	.recv = tun_recv,
};
