// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/net/link.h"

#include <ctype.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/* A request: room for all attributes that are ever put together here. */
struct link_request {
	struct nlmsghdr head;
	struct ifinfomsg info;
	char attributes[512];
};

int link_socket(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	return fd < 0 ? -errno : fd;
}

static void request_init(struct link_request *r, uint16_t type, uint16_t flags, int index)
{
	*r = (struct link_request){
		.head = { .nlmsg_len = NLMSG_LENGTH(sizeof(r->info)), .nlmsg_type = type,
			.nlmsg_flags = NLM_F_REQUEST | flags, .nlmsg_seq = 1 },
		.info = { .ifi_family = AF_UNSPEC, .ifi_index = index },
	};
}

static struct rtattr *request_put(
	struct link_request *r, uint16_t type, const void *data, size_t bytes)
{
	struct rtattr *a = (struct rtattr *)((char *)r + NLMSG_ALIGN(r->head.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (uint16_t)RTA_LENGTH(bytes);
	if (bytes)
		memcpy(RTA_DATA(a), data, bytes);
	r->head.nlmsg_len = NLMSG_ALIGN(r->head.nlmsg_len) + RTA_ALIGN(a->rta_len);
	return a;
}

static void request_put_32(struct link_request *r, uint16_t type, uint32_t value)
{
	request_put(r, type, &value, sizeof(value));
}

static void request_put_text(struct link_request *r, uint16_t type, const char *text)
{
	request_put(r, type, text, strlen(text) + 1);
}

/* What is put until request_end() is inside of @type. */
static struct rtattr *request_begin(struct link_request *r, uint16_t type)
{
	return request_put(r, type, NULL, 0);
}

static void request_end(struct link_request *r, struct rtattr *a)
{
	a->rta_len = (uint16_t)((char *)r + r->head.nlmsg_len - (char *)a);
}

/*
 * Send a request and get its answer. The kernel answers before send() returns.
 * Return: bytes of the answer, or -errno, which may be what the answer says.
 */
static ssize_t request_do(int nl, struct link_request *r, void *answer, size_t room)
{
	const struct nlmsghdr *head = answer;
	ssize_t n;

	if (send(nl, r, r->head.nlmsg_len, 0) < 0)
		return -errno;
	do
		n = recv(nl, answer, room, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (!NLMSG_OK(head, (size_t)n))
		return -EPROTO;
	if (head->nlmsg_type == NLMSG_ERROR) {
		const struct nlmsgerr *e = NLMSG_DATA(head);

		return e->error < 0 ? e->error : 0;
	}
	return n;
}

static int request_acknowledged(int nl, struct link_request *r)
{
	char answer[1024];
	ssize_t n;

	r->head.nlmsg_flags |= NLM_F_ACK;
	n = request_do(nl, r, answer, sizeof(answer));
	return n < 0 ? (int)n : 0;
}

static void link_take_text(char *to, size_t room, const struct rtattr *a)
{
	size_t n = RTA_PAYLOAD(a);

	if (n > room - 1)
		n = room - 1;
	memcpy(to, RTA_DATA(a), n);
	to[n] = '\0';
}

static void link_take_kind(struct link_info *info, const struct rtattr *outer)
{
	const struct rtattr *a = RTA_DATA(outer);

	for (int left = (int)RTA_PAYLOAD(outer); RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == IFLA_INFO_KIND)
			link_take_text(info->kind, sizeof(info->kind), a);
}

static void link_take(struct link_info *info, const struct rtattr *a)
{
	switch (a->rta_type) {
	case IFLA_ADDRESS:
		if (RTA_PAYLOAD(a) == sizeof(info->mac))
			memcpy(info->mac, RTA_DATA(a), sizeof(info->mac));
		break;
	case IFLA_MTU:
		memcpy(&info->mtu, RTA_DATA(a), sizeof(info->mtu));
		break;
	case IFLA_IFALIAS:
		link_take_text(info->alias, sizeof(info->alias), a);
		break;
	case IFLA_LINKINFO:
		link_take_kind(info, a);
		break;
	}
}

int link_get(int nl, const char *name, struct link_info *info)
{
	/* All that the kernel says of one interface, its statistics and its queues. */
	char answer[16384] __attribute__((aligned(NLMSG_ALIGNTO)));
	const struct nlmsghdr *head = (const struct nlmsghdr *)answer;
	const struct ifinfomsg *ifi = NLMSG_DATA(head);
	const struct rtattr *a = IFLA_RTA(ifi);
	struct link_request r;
	ssize_t n;

	request_init(&r, RTM_GETLINK, 0, 0);
	request_put_text(&r, IFLA_IFNAME, name);
	n = request_do(nl, &r, answer, sizeof(answer));
	if (n < 0)
		return (int)n;
	if (head->nlmsg_type != RTM_NEWLINK)
		return -EPROTO;
	*info = (struct link_info){ .index = ifi->ifi_index, .flags = ifi->ifi_flags };
	for (int left = (int)IFLA_PAYLOAD(head); RTA_OK(a, left); a = RTA_NEXT(a, left))
		link_take(info, a);
	return 0;
}

/* No address of its own in IPv6, which the kernel would make when the interface goes up. */
static void request_put_no_ipv6(struct link_request *r)
{
	static const uint8_t none = IN6_ADDR_GEN_MODE_NONE;
	struct rtattr *families = request_begin(r, IFLA_AF_SPEC);
	struct rtattr *inet6 = request_begin(r, AF_INET6);

	request_put(r, IFLA_INET6_ADDR_GEN_MODE, &none, sizeof(none));
	request_end(r, inet6);
	request_end(r, families);
}

static void request_put_change(struct link_request *r, const struct link_change *c)
{
	if (c->mac)
		request_put(r, IFLA_ADDRESS, c->mac, 6);
	if (c->mtu)
		request_put_32(r, IFLA_MTU, c->mtu);
	if (c->gso_max)
		request_put_32(r, IFLA_GSO_MAX_SIZE, c->gso_max);
	if (c->alias)
		request_put_text(r, IFLA_IFALIAS, c->alias);
	if (c->master)
		request_put_32(r, IFLA_MASTER, (uint32_t)c->master);
	if (c->netns)
		request_put_32(r, IFLA_NET_NS_FD, (uint32_t)c->netns);
	if (c->silent) {
		r->info.ifi_flags |= IFF_NOARP;
		r->info.ifi_change |= IFF_NOARP | IFF_MULTICAST;
	}
	if (c->up) {
		r->info.ifi_flags |= IFF_UP;
		r->info.ifi_change |= IFF_UP;
	}
}

/* Of its own: it fails where IPv6 is not built in or switched off, which is as good. */
static int link_silence(int nl, int index)
{
	struct link_request r;
	int rc;

	request_init(&r, RTM_NEWLINK, 0, index);
	request_put_no_ipv6(&r);
	rc = request_acknowledged(nl, &r);
	return rc == -EAFNOSUPPORT || rc == -EOPNOTSUPP || rc == -EINVAL ? 0 : rc;
}

int link_set(int nl, int index, const struct link_change *change)
{
	struct link_request r;

	if (change->silent || change->quiet) {
		int rc = link_silence(nl, index);

		if (rc < 0)
			return rc;
	}
	request_init(&r, RTM_NEWLINK, 0, index);
	request_put_change(&r, change);
	return request_acknowledged(nl, &r);
}

int link_add_macvtap(
	int nl, const char *name, int lower, unsigned queues, const struct link_change *change)
{
	struct rtattr *info, *data;
	struct link_request r;

	request_init(&r, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0);
	request_put_text(&r, IFLA_IFNAME, name);
	request_put_32(&r, IFLA_LINK, (uint32_t)lower);
	request_put_32(&r, IFLA_NUM_TX_QUEUES, queues);
	request_put_32(&r, IFLA_NUM_RX_QUEUES, queues);
	request_put_change(&r, change);
	info = request_begin(&r, IFLA_LINKINFO);
	request_put_text(&r, IFLA_INFO_KIND, "macvtap");
	data = request_begin(&r, IFLA_INFO_DATA);
	request_put_32(&r, IFLA_MACVLAN_MODE, MACVLAN_MODE_BRIDGE);
	request_end(&r, data);
	request_end(&r, info);
	return request_acknowledged(nl, &r);
}

int link_add_bridge(int nl, const char *name)
{
	struct link_request r;
	struct rtattr *info;

	request_init(&r, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0);
	request_put_text(&r, IFLA_IFNAME, name);
	info = request_begin(&r, IFLA_LINKINFO);
	request_put_text(&r, IFLA_INFO_KIND, "bridge");
	request_end(&r, info);
	return request_acknowledged(nl, &r);
}

int link_add_veth(int nl, const char *name, const char *peer)
{
	const struct ifinfomsg other = { .ifi_family = AF_UNSPEC };
	struct rtattr *info, *data, *end;
	struct link_request r;

	request_init(&r, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0);
	request_put_text(&r, IFLA_IFNAME, name);
	info = request_begin(&r, IFLA_LINKINFO);
	request_put_text(&r, IFLA_INFO_KIND, "veth");
	data = request_begin(&r, IFLA_INFO_DATA);
	/* The other end is described as a message of its own would. */
	end = request_put(&r, VETH_INFO_PEER, &other, sizeof(other));
	request_put_text(&r, IFLA_IFNAME, peer);
	request_end(&r, end);
	request_end(&r, data);
	request_end(&r, info);
	return request_acknowledged(nl, &r);
}

int link_add_address(int nl, int index, const struct sockaddr *address)
{
	const struct sockaddr_in *four = (const void *)address;
	const struct sockaddr_in6 *six = (const void *)address;
	bool is_six = address->sa_family == AF_INET6;
	const void *bytes = is_six ? (const void *)&six->sin6_addr : (const void *)&four->sin_addr;
	size_t size = is_six ? sizeof(six->sin6_addr) : sizeof(four->sin_addr);
	/* Nobody is asked whether it is somebody else's, too. */
	const struct ifaddrmsg info = { .ifa_family = (uint8_t)address->sa_family,
		.ifa_prefixlen = (uint8_t)(size * 8), .ifa_flags = IFA_F_NODAD, .ifa_index = (uint32_t)index };
	struct link_request r;

	request_init(&r, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, 0);
	r.head.nlmsg_len = NLMSG_LENGTH(sizeof(info));
	memcpy(&r.info, &info, sizeof(info));
	request_put(&r, IFA_LOCAL, bytes, size);
	request_put(&r, IFA_ADDRESS, bytes, size);
	return request_acknowledged(nl, &r);
}

int link_delete(int nl, int index)
{
	struct link_request r;

	request_init(&r, RTM_DELLINK, 0, index);
	return request_acknowledged(nl, &r);
}

const char *link_name_why(const char *name)
{
	size_t n = name ? strlen(name) : 0;

	if (n == 0)
		return "an interface has no name";
	if (n >= IFNAMSIZ)
		return "interfaces' names have at most 15 bytes";
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return "that is no name of an interface";
	/* Of "%d" the kernel makes a number. */
	for (; *name; name++)
		if (!isgraph((unsigned char)*name) || strchr("/:%", *name))
			return "interfaces' names have no blanks, slashes, colons or percent signs";
	return NULL;
}
