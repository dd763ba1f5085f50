// SPDX-License-Identifier: MIT
/* The TAP's making; see tap.h. */
#include "config.h"
#include "frontends/tap/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <linux/capability.h>
#include <linux/if_arp.h>
#include <linux/if_tun.h>

#include "common/log.h"

/* --- the namespace ---------------------------------------------------------------- */

static int write_file(const char *path, const char *text)
{
	CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

/* Root there is who we are here: nothing outside is gained by it. */
static int map_ids(uid_t uid, gid_t gid)
{
	char text[32];
	int rc;

	snprintf(text, sizeof(text), "0 %u 1", uid);
	rc = write_file("/proc/self/uid_map", text);
	if (rc == 0)
		rc = write_file("/proc/self/setgroups", "deny");
	snprintf(text, sizeof(text), "0 %u 1", gid);
	return rc < 0 ? rc : write_file("/proc/self/gid_map", text);
}

/* The rights over the new network, for a command that is not root there. */
static int keep_rights(void)
{
	static const unsigned rights[] = { CAP_NET_ADMIN, CAP_NET_RAW, CAP_NET_BIND_SERVICE };
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data) < 0)
		return -errno;
	for (unsigned i = 0; i < sizeof(rights) / sizeof(rights[0]); i++)
		data[0].inheritable |= 1u << rights[i];
	if (syscall(SYS_capset, &head, data) < 0)
		return -errno;
	for (unsigned i = 0; i < sizeof(rights) / sizeof(rights[0]); i++)
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, rights[i], 0, 0) < 0)
			return -errno;
	return 0;
}

int tap_namespace(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0)
		/* A domain's root may not say who root is in there: then nobody is. */
		return map_ids(uid, gid) < 0 ? keep_rights() : 0;
	/* Where there are no user namespaces root may do without. */
	return unshare(CLONE_NEWNET) < 0 ? -errno : 0;
}

/* --- the interface ---------------------------------------------------------------- */

static int failed(const struct tap *tap, const char *what)
{
	int rc = -errno;

	log_err("%s: %s: %s", tap->name, what, strerror(-rc));
	return rc;
}

static int open_queue(struct tap *tap, unsigned queues)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return failed(tap, "cannot open /dev/net/tun (modprobe tun, or give the domain the device)");
	memcpy(ifr.ifr_name, tap->name, sizeof(ifr.ifr_name));
	if (queues > 1)
		ifr.ifr_flags |= IFF_MULTI_QUEUE;
	if (ioctl(fd, TUNSETIFF, &ifr) < 0) {
		int rc = failed(tap, "cannot make the interface");

		close(fd);
		return rc;
	}
	tap->fd[tap->queues++] = fd;
	return 0;
}

int tap_open(struct tap *tap, const char *name, unsigned queues)
{
	int rc = 0;

	*tap = (struct tap){ .queues = 0 };
	snprintf(tap->name, sizeof(tap->name), "%s", name);
	while (rc == 0 && tap->queues < queues)
		rc = open_queue(tap, queues);
	if (rc < 0)
		tap_close(tap);
	return rc;
}

void tap_close(struct tap *tap)
{
	while (tap->queues)
		close(tap->fd[--tap->queues]);
}

/*
 * What the kernel may leave undone in what we read: the backend finishes it. A TAP does not
 * tell IPv4's checksums from IPv6's.
 */
static unsigned offloads(const struct netfront_info *info)
{
	unsigned flags = 0;

	if (!info->csum || !info->csum_ipv6)
		return 0;
	flags = TUN_F_CSUM;
	if (info->gso_tcpv4)
		flags |= TUN_F_TSO4;
	if (info->gso_tcpv6)
		flags |= TUN_F_TSO6;
	/* What it means is kept by the packet's own headers. */
	if (flags & (TUN_F_TSO4 | TUN_F_TSO6))
		flags |= TUN_F_TSO_ECN;
	return flags;
}

static int set_interface(const struct tap *tap, int sock, const struct netfront_info *info, uint32_t mtu)
{
	struct ifreq ifr = { .ifr_hwaddr.sa_family = ARPHRD_ETHER };

	memcpy(ifr.ifr_name, tap->name, sizeof(ifr.ifr_name));
	memcpy(ifr.ifr_hwaddr.sa_data, info->mac, sizeof(info->mac));
	if (ioctl(sock, SIOCSIFHWADDR, &ifr) < 0)
		return failed(tap, "cannot set its address");
	ifr.ifr_mtu = mtu ? mtu : info->mtu;
	if (ioctl(sock, SIOCSIFMTU, &ifr) < 0)
		return failed(tap, "cannot set its MTU");
	return 0;
}

int tap_set(const struct tap *tap, const struct netfront_info *info, uint32_t mtu)
{
	CLEANUP_CLOSE int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (sock < 0)
		return failed(tap, "cannot make a socket");
	for (unsigned i = 0; i < tap->queues; i++)
		if (ioctl(tap->fd[i], TUNSETOFFLOAD, offloads(info)) < 0)
			return failed(tap, "cannot set its offloads");
	return set_interface(tap, sock, info, mtu);
}

static int set_up(const char *name, int sock)
{
	struct ifreq ifr = { 0 };

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (ioctl(sock, SIOCGIFFLAGS, &ifr) < 0)
		return -errno;
	ifr.ifr_flags |= IFF_UP | IFF_RUNNING;
	return ioctl(sock, SIOCSIFFLAGS, &ifr) < 0 ? -errno : 0;
}

int tap_up(const struct tap *tap)
{
	CLEANUP_CLOSE int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int rc = sock < 0 ? -errno : set_up("lo", sock);

	if (rc == 0)
		rc = set_up(tap->name, sock);
	errno = -rc;
	return rc < 0 ? failed(tap, "cannot set it up") : 0;
}

void tap_set_carrier(const struct tap *tap, bool up)
{
	int carrier = up;

	if (ioctl(tap->fd[0], TUNSETCARRIER, &carrier) < 0)
		log_debug("%s: TUNSETCARRIER: %m", tap->name);
}
