/* SPDX-License-Identifier: MIT */
/*
 * A network interface over a store in memory and a port of the test's: the test is toolstack,
 * guest and the world behind the port.
 */
#ifndef SLUICE_TESTS_UNIT_NET_RIG_H
#define SLUICE_TESTS_UNIT_NET_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backends/net/device.h"
#include "protocol/netif-front.h"
#include "protocol/netif.h"
#include "tests/peers/port-fake.h"

#define BACK "backend/vif/7/0"
#define FRONT "/local/domain/7/device/vif/0"

/* Grants: rings, then per queue pages to send from and to receive to. */
#define RIG_TX_RING(q) (1u + 2 * (q))
#define RIG_RX_RING(q) (2u + 2 * (q))
#define RIG_CTRL_RING 30u
#define RIG_PAGE 31u /* of the control ring's requests */
#define RIG_BASE(q) (100u + 240 * (q))
#define RIG_PAGES 120u /* per queue and direction */
#define RIG_TX_PAGE(q, i) (RIG_BASE(q) + (i) % RIG_PAGES)
#define RIG_RX_PAGE(q, i) (RIG_BASE(q) + RIG_PAGES + (i) % RIG_PAGES)

/** struct rig_queue - the guest's end of a queue. */
struct rig_queue {
	unsigned index;
	unsigned tx_channel, rx_channel; /* of fake-xen */
	struct ring_front tx, rx;
	unsigned next_tx;  /* page */
	unsigned next_id;
	unsigned rx_given;
};

/** struct net_rig - the interface of the test that runs. */
struct net_rig {
	struct loop *loop;
	struct device *device; /* NULL: not started, or refused */
	int status;            /* why it was refused */
	unsigned max_queues;
	const char *journal, *metrics;
	bool split, rx_notify;
	bool silent;           /* buffers are given without an event */
	unsigned rx_offset;    /* of the last packet received, in its first page */
	struct rig_queue queue[8];
	struct ring_front ctrl;
};
extern struct net_rig rig;

int rig_setup(void **state);
int rig_teardown(void **state);

/** rig_start() - as sluice-net starts it; rig.device is NULL if it refuses. */
void rig_start(void);
/** rig_stop() - as on SIGTERM: from inside the loop. */
void rig_stop(void);
/** run_until() - run until the node has the value, fails after ten seconds. @value: NULL: any. */
int run_until(const char *path, const char *value);
/** settle() - run until all that was written to the store so far was looked at. */
void settle(void);
void front(const char *name, const char *value);
void frontf(const char *name, unsigned value);
void expect_node(const char *name, const char *value);
void expect_error(const char *part);

/** rig_queues() - grant @n queues' rings, with @buffers each to receive to, and write their nodes. */
void rig_queues(unsigned n, unsigned buffers);
/** rig_connect() - start, and connect a guest with all features and @n queues. */
void rig_connect(unsigned n, unsigned buffers);
/** rig_nodes() - all features, as Linux's netfront writes them. */
void rig_nodes(void);
/** rig_ctrl() - a control ring for rig_connect(), before it. */
void rig_ctrl(void);
/** rig_buffers() - @n more to receive to. */
void rig_buffers(struct rig_queue *q, unsigned n);

/** rig_slot() - put one raw slot; rig_kick() shows it. Return: its id. */
uint16_t rig_slot(struct rig_queue *q, uint32_t gref, unsigned offset, unsigned size, unsigned flags);
void rig_extra(struct rig_queue *q, const struct netif_extra_info *extra);
void rig_kick(struct rig_queue *q);
/** rig_send() - put a packet of @len bytes in as many slots as it takes. Return: its first id. */
uint16_t rig_send(struct rig_queue *q, const struct netif_rx_meta *meta, const uint8_t *bytes,
	uint32_t len);
/** rig_response() - wait for the next answer to a transmit slot. */
struct netif_tx_response rig_response(struct rig_queue *q);
/** rig_receive() - wait for the next packet. Return: its bytes, or -1: none in @ms. @meta may be NULL. */
int rig_receive(struct rig_queue *q, struct netif_rx_meta *meta, uint8_t *bytes, unsigned ms);
/** rig_ask() - a request of the control ring. */
struct xen_netif_ctrl_response rig_ask(unsigned type, uint32_t a, uint32_t b, uint32_t c);

/** rig_put() - a frame of the world's to the guest. */
void rig_put(unsigned queue, const uint8_t *bytes, uint32_t len);
/** rig_fill() - a frame: a unicast Ethernet header and a pattern of @seed. */
void rig_fill(uint8_t *bytes, uint32_t len, unsigned seed);
/** rig_counter() - of all queues, live. */
uint64_t rig_counter(unsigned which);

#endif
