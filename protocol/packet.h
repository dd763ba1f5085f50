/* SPDX-License-Identifier: MIT */
/*
 * Where the headers of an Ethernet frame are. A frame is a stranger's: its bytes are read
 * within the length that is given, and nothing else is believed. Pure.
 */
#ifndef SLUICE_PROTOCOL_PACKET_H
#define SLUICE_PROTOCOL_PACKET_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define PACKET_ETHER_HEADER 14u
#define PACKET_IPV4_HEADER 20u
#define PACKET_IPV6_HEADER 40u
#define PACKET_TCP_HEADER 20u
#define PACKET_UDP_HEADER 8u
/** PACKET_VLAN_TAGS - that are walked; a frame with more is of no known protocol. */
#define PACKET_VLAN_TAGS 4u
/** PACKET_IPV6_EXTENSIONS - extension headers that are walked. */
#define PACKET_IPV6_EXTENSIONS 8u

#define PACKET_PROTO_TCP 6u
#define PACKET_PROTO_UDP 17u

/** struct packet - offsets in a frame, in bytes; headers that it names are whole. */
struct packet {
	uint8_t version;   /* of IP: 4, 6, or 0: it is no IP packet, or not a whole header of one */
	uint8_t protocol;  /* of what follows IP's headers; valid when transport is not 0 */
	bool fragment;     /* a fragment: of the transport's header nothing is known */
	uint32_t network;  /* where IP's header is */
	uint32_t transport; /* where the next protocol begins: inside of the frame; 0: it has none */
	uint32_t length;   /* what the IP header says is from network on, headers included */
};

/** packet_parse() - @data: the first @len bytes of a frame. Total. */
void packet_parse(const uint8_t *data, uint32_t len, struct packet *packet);

/** packet_u16() - a number of the wire, at any address. */
static inline uint16_t packet_u16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}
static inline uint32_t packet_u32(const uint8_t *at)
{
	return (uint32_t)packet_u16(at) << 16 | packet_u16(at + 2);
}
/** packet_set_u16() - the same, written. */
static inline void packet_set_u16(uint8_t *at, uint32_t value)
{
	at[0] = value >> 8;
	at[1] = value;
}
static inline void packet_set_u32(uint8_t *at, uint32_t value)
{
	packet_set_u16(at, value >> 16);
	packet_set_u16(at + 2, value);
}

#endif
