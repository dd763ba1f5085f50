/* SPDX-License-Identifier: MIT */
/*
 * A block frontend made to break rules: it speaks to the store, event channels and
 * grants by itself, byte by byte, and shares nothing with frontends/ but the encoders.
 */
#ifndef SLUICE_TESTS_PEERS_HOSTILE_H
#define SLUICE_TESTS_PEERS_HOSTILE_H

#include <stdbool.h>
#include <stdint.h>

#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>

#include "protocol/blkif.h"
#include "tests/peers/hostile-common.h"

#define PEER_PAGES 300

#define PEER_QUEUES 8

/** struct peer_queue - one ring and its channel. */
struct peer_queue {
	int port;
	uint8_t *ring;
	unsigned pages;
	uint32_t ring_refs[16];
	uint32_t slots;
	uint32_t prod, cons;
};

/** struct peer - a connection in the making, and what it shares. */
struct peer {
	struct xs_handle *xs;
	xenevtchn_handle *xce;
	xengntshr_handle *xgs;
	char dir[64];              /* device/vbd/N */
	char *backend;
	uint32_t backend_id;
	enum blkif_abi abi;
	unsigned order;
	bool persistent;
	unsigned nqueues;          /* for the next connection; above 1 their nodes are in queue-N/ */
	struct peer_queue queue[PEER_QUEUES];
	struct peer_queue *q;      /* that all calls below use */
	uint8_t *page[PEER_PAGES]; /* each granted by itself */
	uint32_t ref[PEER_PAGES];
	struct blkif_req req;      /* scratch, for peer_rw() */
};

/** struct hostile_case - one broken rule; fn returns 0, or -1 after hostile_fail(). */
struct hostile_case {
	const char *name;
	int (*fn)(struct peer *p);
	bool raw;                  /* do not connect first */
};
extern const struct hostile_case hostile_requests[], hostile_grants[], hostile_rings[],
	hostile_races[], hostile_queues[], hostile_barriers[], hostile_limits[], hostile_nodes[],
	hostile_changes[], hostile_states[], hostile_quirks[], hostile_discard[],
	hostile_readonly[], hostile_blocks[];


/** peer_open() - handles, memory and channel; nothing in the store yet. 0 or -1. */
int peer_open(struct peer *p, unsigned vdev);
/** peer_reset_store() - leave whatever was, to a backend in InitWait. 0 or -1. */
int peer_reset_store(struct peer *p);
/** peer_write() - write a node of ours; NULL removes it. */
void peer_write(struct peer *p, const char *name, const char *value);
void peer_writef(struct peer *p, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/** peer_publish() - all good nodes, without the state. */
void peer_publish(struct peer *p);
/** peer_prepare() - new rings and channels for nqueues queues of the order. 0 or -1. */
int peer_prepare(struct peer *p);
/** peer_go() - Initialised, wait for Connected. 0 or -1. */
int peer_go(struct peer *p);
/** peer_connect() - prepare, publish, go. 0 or -1. */
int peer_connect(struct peer *p);
/** peer_close() - Closed at once, then Initialising: the backend is in InitWait. 0 or -1. */
int peer_close(struct peer *p);
/** peer_use_queue() - what peer_put() and all others use from now on. */
void peer_use_queue(struct peer *p, unsigned i);
/** peer_offered() - a number that the backend offers; 0 if it is absent. */
uint32_t peer_offered(struct peer *p, const char *name);
/** peer_wait_state() - the backend is in one of @states (bits). Return: which, or -1. */
int peer_wait_state(struct peer *p, unsigned states);
#define PEER_ENDED (1u << 5 | 1u << 6)
int peer_state(struct peer *p);
/** peer_expect_ended() - the backend ends the connection and says why. 0 or -1. */
int peer_expect_ended(struct peer *p);
/** peer_free() - close all handles; the store stays as it is. */
void peer_free(struct peer *p);
/** peer_new_pages() - end the data grants and make new ones. */
int peer_new_pages(struct peer *p);

/** peer_slot() - the ring slot of the next request. */
uint8_t *peer_slot(struct peer *p);
/** peer_put() - encode a request into the next slot; peer_push() publishes and notifies. */
void peer_put(struct peer *p, const struct blkif_req *req);
void peer_push(struct peer *p);
volatile uint32_t *peer_req_prod(struct peer *p);
volatile uint32_t *peer_rsp_prod(struct peer *p);
/** peer_next_rsp() - the next response, raw; NULL after HOSTILE_SECONDS. */
const uint8_t *peer_next_rsp(struct peer *p);
/** peer_expect() - send a request; its response must be with @status (1: any error). 0 or -1. */
int peer_expect(struct peer *p, const struct blkif_req *req, int status);
/** peer_answer() - the next response must be for @id and @op, with @status (1: any error). */
int peer_answer(struct peer *p, uint64_t id, unsigned op, int status);
#define PEER_ANY_ERROR 1
#define PEER_ANY 2

/** peer_collect() - @n answers, one for each id from @first on, in any order. 0 or -1. */
int peer_collect(struct peer *p, uint64_t first, unsigned n, int status);
/** peer_next_id() - what the next peer_rw() will have. */
uint64_t peer_next_id(void);

/** peer_discard() - a discard; 0 or BLKIF_DISCARD_SECURE. */
struct blkif_req *peer_discard(struct peer *p, uint64_t sector, uint64_t count, unsigned flag);
/** peer_sectors() - the size that the backend publishes, 0 if none. */
uint64_t peer_sectors(struct peer *p);
/** peer_rw() - a request of @n whole pages, page[first..]; indirect beyond 11 of them. */
struct blkif_req *peer_rw(struct peer *p, unsigned op, uint64_t sector, unsigned first, unsigned n);
/** peer_check_works() - write, read back, compare on this very connection. 0 or -1. */
int peer_check_works(struct peer *p);

#endif
