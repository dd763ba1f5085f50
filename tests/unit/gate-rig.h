/* SPDX-License-Identifier: MIT */
/*
 * For tests of the gate between backends and the store: a gate, and both its ends, which the test
 * plays.
 */
#ifndef SLUICE_TESTS_UNIT_GATE_RIG_H
#define SLUICE_TESTS_UNIT_GATE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/array.h"
#include "drivers-domain/gate.h"

#define HOME "/local/domain/1"
#define LEAF "backend/vbd/2/51712"
#define OWN HOME "/" LEAF
#define LITERAL(text) text, sizeof(text) - 1

/** struct message - one that came out, payload with a NUL behind it. */
struct message {
	struct xsd_sockmsg header;
	char payload[XENSTORE_PAYLOAD_MAX + 1];
};

/** gate - what is tested. */
extern struct gate gate;
/** got - what came out last, on either side. */
extern struct message got;
/** token - the store's, of the watch that was made last. */
extern char token[64];

/** GATE_TEST() - a test with a gate of its own. */
#define GATE_TEST(name) cmocka_unit_test_setup_teardown(name, gate_rig_setup, gate_rig_teardown)
int gate_rig_setup(void **state);
int gate_rig_teardown(void **state);

/** client_new() - of the device LEAF. */
struct gate_client *client_new(void);
/** client_put() - bytes from the client. Return: how many were taken. */
size_t client_put(struct gate_client *c, const void *data, size_t len);
/** client_ask() - one request. */
void client_ask(struct gate_client *c, uint32_t type, uint32_t tx, const char *payload, size_t len);
void client_read(struct gate_client *c, const char *path);
/** client_take() - its next answer or event to got. False: there is none. */
bool client_take(struct gate_client *c);
/** client_hears() - its next answer is that. */
void client_hears(struct gate_client *c, uint32_t type, const char *payload);
/** client_sees() - its next is an event of its watch @name. */
void client_sees(struct gate_client *c, const char *path, const char *name);
/** client_begin() - a transaction. Return: the client's id of it; the store's is @real. */
uint32_t client_begin(struct gate_client *c, const char *real);
void client_end(struct gate_client *c, uint32_t tx, bool commit);
/** hold_all() - all the transactions that there may be, each of a client of its own. */
void hold_all(struct gate_client *c[GATE_TX], uint32_t tx[GATE_TX]);
/** client_watch() - a watch; the store's token for it is left in token. */
void client_watch(struct gate_client *c, const char *path, const char *name);

/** store_take() - the next request to got. False: there is none. */
bool store_take(void);
/** store_hears() - the next request is that; its id stays in got. */
void store_hears(uint32_t type, uint32_t tx, const char *payload);
/** store_put() - bytes from the store. 0 or -errno. */
int store_put(const void *data, size_t len);
/** store_send() - one message from the store. 0 or -errno. */
int store_send(uint32_t id, uint32_t type, const char *payload, size_t len);
/** store_says() - a text as an answer. */
void store_says(uint32_t id, uint32_t type, const char *payload);
/** store_ok() - to the request in got. */
void store_ok(void);
/** store_fires() - an event of the watch with the store's token @which. */
void store_fires(const char *path, const char *which);
/** store_restarts() - its connection ends, and there is another. */
void store_restarts(void);

#endif
