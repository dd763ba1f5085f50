/* SPDX-License-Identifier: MIT */
/*
 * The network protocol's control ring: requests of 16 bytes, responses of 12, and the state
 * that they change: which hash of a packet chooses the receive queue. No I/O, but for key
 * and mapping tables, which are in a page of the guest's: the caller copies them.
 */
#ifndef SLUICE_PROTOCOL_NETIF_CTRL_H
#define SLUICE_PROTOCOL_NETIF_CTRL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "protocol/netif.h"

/** NETIF_HASH_KEY_MAX - bytes of a Toeplitz key (Linux's limit). */
#define NETIF_HASH_KEY_MAX 40u
/** NETIF_HASH_MAPPING_MAX - entries of the mapping table. */
#define NETIF_HASH_MAPPING_MAX 128u
/** NETIF_HASH_INPUT_MAX - bytes that are hashed: two IPv6 addresses and two ports. */
#define NETIF_HASH_INPUT_MAX 36u
/** NETIF_CTRL_SLOT_SIZE, NETIF_CTRL_RING_SLOTS - of the control ring, which is one page. */
#define NETIF_CTRL_SLOT_SIZE 16u
#define NETIF_CTRL_RING_SLOTS 128u

/** struct netif_hash_state - what the control ring has set; all zero: no hash. */
struct netif_hash_state {
	uint32_t algorithm;
	uint32_t flags;        /* 1 << enum bits of XEN_NETIF_CTRL_HASH_TYPE_ */
	uint32_t key_len;
	uint8_t key[NETIF_HASH_KEY_MAX];
	uint32_t mapping_size;
	uint32_t mapping[NETIF_HASH_MAPPING_MAX]; /* queue numbers, each below the number of queues */
	uint32_t table[NETIF_HASH_INPUT_MAX * 2][16]; /* of the key: what each half byte adds to the hash */
};

/** netif_hash_set_key() - @len: at most NETIF_HASH_KEY_MAX. The table is made for it. */
void netif_hash_set_key(struct netif_hash_state *state, const uint8_t *key, uint32_t len);

/**
 * netif_copy_fn - copy @len bytes at the start of the guest's page @gref. 0 or -errno.
 */
typedef int (*netif_copy_fn)(void *opaque, uint32_t gref, uint32_t offset, void *to, uint32_t len);

/**
 * netif_ctrl_do() - carry out a request.
 * @request: a private copy of the slot
 * @queues: of the device: no mapping entry reaches beyond
 *
 * Everything is validated before the guest's page is copied, and the state changed only
 * when all of it holds (XSA-270). Total. @response is filled in any case.
 */
void netif_ctrl_do(struct netif_hash_state *state, unsigned queues,
	const struct xen_netif_ctrl_request *request, netif_copy_fn copy, void *opaque,
	struct xen_netif_ctrl_response *response);

/** netif_toeplitz() - the hash of @len bytes with a key. */
uint32_t netif_toeplitz(const uint8_t *key, unsigned key_len, const uint8_t *input, unsigned len);

/**
 * netif_hash_packet() - the hash that the state wants of an Ethernet frame.
 * @frame: its first @len bytes: whatever they are
 *
 * Return: NETIF_HASH_NONE when it has none.
 */
enum netif_hash netif_hash_packet(const struct netif_hash_state *state, const uint8_t *frame,
	uint32_t len, uint32_t *hash);
/** netif_hash_queue() - the receive queue of a packet: below @queues. */
unsigned netif_hash_queue(const struct netif_hash_state *state, uint32_t hash, unsigned queues);

#endif
