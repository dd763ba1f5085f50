// SPDX-License-Identifier: MIT
/* The kernel's side of sluice-bench net: namespaces, interfaces, counters. */
#include "config.h"
#include "tools/bench-net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>

/* --- namespaces ----------------------------------------------------------------------- */

static int write_file(const char *path, const char *text)
{
	CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

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

int netbench_namespace(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0)
		return map_ids(uid, gid);
	return unshare(CLONE_NEWNET) < 0 ? -errno : 0;
}

/* --- interfaces ----------------------------------------------------------------------- */

static int set_flags(int sock, struct ifreq *ifr)
{
	if (ioctl(sock, SIOCGIFFLAGS, ifr) < 0)
		return -errno;
	ifr->ifr_flags |= IFF_UP | IFF_RUNNING;
	return ioctl(sock, SIOCSIFFLAGS, ifr) < 0 ? -errno : 0;
}

int netbench_set_up(const char *name, uint32_t mtu)
{
	CLEANUP_CLOSE int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { .ifr_flags = 0 };

	if (sock < 0)
		return -errno;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	ifr.ifr_mtu = mtu;
	if (mtu && ioctl(sock, SIOCSIFMTU, &ifr) < 0)
		return -errno;
	return set_flags(sock, &ifr);
}

static int open_tap_queue(const char *name, unsigned queues)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return -errno;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (queues > 1)
		ifr.ifr_flags |= IFF_MULTI_QUEUE;
	if (ioctl(fd, TUNSETIFF, &ifr) < 0 ||
		ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) < 0) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

int netbench_open_tap(const char *name, unsigned queues, int *fds)
{
	for (unsigned i = 0; i < queues; i++) {
		fds[i] = open_tap_queue(name, queues);
		if (fds[i] < 0)
			return fds[i];
	}
	return netbench_set_up(name, 0);
}

/* A netlink message in the making. */
struct message {
	struct nlmsghdr head;
	struct ifinfomsg info;
	uint8_t attributes[256];
};

static struct rtattr *add_attribute(struct message *m, unsigned type, const void *data, unsigned length)
{
	struct rtattr *a = (void *)((uint8_t *)m + NLMSG_ALIGN(m->head.nlmsg_len));

	a->rta_type = type;
	a->rta_len = RTA_LENGTH(length);
	if (length)
		memcpy(RTA_DATA(a), data, length);
	m->head.nlmsg_len = NLMSG_ALIGN(m->head.nlmsg_len) + RTA_ALIGN(a->rta_len);
	return a;
}

static void end_nest(struct message *m, struct rtattr *nest)
{
	nest->rta_len = (uint8_t *)m + NLMSG_ALIGN(m->head.nlmsg_len) - (uint8_t *)nest;
}

static void begin_link(struct message *m, const char *name)
{
	*m = (struct message){
		.head = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)), .nlmsg_type = RTM_NEWLINK,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL },
	};
	add_attribute(m, IFLA_IFNAME, name, strlen(name) + 1);
}

static int send_message(const struct message *m)
{
	CLEANUP_CLOSE int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
		uint8_t more[512];
	} answer;
	ssize_t n;

	if (sock < 0 || send(sock, m, m->head.nlmsg_len, 0) < 0)
		return -errno;
	n = recv(sock, &answer, sizeof(answer), 0);
	if (n < (ssize_t)(sizeof(answer.head) + sizeof(answer.error)) || answer.head.nlmsg_type != NLMSG_ERROR)
		return -EBADMSG;
	return answer.error.error;
}

int netbench_make_veth(const char *name, const char *peer)
{
	const struct ifinfomsg none = { 0 };
	struct rtattr *link, *data, *end;
	struct message m;
	int rc;

	begin_link(&m, name);
	link = add_attribute(&m, IFLA_LINKINFO, NULL, 0);
	add_attribute(&m, IFLA_INFO_KIND, "veth", 4);
	data = add_attribute(&m, IFLA_INFO_DATA, NULL, 0);
	end = add_attribute(&m, VETH_INFO_PEER, &none, sizeof(none));
	add_attribute(&m, IFLA_IFNAME, peer, strlen(peer) + 1);
	end_nest(&m, end);
	end_nest(&m, data);
	end_nest(&m, link);
	rc = send_message(&m);
	if (rc == 0)
		rc = netbench_set_up(name, 0);
	return rc < 0 ? rc : netbench_set_up(peer, 0);
}

int netbench_make_bridge(const char *name)
{
	struct rtattr *link;
	struct message m;
	int rc;

	begin_link(&m, name);
	link = add_attribute(&m, IFLA_LINKINFO, NULL, 0);
	add_attribute(&m, IFLA_INFO_KIND, "bridge", 6);
	end_nest(&m, link);
	rc = send_message(&m);
	return rc < 0 && rc != -EEXIST ? rc : netbench_set_up(name, 0);
}

int netbench_open_packet(const char *name)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = if_nametoindex(name) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), one = 1, rc;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) == 0 &&
		setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) == 0 &&
		bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

/* --- counters ------------------------------------------------------------------------- */

int netbench_read_counters(pid_t pid, const char *name, uint64_t *packets, uint64_t *bytes)
{
	unsigned long long b, p;
	char path[48], line[512];
	size_t length = strlen(name);
	int rc = -ENODEV;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/net/dev", pid);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	while (rc < 0 && fgets(line, sizeof(line), f)) {
		const char *at = line + strspn(line, " ");

		if (strncmp(at, name, length) != 0 || at[length] != ':')
			continue;
		if (sscanf(at + length + 1, "%llu %llu", &b, &p) == 2)
			rc = 0;
	}
	fclose(f);
	if (rc == 0) {
		*packets = p;
		*bytes = b;
	}
	return rc;
}
