/* SPDX-License-Identifier: MIT */
/*
 * A network frontend made to break rules: it speaks to the store, event channels and grants by
 * itself, slot by slot. Its backend's port sends every frame back with its addresses swapped.
 */
#ifndef SLUICE_TESTS_PEERS_HOSTILE_NET_H
#define SLUICE_TESTS_PEERS_HOSTILE_NET_H

#include <stdbool.h>
#include <stdint.h>

#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>

#include "protocol/netif-ctrl.h"
#include "protocol/netif.h"
#include "tests/peers/hostile-common.h"

#define NP_PAGES 300  /* to send */
#define NP_BUFFERS 256
#define NP_SLOTS 256
#define NP_QUEUES 8

/** struct np_ring - a ring of one page. */
struct np_ring {
	uint8_t *page;
	uint32_t ref;
	uint32_t slots, slot_size;
	uint32_t prod, cons;
};

struct np_queue {
	struct np_ring tx, rx;
	int tx_port, rx_port;
};

/** struct netpeer - a connection in the making, and what it shares. */
struct netpeer {
	struct xs_handle *xs;
	xenevtchn_handle *xce;
	xengntshr_handle *xgs;
	char dir[64];
	char *backend;
	uint32_t backend_id;
	unsigned nqueues;           /* for the next connection */
	bool split, no_sg, no_gso, mcast, with_ctrl;
	struct np_queue queue[NP_QUEUES];
	struct np_queue *q;         /* that all calls below use */
	struct np_ring ctrl;
	int ctrl_port;
	uint8_t *page[NP_PAGES];    /* each granted by itself */
	uint32_t ref[NP_PAGES];
	uint8_t *buffer[NP_BUFFERS]; /* to receive in */
	uint32_t buffer_ref[NP_BUFFERS];
	uint16_t posted[NP_SLOTS];  /* by ring slot */
	uint16_t next_id;
	uint32_t got_len;           /* of the frame received last */
	uint8_t got[NETIF_PACKET_MAX + 1];
};

/** struct np_case - one broken rule; fn returns 0, or -1 after hostile_fail(). */
struct np_case {
	const char *name;
	int (*fn)(struct netpeer *p);
	bool raw;                   /* do not connect first */
};
extern const struct np_case np_rings[], np_packets[], np_grants[], np_receiving[], np_control[],
	np_nodes[], np_states[];


/** np_open() - handles and pages; np_free() - close them, the store stays as it is. */
int np_open(struct netpeer *p, unsigned vif);
void np_free(struct netpeer *p);
/** np_reset_store() - leave whatever was, to a backend in InitWait. */
int np_reset_store(struct netpeer *p);
/** np_write() - write a node of ours; NULL removes it. */
void np_write(struct netpeer *p, const char *name, const char *value);
void np_writef(struct netpeer *p, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int np_prepare(struct netpeer *p);
/** np_publish() - all good nodes, without the state. */
void np_publish(struct netpeer *p);
/** np_go() - Connected, wait for the backend's. */
int np_go(struct netpeer *p);
int np_connect(struct netpeer *p);
/** np_close() - to a backend in InitWait. */
int np_close(struct netpeer *p);
int np_state(struct netpeer *p);
/** np_offered() - a number that the backend offers; 0 if it is absent. */
uint32_t np_offered(struct netpeer *p, const char *name);
int np_wait_state(struct netpeer *p, unsigned states);
#define NP_ENDED (1u << 5 | 1u << 6)
/** np_expect_fatal() - the device is not served any more, and the backend says why. */
int np_expect_fatal(struct netpeer *p);

/** np_tx() - the next transmit slot, to be written as a request; it counts as put. */
struct netif_tx_request *np_tx(struct netpeer *p);
/** np_slot() - put a data slot in page[@page]. Return: its id. */
uint16_t np_slot(struct netpeer *p, unsigned page, unsigned offset, unsigned size, unsigned flags);
/** np_extra() - put an extra segment; np_gso() fills one in. */
struct netif_extra_info *np_extra(struct netpeer *p, unsigned type, unsigned flags);
void np_gso(struct netpeer *p, unsigned type, unsigned size);
/** np_push() - publish and notify, always. */
void np_push(struct netpeer *p);
volatile uint32_t *np_req_prod(struct np_ring *r);
volatile uint32_t *np_rsp_prod(struct np_ring *r);
/**
 * np_answers() - the next @n answers, in whatever order within them: data slots' have ids from
 * @first on and @status. @extras of them are for extra segments.
 */
int np_answers(struct netpeer *p, uint16_t first, unsigned n, unsigned extras, int status);
#define NP_ANY_ERROR 99
/** np_next_answer() - raw; NULL after HOSTILE_SECONDS. */
const struct netif_tx_response *np_next_answer(struct netpeer *p);

/** np_post() - put @n buffers. */
void np_post(struct netpeer *p, unsigned n);
/**
 * np_receive() - the next frame into got; checks every rule of what a backend may send.
 * @ms: how long to wait. Return: its length; 0: none came, -1 after hostile_fail().
 */
int np_receive(struct netpeer *p, unsigned ms);
/** np_frame() - an Ethernet frame of @len bytes into @data, marked by @seed. */
void np_frame(uint8_t *data, unsigned len, unsigned seed);
/** np_is_frame() - whether got is what np_frame() made, sent back. */
bool np_is_frame(const struct netpeer *p, unsigned len, unsigned seed);
/** np_send() - a frame of @len in pages from @page on, one slot per page. Return: slots. */
unsigned np_send(struct netpeer *p, unsigned page, unsigned len, unsigned seed);
/** np_check_works() - a frame goes and comes on this very connection. */
int np_check_works(struct netpeer *p);

/** np_ctrl() - a control request; @data: the answer's. Return: its status, or -1. */
int np_ctrl(struct netpeer *p, unsigned type, uint32_t a, uint32_t b, uint32_t c, uint32_t *data);

#endif
