// SPDX-License-Identifier: MIT
/* Headers of Ethernet frames: RFC 791, RFC 8200, IEEE 802.1Q and 802.1ad. Pure; any thread. */
#include "config.h"
#include "protocol/packet.h"

#define ETHER_TYPE_AT 12u
#define TYPE_IPV4 0x0800u
#define TYPE_IPV6 0x86ddu
#define TYPE_VLAN 0x8100u
#define TYPE_VLAN_OUTER 0x88a8u
#define TYPE_VLAN_OLD 0x9100u
#define VLAN_TAG 4u

#define IPV4_FRAGMENT_BITS 0x3fffu /* more fragments, and the offset */

enum ipv6_next {
	NEXT_HOP_BY_HOP = 0,
	NEXT_ROUTING = 43,
	NEXT_FRAGMENT = 44,
	NEXT_AUTH = 51,
	NEXT_DESTINATION = 60,
	NEXT_MOBILITY = 135,
};

static bool is_vlan(uint16_t type)
{
	return type == TYPE_VLAN || type == TYPE_VLAN_OUTER || type == TYPE_VLAN_OLD;
}

/* The type of what is at *@at; 0: there is nothing that is known. */
static uint16_t walk_vlans(const uint8_t *data, uint32_t len, uint32_t *at)
{
	uint16_t type;

	if (len < PACKET_ETHER_HEADER)
		return 0;
	type = packet_u16(data + ETHER_TYPE_AT);
	*at = PACKET_ETHER_HEADER;
	for (unsigned tags = 0; is_vlan(type); tags++) {
		if (tags == PACKET_VLAN_TAGS || len - *at < VLAN_TAG)
			return 0;
		type = packet_u16(data + *at + 2);
		*at += VLAN_TAG;
	}
	return type;
}

static void set_transport(struct packet *p, uint8_t protocol, uint32_t at, uint32_t len)
{
	if (at >= len)
		return;
	p->protocol = protocol;
	p->transport = at;
}

static void parse_ipv4(const uint8_t *data, uint32_t len, struct packet *p)
{
	const uint8_t *ip = data + p->network;
	uint32_t header;

	if (len - p->network < PACKET_IPV4_HEADER || ip[0] >> 4 != 4)
		return;
	header = (ip[0] & 15u) * 4;
	if (header < PACKET_IPV4_HEADER || header > len - p->network)
		return;
	p->version = 4;
	p->length = packet_u16(ip + 2);
	p->fragment = (packet_u16(ip + 6) & IPV4_FRAGMENT_BITS) != 0;
	if (!p->fragment)
		set_transport(p, ip[9], p->network + header, len);
}

/* Bytes of the extension header at @h, which has at least 8; 0: it is none that is walked. */
static uint32_t ipv6_extension(uint8_t next, const uint8_t *h)
{
	switch (next) {
	case NEXT_HOP_BY_HOP:
	case NEXT_ROUTING:
	case NEXT_DESTINATION:
	case NEXT_MOBILITY:
		return (h[1] + 1u) * 8;
	case NEXT_AUTH:
		return (h[1] + 2u) * 4;
	case NEXT_FRAGMENT:
		return 8;
	default:
		return 0;
	}
}

static bool is_extension(uint8_t next)
{
	static const uint8_t any[2];

	return ipv6_extension(next, any) != 0;
}

static void parse_ipv6(const uint8_t *data, uint32_t len, struct packet *p)
{
	const uint8_t *ip = data + p->network;
	uint32_t at = p->network + PACKET_IPV6_HEADER;
	uint8_t next;

	if (len - p->network < PACKET_IPV6_HEADER || ip[0] >> 4 != 6)
		return;
	p->version = 6;
	p->length = PACKET_IPV6_HEADER + packet_u16(ip + 4);
	next = ip[6];
	for (unsigned n = 0; is_extension(next); n++) {
		uint32_t size;

		if (n == PACKET_IPV6_EXTENSIONS || len - at < 8)
			return;
		size = ipv6_extension(next, data + at);
		if (size > len - at)
			return;
		/* An atomic fragment (RFC 6946) is one, too: nothing here makes them. */
		if (next == NEXT_FRAGMENT)
			p->fragment = true;
		next = data[at];
		at += size;
	}
	if (!p->fragment)
		set_transport(p, next, at, len);
}

void packet_parse(const uint8_t *data, uint32_t len, struct packet *packet)
{
	uint16_t type;

	memset(packet, 0, sizeof(*packet));
	type = walk_vlans(data, len, &packet->network);
	if (type == TYPE_IPV4)
		parse_ipv4(data, len, packet);
	else if (type == TYPE_IPV6)
		parse_ipv6(data, len, packet);
}
