/* SPDX-License-Identifier: MIT */
/*
 * What must outlive the process: the tree, the domains, and of each ring all that its
 * guest has been promised: positions, half a request, output, watches, transactions.
 * Every change is noted; what one request changed is handed to the sink as one group,
 * before anybody is told. A log of groups that has grown is replaced by a snapshot.
 *
 * Connections of sockets are not kept: whoever has one notices that it ended. Pure.
 */
#ifndef SLUICE_HYPERVISOR_STORE_STATE_H
#define SLUICE_HYPERVISOR_STORE_STATE_H

#include <stddef.h>
#include <stdint.h>

#include "hypervisor/store/conn.h"

/** STATE_VERSION - of the format; another is refused. */
#define STATE_VERSION 1u

/** struct state_head - what saved state begins with; groups follow. */
struct state_head {
	char magic[8]; /* STATE_MAGIC, without a NUL */
	uint32_t version;
	uint32_t order; /* STATE_ORDER in the writer's byte order */
};
#define STATE_MAGIC "sluistor"
#define STATE_ORDER 0x01020304u

/** struct state_group - records that hold all together or not at all; they follow. */
struct state_group {
	uint64_t len;
};

/* Types of records; what is in each: state.c writes it, state-load.c reads it. */
enum state_record {
	STATE_NODE = 1,  /* a node as it is now */
	STATE_GONE,      /* a node that is no more */
	STATE_DOMAIN,    /* an introduced domain as it is now */
	STATE_RELEASED,
	STATE_RING,      /* where a domain's ring is; the first makes its connection */
	STATE_RESET,     /* the ring's connection is as new */
	STATE_BAD,       /* it is to be dropped */
	STATE_INPUT,     /* bytes of a request */
	STATE_ANSWERED,  /* the request is whole and answered */
	STATE_OUTPUT,    /* a message to be sent */
	STATE_SENT,      /* so much of the first one was */
	STATE_WATCH,
	STATE_UNWATCH,
	STATE_BEGIN,     /* a transaction */
	STATE_END,
};

/** struct state_sink - where the log goes. */
struct state_sink {
	/** @append: add a group; 0 or -errno. It is kept, whole, when this returns 0. */
	int (*append)(void *opaque, const void *data, size_t len);
	/** @replace: @data instead of all before, at once; 0 or -errno. */
	int (*replace)(void *opaque, const void *data, size_t len);
	/** @lose: what is there is not true any more and must never be loaded. */
	void (*lose)(void *opaque);
};

/**
 * state_start() - keep @store's state from now on; begins with a snapshot.
 * @sink: kept by reference
 *
 * Return: 0 or -errno.
 */
int state_start(struct store *store, const struct state_sink *sink,
	void *opaque) must_check;
/** state_stop() - note nothing any more; what was kept stays. NULL state is fine. */
void state_stop(struct store *store);

/*
 * Without state_start() all of these do nothing; those about a connection also when it
 * is not a ring's.
 */

/** state_commit() - hand what was noted to the sink: nobody may know of it before. */
void state_commit(struct store *store);

void state_domain(struct store *store, const struct domain *domain);
void state_released(struct store *store, uint32_t domid);
void state_ring(const struct conn *conn);
void state_reset(const struct conn *conn);
void state_bad(const struct conn *conn);
/** state_input() - @len bytes at @data were taken; conn->kept is behind them. */
void state_input(const struct conn *conn, const void *data, size_t len);
void state_answered(const struct conn *conn);
void state_output(const struct conn *conn, const struct conn_out *out);
/** state_sent() - @len bytes of the first message are gone; conn->kept is behind them. */
void state_sent(const struct conn *conn, size_t len);
/** state_watch() - @path: as the client gave it. */
void state_watch(const struct conn *conn, const char *path, const char *token);
void state_unwatch(const struct conn *conn, const char *path, const char *token);
void state_begin(const struct conn *conn, uint32_t id);
void state_end(const struct conn *conn, uint32_t id);

/**
 * store_load() - a store as state_start() and what followed left it.
 * @data: of anybody: every field is checked, and the whole in the end
 *
 * A group that is not all there, the last one of a store that was killed, never was.
 * Domains are not attached yet: store_resume(). Transactions of rings are there, but can
 * only fail, with EAGAIN. Return: 0 with @store; -EINVAL with the fault logged, -ENOMEM.
 */
int store_load(const struct quota_limits *limits, const struct store_ops *ops,
	void *opaque, const void *data, size_t len, struct store **store) must_check;

#endif
