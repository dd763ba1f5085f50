// SPDX-License-Identifier: MIT
/*
 * The control ring's requests (xen/io/netif.h). Each is checked whole before anything is
 * copied or changed (XSA-270), on the caller's private copy. The control thread's; reading
 * the hash is any thread's that has a state to itself.
 */
#include "config.h"
#include "protocol/netif-ctrl.h"

#include <string.h>

#include "protocol/packet.h"

#define ALL_FLAGS                                                                          \
	(XEN_NETIF_CTRL_HASH_TYPE_IPV4 | XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP |               \
		XEN_NETIF_CTRL_HASH_TYPE_IPV6 | XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP)

_Static_assert(sizeof(struct xen_netif_ctrl_request) == 16, "control request");
_Static_assert(sizeof(struct xen_netif_ctrl_response) == 12, "control response");

/* --- requests --- */

static uint32_t ctrl_set_algorithm(struct netif_hash_state *s, uint32_t algorithm)
{
	if (algorithm != XEN_NETIF_CTRL_HASH_ALGORITHM_NONE &&
			algorithm != XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ)
		return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
	s->algorithm = algorithm;
	return XEN_NETIF_CTRL_STATUS_SUCCESS;
}

static uint32_t ctrl_get_flags(const struct netif_hash_state *s, uint32_t *data)
{
	if (s->algorithm == XEN_NETIF_CTRL_HASH_ALGORITHM_NONE)
		return XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED;
	*data = ALL_FLAGS;
	return XEN_NETIF_CTRL_STATUS_SUCCESS;
}

static uint32_t ctrl_set_flags(struct netif_hash_state *s, uint32_t flags)
{
	if ((flags & ~(uint32_t)ALL_FLAGS) || s->algorithm == XEN_NETIF_CTRL_HASH_ALGORITHM_NONE)
		return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
	s->flags = flags;
	return XEN_NETIF_CTRL_STATUS_SUCCESS;
}

/* A new key replaces the old one as a whole: what it does not have is 0. */
static uint32_t ctrl_set_key(struct netif_hash_state *s, uint32_t gref, uint32_t len,
	netif_copy_fn copy, void *opaque)
{
	uint8_t key[NETIF_HASH_KEY_MAX] = { 0 };

	if (len > NETIF_HASH_KEY_MAX)
		return XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW;
	if (len && copy(opaque, gref, 0, key, len) < 0)
		return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
	netif_hash_set_key(s, key, len);
	return XEN_NETIF_CTRL_STATUS_SUCCESS;
}

static uint32_t ctrl_set_mapping_size(struct netif_hash_state *s, uint32_t size)
{
	if (size > NETIF_HASH_MAPPING_MAX)
		return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
	s->mapping_size = size;
	memset(s->mapping, 0, sizeof(s->mapping));
	return XEN_NETIF_CTRL_STATUS_SUCCESS;
}

/* Entries are looked at in the copy, all of them, before one is used. */
static uint32_t ctrl_set_mapping(struct netif_hash_state *s, unsigned queues,
	const uint32_t data[3], netif_copy_fn copy, void *opaque)
{
	uint32_t table[NETIF_HASH_MAPPING_MAX];
	uint32_t len = data[1], offset = data[2];

	if (len > NETIF_HASH_MAPPING_MAX)
		return XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW;
	if (offset > s->mapping_size || len > s->mapping_size - offset)
		return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
	if (len && copy(opaque, data[0], 0, table, len * sizeof(table[0])) < 0)
		return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
	for (uint32_t i = 0; i < len; i++)
		if (table[i] >= queues)
			return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
	memcpy(s->mapping + offset, table, len * sizeof(table[0]));
	return XEN_NETIF_CTRL_STATUS_SUCCESS;
}

static uint32_t ctrl_do(struct netif_hash_state *s, unsigned queues,
	const struct xen_netif_ctrl_request *r, netif_copy_fn copy, void *opaque, uint32_t *data)
{
	switch (r->type) {
	case XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM:
		return ctrl_set_algorithm(s, r->data[0]);
	case XEN_NETIF_CTRL_TYPE_GET_HASH_FLAGS:
		return ctrl_get_flags(s, data);
	case XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS:
		return ctrl_set_flags(s, r->data[0]);
	case XEN_NETIF_CTRL_TYPE_SET_HASH_KEY:
		return ctrl_set_key(s, r->data[0], r->data[1], copy, opaque);
	case XEN_NETIF_CTRL_TYPE_GET_HASH_MAPPING_SIZE:
		*data = NETIF_HASH_MAPPING_MAX;
		return XEN_NETIF_CTRL_STATUS_SUCCESS;
	case XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE:
		return ctrl_set_mapping_size(s, r->data[0]);
	case XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING:
		return ctrl_set_mapping(s, queues, r->data, copy, opaque);
	default: /* the mappings of static grants, too, which are not offered */
		return XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED;
	}
}

void netif_ctrl_do(struct netif_hash_state *state, unsigned queues,
	const struct xen_netif_ctrl_request *request, netif_copy_fn copy, void *opaque,
	struct xen_netif_ctrl_response *response)
{
	memset(response, 0, sizeof(*response));
	response->id = request->id;
	response->type = request->type;
	response->status = ctrl_do(state, queues, request, copy, opaque, &response->data);
}

/* --- the hash --- */

/* The 32 bits of the key that begin at bit @bit; beyond its end there are zeroes. */
static uint32_t key_window(const uint8_t *key, unsigned key_len, unsigned bit)
{
	uint64_t w = 0;

	for (unsigned i = bit / 8; i < bit / 8 + 5; i++)
		w = w << 8 | (i < key_len ? key[i] : 0);
	return w >> (8 - bit % 8);
}

uint32_t netif_toeplitz(const uint8_t *key, unsigned key_len, const uint8_t *input, unsigned len)
{
	uint32_t hash = 0;

	for (unsigned bit = 0; bit < len * 8; bit++)
		if (input[bit / 8] & 0x80u >> bit % 8)
			hash ^= key_window(key, key_len, bit);
	return hash;
}

/* The hash is linear: that of an input is the sum of those of its half bytes. */
void netif_hash_set_key(struct netif_hash_state *s, const uint8_t *key, uint32_t len)
{
	memset(s->key, 0, sizeof(s->key));
	memcpy(s->key, key, len);
	s->key_len = len;
	for (unsigned half = 0; half < NETIF_HASH_INPUT_MAX * 2; half++) {
		uint32_t *row = s->table[half];

		row[0] = 0;
		for (unsigned i = 0; i < 4; i++)
			row[8u >> i] = key_window(key, len, half * 4 + i);
		for (unsigned v = 1; v < 16; v++)
			row[v] = row[v & 8] ^ row[v & 4] ^ row[v & 2] ^ row[v & 1];
	}
}

/* Adds @len bytes that begin at byte @at of the input. */
static uint32_t hash_bytes(const struct netif_hash_state *s, unsigned at, const uint8_t *in,
	unsigned len)
{
	uint32_t hash = 0;

	for (unsigned i = 0; i < len; i++) {
		const uint32_t(*rows)[16] = &s->table[(at + i) * 2];

		hash ^= rows[0][in[i] >> 4] ^ rows[1][in[i] & 15];
	}
	return hash;
}

enum netif_hash netif_hash_packet(const struct netif_hash_state *state, const uint8_t *frame,
	uint32_t len, uint32_t *hash)
{
	const unsigned at[2] = { 12, 8 }, size[2] = { 8, 32 }; /* both addresses, IPv4 and IPv6 */
	struct packet p;
	unsigned v6, bits;

	if (state->algorithm == XEN_NETIF_CTRL_HASH_ALGORITHM_NONE || state->flags == 0)
		return NETIF_HASH_NONE;
	packet_parse(frame, len, &p);
	if (p.version == 0)
		return NETIF_HASH_NONE;
	v6 = p.version == 6;
	bits = state->flags >> (v6 ? _XEN_NETIF_CTRL_HASH_TYPE_IPV6 : 0) & 3;
	if ((bits & 2) && p.transport && p.protocol == PACKET_PROTO_TCP && len - p.transport >= 4) {
		*hash = hash_bytes(state, 0, frame + p.network + at[v6], size[v6]) ^
			hash_bytes(state, size[v6], frame + p.transport, 4);
		return v6 ? NETIF_HASH_IPV6_TCP : NETIF_HASH_IPV4_TCP;
	}
	if (!(bits & 1))
		return NETIF_HASH_NONE;
	*hash = hash_bytes(state, 0, frame + p.network + at[v6], size[v6]);
	return v6 ? NETIF_HASH_IPV6 : NETIF_HASH_IPV4;
}

unsigned netif_hash_queue(const struct netif_hash_state *state, uint32_t hash, unsigned queues)
{
	if (state->mapping_size == 0)
		return hash % queues;
	/* Entries were below the number of queues of then: never beyond the present one's. */
	return state->mapping[hash % state->mapping_size] % queues;
}
