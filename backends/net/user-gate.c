// SPDX-License-Identifier: MIT
#include "config.h"
#include "backends/net/user-gate.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/tcp.h>
#include <string.h>

#include "protocol/packet.h"

#define GATE_DNS 53u
#define GATE_DHCP 67u
#define GATE_DHCPV6 547u

/* Networks of IPv4 that are the host's alone, or that sockets cannot reach anyway. */
static const struct {
	uint32_t network, mask;
} gate_refused[] = {
	{ 0x00000000, 0xff000000 }, /* "this host", which Linux takes for itself */
	{ 0x7f000000, 0xff000000 }, /* loopback */
	{ 0xa9fe0000, 0xffff0000 }, /* link-local, where clouds' metadata servers are */
	{ 0xe0000000, 0xe0000000 }, /* multicast, reserved, broadcast */
};

/* fec0::/64, the network's own. */
static const uint8_t gate_prefix[8] = { 0xfe, 0xc0 };

/* The transport's header of a packet of IPv4 with all of its ports, or NULL. */
static uint8_t *gate_ports(const struct packet *p, uint8_t *data, uint32_t len)
{
	if (!p->transport || p->fragment || len < p->transport + 8)
		return NULL;
	if (p->protocol != PACKET_PROTO_TCP && p->protocol != PACKET_PROTO_UDP)
		return NULL;
	return data + p->transport;
}

/* A checksum over words of which one was @from and is @to (RFC 1624, its equation 3). */
static void gate_amend_16(uint8_t *field, uint16_t from, uint16_t to)
{
	uint32_t sum = (uint16_t)~packet_u16(field) + (uint32_t)(uint16_t)~from + to;

	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	packet_set_u16(field, (uint16_t)~sum);
}

static void gate_amend(uint8_t *field, uint32_t from, uint32_t to)
{
	gate_amend_16(field, (uint16_t)(from >> 16), (uint16_t)(to >> 16));
	gate_amend_16(field, (uint16_t)from, (uint16_t)to);
}

/* Change the address at @at in the IP header and all checksums over it. */
static void gate_translate(const struct packet *p, uint8_t *data, uint32_t len, unsigned at, uint32_t to)
{
	uint8_t *ip = data + p->network, *transport = data + p->transport;
	uint32_t from = packet_u32(ip + at);
	unsigned field = p->protocol == PACKET_PROTO_TCP ? 16 : 6;

	packet_set_u32(ip + at, to);
	gate_amend(ip + 10, from, to);
	if (len < p->transport + field + 2)
		return;
	/* A datagram need not have one. */
	if (p->protocol == PACKET_PROTO_UDP && packet_u16(transport + field) == 0)
		return;
	gate_amend(transport + field, from, to);
	if (p->protocol == PACKET_PROTO_UDP && packet_u16(transport + field) == 0)
		packet_set_u16(transport + field, 0xffff);
}

/* A question to a name server, the alias or the host's own by its address: the answer is from the same. */
static bool gate_question(struct user_gate *gate, const struct packet *p, uint8_t *data,
	uint32_t len, uint32_t to)
{
	uint8_t *ports = gate_ports(p, data, len), *asked;
	uint8_t bit;

	/* What else is sent to the alias slirp answers; a question in pieces nobody could translate. */
	if (!ports || packet_u16(ports + 2) != GATE_DNS)
		return to != USER_NAME_SERVER || !p->fragment;
	asked = &gate->asked[p->protocol == PACKET_PROTO_UDP][packet_u16(ports) / 8];
	bit = (uint8_t)(1u << packet_u16(ports) % 8);
	*asked &= (uint8_t)~bit;
	if (to != USER_NAME_SERVER)
		return true;
	if (!gate->server)
		return false;
	*asked |= bit;
	gate_translate(p, data, len, 16, gate->server);
	return true;
}

static bool gate_is_dhcp(const struct packet *p, uint8_t *data, uint32_t len)
{
	uint8_t *ports = gate_ports(p, data, len);

	return ports && p->protocol == PACKET_PROTO_UDP && packet_u16(ports + 2) == GATE_DHCP;
}

static bool gate_bit(const uint8_t *bits, uint16_t port)
{
	return bits[port / 8] >> port % 8 & 1;
}

static bool gate_is_forwarded(const struct user_gate *gate, uint16_t port)
{
	for (unsigned i = 0; i < gate->forwards; i++)
		if (gate->forwarded[i] == port)
			return true;
	return false;
}

/*
 * What is sent to the network's own addresses is sent to the host's loopback ones, when slirp
 * may: the answers of forwarded ports may, and no connection can be begun.
 */
static bool gate_to_loopback(const struct user_gate *gate, const struct packet *p,
	const uint8_t *data, uint32_t len, unsigned icmp)
{
	const uint8_t *ports = data + p->transport;

	if (!p->transport || p->fragment || len < p->transport + PACKET_UDP_HEADER)
		return false;
	if (p->protocol == icmp)
		return true;
	if (p->protocol == PACKET_PROTO_UDP)
		return gate_is_forwarded(gate, packet_u16(ports)) &&
			gate_bit(gate->heard, packet_u16(ports + 2));
	return p->protocol == PACKET_PROTO_TCP && len >= p->transport + PACKET_TCP_HEADER &&
		(ports[13] & (TH_SYN | TH_ACK)) != TH_SYN;
}

static bool gate_out_ipv4(struct user_gate *gate, const struct packet *p, uint8_t *data, uint32_t len)
{
	uint32_t to = packet_u32(data + p->network + 16);

	if (to == USER_NAME_SERVER)
		return gate_question(gate, p, data, len, to);
	if ((to & USER_MASK) == USER_NETWORK)
		return !gate->forwards || (to == USER_HOST && gate_is_dhcp(p, data, len)) ||
			gate_to_loopback(gate, p, data, len, IPPROTO_ICMP);
	if (to == INADDR_BROADCAST)
		return gate_is_dhcp(p, data, len);
	for (unsigned i = 0; i < sizeof(gate_refused) / sizeof(gate_refused[0]); i++)
		if ((to & gate_refused[i].mask) == gate_refused[i].network)
			return false;
	return to != gate->server || gate_question(gate, p, data, len, to);
}

/* Neighbours, routers and DHCP, which slirp answers itself; other multicast would leave by a socket. */
static bool gate_is_discovery(const struct packet *p, const uint8_t *data, uint32_t len)
{
	if (!p->transport || p->fragment)
		return false;
	if (p->protocol == IPPROTO_ICMPV6)
		return true;
	return p->protocol == PACKET_PROTO_UDP && len >= p->transport + PACKET_UDP_HEADER &&
		packet_u16(data + p->transport + 2) == GATE_DHCPV6;
}

/*
 * Global and local unicast; the network's own prefix and the link's, which slirp answers
 * itself. Not the loopback address, nor IPv4 in the clothes of IPv6.
 */
static bool gate_out_ipv6(
	const struct user_gate *gate, const struct packet *p, const uint8_t *data, uint32_t len)
{
	const uint8_t *to = data + p->network + 24;

	if (to[0] >> 5 == 1 || (to[0] & 0xfe) == 0xfc)
		return true;
	if (to[0] == 0xff)
		return gate_is_discovery(p, data, len);
	if ((to[0] != 0xfe || (to[1] & 0xc0) != 0x80) && memcmp(to, gate_prefix, sizeof(gate_prefix)) != 0)
		return false;
	return !gate->forwards || gate_to_loopback(gate, p, data, len, IPPROTO_ICMPV6);
}

bool user_gate_out(struct user_gate *gate, uint8_t *data, uint32_t len)
{
	struct packet p;

	if (len < PACKET_ETHER_HEADER)
		return false;
	switch (packet_u16(data + 12)) {
	case ETHERTYPE_ARP:
		return true;
	case ETHERTYPE_IP:
		packet_parse(data, len, &p);
		return p.version == 4 && gate_out_ipv4(gate, &p, data, len);
	case ETHERTYPE_IPV6:
		packet_parse(data, len, &p);
		return p.version == 6 && gate_out_ipv6(gate, &p, data, len);
	default:
		return false;
	}
}

/* From the host's loopback address, in whose place slirp puts one of the network's own. */
static bool gate_from_loopback(const struct packet *p, const uint8_t *data)
{
	if (p->version == 4)
		return (packet_u32(data + p->network + 12) & USER_MASK) == USER_NETWORK;
	return memcmp(data + p->network + 8, gate_prefix, sizeof(gate_prefix)) == 0;
}

void user_gate_in(struct user_gate *gate, uint8_t *data, uint32_t len)
{
	struct packet p;
	uint8_t *ports;
	uint16_t from, to;

	packet_parse(data, len, &p);
	ports = gate_ports(&p, data, len);
	if (!ports)
		return;
	from = packet_u16(ports);
	to = packet_u16(ports + 2);
	if (p.protocol == PACKET_PROTO_UDP && gate_is_forwarded(gate, to) && gate_from_loopback(&p, data))
		gate->heard[from / 8] |= (uint8_t)(1u << from % 8);
	if (p.version == 4 && gate->server && from == GATE_DNS &&
		packet_u32(data + p.network + 12) == gate->server &&
		gate_bit(gate->asked[p.protocol == PACKET_PROTO_UDP], to))
		gate_translate(&p, data, len, 12, USER_NAME_SERVER);
}

void user_gate_forward(struct user_gate *gate, uint16_t port)
{
	if (gate->forwards < USER_FORWARDS)
		gate->forwarded[gate->forwards++] = port;
}

uint32_t user_gate_server(const char *text)
{
	static const char keyword[] = "nameserver";

	for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
		const char *at = text + strspn(text, " \t");
		char address[INET_ADDRSTRLEN];
		struct in_addr in;
		size_t n;

		if (strncmp(at, keyword, sizeof(keyword) - 1) != 0)
			continue;
		at += sizeof(keyword) - 1;
		if (*at != ' ' && *at != '\t')
			continue;
		at += strspn(at, " \t");
		n = strcspn(at, " \t\r\n");
		if (n >= sizeof(address))
			continue;
		memcpy(address, at, n);
		address[n] = '\0';
		if (inet_pton(AF_INET, address, &in) == 1 && in.s_addr)
			return ntohl(in.s_addr);
	}
	return 0;
}
