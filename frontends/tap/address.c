// SPDX-License-Identifier: MIT
/* Addresses and default routes of the TAP, by the kernel's older calls: no other program is needed. */
#include "config.h"
#include "frontends/tap/tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/route.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "xenstore/xsnode.h"

/* linux/ipv6.h clashes with netinet/in.h. */
struct in6_ifreq {
	struct in6_addr addr;
	uint32_t prefix_len;
	int index;
};

/* "ADDRESS/BITS"; @address has room for the first part. */
static int split_prefix(const char *text, char *address, size_t room, unsigned most, unsigned *bits)
{
	const char *slash = strchr(text, '/');
	uint64_t n;

	if (!slash || slash == text || (size_t)(slash - text) >= room)
		return -EINVAL;
	memcpy(address, text, slash - text);
	address[slash - text] = '\0';
	if (xsn_parse_u64(slash + 1, most, &n) < 0)
		return -EINVAL;
	*bits = n;
	return 0;
}

static int set_ipv4(const struct tap *tap, unsigned long call, struct in_addr addr)
{
	CLEANUP_CLOSE int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr = addr };
	struct ifreq ifr = { 0 };

	memcpy(ifr.ifr_name, tap->name, sizeof(ifr.ifr_name));
	memcpy(&ifr.ifr_addr, &sin, sizeof(sin));
	return sock < 0 || ioctl(sock, call, &ifr) < 0 ? -errno : 0;
}

static int add_ipv4(const struct tap *tap, const char *text)
{
	struct in_addr addr, mask;
	char address[64];
	unsigned bits;
	int rc = split_prefix(text, address, sizeof(address), 32, &bits);

	if (rc < 0 || inet_pton(AF_INET, address, &addr) != 1)
		return -EINVAL;
	mask.s_addr = bits ? htonl(UINT32_MAX << (32 - bits)) : 0;
	rc = set_ipv4(tap, SIOCSIFADDR, addr);
	return rc < 0 ? rc : set_ipv4(tap, SIOCSIFNETMASK, mask);
}

static int add_ipv6(const struct tap *tap, const char *text)
{
	CLEANUP_CLOSE int sock = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct in6_ifreq ifr = { .index = if_nametoindex(tap->name) };
	char address[64];
	unsigned bits;

	if (split_prefix(text, address, sizeof(address), 128, &bits) < 0 ||
		inet_pton(AF_INET6, address, &ifr.addr) != 1)
		return -EINVAL;
	ifr.prefix_len = bits;
	return sock < 0 || ioctl(sock, SIOCSIFADDR, &ifr) < 0 ? -errno : 0;
}

int tap_add_address(const struct tap *tap, const char *text)
{
	return strchr(text, ':') ? add_ipv6(tap, text) : add_ipv4(tap, text);
}

static int route_ipv4(const struct tap *tap, const char *text)
{
	CLEANUP_CLOSE int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in any = { .sin_family = AF_INET }, gateway = any;
	struct rtentry route = { .rt_flags = RTF_UP | RTF_GATEWAY };
	char name[IFNAMSIZ];

	if (inet_pton(AF_INET, text, &gateway.sin_addr) != 1)
		return -EINVAL;
	memcpy(name, tap->name, sizeof(name));
	memcpy(&route.rt_dst, &any, sizeof(any));
	memcpy(&route.rt_genmask, &any, sizeof(any));
	memcpy(&route.rt_gateway, &gateway, sizeof(gateway));
	route.rt_dev = name;
	return sock < 0 || ioctl(sock, SIOCADDRT, &route) < 0 ? -errno : 0;
}

static int route_ipv6(const struct tap *tap, const char *text)
{
	CLEANUP_CLOSE int sock = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct in6_rtmsg route = { .rtmsg_flags = RTF_UP | RTF_GATEWAY, .rtmsg_metric = 1,
		.rtmsg_ifindex = if_nametoindex(tap->name) };

	if (inet_pton(AF_INET6, text, &route.rtmsg_gateway) != 1)
		return -EINVAL;
	return sock < 0 || ioctl(sock, SIOCADDRT, &route) < 0 ? -errno : 0;
}

int tap_add_gateway(const struct tap *tap, const char *text)
{
	return strchr(text, ':') ? route_ipv6(tap, text) : route_ipv4(tap, text);
}
