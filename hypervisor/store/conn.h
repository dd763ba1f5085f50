/* SPDX-License-Identifier: MIT */
/*
 * A connection, free of any transport: request bytes go in, reply bytes come
 * out. The transport asks where the next bytes belong, so that it never holds
 * more than one message. Pure.
 */
#ifndef SLUICE_HYPERVISOR_STORE_CONN_H
#define SLUICE_HYPERVISOR_STORE_CONN_H

#include <stdbool.h>
#include <stdint.h>

/* Not xs_wire.h itself: it needs errno.h before it. */
#include <xenstore_lib.h>

#include "hypervisor/store/store.h"

struct watch;

/** struct conn_out - a message on its way out. */
struct conn_out {
	struct conn_out *next;
	bool is_event;
	size_t len;
	char data[]; /* header and payload */
};

/** struct conn - one connection; domid 0 is the toolstack and privileged. */
struct conn {
	struct store *store;
	struct conn *next, **link; /* of store->conns */
	uint32_t domid;
	struct watch *watches;
	struct transaction *transactions;
	uint32_t last_tx;

	union {
		struct xsd_sockmsg in_header;
		char in_bytes[sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX];
	};
	size_t in_used;

	struct conn_out *out, **out_end;
	size_t out_done;  /* bytes of the first that are gone */
	size_t out_bytes; /* of all, with overhead: charged to the account */
	unsigned long replies;
	void *events; /* of tsearch(3): events not yet begun to be sent */

	bool answering;           /* events wait until the reply is queued */
	struct conn_out *held, **held_end;
	const char *bad; /* why it is to be dropped; NULL: it is not */
	const struct ring_pos *kept; /* a ring's: it outlives the process (state.h); NULL: a socket's */

	/** @wake: there is output now, or @bad was set; may be NULL. Must not close the connection. */
	void (*wake)(struct conn *conn);
	void *transport;
};

/** conn_new() - NULL without memory. @wake and @transport are the caller's to set. */
struct conn *conn_new(struct store *store, uint32_t domid);
/** conn_free() - with its watches, transactions and output; NULL is fine. */
void conn_free(struct conn *conn);
/** conn_reset() - as if it had just been made: a guest's ring was reconnected. */
void conn_reset(struct conn *conn);

/** conn_limits() - the quotas that bind it; NULL: none. */
const struct quota_limits *conn_limits(const struct conn *conn);
/** conn_access() - what it may do with a node. */
unsigned conn_access(const struct conn *conn, const struct node *node);

/** conn_may_input() - false while too many replies wait or it is bad: read nothing then. */
bool conn_may_input(const struct conn *conn);
/** conn_input_room() - where the next bytes of the request stream belong, and how many at most. */
size_t conn_input_room(struct conn *conn, char **at);
/**
 * conn_input_done() - @len bytes were put there; a request now complete is answered.
 *
 * Return: 1 when a request was answered, 0 when more bytes are needed, -EPROTO: the
 * stream is broken (a payload above 4096 bytes), and @bad says so.
 */
int conn_input_done(struct conn *conn, size_t len) must_check;

/** conn_output() - the next bytes to send; 0 when there are none. */
size_t conn_output(struct conn *conn, const char **at);
/** conn_output_done() - @len of them were sent. */
void conn_output_done(struct conn *conn, size_t len);

/** conn_reply() - queue a reply to the request at hand. */
void conn_reply(struct conn *conn, uint32_t type, const void *data, size_t len);
/** conn_reply_error() - queue an error reply; @error is a positive or negative errno. */
void conn_reply_error(struct conn *conn, int error);
/** conn_event() - queue a watch event, unless the same one is still waiting. */
void conn_event(struct conn *conn, const char *path, const char *token);
/** conn_restore_input() - bytes of a request that is not whole; 0 or -EINVAL. */
int conn_restore_input(struct conn *conn, const char *data, size_t len) must_check;
/** conn_restore_output() - a message as it was queued; 0, -EINVAL or -ENOMEM. */
int conn_restore_output(struct conn *conn, const char *data, size_t len) must_check;
/** conn_drop() - mark it bad. @why: kept by reference */
void conn_drop(struct conn *conn, const char *why);

#endif
