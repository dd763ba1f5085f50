// SPDX-License-Identifier: MIT
/*
 * A hostile network frontend's control ring: the input is a number of queues, requests, the
 * pages that they name and frames. Whatever was asked for, the queue of a frame is one that
 * there is, and the hash is that of the plain function.
 */
#include "config.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/netif-ctrl.h"
#include "protocol/packet.h"
#include "tests/fuzz/input.h"

/* The guest's page is what comes next of the input; some are not granted. */
static int copy(void *opaque, uint32_t gref, uint32_t offset, void *to, uint32_t len)
{
	check(len > 0 && len <= NETIF_PAGE_SIZE && offset <= NETIF_PAGE_SIZE - len);
	take(opaque, to, len);
	for (uint32_t i = 0; (gref & 1) && i < len; i++)
		((uint8_t *)to)[i] = i % 4 ? 0 : ((uint8_t *)to)[i] % 8; /* small numbers */
	return gref % 8 == 7 ? -EFAULT : 0;
}

static void bend(struct xen_netif_ctrl_request *r)
{
	if (r->id & 1)
		r->type %= 12;
	if (r->id & 2)
		r->data[1] %= 160;
	if (r->id & 4)
		r->data[2] %= 130;
	if (r->id & 8)
		r->data[0] %= 140;
	if (r->id & 16 && r->type == XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM)
		r->data[0] = 1;
	if (r->id & 16 && r->type == XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS)
		r->data[0] &= 15;
}

static void check_state(const struct netif_hash_state *s, unsigned queues)
{
	check(s->key_len <= NETIF_HASH_KEY_MAX && s->mapping_size <= NETIF_HASH_MAPPING_MAX);
	check(s->algorithm <= 1 && s->flags <= 15);
	for (unsigned i = 0; i < NETIF_HASH_MAPPING_MAX; i++)
		check(s->mapping[i] < queues);
}

static void check_hash(const struct netif_hash_state *s, const uint8_t *bytes, uint32_t len,
	unsigned queues)
{
	CLEANUP_FREE uint8_t *frame = malloc(len ? len : 1); /* so that a sanitizer sees its end */
	uint8_t input[NETIF_HASH_INPUT_MAX];
	uint32_t hash = 4711;
	enum netif_hash type;
	struct packet p;
	unsigned n;

	check(frame != NULL);
	memcpy(frame, bytes, len);
	type = netif_hash_packet(s, frame, len, &hash);
	check(netif_hash_queue(s, hash, queues) < queues);
	if (type == NETIF_HASH_NONE)
		return;
	check(s->flags & 1u << (type - 1));
	packet_parse(frame, len, &p);
	n = type >= NETIF_HASH_IPV6 ? 32 : 8;
	memcpy(input, frame + p.network + (n == 32 ? 8 : 12), n);
	if (type == NETIF_HASH_IPV4_TCP || type == NETIF_HASH_IPV6_TCP) {
		memcpy(input + n, frame + p.transport, 4);
		n += 4;
	}
	check(netif_toeplitz(s->key, s->key_len, input, n) == hash);
}

/* Half of the frames are TCP or UDP in one of the two protocols. */
static void bend_frame(uint8_t *frame, uint8_t how)
{
	if (how & 1)
		return;
	frame[12] = how & 2 ? 0x08 : 0x86;
	frame[13] = how & 2 ? 0x00 : 0xdd;
	frame[14] = how & 2 ? 0x45 : 0x60;
	if (how & 4)
		frame[how & 2 ? 23 : 20] = 6;
	if (how & 8)
		frame[20] = how & 2 ? 0x40 : frame[20];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct netif_hash_state state = { 0 };
	uint8_t queues, frame[128], how[2];

	take(&in, &queues, 1);
	if (queues & 8) { /* often a hash is already in use */
		state.algorithm = XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ;
		state.flags = queues >> 4;
	}
	queues = queues % 8 + 1;
	while (in.size) {
		struct xen_netif_ctrl_request req;
		struct xen_netif_ctrl_response rsp;

		take(&in, &req, sizeof(req));
		bend(&req);
		netif_ctrl_do(&state, queues, &req, copy, &in, &rsp);
		check(rsp.id == req.id && rsp.type == req.type && rsp.status <= 3);
		check_state(&state, queues);
		take(&in, how, sizeof(how));
		memset(frame, 0, sizeof(frame));
		take(&in, frame, how[0] & 16 ? sizeof(frame) : 64);
		bend_frame(frame, how[0]);
		check_hash(&state, frame, how[0] & 32 ? sizeof(frame) : how[1] % 129, queues);
	}
	return 0;
}
