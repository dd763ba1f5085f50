/* SPDX-License-Identifier: MIT */
/* For unit tests of the store: connections without any transport. */
#ifndef SLUICE_TESTS_UNIT_STORE_TEST_H
#define SLUICE_TESTS_UNIT_STORE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hypervisor/store/conn.h"

/** struct reply - a message that came out of a connection, NUL-terminated for convenience. */
struct reply {
	uint32_t type, req_id, tx_id, len;
	char data[XENSTORE_PAYLOAD_MAX + 1];
};

/** test_store() - a store with default quotas whose domains have a connection each. */
struct store *test_store(void);
/** test_introduce() - introduce a domain; its connection ends with its RELEASE. */
struct conn *test_introduce(struct store *store, uint32_t domid);
/** test_home() - introduce, and make /local/domain/@domid, owned by the domain. */
struct conn *test_home(struct store *store, struct conn *toolstack, uint32_t domid);

/** test_send() - feed one request, a few bytes at a time. */
void test_send(struct conn *conn, uint32_t type, uint32_t tx, const void *data, size_t len);
/** test_receive() - the next message; false when there is none. */
bool test_receive(struct conn *conn, struct reply *reply);
/** test_call() - request and reply; 0, or the error reply's -errno. */
int test_call(struct conn *conn, uint32_t type, uint32_t tx, const void *data, size_t len,
	struct reply *reply);

/** CALL - test_call() with a literal: write out each NUL that belongs to the request. */
#define CALL(conn, type, tx, literal) \
	test_call(conn, type, tx, literal, sizeof(literal) - 1, NULL)
/** ASK - the same, keeping the reply. */
#define ASK(conn, type, tx, literal, reply) \
	test_call(conn, type, tx, literal, sizeof(literal) - 1, reply)

/** test_start() - a transaction's id. */
uint32_t test_start(struct conn *conn);
/** test_value() - assert what READ answers. */
void test_value(struct conn *conn, uint32_t tx, const char *path, const char *value);
/** test_event() - assert the next message is this event. */
void test_event(struct conn *conn, const char *path, const char *token);
/** test_silence() - assert that nothing is waiting. */
void test_silence(struct conn *conn);

#endif
