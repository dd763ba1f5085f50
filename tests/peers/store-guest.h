/* SPDX-License-Identifier: MIT */
/*
 * For tests of store rings with a running hypervisor: a small client of the ring protocol.
 * What goes wrong fails the test.
 */
#ifndef SLUICE_TESTS_PEERS_STORE_GUEST_H
#define SLUICE_TESTS_PEERS_STORE_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/io/xs_wire.h>
#include <xenevtchn.h>

#include "hypervisor/process/share-client.h"
#include "tests/unit/hv-harness.h"
#include "tests/unit/store-server.h"

#define BODY_ROOM (XENSTORE_PAYLOAD_MAX + 1)

/** struct message - a message, its body with a NUL after it. */
struct message {
	struct xsd_sockmsg head;
	char body[BODY_ROOM];
};

/** struct guest - a domain's side of its store ring. */
struct guest {
	unsigned domid;
	int fd;
	xenevtchn_handle *xce;
	int port;
	struct hvshare share;
	struct xenstore_domain_interface *page;
	uint32_t next_id;
	struct message event; /* the last watch event that came in between */
	bool has_event;
};

/* What the tests run in: theirs to start and to end. */
extern struct hv_world world;
extern struct server server;
extern struct xs_handle *tool;

/** guest_notify() - signal the store. */
void guest_notify(struct guest *g);
/** guest_wait() - for a signal of the store. */
void guest_wait(struct guest *g);
/** guest_put() - bytes into the ring. */
void guest_put(struct guest *g, const void *data, size_t len);
/** guest_ask() - send a request and wait for its reply; an event that comes before it is kept. */
void guest_ask(struct guest *g, unsigned type, uint32_t tx, const void *body, size_t len,
	struct message *reply);
/** guest_call() - a request that succeeds; the reply's body, until the next one. */
const char *guest_call(struct guest *g, unsigned type, uint32_t tx, const void *body, size_t len);
/** guest_fails() - a request that fails with @error. */
void guest_fails(struct guest *g, unsigned type, uint32_t tx, const char *body, size_t len,
	const char *error);
/** guest_write() - set a node. */
void guest_write(struct guest *g, uint32_t tx, const char *path, const char *value);
/** guest_expect() - a node has this value. */
void guest_expect(struct guest *g, uint32_t tx, const char *path, const char *value);
/** guest_watch() - set a watch; its first event comes. */
void guest_watch(struct guest *g, const char *path, const char *token);
/** guest_expect_event() - wait for an event, or take the one that was kept. */
void guest_expect_event(struct guest *g, const char *path, const char *token);
/** guest_expect_no_event() - none was kept, and none is before the next reply. */
void guest_expect_no_event(struct guest *g);
/** guest_connect() - as domain @g->domid: a new port. */
void guest_connect(struct guest *g);
/** guest_make() - page at grant 1 and port; nobody has heard of them. @index: of all four. */
void guest_make(struct guest *g, unsigned domid, uint32_t index);
/** guest_introduce() - tell the store, make its home. */
void guest_introduce(struct guest *g);
/** guest_start() - guest_make() and guest_introduce(). */
void guest_start(struct guest *g, unsigned domid, uint32_t index);
/** guest_end() - its processes end; the domain itself may have ended before. */
void guest_end(struct guest *g);
/** guest_leave() - released and gone. */
void guest_leave(struct guest *g);
/** tool_write() - set a node as the toolstack. */
void tool_write(const char *path, const char *value);
/** tool_expect() - a node has this value; NULL: it is not there. */
void tool_expect(const char *path, const char *value);

#endif
