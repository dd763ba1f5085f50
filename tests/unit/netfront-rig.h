/* SPDX-License-Identifier: MIT */
/*
 * A network backend in the frontend's own process, over blkfront-fakes.c: what it is sent it
 * sends back, unless the test plays the backend itself.
 */
#ifndef SLUICE_TESTS_UNIT_NETFRONT_RIG_H
#define SLUICE_TESTS_UNIT_NETFRONT_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "frontends/netfront.h"
#include "tests/unit/blkfront-fakes.h"

#define NET_FRONT FAKE_HOME "device/vif/0"
#define NET_BACK "/local/domain/3/backend/vif/7/0"

/** struct rig - the backend. */
struct rig {
	struct ring_back tx, rx, ctrl;
	void *tx_page, *rx_page;
	bool attached;
	bool serve;              /* send back; else the test does it */
	struct netif_tx_limits limits;
	struct netif_tx_packet last; /* what was sent last */
	unsigned served, dropped;
	uint32_t ctrl_status;    /* to answer with */
	uint16_t ctrl_types[16]; /* what was asked for */
	unsigned nctrl;
	uint8_t data[NETIF_PACKET_MAX];
};
extern struct rig rig;

int rig_setup(void **state);
int rig_teardown(void **state);
/** rig_offer() - another value for a node of the backend than usual; NULL: none. */
void rig_offer(const char *name, const char *value);
struct netfront *rig_open(struct netfront_config config);
/** rig_why() - of the last open. */
const char *rig_why(void);
void rig_serve(void);
/** rig_take() - the next packet that was sent, into last and data. False: none. */
bool rig_take(void);
/** rig_tx_answer(), rig_rx_answer() - one response of whatever content, published. */
void rig_tx_answer(uint16_t id, int16_t status);
void rig_rx_answer(const void *slot);
/** rig_rx_next() - the id of the next buffer; -1: none. */
int rig_rx_next(void);
void rig_set_state(int state);

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, rig_setup, rig_teardown)

#endif
